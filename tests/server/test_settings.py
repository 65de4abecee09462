"""Settings are read with the functions that read documents, and refusals name the setting."""

import os
from pathlib import Path

import pytest

from lockside.documents.settings_files import Files, SettingsError
from locksided.command import main
from locksided.daemon import access, missing_names
from locksided.settings import SYSTEM_FILE, SYSTEM_STATE_DIR, Settings, files_of, load


def read(tmp_path: Path, text: str, **environment: str) -> Settings:
    file = tmp_path / "lockside.toml"
    file.write_text(text)
    return load(Files(file).present, environment)


def test_durations_and_sizes_are_written_as_in_documents(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        '[jobs]\ntimeout_seconds = "1.5h"\ngrace_seconds = "00:00:30"\nmax_log_bytes = "1MiB"\n'
        '[limits]\nline_bytes = "2MB"\n',
        LOCKSIDE_KEEPER__LINGER_SECONDS="2m",
        LOCKSIDE_LIMITS__UNREAD_BYTES="70000",
    )
    assert (found.jobs.timeout_seconds, found.jobs.grace_seconds) == (5400, 30)
    assert (found.jobs.max_log_bytes, found.limits.line_bytes) == (2**20, 2_000_000)
    assert (found.keeper.linger_seconds, found.limits.unread_bytes) == (120, 70_000)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[jobs]\ntimeout_seconds = "02:30"', "jobs.timeout_seconds"),
        ("[jobs]\ntimeout_seconds = 0", "jobs.timeout_seconds"),
        ("[jobs]\ntimeout_seconds = inf", "jobs.timeout_seconds"),
        ("[jobs]\nretention_days = nan", "jobs.retention_days"),
        ("[jobs]\nretention_days = inf", "jobs.retention_days"),
        ("[jobs]\nmax_log_bytes = 1", "jobs.max_log_bytes"),
        ('[jobs]\nlock = "shared:0"', "jobs.lock"),
        ("[jobs]\nmax_requeues = 99999999999999999999", "jobs.max_requeues"),
        ("[jobs]\nmax_children = 99999999999999999999", "jobs.max_children"),
        ("[pools.default]\nslots = 99999999999999999999", "pools.default.slots"),
        ("[limits]\nconnections = 99999999999999999999", "limits.connections"),
        ("[events]\nkeep_min = 99999999999999999999", "events.keep_min"),
        ('[pools."a b"]', "pools"),
        ("pools = 3", "pools"),
        ('[project]\nid = "a b"', "project.id"),
        ('[limits]\nline_bytes = "1B"', "limits.line_bytes"),
        ('[keeper]\nlinger_seconds = "soon"', "keeper.linger_seconds"),
    ],
)
def test_a_setting_out_of_bounds_is_named(tmp_path: Path, text: str, name: str) -> None:
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        read(tmp_path, text)


def test_the_pool_default_exists_beside_other_pools(tmp_path: Path) -> None:
    found = read(tmp_path, "[pools.heavy]\nslots = 1")
    assert {name: pool.slots for name, pool in found.pools.items()} == {"default": 0, "heavy": 1}


def test_every_fault_is_reported_with_its_file_line_and_choices(tmp_path: Path) -> None:
    more = tmp_path / "conf.d" / "more.toml"
    more.parent.mkdir()
    more.write_text('\n[daemon]\nlog_level = "loud"\n')
    with pytest.raises(SettingsError) as refused:
        read(
            tmp_path,
            '[daemon]\nlog_levl = "info"\nlog_level = "info"\n[jobs]\nretention_days = inf\n',
            LOCKSIDE_LIMITS__BATCH="0",
        )
    assert set(str(refused.value).splitlines()) == {
        "LOCKSIDE_LIMITS__BATCH: limits.batch: It must be at least 1",
        f"{more}:3: daemon.log_level: 'loud' is not one of debug, error, info, warning",
        f"{tmp_path}/lockside.toml:2: daemon.log_levl: Unknown field `log_levl`: did you mean `log_level`?",
        f"{tmp_path}/lockside.toml:5: jobs.retention_days: It must be at most 36500",
    }


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("LOCKSIDE_POOLS__DEFAULT__SLOTS", "pools.default.slots"),
        ("LOCKSIDE_DAEMON__ON_STOP", "daemon.on_stop"),
    ],
)
def test_an_environment_variable_that_is_not_utf8_is_named(name: str, field: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: {field}.*UTF-8"):
        load([], {name: os.fsdecode(b"\xff")})


GONE = '[access]\nadmin_groups = ["nosuchgroup"]\n[daemon]\nsocket_group = "nosuchgroup"'


def test_a_check_of_the_settings_names_groups_that_do_not_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lockside.toml"
    file.write_text(GONE)
    assert main(["--config", str(file), "--check-config"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "locksided: daemon.socket_group: there is no group 'nosuchgroup' on this machine",
        "locksided: access.admin_groups: there is no group 'nosuchgroup' on this machine",
    ]


def test_a_missing_group_gives_no_rights_and_does_not_prevent_the_start(tmp_path: Path) -> None:
    settings = read(tmp_path, GONE)
    assert len(missing_names(settings)) == 2
    assert access(settings).admin_gids == frozenset()


def test_a_separate_state_folder_has_its_own_settings(tmp_path: Path) -> None:
    own = files_of(None, tmp_path)
    assert own.present == []
    (tmp_path / "conf.d").mkdir()
    for name in ("lockside.toml", "conf.d/b.toml", "conf.d/a.toml"):
        (tmp_path / name).write_text("")
    names = [str(path.relative_to(tmp_path)) for path in own.present]
    assert names == ["lockside.toml", "conf.d/a.toml", "conf.d/b.toml"]


def test_only_a_daemon_in_the_system_folder_reads_the_system_settings(tmp_path: Path) -> None:
    assert files_of(None, SYSTEM_STATE_DIR).main == SYSTEM_FILE
    assert files_of(None, tmp_path).main == tmp_path / "lockside.toml"
    assert files_of(SYSTEM_FILE, tmp_path).main == SYSTEM_FILE


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: "):
        load(files_of(tmp_path / "gone.toml", tmp_path).present, {})


@pytest.mark.parametrize("option", ["--state-dir", "--socket"])
def test_a_path_that_is_not_text_is_refused_at_the_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str
) -> None:
    arguments = {"--state-dir": str(tmp_path)} | {option: f"{tmp_path}/x\udcff"}
    assert main([word for pair in arguments.items() for word in pair]) == 2
    assert "is no UTF-8 text" in capsys.readouterr().err


def test_an_unreadable_place_of_settings_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    too_long, missing = tmp_path / ("x" * 300), tmp_path / "nosuch.toml"
    assert main(["--state-dir", str(too_long)]) == 2
    assert capsys.readouterr().err == f"locksided: {too_long}/lockside.toml: File name too long\n"
    assert main(["--config", str(missing)]) == 2
    assert capsys.readouterr().err == f"locksided: {missing}: No such file or directory\n"


def test_a_check_of_the_settings_lists_the_files_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKSIDE_SOCKET", "/run/lockside/lockside.sock")  # of the daemon that clients talk to
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/0")
    monkeypatch.setenv("LOCKSIDE_JOBS__LOCK", "none")
    (tmp_path / "lockside.toml").write_text("")
    assert main(["--state-dir", str(tmp_path), "--check-config"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"The settings are good. State folder: {tmp_path}. Socket: {tmp_path}/lockside.sock.",
        "Read, in this order:",
        f"  {tmp_path}/lockside.toml",
        "  LOCKSIDE_JOBS__LOCK",
    ]

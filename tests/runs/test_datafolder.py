"""A job's folder on a real disk, from creation to removal, with whatever a program may leave in it."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from locksided.keeper.log.format import LARGEST_TIME_US
from locksided.keeper.messages import User
from locksided.runs import data_folder, folder_listing, folder_operations
from locksided.runs.as_account import Unusable, perform
from locksided.runs.environment import JobContext
from locksided.runs.plan import Step
from locksided.runs.resolved import Resolved
from runs.examples import command, component, config, context, named, resolved, row, steps

NOBODY = User(65534, 65534, ())
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may run jobs as somebody else")


@pytest.fixture(params=[None, pytest.param(NOBODY, marks=as_root)], ids=["own", "nobody"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> JobContext:
    """A job of the daemon's own account, then one of another account."""
    return context(tmp_path, run_as=request.param)


def one_step(result: Resolved | None = None) -> Step:
    return steps(result or resolved(stored=config(parameters={"a": "ž"})))[0]


def data(job: JobContext) -> Path:
    return Path(job.folder.data)


def chown_all(job: JobContext) -> None:
    """Give what a test created in the folder to the account of the job, as if its program had created it."""
    if job.run_as is not None:
        for parent, folders, files in os.walk(job.folder.data):
            for name in (*folders, *files):
                os.chown(f"{parent}/{name}", job.run_as.uid, job.run_as.gid, follow_symlinks=False)


def collected(job: JobContext, step: Step | None = None) -> data_folder.Collected:
    chown_all(job)
    return data_folder.collect(step or one_step(), job)


def modes(path: Path) -> Iterator[tuple[int, int]]:
    for entry in (path, *path.rglob("*")):
        status = entry.lstat()
        yield stat.S_IMODE(status.st_mode), status.st_uid


def test_a_fresh_folder_has_everything_that_components_rely_on(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, {"since": 3})
    assert {str(path.relative_to(data(job))) for path in data(job).rglob("*")} == {
        "config.json",
        "in",
        "in/tables",
        "in/files",
        "in/user",
        "in/state.json",
        "out",
        "out/tables",
        "out/files",
        "artifacts",
        "artifacts/in",
        "artifacts/out",
    }
    assert json.loads((data(job) / "config.json").read_text())["parameters"] == {"a": "ž"}
    assert json.loads((data(job) / "in/state.json").read_text()) == {"since": 3}
    assert os.listdir(job.folder.cwd) == os.listdir(job.folder.tmp) == []
    assert Path(job.folder.control(1, 0)).is_dir()


def test_everything_in_the_folder_belongs_to_the_account_of_the_job_alone(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, None)
    uid = os.geteuid() if job.run_as is None else job.run_as.uid
    for path in (job.folder.data, job.folder.tmp, job.folder.cwd):
        assert set(modes(Path(path))) <= {(0o700, uid), (0o600, uid)}
    root_mode = stat.S_IMODE(os.stat(job.folder.root).st_mode)
    assert root_mode == (0o700 if job.run_as is None else 0o711)


def test_the_first_state_is_an_empty_object(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, None)
    assert (data(job) / "in/state.json").read_text() == "{}"


def test_a_restarted_job_finds_nothing_of_its_previous_run(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, None)
    for path in (job.folder.data, job.folder.tmp, job.folder.cwd):
        (Path(path) / "script.py").write_text("x")
    (data(job) / "config.json").write_text("{}")
    data_folder.prepare(one_step(), job, None)
    assert not list(Path(job.folder.root).rglob("script.py"))
    assert "parameters" in (data(job) / "config.json").read_text()


def test_a_plain_command_has_no_data_folder(job: JobContext) -> None:
    data_folder.prepare(one_step(command(command=["make"])), job, None)
    assert not data(job).exists()
    assert os.path.isdir(job.folder.cwd)


def test_output_becomes_input_for_the_next_step(job: JobContext) -> None:
    processor = named("pr.x", command=["x"])
    stored = config(processors={"after": [{"definition": {"component": "pr.x"}, "parameters": {"n": 1}}]})
    main, after = steps(resolved(stored=stored, processors={"pr.x": processor}))
    data_folder.prepare(main, job, {"old": 1})
    (data(job) / "in/tables/old.csv").write_text("1")
    (data(job) / "out/tables/t.csv").write_text("2")
    (data(job) / "out/tables/t.csv.manifest").write_text("{}")
    (data(job) / "out/state.json").write_text("{}")
    (Path(job.folder.tmp) / "spill").write_text("x")
    chown_all(job)
    data_folder.prepare(after, job, None)
    assert {path.name for path in (data(job) / "in").rglob("*")} == {
        "tables",
        "files",
        "user",
        "t.csv",
        "t.csv.manifest",
    }
    assert {path.name for path in (data(job) / "out").rglob("*")} == {"tables", "files"}
    assert json.loads((data(job) / "config.json").read_text())["parameters"] == {"n": 1}
    assert os.listdir(job.folder.tmp) == []


@pytest.mark.parametrize("done", ["prepare", "set_aside", "note", "advance"])
def test_a_step_prepared_again_still_finds_the_output_of_the_previous_step(
    job: JobContext, done: str
) -> None:
    processor = named("pr.x", command=["x"])
    stored = config(processors={"after": [{"definition": {"component": "pr.x"}}] * 2})
    main, first, second = steps(resolved(stored=stored, processors={"pr.x": processor}))
    data_folder.prepare(main, job, None)
    (data(job) / "out/tables/t.csv").write_text("2")
    chown_all(job)
    account = job.run_as
    match done:
        case "prepare":
            data_folder.prepare(first, job, None)
        case "set_aside":
            perform(job.folder.data, "set_aside", None, account)
        case "note":
            data_folder._move_output(first, job)
        case "advance":
            data_folder._move_output(first, job)
            perform(job.folder.data, "advance", {"config": "{}", "state": None}, account)
    data_folder.prepare(first, job, None)
    assert (data(job) / "in/tables/t.csv").read_text() == "2"
    assert os.listdir(data(job) / "out/tables") == []
    data_folder.prepare(second, job, None)
    assert os.listdir(data(job) / "in/tables") == []
    data_folder.finish(job)
    assert "handed" not in os.listdir(job.folder.root)


def test_a_program_that_removed_its_output_folder_passes_on_nothing(job: JobContext) -> None:
    processor = named("pr.x", command=["x"])
    stored = config(processors={"after": [{"definition": {"component": "pr.x"}}]})
    main, after = steps(resolved(stored=stored, processors={"pr.x": processor}))
    data_folder.prepare(main, job, None)
    for name in ("out/tables", "out/files", "out"):
        (data(job) / name).rmdir()
    (data(job) / "out").symlink_to("/etc")
    data_folder.prepare(after, job, None)
    assert not (data(job) / "in").is_symlink()
    assert os.listdir(data(job) / "in/tables") == []


def test_only_output_and_artifacts_are_kept_at_the_end(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, None)
    (data(job) / "out/tables/t.csv").write_text("1")
    (data(job) / "temp").mkdir()
    data_folder.finish(job)
    assert sorted(os.listdir(job.folder.root)) == ["data", "steps"]
    assert sorted(os.listdir(data(job))) == ["artifacts", "out"]
    data_folder.finish(job)


def test_files_created_in_the_working_directory_are_removed(job: JobContext) -> None:
    data_folder.prepare(one_step(command(command=["make"])), job, None)
    (Path(job.folder.cwd) / "result").write_text("1")
    assert not data_folder.is_finished(job)
    data_folder.finish(job)
    assert not Path(job.folder.cwd).exists()


def test_each_row_gets_a_fresh_folder_and_the_finished_one_is_kept(job: JobContext) -> None:
    first, second = steps(resolved(stored=config([row("a"), row("b")])))
    data_folder.prepare(first, job, None)
    (data(job) / "out/tables/a.csv").write_text("1")
    before = collected(job, first)
    data_folder.put_aside(first, job)
    data_folder.put_aside(first, job)
    assert data_folder.collect(first, job) == before
    data_folder.prepare(second, job, None)
    assert (Path(job.folder.rows) / "a/out/tables/a.csv").exists()
    assert os.listdir(data(job) / "out/tables") == []
    data_folder.prepare(first, job, None)
    assert not os.path.exists(job.folder.rows)


def test_a_removed_folder_leaves_nothing(job: JobContext) -> None:
    first, _ = steps(resolved(stored=config([row("a"), row("b")])))
    data_folder.prepare(first, job, None)
    data_folder.put_aside(first, job)
    data_folder.remove_folder(job.folder, job.run_as)
    assert not os.path.exists(job.folder.root)
    data_folder.remove_folder(job.folder, job.run_as)


def test_state_and_usage_are_read(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, None)
    (data(job) / "out/state.json").write_text('{"a": 1}')
    found = collected(job)
    assert found.state == data_folder.OutFile(b'{"a": 1}')
    assert found.usage == data_folder.OutFile(None)


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "large", "link to out"])
def test_a_state_that_is_not_a_small_regular_file_is_a_problem_and_never_followed(
    job: JobContext, kind: str
) -> None:
    data_folder.prepare(one_step(), job, None)
    state = data(job) / "out/state.json"
    match kind:
        case "link":
            state.symlink_to("/etc/passwd")
        case "fifo":
            os.mkfifo(state)
        case "folder":
            state.mkdir()
        case "large":
            state.write_bytes(b" " * (2**20 + 1))
        case _:
            (data(job) / "out").rename(data(job) / "elsewhere")
            (data(job) / "out").symlink_to("elsewhere")
    found = collected(job).state
    assert found is not None
    assert found.content is None
    assert found.problem is not None


def test_outputs_are_listed_with_their_manifests(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, None)
    tables = data(job) / "out/tables"
    (tables / "t.csv").write_text("12345")
    (tables / "t.csv.manifest").write_text('{"columns": ["a"]}')
    (tables / "sliced").mkdir()
    (tables / "sliced/p1").write_text("123")
    (tables / "sliced/p2").write_text("12")
    (tables / "sliced.manifest").write_text("{}")
    (tables / "stray.manifest").write_text("{}")
    (tables / "evil").symlink_to("/etc/passwd")
    (data(job) / "out/files/.duck.db").write_text("1")
    (data(job) / "artifacts/out/sub").mkdir()
    (data(job) / "artifacts/out/sub/report.html").write_text("1")
    found = collected(job)
    shown = [
        (table["name"], table["isSliced"], table["sizeBytes"], table["manifest"]) for table in found.tables
    ]
    assert shown == [("sliced", True, 5, "{}"), ("t.csv", False, 5, '{"columns": ["a"]}')]
    assert [(file["path"], file["sizeBytes"]) for file in found.files] == [("out/files/.duck.db", 1)]
    assert [dict(one) for one in found.artifacts] == [
        {"path": "artifacts/out/sub/report.html", "name": "report.html", "sizeBytes": 1}
    ]


def test_outputs_beyond_the_limit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_listing, "MAX_ENTRIES", 2)
    for folder, names in (("out/files", "abcd"), ("out/tables", ""), ("artifacts/out", "xyz")):
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / folder / name).write_text("1")
            (tmp_path / "out/files" / f"{name}.manifest").write_text("{}")
    opened = os.open(tmp_path, os.O_RDONLY)
    found = folder_operations.operate("collect", opened, {"files": False, "outputs": True})
    os.close(opened)
    assert [(file["name"], file["manifest"]) for file in found["files"]] == [("a", "{}"), ("b", "{}")]
    assert found["omitted"] == {"tables": 0, "files": 2, "artifacts": 1}


def test_a_name_that_is_not_utf8_is_listed_too(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, None)
    with open(os.path.join(os.fsencode(data(job)), b"out/tables/\xff.csv"), "w") as file:
        file.write("1")
    assert [table["name"] for table in data_folder.collect(one_step(), job).tables] == ["?.csv"]


@pytest.mark.parametrize("second", [-(2**40), -1, 2**33, 2**38])
def test_files_of_any_time_are_listed_and_packed(job: JobContext, second: int) -> None:
    data_folder.prepare(one_step(), job, None)
    made = data(job) / "out" / "files" / "odd"
    made.touch()
    os.utime(made, (second, second))
    [listed] = collected(job).files
    assert 0 <= listed["updatedUs"] <= LARGEST_TIME_US
    with (Path(job.folder.root) / "zip").open("wb") as file:
        perform(job.folder.data, "pack", {"out_fd": file.fileno(), "secrets": []}, job.run_as)
    assert "out/files/odd" in ZipFile(file.name).namelist()


@as_root
def test_a_failure_in_the_account_is_the_fault_of_its_user(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(Unusable, match="KeyError"):
        perform(str(tmp_path / "data"), "read", {}, NOBODY)


def test_a_removed_output_folder_lists_nothing(job: JobContext) -> None:
    data_folder.prepare(one_step(), job, None)
    (data(job) / "out/tables").rmdir()
    (data(job) / "out/tables").symlink_to("/etc")
    assert data_folder.collect(one_step(), job).tables == []


def test_only_the_link_is_removed_when_a_link_replaces_the_data_folder(
    job: JobContext, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    data_folder.prepare(one_step(), job, None)
    (data(job) / "out/tables/link").symlink_to(precious)
    (data(job) / "in/user").rmdir()
    (data(job) / "in/user").symlink_to(precious)
    data_folder.remove_folder(job.folder, job.run_as)
    assert (precious / "file").exists()


@as_root
def test_the_folder_of_another_account_is_accessed_only_with_the_rights_of_that_account(
    tmp_path: Path,
) -> None:
    job = context(tmp_path, run_as=NOBODY)
    data_folder.prepare(one_step(), job, None)
    root_only = data(job) / "out/state.json"
    root_only.write_text("{}")
    root_only.chmod(0o600)
    found = data_folder.collect(one_step(), job).state
    assert found is not None
    assert "Permission denied" in str(found.problem)


def test_the_argument_of_a_step_survives_any_text(job: JobContext) -> None:
    parameters: dict[str, Any] = {"text": '\u2028 \x00 \U0001f600 "quoted" \\'}
    data_folder.prepare(
        one_step(resolved({"configData": {"parameters": parameters}}, of=component())), job, None
    )
    assert json.loads((data(job) / "config.json").read_text())["parameters"] == parameters


@as_root
def test_a_folder_that_cannot_be_removed_is_moved_aside_for_the_next_start(tmp_path: Path) -> None:
    job = context(tmp_path, run_as=NOBODY)
    data_folder.prepare(one_step(), job, None)
    for path in (data(job) / "in", Path(job.folder.tmp)):
        (path / "foreign/inner").mkdir(parents=True)
    data_folder.finish(job)
    data_folder.prepare(one_step(), job, None)
    assert os.listdir(job.folder.tmp) == []
    assert "foreign" not in os.listdir(data(job) / "in")
    assert len([name for name in os.listdir(job.folder.root) if ".left-" in name]) == 2


@as_root
def test_a_helper_killed_by_its_own_user_is_a_user_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = context(tmp_path, run_as=NOBODY)
    ended = subprocess.CompletedProcess((), -9, b"", b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    with pytest.raises(Unusable):
        data_folder.prepare(one_step(), job, None)

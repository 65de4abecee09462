"""Every failure of the system is reported in one sentence, with an exit code that says who is at fault."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, Refusal, in_turn, job
from lockside.cli import main as command_line
from lockside.kinds import with_files

Json = dict[str, Any]
FULL = "The output cannot be written: No space left on device."
CLOSED = "The output cannot be written: Bad file descriptor."


def shell(daemon: FakeDaemon, words: str, **given: Any) -> subprocess.CompletedProcess[str]:
    """Run a shell command line in which `lockside` is the command under test."""
    code = "from lockside.cli.main import main; raise SystemExit(main())"
    call = shlex.join([sys.executable, "-c", code, "--socket", daemon.path])
    return subprocess.run(
        ["/bin/sh", "-c", f'lockside() {{ {call} "$@"; }}\n{words}'],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **given,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("lockside ls >&-", CLOSED),
        ("lockside ls > /dev/full", FULL),
        ("lockside --json ls > /dev/full", FULL),
        ("lockside help > /dev/full", FULL),
        ("lockside --version >&-", CLOSED),
    ],
)
def test_output_that_cannot_be_written_exits_with_74(daemon: FakeDaemon, words: str, said: str) -> None:
    daemon.answers["job.list"] = {"jobs": [job()], "nextCursor": None}
    ran = shell(daemon, words)
    assert (ran.returncode, ran.stderr) == (74, f"lockside: {said}\n")


@pytest.mark.parametrize("to", ["> /dev/full", ">&-", "| true", "> /dev/full 2>&-", ">&- 2> /dev/full"])
def test_a_job_is_created_and_named_even_if_nothing_can_be_printed(daemon: FakeDaemon, to: str) -> None:
    daemon.answers["job.create"] = job(status="created")
    ran = shell(daemon, f"lockside run -d a/b {to}")
    assert len(daemon.params_of("job.create")) == 1
    assert "Traceback" not in ran.stderr
    if "2>" not in to and "true" not in to:
        assert ran.returncode == 74
        assert ran.stderr.splitlines()[0] == "lockside: created: job 42."


def test_a_job_is_named_when_the_daemon_refuses_to_report_its_end(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.create"] = job(status="created")
    daemon.answers["job.wait"] = in_turn(Refusal(-32007, "There are too many waits.", kind="limit"))
    ran = run("run", "--wait", "a/b")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "lockside: created: job 42.\nlockside: There are too many waits.\n"


def test_the_connection_does_not_take_the_descriptors_of_closed_streams(daemon: FakeDaemon) -> None:
    daemon.answers["job.list"] = {"jobs": [job()], "nextCursor": None}
    ran = shell(daemon, "lockside ls <&- 2>&-")
    assert (ran.returncode, ran.stdout.split("\t")[0]) == (0, "42")
    assert shell(daemon, "lockside ls <&- >&- 2>&-").returncode == 74


@pytest.mark.parametrize(
    "words", ["run -- make", "run --cwd x -- make", "--socket x status", "demo", "export .", "validate ."]
)
def test_a_missing_folder_is_reported_in_a_sentence(daemon: FakeDaemon, tmp_path: Path, words: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    ran = shell(daemon, f"rmdir {gone}; lockside {words}", cwd=gone)
    assert (ran.returncode, ran.stdout) != (0, "")
    assert ran.returncode != 70
    assert len(ran.stderr.splitlines()) <= 2
    assert "Traceback" not in ran.stderr
    if words.startswith("run"):
        said = "lockside: The current folder does not exist any more: change to another one.\n"
        assert (ran.returncode, ran.stderr) == (2, said)


@pytest.mark.parametrize(
    "words",
    [
        ["ls", "--since", "99999999999d"],
        ["ls", "--since", "0001-01-01"],
        ["stats", "--since", "x"],
        ["ls", "--since", "9999-12-31T23:59:59-23:00"],
        ["logs", "-n", "-1", "42"],
        ["logs", "-n", "99999999999999999999", "42"],
        ["ls", "-n", "9" * 5000],
        ["ls", "-n", "1e3"],
        ["ls", "-n", "0"],
        ["show", "-n", "0", "42"],
        ["records", "-n", "0", "42"],
        ["notify", "deliveries", "-n", "0"],
        ["schedule", "next", "-n", "0", "nightly"],
        ["events", "-n", "0"],
        ["table", "ls", "-n", "0"],
        ["run", "--timeout", "99999999999d", "a/b"],
        ["run", "--delay", "inf", "a/b"],
        ["run", "--memory", "9" * 400, "a/b"],
        ["run", "--priority", "9" * 5000, "a/b"],
        ["wait", "--timeout", "nan", "42"],
        ["pool", "put", "a", "--slots", "99999999999999999999"],
    ],
)
def test_a_number_or_time_out_of_bounds_is_a_usage_error(
    daemon: FakeDaemon, run: Run, words: list[str]
) -> None:
    daemon.answers["job.get"] = job()
    ran = run(*words)
    assert ran.code == 2
    assert ran.err.startswith(f"lockside {words[0]}")
    assert "Traceback" not in ran.err


def test_an_internal_fault_of_the_command_line_is_a_sentence_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "_run", lambda parsed: 1 // 0)
    ran = run("ls")
    assert ran.code == 70
    assert ran.err.startswith("lockside: This is a fault of lockside itself: ZeroDivisionError: ")
    monkeypatch.setenv("LOCKSIDE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run("ls")


def config(config_id: str, **parameters: Any) -> Json:
    return {
        "component": "a",
        "config": config_id,
        "version": 1,
        "name": "n",
        "configuration": {"parameters": parameters},
        "rows": [],
    }


@pytest.fixture
def stored(daemon: FakeDaemon) -> list[Json]:
    configs: list[Json] = []
    daemon.answers |= {f"{kind.methods}.list": {kind.listed: []} for kind in with_files()}
    daemon.answers |= {
        "component.list": {"components": []},
        "pool.list": {"pools": []},
        "variables.list": {"variables": []},
        "template.list": {"templates": []},
        "config.list": {"configs": configs},
    }
    return configs


def test_an_id_too_long_for_a_file_name_prevents_the_whole_export(
    run: Run, tmp_path: Path, stored: list[Json]
) -> None:
    stored += [config("short"), config("x" * 250), config("y" * 251)]
    ran = run("export", str(tmp_path / "out"))
    assert (ran.code, ran.out) == (1, "")
    assert "is too long for the name of a file" in ran.err
    assert not (tmp_path / "out").exists()
    del stored[2]
    assert run("export", str(tmp_path / "out")).code == 0


def test_an_export_warns_of_hidden_values(run: Run, tmp_path: Path, stored: list[Json]) -> None:
    stored += [config("open", **{"#password": "lockside:v1:config:00000000:x"})]
    ran = run("export", str(tmp_path / "one"))
    assert (ran.code, ran.err) == (0, "")
    stored += [config("closed", **{"#password": "[hidden]"})]
    ran = run("export", str(tmp_path / "two"))
    assert "values that you may not see" in ran.err


def test_a_file_that_cannot_be_written_is_named(run: Run, tmp_path: Path, stored: list[Json]) -> None:
    stored.append(config("a"))
    (tmp_path / "configs").write_text("")
    ran = run("export", str(tmp_path))
    assert (ran.code, ran.out) == (74, "")
    assert ran.err == f"lockside: {tmp_path}/configs/a: Not a directory.\n"


def test_the_next_moments_of_a_file_that_does_not_exist_are_refused(run: Run) -> None:
    ran = run("schedule", "next", "pipeline/schedules/nosuch.toml")
    assert (ran.code, "there is no file pipeline/schedules/nosuch.toml." in ran.err) == (2, True)


def test_a_query_does_not_get_ctrl_c_and_so_prints_no_traceback(daemon: FakeDaemon, run: Run) -> None:
    code = """import os, sys
open(sys.argv[2] + '/result.json', 'w').write('{"message": "%s"}' % os.getpgrp())
sys.exit(1)"""
    program = [sys.executable, "-c", code]
    daemon.answers["storage.snapshot"] = {"program": program, "root": "/", "tables": []}
    group = run("sql", "SELECT 1").err.removeprefix("lockside: ").strip()
    assert (group.isdigit(), group == str(os.getpgrp())) == (True, False)

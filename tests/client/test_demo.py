"""`lockside demo` with the real daemon: it shows what it promises, and leaves nothing running."""

import os
import re
from pathlib import Path

import polars as pl
import pytest

from lockside.cli.daemon import demo, own_daemon
from lockside.cli.daemon.own_daemon import OwnDaemon
from lockside.cli.main import main


def test_the_demo_shows_a_wait_a_survived_crash_and_a_query_and_cleans_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PACE_SECONDS", "5")
    monkeypatch.setattr(demo, "AWAY_SECONDS", 0.3)
    code = main(["demo", "--dir", str(tmp_path)])
    told = capfd.readouterr()
    assert code == 0, told.out + told.err
    for text in (
        "job 2 - waiting",
        "config_lock: ",
        "without a daemon it wrote",
        "it was started once",
        "28,298 airports are in airports.csv",
        "\tRESTORE\tjob 5\t28298\t",
        "\tjob 2\t28298\t+28298 -28298",
        "US\t12579\t1952\tLake County Airport\t9934",
        str(tmp_path / "result" / "airports.sqlite"),
    ):
        assert text in told.out
    process = _number(r"job 2 is process (\d+)", told.out)
    assert _number(r"finds job 2 processing as process (\d+)", told.out) == process
    assert (tmp_path / "result" / "airports.sqlite").exists()
    table = tmp_path / "result/tables/default/default/out.c-airports/countries"
    assert len(pl.read_delta(str(table))) == 234
    assert not (tmp_path / "state").exists()
    assert not _processes_about(str(tmp_path))


def test_without_tables_the_demo_passes_files_on_in_a_folder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    local = {"LOCKSIDE_STORAGE__BACKEND": "local"}
    monkeypatch.setattr(demo, "OwnDaemon", lambda folder, _: OwnDaemon(folder, local))
    monkeypatch.setattr(demo, "PACE_SECONDS", "3")
    monkeypatch.setattr(demo, "AWAY_SECONDS", 0.1)
    code = main(["demo", "--dir", str(tmp_path)])
    told = capfd.readouterr()
    assert code == 0, told.out + told.err
    assert "28,298 airports; the five countries with the most:" in told.out
    assert (tmp_path / "result/staging/countries.csv").exists()


def test_a_daemon_that_does_not_start_is_reported_with_the_end_of_its_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "locksided"
    program.write_text("#!/bin/sh\necho 'the disk is full' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(own_daemon, "program", lambda: [str(program)])
    assert main(["demo", "--dir", str(tmp_path / "demo")]) == 1
    told = capfd.readouterr().err
    assert "The daemon did not start." in told
    assert "the disk is full" in told


def _number(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, text
    return found[1]


def _processes_about(path: str) -> list[str]:
    """Return the processes that name a path on their command line."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path("/proc", name, "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if path in command:
            found.append(command)
    return found

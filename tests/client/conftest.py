"""Fixtures for tests of the client: a fake daemon, and an environment without the user's own settings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from client.fakedaemon import FakeDaemon
from lockside.cli.main import main

OWN_JOB = ("LOCKSIDE_RUN_ID", "LOCKSIDE_START_TOKEN", "LOCKSIDE_JOB_SOCKET")


class Ran(NamedTuple):
    """The exit code and output of a command line."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        *OWN_JOB,
        "LOCKSIDE_SOCKET",
        "LOCKSIDE_PROJECT",
        "XDG_RUNTIME_DIR",
        "NO_COLOR",
        "COLUMNS",
        "LINES",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "nowhere"))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    """A fake daemon that is listening."""
    with FakeDaemon(str(tmp_path / "lockside.sock")) as listening:
        yield listening


@pytest.fixture
def run(daemon: FakeDaemon, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command line with the fake daemon; returns its exit code and its output."""

    def run_one(*words: str) -> Ran:
        capfd.readouterr()
        code = main(["--socket", daemon.path, *words])
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run_one

"""Asides with real processes: what happens to one, whichever process dies meanwhile."""

import json
import os
import select
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from e2e import asking
from e2e.harness import Daemon, short_folder
from e2e.processes import PATIENCE_SECONDS, is_alive, kill_and_wait, processes_of, wait_for_end
from e2e.signs import Ear, Gate
from e2e.wire import Wire, connected, put_component
from locksided.inotify import watched


@pytest.fixture
def asked() -> Iterator[Callable[..., Daemon]]:
    """Starts a daemon that requests an aside with this shell text."""
    with short_folder() as folder:
        daemon = Daemon(folder)
        daemon.program = [sys.executable, asking.__file__]

        def start(shell: str, **more: Any) -> Daemon:
            daemon.state_dir.mkdir()
            (daemon.state_dir / "ask").write_text(json.dumps({"name": "one", "shell": shell, **more}))
            return daemon.start()

        try:
            yield start
        finally:
            daemon.end()


def delivered(wire: Wire) -> list[dict[str, Any]]:
    """Return the outcomes delivered so far."""
    return [event["data"] for event in wire.events() if event["kind"] == asking.KIND]


def delivery(wire: Wire, number: int = 0) -> dict[str, Any]:
    """Wait for the delivery with this number and return it."""
    subscription = wire.call("event.subscribe")["subscription"]
    while len(found := delivered(wire)) <= number:
        wire.notice()
    wire.call("event.unsubscribe", subscription=subscription)
    return found[number]


def until_forgotten(daemon: Daemon) -> None:
    """Wait until the folder of asides is empty."""
    for folder in (daemon.state_dir / "asides" / "0").iterdir():
        with watched(folder) as watching:
            while folder.exists():
                assert select.select([watching], [], [], PATIENCE_SECONDS)[0], f"{folder} is not removed"
                os.read(watching, 4096)


def test_the_outcome_is_delivered_with_the_output(asked: Callable[..., Daemon]) -> None:
    daemon = asked("echo hello; exit 3")
    one = delivery(daemon.wire())
    assert (one["reference"], one["exitCode"], one["said"]) == ({"name": "one"}, 3, "hello\n")
    until_forgotten(daemon)
    assert daemon.wire().call("job.list", count=True)["total"] == 0


def test_an_aside_that_ends_without_a_daemon_is_delivered_by_the_next(
    asked: Callable[..., Daemon], ear: Ear, gate: Gate
) -> None:
    daemon = asked(f"echo $$ > {ear.path}; {gate.text}; echo done")
    pid = int(ear.hear())
    daemon.kill()
    gate.open()
    wait_for_end(pid)
    one = delivery(daemon.start().wire())
    assert (one["exitCode"], one["said"]) == (0, "done\n")
    daemon.restart()
    assert len(delivered(daemon.wire())) == 1
    until_forgotten(daemon)


def test_a_running_aside_is_found_again_with_its_time_limit(asked: Callable[..., Daemon], ear: Ear) -> None:
    daemon = asked(f"echo up > {ear.path}; exec sleep 600", timeout=3)
    assert ear.hear() == "up"
    daemon.kill()
    one = delivery(daemon.start().wire())
    assert one["stopped"] == "timeout"


def test_an_aside_lost_with_its_keeper_is_stopped_first(asked: Callable[..., Daemon], ear: Ear) -> None:
    daemon = asked(f"echo $$ > {ear.path}; exec sleep 600")
    pid = int(ear.hear())
    daemon.kill_keeper()
    assert delivery(daemon.wire())["isLost"]
    assert not is_alive(pid)


def test_an_aside_of_another_boot_is_lost(asked: Callable[..., Daemon], ear: Ear) -> None:
    daemon = asked(f"echo up > {ear.path}; exec sleep 600")
    assert ear.hear() == "up"
    keeper = daemon.keeper_pid()
    daemon.kill()
    for pid in (
        keeper,
        *processes_of(daemon.folder),
    ):  # the keeper first: it would record the end of the aside
        with suppress(ProcessLookupError):
            kill_and_wait(pid)
    with closing(sqlite3.connect(daemon.state_dir / "lockside.db")) as database, database:
        database.execute("UPDATE meta SET value = 'another' WHERE key = 'boot_id'")
    assert delivery(daemon.start().wire())["isLost"]


def test_an_aside_that_was_recorded_but_never_started_is_delivered_as_refused(
    asked: Callable[..., Daemon],
) -> None:
    daemon = asked("exit 0")
    delivery(daemon.wire())
    daemon.stop()
    with closing(sqlite3.connect(daemon.state_dir / "lockside.db")) as database, database:
        values = ("aside-0123456789abcdef", "test", '{"name": "two"}', 1)
        database.execute("INSERT INTO asides VALUES (?, ?, ?, NULL, ?)", values)
    wire = daemon.start().wire()
    assert delivery(wire, 1)["refused"] == "burnt"


def test_the_aside_of_a_disconnected_caller_is_stopped_and_removed(
    fresh: Callable[..., Daemon], ear: Ear
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    put_component(wire, "acme.slow", command=["sh", "-c", body(ear)])
    wire.ask("action.run", component="acme.slow", action="any")
    pid = int(ear.hear())
    daemon.kill()
    daemon.start()
    connected(daemon.wire())
    wait_for_end(pid)
    until_forgotten(daemon)


def body(ear: Ear) -> str:
    return f"echo $$ > {ear.path}; exec sleep 600"


def test_the_caller_is_told_that_the_action_was_lost_with_its_keeper(
    fresh: Callable[..., Daemon], ear: Ear
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    put_component(wire, "acme.slow", command=["sh", "-c", body(ear)])
    asked = wire.ask("action.run", component="acme.slow", action="any")
    pid = int(ear.hear())
    os.kill(daemon.keeper_pid(), signal.SIGKILL)
    with pytest.raises(Exception, match="lost with its keeper"):
        wire.answer(asked)
    assert not is_alive(pid)


def test_the_folder_of_asides_is_empty_after_an_action(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    wire = daemon.wire()
    put_component(wire, "acme.quick", command=["echo", "1"])
    assert wire.call("action.run", component="acme.quick", action="any") == 1
    assert not list(Path(daemon.state_dir, "asides", "0").iterdir())

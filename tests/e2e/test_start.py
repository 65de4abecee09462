"""`lockside start` and `stop`: a user's own daemon, with and without systemd, found without settings."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from transcripts.recording import Terminal, terminal

SYSTEMCTL = """#!/bin/sh
# Stands in for systemd: notes what it is asked, and runs the daemon as the unit that it was given says.
# It waits until that is ready, as systemd does: the socket is there before it listens.
echo "$*" >> "$HOME/asked"
units=$HOME/.config/systemd/user
case "$*" in
    "--user start lockside.service")
        program=$(sed -n 's/^ExecStart=//p' "$units/lockside.service")
        setsid "$program" > "$HOME/journal" 2>&1 < /dev/null &
        echo $! > "$HOME/main"
        until grep -qs "ready .*socket=" "$HOME/journal"; do sleep 0.02; done ;;
    "--user show"*) cat "$HOME/main" ;;
    "--user stop"*) kill "$(cat "$HOME/main")" ;;
esac
"""


@pytest.fixture
def at() -> Iterator[Terminal]:
    with terminal() as made:
        yield made


def test_a_users_own_daemon_is_started_found_and_stopped_while_its_job_continues(at: Terminal) -> None:
    started = at.type("lockside start")
    assert started.startswith("Started: lockside 0.1.0, pid ")
    assert "  log     ~/.local/state/lockside-daemon.log" in started
    assert at.type("lockside start").startswith("A daemon is running: lockside 0.1.0, pid ")
    at.type("mkfifo go; lockside run -d -- sh -c 'read x < go; echo went'")
    at.until("running 1")
    assert "1 job goes on without it; `lockside start` takes them over again." in at.type("lockside stop")
    assert at.type("lockside stop") == "No daemon is running."
    assert "Started: " in at.type("lockside start")
    at.type("echo > go; lockside wait 1")
    assert at.type("lockside logs 1").startswith("went")


def test_stop_with_a_job_id_stops_that_job(at: Terminal) -> None:
    at.type("lockside start; lockside run -d -- sleep 600")
    assert "terminated" in at.type("lockside stop --wait 1")
    assert at.type("lockside ls --running --plain") == ""


def test_a_daemon_that_cannot_start_is_reported_with_the_end_of_its_log(at: Terminal) -> None:
    told = at.type("LOCKSIDE_DAEMON__LOG_LEVEL=loud lockside start; echo code $?")
    assert "The daemon did not start." in told
    assert "log_level" in told
    assert told.endswith("code 1")


def test_the_daemon_runs_as_a_unit_of_the_users_systemd(at: Terminal) -> None:
    tools, runtime = at.home / "tools", at.home / "runtime"
    tools.mkdir()
    (tools / "systemctl").write_text(SYSTEMCTL)
    (tools / "systemctl").chmod(0o755)
    (runtime / "systemd").mkdir(parents=True)
    (runtime / "systemd" / "private").touch()
    kept = at.home / ".config" / "systemd" / "user" / "lockside-keeper@.socket"
    kept.parent.mkdir(parents=True)
    kept.write_text("[Socket]\n# as somebody wants it\n")
    under = f"export XDG_RUNTIME_DIR={runtime} PATH={tools}:$PATH; unset LOCKSIDE_SOCKET;"
    assert at.type(f"{under} lockside start").startswith("Started: ")
    unit = (kept.parent / "lockside.service").read_text()
    assert f"ExecStart={Path(sys.executable).parent}/locksided\n" in unit
    assert "as somebody wants it" in kept.read_text(), "units of other owners are unchanged"
    assert at.type(f"{under} lockside stop").startswith("Stopped: ")
    asked = (at.home / "asked").read_text().splitlines()
    assert asked[:2] == ["--user daemon-reload", "--user start lockside.service"]
    assert asked[-1] == "--user stop lockside.socket lockside.service"

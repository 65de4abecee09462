"""Runs a private daemon in a folder: starts, kills, restarts and removes it with its keeper. It is a child
process; the daemon's code is not imported.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType

from lockside.errors import LocksideError, NotReachable
from lockside.transport import Connection

START_SECONDS = 20.0
STOP_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_SYSTEMDS = {
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
}


class OwnDaemon:
    """A daemon with its state in `folder`/state and its log in `folder`/daemon.log.

    `settings` are variables of its environment.
    """

    def __init__(self, folder: str, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self._settings = settings
        self.state_dir = os.path.join(folder, "state")
        self.socket = os.path.join(self.state_dir, "lockside.sock")
        self.log = os.path.join(folder, "daemon.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._keepers: set[int] = set()

    @property
    def pid(self) -> int:
        """The pid of the running daemon."""
        if self._process is None:
            raise LocksideError("The daemon is not running.")
        return self._process.pid

    def start(self) -> None:
        """Start it and return when its socket answers; raises LocksideError with the end of its log."""
        os.makedirs(self.state_dir, mode=0o700, exist_ok=True)
        arguments = ["--state-dir", self.state_dir, "--socket", self.socket]
        self._process = _spawned(arguments, self.log, _environment() | dict(self._settings))
        _wait_until_it_answers(self._process, self.log, self._remember_keeper)

    def _remember_keeper(self) -> None:
        with Connection.open(self.socket) as connection:
            keeper = connection.call("daemon.status")["keeper"]
        if keeper.get("pid"):
            self._keepers.add(int(keeper["pid"]))

    def kill(self) -> None:
        """Kill it with SIGKILL, to simulate a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def put_away(self) -> None:
        """Stop the daemon, then its keeper, which stops its remaining jobs."""
        if self._process is not None:
            with suppress(LocksideError):  # A daemon that does not answer can still be stopped.
                self._remember_keeper()
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        for keeper in self._keepers:
            _stop(keeper)
        self._keepers.clear()


def start_alone(log: str, ask: Callable[[], object]) -> str:
    """Start a daemon at the usual paths that outlives the caller, and return its log once `ask` succeeds.
    Raises LocksideError with the end of the log if it does not start.
    """
    os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in _SYSTEMDS}
    _wait_until_it_answers(_spawned([], log, environment, cwd="/"), log, ask)
    return log


def _spawned(
    arguments: list[str], log: str, environment: dict[str, str], cwd: str | None = None
) -> subprocess.Popen[bytes]:
    with open(log, "ab") as file:
        return subprocess.Popen(
            [*program(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )


def _wait_until_it_answers(process: subprocess.Popen[bytes], log: str, ask: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            ask()
        except NotReachable:
            time.sleep(_PAUSE_SECONDS)  # a missing socket sends no event
        else:
            return
    with open(log, encoding="utf-8", errors="replace") as file:
        end = "".join(f"    {line}" for line in file.readlines()[-5:])
    raise LocksideError("The daemon did not start.", remedy=f"The end of {log}:\n{end}")


def program() -> list[str]:
    """Return the daemon's program: first beside this Python, so that their versions match."""
    beside = os.path.join(os.path.dirname(sys.executable), "locksided")
    found = beside if os.access(beside, os.X_OK) else shutil.which("locksided")
    if not found:
        raise LocksideError("There is no `locksided` here.", remedy="`pip install lockside` installs it.")
    return [found]


def _environment() -> dict[str, str]:
    """Return the environment without the caller's settings of lockside."""
    return {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith("LOCKSIDE_") or name in _SYSTEMDS)
    }


def _stop(pid: int) -> None:
    """Stop a process that is not a child of this one, and wait until it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            ended, _, _ = select.select([handle], [], [], STOP_SECONDS)
            if ended:
                return
    except ProcessLookupError:
        return
    finally:
        os.close(handle)

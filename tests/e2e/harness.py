"""Runs the real daemon as a separate process and talks to it in raw JSON lines, as a foreign client would.

It imports nothing of the daemon or the client and never sleeps: the daemon reports that it is ready, and
everything else is waited for by an answer, a notification, a pipe or a lock.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from e2e.processes import (
    PATIENCE_SECONDS,
    PLAIN,
    end_keeper,
    is_tracer,
    kill_and_wait,
    processes_of,
    stop_and_wait,
    wait_for_end,
)
from e2e.wire import Refusal, Wire, connected

LOCKSIDED = [sys.executable, "-m", "locksided"]


SETTINGS = {
    "LOCKSIDE_JOBS__GRACE_SECONDS": "1",
    "LOCKSIDE_POOLS__DEFAULT__SLOTS": "4",
    "LOCKSIDE_STORAGE__BACKEND": "local",  # out/ is kept as it is, except in tests about tables
}
LAKE = {"LOCKSIDE_STORAGE__BACKEND": "auto"}


FINAL = ("success", "warning", "error", "cancelled", "terminated")


class Daemon:
    """A `locksided` on a folder of its own; it can be killed and restarted. `end` leaves nothing behind."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.state_dir = folder / "s"
        self.settings = settings
        self.program = LOCKSIDED
        self.usual_settings = SETTINGS
        self.process: subprocess.Popen[bytes] | None = None
        self._is_apart = False
        self._wires: list[Wire] = []

    @property
    def socket(self) -> Path:
        if "LOCKSIDE_DAEMON__SOCKET" in self.settings:
            return Path(self.settings["LOCKSIDE_DAEMON__SOCKET"])
        return self.seen(self.state_dir) / "lockside.sock"

    def seen(self, path: Path) -> Path:
        """Return a path as the daemon sees it, which may be in another mount namespace."""
        if not self._is_apart or self.process is None or self.process.poll() is not None:
            return path
        return Path(f"/proc/{self.process.pid}/root{path}")

    # -- start and stop

    def start(self, *arguments: str, before: list[str] | None = None) -> "Daemon":
        """Start the daemon, optionally through the program `before`, and wait until it reports ready."""
        self._is_apart = before is not None
        notice = self.folder / "ready"
        with suppress(FileNotFoundError):
            notice.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(str(notice))
            self.process = self.spawn(*arguments, before=before or [], NOTIFY_SOCKET=str(notice))
            ended = os.pidfd_open(self.process.pid)
            try:
                readable, _, _ = select.select([ready, ended], [], [], PATIENCE_SECONDS)
            finally:
                os.close(ended)
            assert ready in readable, f"the daemon did not get ready: {self.stderr()}"
        return self

    def spawn(self, *arguments: str, before: list[str] | None = None, **more: str) -> subprocess.Popen[bytes]:
        """Start the program without waiting for anything."""
        with open(self.folder / "stderr", "ab") as log:
            return subprocess.Popen(
                [*(before or []), *self.program, "--state-dir", str(self.state_dir), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**PLAIN, **self.usual_settings, **self.settings, **more},
                cwd="/",
            )

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    def kill(self) -> None:
        """Send SIGKILL and wait for the end of the process."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        self._hang_up()

    def stop(self) -> int:
        """Send SIGTERM; returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(PATIENCE_SECONDS)
        self._hang_up()
        return code

    def restart(self) -> "Daemon":
        self.stop()
        return self.start()

    def end(self) -> None:
        """End the daemon, the keeper and thereby the jobs; nothing of them is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            keeper = None
            with Wire(self.socket) as wire, suppress(Refusal):  # store or socket may be broken on purpose
                keeper = wire.call("daemon.status")["keeper"]["pid"]
            assert self.stop() == 0, self.stderr()
            if keeper is not None:
                stop_and_wait(keeper)
        self._hang_up()
        for path in sorted(self.state_dir.glob("keeper/*.sock")):
            end_keeper(path)
        for pid in filter(is_tracer, processes_of(self.folder)):
            wait_for_end(pid)  # a tracer exits after the last process that it traced
        left = processes_of(self.folder)
        names = [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ") for pid in left]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"processes were left behind: {names}\n{self.stderr()}"

    # -- requests

    def wire(self) -> Wire:
        wire = Wire(self.socket)
        self._wires.append(wire)
        return wire

    def _hang_up(self) -> None:
        for wire in self._wires:
            wire.close()
        self._wires.clear()

    # -- the keeper

    def keeper_pid(self) -> int:
        """Wait for the keeper and return its pid."""
        with Wire(self.socket) as wire:
            pid: int = connected(wire)["pid"]
            return pid

    def kill_keeper(self) -> int:
        pid = self.keeper_pid()
        kill_and_wait(pid)
        return pid


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets and which other users can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="ls-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        # What jobs leave may be nested deeper than Python's own removal can recurse.
        subprocess.run(["rm", "-rf", folder], stderr=subprocess.DEVNULL, check=False)


@contextmanager
def running(*arguments: str, **settings: str) -> Iterator[Daemon]:
    """A daemon that is ended together with everything that it started."""
    with short_folder() as folder:
        daemon = Daemon(folder, **settings)
        try:
            daemon.start(*arguments)
            if "LOCKSIDE_KEEPER__SOCKET" not in settings:
                daemon.keeper_pid()
            yield daemon
        finally:
            daemon.end()


@contextmanager
def running_in(before: Callable[[Path], list[str]], **settings: str) -> Iterator[Daemon]:
    """The same in an environment made by the program that `before` names for the daemon's folder."""
    with short_folder() as folder:
        daemon = Daemon(folder, **settings)
        try:
            daemon.start(before=before(folder))
            daemon.keeper_pid()
            yield daemon
        finally:
            daemon.end()


def python(text: str, *arguments: str) -> list[str]:
    """Return the command of a component whose program is this Python text."""
    return [sys.executable, "-I", "-c", text, *arguments]

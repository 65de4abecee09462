"""A separate keeper for each test, and a peer that speaks to it as the daemon does."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import locksided
from locksided.keeper.log import format as logformat
from locksided.keeper.log.format import Frame
from locksided.keeper.tree import proc

ROOT = str(Path(locksided.__file__).parent.parent)
CODE = (
    f"import sys; sys.path.append({ROOT!r}); from locksided.keeper.main import main; raise SystemExit(main())"
)
COMMAND = [sys.executable, "-I", "-S", "-c", CODE]
PATIENCE_SECONDS = 30.0
PATH = "/usr/local/bin:/usr/bin:/bin"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")

Message = dict[str, Any]


class Peer:
    """One connection to a keeper."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE_SECONDS)
        folder = os.open(path.parent, os.O_PATH)
        self._socket.connect(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)
        self._lines = self._socket.makefile("rb")
        self._kept: list[Message] = []

    def send(self, **message: Any) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def expect(self, op: str, token: str | None = None) -> Message:
        """Return the next message of this kind; others are kept for later."""
        for place, message in enumerate(self._kept):
            if _fits(message, op, token):
                return self._kept.pop(place)
        while True:
            heard = self.read()
            if heard is None:
                raise AssertionError(f"the keeper hung up before {op} {token}; it said {self._kept}")
            if _fits(heard, op, token):
                return heard
            self._kept.append(heard)

    def read(self) -> Message | None:
        line = self._lines.readline()
        message: Message | None = json.loads(line) if line else None
        return message

    def hello(self) -> Message:
        self.send(op="hello", version=1)
        return self.expect("hello")

    def outcome(self, token: str) -> Message:
        ended: Message = self.expect("ended", token)["outcome"]
        return ended

    def is_hung_up(self) -> bool:
        return self.read() is None

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


def _fits(message: Message, op: str, token: str | None) -> bool:
    return message["op"] == op and token in (None, message.get("token"))


class Keeper:
    """A keeper process on a socket in `base`."""

    def __init__(self, base: Path, cgroups: bool = True, linger: float = 60.0, **popen: Any) -> None:
        self.base = base
        self.socket = base / "k.sock"
        self._linger = linger
        self._popen = popen
        self._cgroups = cgroups
        self._peers: list[Peer] = []
        self._spawn()

    def _spawn(self) -> None:
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(f"\0{os.getpid()}-{id(ready)}-{time.monotonic_ns()}")
        ready.settimeout(PATIENCE_SECONDS)
        environment = {"PATH": PATH, "NOTIFY_SOCKET": "@" + ready.getsockname()[1:].decode()} | (
            {} if self._cgroups else {"LOCKSIDE_KEEPER_CGROUPS": "off"}
        )
        self.process = subprocess.Popen(
            [
                *COMMAND,
                "--socket",
                self.socket,
                "--log",
                self.base / "keeper.log",
                "--linger",
                str(self._linger),
            ],
            env=environment,
            stderr=subprocess.PIPE,
            **self._popen,
        )
        self._ready, self._is_ready = ready, False

    def restart(self) -> None:
        """Start a new keeper after the death of the previous one."""
        self.process.wait()
        self._ready.close()
        self._spawn()

    @property
    def pid(self) -> int:
        return self.process.pid

    def connect(self) -> Peer:
        """Connect once the socket answers and say hello."""
        self.wait_until_ready()
        peer = Peer(self.socket)
        self.first_hello = peer.hello()
        self._peers.append(peer)
        return peer

    def wait_until_ready(self) -> None:
        if not self._is_ready:
            assert self._ready.recv(64) == b"READY=1"
            self._is_ready = True

    def order(self, *argv: str, token: str = "1-1-0", **fields: Any) -> Message:
        """Return an order to start one program, or `pipeline=[...]`; its folders are created."""
        folder = self.base / "runs" / token
        cwd = fields.pop("cwd", None) or folder / "cwd"
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(cwd, Path):
            cwd.mkdir(exist_ok=True)
        return {
            "op": "start",
            "token": token,
            "folder": str(folder),
            "pipeline": [list(argv)],
            "shell": False,
            "cwd": str(cwd),
            "env": {"PATH": PATH},
            "user": None,
            "timeoutSeconds": None,
            "graceSeconds": 10.0,
            "stopSignal": 15,
            "memoryBytes": None,
            "cpus": None,
            "leftovers": "stop",
            "secrets": [],
            "logFolder": str(folder / "log"),
            "maxLogBytes": 64 * 1024 * 1024,
            **fields,
        }

    def folder(self, token: str = "1-1-0") -> Path:
        return self.base / "runs" / token

    def frames(self, token: str = "1-1-0") -> list[Frame]:
        return read_frames(self.folder(token) / "log")

    def text(self, stream: int, token: str = "1-1-0") -> bytes:
        return b"".join(frame.payload for frame in self.frames(token) if frame.stream == stream)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """Stop the keeper with all its runs."""
        self._ready.close()
        for peer in self._peers:
            with suppress(OSError):
                peer.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            if self.process.stderr:
                self.process.stderr.close()


@contextmanager
def running_keeper(base: Path, **options: Any) -> Iterator[Keeper]:
    keeper = Keeper(base, **options)
    try:
        yield keeper
    finally:
        keeper.close()


def read_frames(folder: Path) -> list[Frame]:
    """Return all frames of a log in order."""
    frames: list[Frame] = []
    for path in sorted(folder.glob("*.seg")):
        frames += [frame for frame, _ in logformat.scan(path.read_bytes())]
    return frames


def is_alive(pid: int) -> bool:
    process = proc.read(pid)
    return process is not None and process.is_alive


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that is not a child of this one."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], PATIENCE_SECONDS)[0], f"{pid} is still alive"
    finally:
        os.close(fd)

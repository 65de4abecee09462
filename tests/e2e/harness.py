"""Runs the real daemon as a process of its own and speaks to it with raw JSON lines, as a stranger would.

Nothing of the daemon or the client is imported, nothing sleeps: readiness is the daemon's own notice, and
everything else is waited for by an answer, a notification, a pipe or a lock.
"""

import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

PATIENCE_SECONDS = 120.0
LOCKSIDED = [sys.executable, "-m", "locksided"]
PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "LANG": "C.UTF-8"}
SETTINGS = {"LOCKSIDE_JOBS__GRACE_SECONDS": "1", "LOCKSIDE_POOLS__DEFAULT__SLOTS": "4"}
FINAL = ("success", "warning", "error", "cancelled", "terminated")

Message = dict[str, Any]


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, error: Message) -> None:
        super().__init__(f"{error['code']} {error['message']} {error.get('data')}")
        self.error = error
        self.code: int = error["code"]
        self.data: Message = error.get("data") or {}
        self.kind: str = self.data.get("kind", "")


class Wire:
    """One connection. `ask` sends, `answer` waits for one answer; what comes in between is kept."""

    def __init__(self, path: Path | str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(str(path))
        self._lines = self.socket.makefile("rb")
        self._last_id = 0
        self._answers: dict[Any, Message] = {}
        self._notices: list[Message] = []

    def close(self) -> None:
        self._lines.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- single frames

    def send(self, *messages: Any) -> None:
        self.socket.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in messages))

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> Any:
        """The next frame, whatever it is; None at the end."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def read_bytes(self) -> bytes:
        return self._lines.readline()

    # -- calls

    def ask(self, method: str, **params: Any) -> int:
        self._last_id += 1
        self.send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        return self._last_id

    def answer(self, request_id: int) -> Any:
        while request_id not in self._answers:
            message = self.read()
            if message is None:
                raise ConnectionError(f"the daemon hung up before it answered {request_id}")
            if "method" in message:
                self._notices.append(message)
            else:
                self._answers[message["id"]] = message
        message = self._answers.pop(request_id)
        if "error" in message:
            raise Refusal(message["error"])
        return message["result"]

    def call(self, method: str, **params: Any) -> Any:
        return self.answer(self.ask(method, **params))

    def refused(self, method: str, **params: Any) -> Refusal:
        """The error of a call that must fail."""
        try:
            result = self.call(method, **params)
        except Refusal as refusal:
            return refusal
        raise AssertionError(f"{method} was not refused: {result}")

    def notice(self) -> Message:
        """The next notification."""
        while not self._notices:
            message = self.read()
            if message is None:
                raise ConnectionError("the daemon hung up")
            if "method" in message:
                self._notices.append(message)
            else:
                self._answers[message["id"]] = message
        return self._notices.pop(0)

    # -- jobs

    def create(self, component: str = "lockside.command", **request: Any) -> Message:
        made: Message = self.call("job.create", component=component, **request)
        return made

    def shell(self, text: str, **request: Any) -> Message:
        """A job of `lockside.command` that runs this."""
        environment = request.pop("environment", {})
        parameters = {"shell": text, "environment": {"PATH": PLAIN["PATH"], **environment}}
        return self.create(configData={"parameters": parameters}, **request)

    def get(self, job_id: str, *fields: str) -> Message:
        found: Message = self.call("job.get", id=job_id, **({"fields": list(fields)} if fields else {}))
        return found

    def done(self, job: Message | str) -> Message:
        """The job when it is final."""
        job_id = job if isinstance(job, str) else job["id"]
        ended: Message = self.call("job.wait", id=job_id, timeoutSeconds=PATIENCE_SECONDS)
        assert ended["isFinished"], ended
        return ended

    def explain(self, job: Message) -> list[Message]:
        reasons: list[Message] = self.call("job.explain", id=job["id"])["reasons"]
        return reasons

    def kinds(self, job: Message) -> list[str]:
        return sorted(reason["kind"] for reason in self.explain(job))

    def events(self, job: Message | None = None, **filters: Any) -> list[Message]:
        if job is not None:
            filters["job"] = job["id"]
        events: list[Message] = self.call("event.list", limit=10_000, **filters)["events"]
        return events

    def history(self, job: Message) -> list[str]:
        """Every status that the job had, the first included."""
        steps = [event["data"] for event in self.events(job, kinds=["job.status"])]
        return [*([steps[0]["from"]] if steps else []), *(step["to"] for step in steps)]

    def text(self, job: Message, **more: Any) -> str:
        """All that a job wrote."""
        frames = self.call("job.log", id=job["id"], limit=10_000, **more)["frames"]
        return "".join(frame.get("text", "") for frame in frames)


class Daemon:
    """A `locksided` on a folder of its own; it can be killed and started again. `end` leaves nothing."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.state_dir = folder / "s"
        self.settings = settings
        self.program = LOCKSIDED
        self.process: subprocess.Popen[bytes] | None = None
        self._is_apart = False
        self._wires: list[Wire] = []

    @property
    def socket(self) -> Path:
        return self.seen(self.state_dir) / "lockside.sock"

    def seen(self, path: Path) -> Path:
        """A path as the daemon sees it, should it live in a mount namespace of its own."""
        if not self._is_apart or self.process is None or self.process.poll() is not None:
            return path
        return Path(f"/proc/{self.process.pid}/root{path}")

    # -- start and stop

    def start(self, *arguments: str, before: list[str] | None = None) -> "Daemon":
        """Start it, `before` a program that runs it in a place of its own, and wait for its notice."""
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
                env={**PLAIN, **SETTINGS, **self.settings, **more},
                cwd="/",
            )

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        self._hang_up()

    def stop(self) -> int:
        """SIGTERM; answers the exit code."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(PATIENCE_SECONDS)
        self._hang_up()
        return code

    def restart(self) -> "Daemon":
        self.stop()
        return self.start()

    def end(self) -> None:
        """End the daemon, the keeper, and with it the jobs; nothing of them is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            with Wire(self.socket) as wire:
                keeper = wire.call("daemon.status")["keeper"]["pid"]
            assert self.stop() == 0, self.stderr()
            if keeper is not None:
                stop_and_wait(keeper)
        self._hang_up()
        for path in sorted(self.state_dir.glob("keeper/*.sock")):
            end_keeper(path)
        for pid in filter(is_tracer, processes_of(self.folder)):
            wait_for_end(pid)  # it goes after the last of those whom it traced
        left = processes_of(self.folder)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"processes were left behind: {left}\n{self.stderr()}"

    # -- speaking

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
        """The pid of the keeper, waited for."""
        with Wire(self.socket) as wire:
            pid: int = connected(wire)["pid"]
            return pid

    def kill_keeper(self) -> int:
        pid = self.keeper_pid()
        kill_and_wait(pid)
        return pid


def connected(wire: Wire) -> Message:
    """The keeper's part of `daemon.status` once it is connected: a job that has run proves that it is."""
    status: Message = wire.call("daemon.status")["keeper"]
    if not status["isConnected"]:
        wire.done(wire.shell("true"))
        status = wire.call("daemon.status")["keeper"]
    return status


def end_keeper(path: Path) -> None:
    """Have the keeper behind a socket end itself and its jobs; the kernel tells whose socket it is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return
        pid, _, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    stop_and_wait(pid)


def stop_and_wait(pid: int) -> None:
    """Have a keeper stop its jobs and end; one that is gone is no fault."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
        wait_for_end(pid)


def kill_and_wait(pid: int) -> None:
    ended = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        assert select.select([ended], [], [], PATIENCE_SECONDS)[0], f"process {pid} does not end"
    finally:
        os.close(ended)


def wait_for_end(pid: int) -> None:
    """Wait until a process is gone; one that is gone already is no fault."""
    with suppress(ProcessLookupError):
        ended = os.pidfd_open(pid)
        try:
            assert select.select([ended], [], [], PATIENCE_SECONDS)[0], f"process {pid} does not end"
        finally:
            os.close(ended)


def is_alive(pid: int) -> bool:
    """Whether there is such a process and it is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def is_tracer(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text() == "strace\n"
    return False


def processes_of(folder: Path) -> list[int]:
    """The processes that have this folder in their arguments or environment, ourselves excepted."""
    mark = os.fsencode(folder) + b"/"
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and int(entry) != os.getpid():
            with suppress(OSError):
                about = b"".join(
                    Path(f"/proc/{entry}/{name}").read_bytes() for name in ("cmdline", "environ")
                )
                if mark in about and is_alive(int(entry)):
                    found.append(int(entry))
    return found


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a path that is short enough for sockets in it, open to other users to pass through."""
    folder = Path(tempfile.mkdtemp(prefix="ls-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        # What jobs leave may be deeper than Python's own removal can recurse.
        subprocess.run(["rm", "-rf", folder], stderr=subprocess.DEVNULL, check=False)


@contextmanager
def running(**settings: str) -> Iterator[Daemon]:
    """A daemon that is ended with all that it started."""
    with short_folder() as folder:
        daemon = Daemon(folder, **settings)
        try:
            daemon.start()
            if "LOCKSIDE_KEEPER__SOCKET" not in settings:
                daemon.keeper_pid()
            yield daemon
        finally:
            daemon.end()


@contextmanager
def running_in(before: Callable[[Path], list[str]], **settings: str) -> Iterator[Daemon]:
    """The same in a place of its own, made by the program that `before` names for the daemon's folder."""
    with short_folder() as folder:
        daemon = Daemon(folder, **settings)
        try:
            daemon.start(before=before(folder))
            daemon.keeper_pid()
            yield daemon
        finally:
            daemon.end()


class Gate:
    """Jobs that run `gate.text` wait until the test opens it; it opens by itself when the test ends."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self._path = folder / name
        self._opened: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        os.fchmod(self._opened, 0o666)
        fcntl.flock(self._opened, fcntl.LOCK_EX)

    @property
    def text(self) -> str:
        return f"flock -s {self._path} true"

    def open(self) -> None:
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None


class Ear:
    """A pipe into which jobs write lines (`echo word > path`) and from which the test reads them."""

    def __init__(self, folder: Path, name: str = "ear") -> None:
        self.path = folder / name
        os.mkfifo(self.path)
        self.path.chmod(0o666)
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""

    def hear(self) -> str:
        """The next line that a job wrote."""
        while b"\n" not in self._rest:
            assert select.select([self._fd], [], [], PATIENCE_SECONDS)[0], "nothing is heard"
            self._rest += os.read(self._fd, 65536)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def is_silent(self) -> bool:
        return not self._rest and not select.select([self._fd], [], [], 0)[0]

    def close(self) -> None:
        os.close(self._fd)


def wait_until(wire: Wire, job: Message, holds: Callable[[Message], bool]) -> Message:
    """The job as soon as this holds; looked at again whenever an event tells that it changed."""
    number = wire.call("event.subscribe", job=job["id"])["subscription"]
    try:
        while not holds(view := wire.get(job["id"])):
            assert not view["isFinished"], f"it ended before: {view['status']} {view['result']['error']}"
            wire.notice()
        return view
    finally:
        wire.call("event.unsubscribe", subscription=number)


def until_running(wire: Wire, job: Message) -> Message:
    """The job once its process exists."""
    return wait_until(wire, job, lambda view: view["process"]["pid"] is not None)


def put_component(wire: Wire, component_id: str, **manifest: Any) -> Message:
    stored: Message = wire.call("component.put", component={"id": component_id, **manifest})
    return stored


def python(text: str, *arguments: str) -> list[str]:
    """The command of a component that is this Python text."""
    return [sys.executable, "-I", "-c", text, *arguments]


def put_config(wire: Wire, component: str, config: str, **more: Any) -> Message:
    stored: Message = wire.call("config.put", component=component, config=config, **more)
    return stored


def of(view: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    """Some members of an object."""
    return tuple(view[name] for name in names)

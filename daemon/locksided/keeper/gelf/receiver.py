"""The keeper's end of a run's GELF listener: it starts it, redacts its records, and logs them.

The listener belongs to the job's user, so its records are checked like a job's output.
"""

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from locksided.keeper import strictjson
from locksided.keeper.gelf.messages import CAMOUFLAGED, LEVELS, MAX_DEPTH
from locksided.keeper.log import format as logformat
from locksided.keeper.log.format import GELF, LARGEST_COUNT
from locksided.keeper.log.framing import Cutter
from locksided.keeper.log.output import MAX_LAST_READS, TAIL_BYTES, Output
from locksided.keeper.log.redact import Redactor
from locksided.keeper.loop import Loop
from locksided.keeper.messages import Exit
from locksided.keeper.start.launch import Launch, Leader, Outlets, Pipe, make_pipes
from locksided.keeper.start.order import Order
from locksided.keeper.start.outlets import marked
from locksided.keeper.strictjson import BadJson

HOST = "127.0.0.1"
URGENT = 3
READ_BYTES = 32 * 1024
"""Per read: a record costs more than output of its size, and starts and stops must not wait for many."""
MAX_LINE_BYTES = 8 * 1024 * 1024
"""The limit of a record: the largest message with every character escaped is smaller."""
ROOM_BYTES = 8 * 1024 * 1024
"""The buffer for datagrams; only root gets that much."""
_FORCED_ROOM = 33
"""SO_RCVBUFFORCE, which Python does not name."""
_ROOT = os.path.abspath(os.path.join(__file__, *[os.pardir] * 4))
_BOOT = "import sys; sys.path.append(sys.argv[1]); from locksided.keeper.gelf.listener import main; main()"
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "http": socket.SOCK_STREAM}


class Receiver:
    """Owns one listener, and logs its records."""

    def __init__(self, loop: Loop, order: Order, redactor: Redactor, output: Output, launch: Launch) -> None:
        assert order.gelf is not None
        self._loop = loop
        self._order = order
        self._gelf = order.gelf
        self._redactor = redactor
        self._output = output
        self._launch = launch
        self._records_fd = self._control_fd = -1
        self._pending = b""
        self.tail = ""
        """The last message of level 3 or more urgent, as the job's owner may see it."""

    def begin(self) -> dict[bytes, bytes]:
        """Start the listener; return the variables with its address. Raises OSError."""
        with socket.socket(socket.AF_INET, _KINDS[self._gelf.transport]) as listening:
            listening.bind((HOST, 0))
            if self._gelf.transport == "udp":
                _make_room(listening)
            else:
                listening.listen()
            control, records = make_pipes(2)
            self._start(listening, control, records)
            if (refusal := self._launch.refusal) is not None:
                raise OSError(refusal.errno, f"GELF listener: {refusal.message}")
            return {
                b"KBC_LOGGER_ADDR": HOST.encode(),
                b"KBC_LOGGER_PORT": str(listening.getsockname()[1]).encode(),
            }

    def _start(self, listening: socket.socket, control: Pipe, records: Pipe) -> None:
        user = self._order.user
        account = "" if user is None else ",".join(map(str, (user.uid, user.gid, *user.groups)))
        argv = [sys.executable, "-I", "-S", "-c", _BOOT, _ROOT, *self._gelf, account]
        # It becomes the job's user by itself: others may not be able to read the files of this program.
        order = self._order._replace(stages=[[os.fsencode(word) for word in argv]], cwd=b"/", user=None)
        with open(os.devnull, "wb") as nothing:
            ends = Outlets(records.write, nothing.fileno(), listening.fileno())
            self._launch.begin(order, marked(order), control.read, ends)
        os.close(control.read)
        os.close(records.write)
        self._control_fd, self._records_fd = control.write, records.read
        os.set_blocking(self._records_fd, False)
        self._loop.watch_bulk(self._records_fd, self._read)

    @property
    def leaders(self) -> list[Leader]:
        """The listener; none if it could not be started."""
        return self._launch.leaders

    def is_pid(self, pid: int) -> bool:
        """Return whether this is the living listener."""
        return any(leader.pid == pid and leader.exit is None for leader in self.leaders)

    @property
    def is_over(self) -> bool:
        return self._launch.is_over and all(leader.exit is not None for leader in self.leaders)

    def ended(self, how: Exit) -> None:
        """Note the end of the listener: expected if no sender was left, otherwise a failure."""
        self.leaders[0].exit = how
        if how.signal is not None:
            self._output.drop(0)  # messages received and not reported
        if self._control_fd >= 0:
            why = "" if self._launch.refusal is None else f" ({self._launch.refusal.message})"
            self._output.note(f"The GELF listener has ended before the job{why}: messages to it are lost.")

    def let_go(self) -> None:
        """Close the listener's stdin, because no sender is left: it reads the rest and ends."""
        if self._control_fd >= 0:
            os.close(self._control_fd)
            self._control_fd = -1

    def finish(self) -> None:
        """Read the remaining records."""
        self.let_go()
        for _ in range(MAX_LAST_READS):
            if self._records_fd < 0 or not self._read():
                break
        self._close()

    def _read(self) -> bool:
        try:
            data = os.read(self._records_fd, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close()
            return False
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._pending) > MAX_LINE_BYTES:
            self._output.drop(len(self._pending))
            self._pending = b""
        return True

    def _close(self) -> None:
        if self._records_fd >= 0:
            self._loop.forget(self._records_fd)
            os.close(self._records_fd)
            self._records_fd = -1

    def _take(self, line: bytes) -> None:
        """Log one record; other data comes from a job that writes to the pipe, and is dropped."""
        try:
            record = strictjson.read(line, MAX_DEPTH)
        except BadJson:
            record = None
        match record:
            case {"lost": int(size)} if 0 <= size <= LARGEST_COUNT:
                self._output.drop(size)
            case {
                "level": int(level),
                "text": str(text),
                "fields": dict(fields),
                "forAdmins": bool(is_hidden),
            } if level in LEVELS:
                self._log(level, self._shown(text), _hidden(fields, self._shown), for_admins=is_hidden)
            case _:
                self._output.drop(len(line))

    def _shown(self, text: str) -> str:
        return self._redactor.hide(text.encode()).decode("utf-8", "replace")

    def _log(self, level: int, text: str, fields: dict[str, Any], *, for_admins: bool) -> None:
        if level <= URGENT:
            self.tail = CAMOUFLAGED if for_admins else text[-TAIL_BYTES:]
        room = self._output.max_payload_bytes // 2
        kept, lost_bytes = _fitting(fields, room)
        if lost_bytes:
            self._output.drop(lost_bytes)
        cutter = Cutter(room)
        parts = [*cutter.feed(text.encode()), *cutter.finish()] or [b""]
        parts[-1] += b"\n"
        heads = [kept] + [{}] * (len(parts) - 1)
        self._output.append(
            GELF,
            [
                logformat.gelf_head(level, head, for_admins=for_admins) + part
                for head, part in zip(heads, parts, strict=True)
            ],
        )


def _make_room(listening: socket.socket) -> None:
    """Enlarge the buffer for bursts of datagrams; those that do not fit are lost without notice."""
    try:
        listening.setsockopt(socket.SOL_SOCKET, _FORCED_ROOM, ROOM_BYTES)
    except PermissionError:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_BYTES)


def _hidden(value: Any, shown: Callable[[str], str]) -> Any:
    """Return a value with the secrets in its strings, names and numbers redacted."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {shown(name): _hidden(inner, shown) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, shown) for inner in value]
    text = json.dumps(value)
    return value if shown(text) == text else shown(text)


def _fitting(fields: dict[str, Any], room: int) -> tuple[dict[str, Any], int]:
    """Return the first fields that fit into a frame, and the size of the others."""
    kept: dict[str, Any] = {}
    used = lost = 0
    for name, value in fields.items():
        size = len(json.dumps({name: value}))
        if used + size <= room:
            kept[name] = value
            used += size
        else:
            lost += size
    return kept, lost

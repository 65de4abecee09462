"""The protocol between the keeper and the daemon: one JSON object per line.

This is only its form; the senders are elsewhere.

A daemon meets keepers of other releases, older ones after an upgrade and newer ones after a downgrade,
and must manage their runs until these end. `VERSION` counts the changes that it must know. The messages
listed here never change, whatever the version: a field may be added, none is removed or changes its
meaning.

    daemon -> keeper                  keeper -> daemon
    {op: hello, version}              {op: hello, version, pid, startTicks, bootId, runs: [
                                        {token, state, paused, pid, startTicks, spawnTime, outcome}]}
    {op: stop, token}                 {op: ended, token, outcome}
                                      {op: refused, token, kind, errno, message}
    {op: pause, token}                {op: paused, token}
    {op: resume, token}               {op: resumed, token}
    {op: watch, token, seq}           {op: log, token, seq, complete}
    {op: ack, token}                  nothing: the outcome is forgotten
    {op: shutdown}                    nothing: it ends; sent to a keeper without runs

`state` is `starting`, `running`, `stopping` or `ended`; `messages` has the fields of an outcome. A run whose
outcome does not fit into the hello is `stopping` there, and its end is sent after the next `ack`. A new
connection closes the old one. Unknown operations are ignored. `start` and `reap` are sent only to a keeper of
the daemon's own version; the files read by `reap`, `run.json` and `outcome.json` in the control folder, may
be another release's and change only by additions. The keeper holds a lock beside the socket (`flock` on its
path with `.lock`) as long as it lives.
"""

import json
from typing import Any

from locksided.keeper.messages import to_wire

VERSION = 1
MAX_LINE_BYTES = 16 * 1024 * 1024

Message = dict[str, Any]

MAX_LEVELS = 64
"""The depth limit of a message; a deeper one could exhaust the reader's stack."""

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class BadLine(ValueError):
    """A line from the daemon is not a JSON object."""


def encode(message: Any) -> bytes:
    """Return the line of a message.

    A value that cannot be JSON becomes null, so that the rest is not lost.
    """
    content = to_wire(message)
    try:
        text = _encode(content)
    except (ValueError, TypeError, RecursionError):
        text = _encode(_encodable(content, MAX_LEVELS))
    return text.encode("ascii") + b"\n"


def _encodable(value: Any, levels: int) -> Any:
    if isinstance(value, dict | list | tuple):
        if levels == 0:
            return None
        if isinstance(value, dict):
            return {str(key): _encodable(inner, levels - 1) for key, inner in value.items()}
        return [_encodable(inner, levels - 1) for inner in value]
    try:
        _encode(value)
    except (ValueError, TypeError):
        return None
    return value


def decode(line: bytes) -> Message:
    """Return the object on a line. Raises BadLine."""
    try:
        message = _decode(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise BadLine(str(error)) from error
    if not isinstance(message, dict) or not isinstance(message.get("op"), str):
        raise BadLine("an object with an op is expected")
    return message


def _refuse_constant(name: str) -> float:
    raise BadLine(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode

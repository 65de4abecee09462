"""What the keeper and the daemon say to each other: one JSON object per line.

Only the form; who says what is elsewhere.

A daemon meets keepers of other releases, older ones after an upgrade and newer ones after a downgrade,
and has to look after what they keep until it ended. `VERSION` counts the changes that it needs to know
of. What stands here never changes, whatever the version: a field may be added, none goes away or means
something else.

    daemon -> keeper                  keeper -> daemon
    {op: hello, version}              {op: hello, version, pid, startTicks, bootId, runs: [
                                        {token, state, paused, pid, startTicks, spawnTime, outcome}]}
    {op: stop, token}                 {op: ended, token, outcome}
                                      {op: refused, token, kind, errno, message}
    {op: pause, token}                {op: paused, token}
    {op: resume, token}               {op: resumed, token}
    {op: watch, token, seq}           {op: log, token, seq, complete}
    {op: ack, token}                  nothing: the outcome is forgotten
    {op: shutdown}                    nothing: it ends; asked of a keeper that keeps nothing

`state` is `starting`, `running`, `stopping` or `ended`; an outcome has the fields of `outcome.blank`. A
new connection ends the old one. Unknown operations are passed over. `start` and `reap` are asked only of
a keeper of the daemon's own version; what `reap` reads, `run.json` and `outcome.json` in the control
folder, may be another's and changes by additions alone. Beside the socket lies a lock (`flock` on its
path with `.lock`) that the keeper holds as long as it lives.
"""

import json
from typing import Any

VERSION = 1
MAX_LINE_BYTES = 16 * 1024 * 1024

Message = dict[str, Any]

_encode = json.JSONEncoder(separators=(",", ":")).encode


class BadLine(ValueError):
    """A line from the daemon is not a JSON object."""


def encode(message: Message) -> bytes:
    return _encode(message).encode("ascii") + b"\n"


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
    raise BadLine(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode

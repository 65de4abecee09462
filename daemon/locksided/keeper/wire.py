"""What the keeper and the daemon say to each other: one JSON object per line.

Only the form; who says what is elsewhere.
"""

import json
from typing import Any

VERSION = 1
MAX_LINE_BYTES = 16 * 1024 * 1024

Message = dict[str, Any]


class BadLine(ValueError):
    """A line from the daemon is not a JSON object."""


def encode(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Message:
    """Return the object on a line. Raises BadLine."""
    try:
        message = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadLine(str(error)) from error
    if not isinstance(message, dict) or not isinstance(message.get("op"), str):
        raise BadLine("an object with an op is expected")
    return message


def _refuse_constant(name: str) -> float:
    raise BadLine(f"{name} is no JSON")

"""Formats the frames of a log for people."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

LEVEL_WORDS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
"""Words for the levels of GELF messages, which are those of syslog."""


def text_of(frame: Json) -> str:
    """Return a frame's text; a GELF message is a line with its level and its fields."""
    if frame["stream"] != "gelf":
        return str(frame.get("text") or "")
    text = bytes_of(frame).decode("utf-8", "replace") if "data" in frame else frame["text"]
    fields = "".join(f"  {name}={_value(value)}" for name, value in frame["fields"].items())
    return f"{LEVEL_WORDS[frame['level']]}: {text}{fields}\n"


def bytes_of(frame: Json) -> bytes:
    """Return the bytes of a frame that was requested with `raw`."""
    from base64 import b64decode

    return b64decode(frame["data"])


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

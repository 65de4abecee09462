"""The text of a log's frames, as people read it."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

LEVEL_WORDS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
"""By the level of syslog, which messages by GELF have."""


def text_of(frame: Json) -> str:
    """Give a frame's text; a message that came by GELF is a line with its level and its fields."""
    if frame["stream"] != "gelf":
        return str(frame.get("text") or "")
    text = bytes_of(frame).decode("utf-8", "replace") if "data" in frame else frame["text"]
    fields = "".join(f"  {name}={_value(value)}" for name, value in frame["fields"].items())
    return f"{LEVEL_WORDS[frame['level']]}: {text}{fields}\n"


def bytes_of(frame: Json) -> bytes:
    """Give the bytes of a frame that was asked for raw."""
    from base64 import b64decode

    return b64decode(frame["data"])


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

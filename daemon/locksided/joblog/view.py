"""Frames as callers see them: text, or base64 of the bytes, or what is missing. Pure."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from lockside.documents.times import time_text
from locksided.joblog.reader import Gap, Item
from locksided.keeper.gelf.messages import CAMOUFLAGED
from locksided.keeper.log.format import GELF, MARK, STDERR, STDOUT, read_gelf, read_mark

STREAMS = {"stdout": STDOUT, "stderr": STDERR, "gelf": GELF}
_STEP = {"step": int, "total": int, "row": str, "kind": str, "component": str, "operation": str}
_NAMES = {number: name for name, number in STREAMS.items()}


def wire_frame(item: Item, *, raw: bool, for_admin: bool = False) -> dict[str, Any]:
    """One frame on the wire; a mark has no text, but says which step begins.

    Bytes that are no UTF-8 become U+FFFD in `text`; with `raw` all is `data`. What is for admins is told
    to nobody else.
    """
    time = time_text(item.time_us)
    if isinstance(item, Gap):
        dropped = {"bytes": item.size_bytes, "fromSeq": item.from_seq, "toSeq": item.to_seq}
        return {"seq": item.from_seq, "time": time, "stream": None, "dropped": dropped}
    frame = {"seq": item.seq, "time": time, "stream": _NAMES.get(item.stream)}
    if item.stream == MARK:
        return {**frame, "step": _step(read_mark(item.payload) or {})}
    payload = item.payload
    if item.stream == GELF and (message := read_gelf(payload)) is not None:
        is_shown = for_admin or not message.for_admins
        frame |= {"level": message.level, "fields": message.fields if is_shown else {}}
        payload = message.text.removesuffix(b"\n") if is_shown else CAMOUFLAGED.encode()
    if raw:
        return {**frame, "data": b64encode(payload).decode()}
    return {**frame, "text": payload.decode("utf-8", "replace")}


def _step(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a mark tells; a job that can write into its log's folder may have put anything there."""
    return {name: value if type(value := said.get(name)) is kind else None for name, kind in _STEP.items()}

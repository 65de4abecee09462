"""Gathers the answers of a batch into the one list that answers it, within the size of a line.

How the calls of a batch are done is not known here.
"""

from functools import partial

from msgspec import UnsetType

from lockside.protocol.errors import ErrorKind, error
from locksided.server.answers import error_text
from locksided.server.calls import Sink
from locksided.server.requests import RequestId


class BatchAnswer:
    """Calls `deliver` once, when all parts are answered: with a list, or with None when nobody wants one."""

    def __init__(self, parts: int, max_bytes: int, deliver: Sink) -> None:
        self._missing = parts
        self._room_bytes = max_bytes
        self._texts: list[bytes] = []
        self._deliver = deliver

    def sink(self, request_id: RequestId | UnsetType) -> Sink:
        """Where the answer of one part goes, once."""
        return partial(self._take, None if isinstance(request_id, UnsetType) else request_id)

    def _take(self, request_id: RequestId, text: bytes | None) -> None:
        if text is not None:
            if len(text) >= self._room_bytes:
                message = (
                    "The answers of this batch are longer than a line may be: "
                    "send smaller batches, or this request alone"
                )
                text = error_text(request_id, error(ErrorKind.LIMIT, message))
            self._texts.append(text)
            self._room_bytes -= len(text) + 1
        self._missing -= 1
        if self._missing == 0:
            self._deliver(b"[%b]" % b",".join(self._texts) if self._texts else None)

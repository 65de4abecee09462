"""Writes answers, errors and notifications as JSON texts without their frames."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from lockside.protocol.errors import ErrorKind, ErrorObject, error
from locksided.core.errors import Refused
from locksided.server.requests import RequestId


@dataclass(frozen=True, slots=True)
class OrShorter:
    """The result of a call that has changed something: it is done, so it must be answered whatever its size.

    `shorter` is what is answered when `full` does not fit into a line.
    """

    full: object
    shorter: object


_ENCODER: Final = msgspec.json.Encoder()
_encode: Final = _ENCODER.encode


def result_text(request_id: RequestId, result: object) -> bytes:
    """The answer of a call that went well. Raises TypeError or ValueError for what JSON cannot say."""
    return b"".join((b'{"jsonrpc":"2.0","id":', _encode(request_id), b',"result":', _encode(result), b"}"))


def error_text(request_id: RequestId, fault: ErrorObject) -> bytes:
    """The answer of a call that failed; a fault that JSON cannot say is told without its details."""
    try:
        body = _encode(fault)
    except (TypeError, ValueError, RecursionError):
        message = fault.message.encode("utf-8", "backslashreplace").decode()
        body = _encode(ErrorObject(code=fault.code, message=message, data={"kind": fault.kind.value}))
    return b"".join((b'{"jsonrpc":"2.0","id":', _encode(request_id), b',"error":', body, b"}"))


def notification_text(method: str, params: Any) -> bytes:
    """A message that nobody answers."""
    return b"".join((b'{"jsonrpc":"2.0","method":', _encode(method), b',"params":', _encode(params), b"}"))


def refusal(refused: Refused) -> ErrorObject:
    """The wire's form of a refusal."""
    return error(ErrorKind(refused.kind), refused.message, path=refused.path, **refused.data)

"""Reads frames as JSON-RPC 2.0 requests, strictly; what is none becomes the error that answers it.

Pure: whether a method exists and may be called is not asked here. Of equal keys in an object the last counts.
"""

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from lockside.protocol.errors import ErrorKind, ErrorObject, error
from lockside.protocol.explain import explain
from locksided.server.limits import MAX_DEPTH, Limits

RequestId = str | int | float | None


class Request(Struct, forbid_unknown_fields=True, frozen=True):
    """A request, or a notification when its id is UNSET."""

    jsonrpc: Literal["2.0"]
    method: Annotated[str, Meta(min_length=1)]
    params: dict[str, Any] | list[Any] | UnsetType = UNSET
    id: RequestId | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is no request, and the error that answers it; the id is null where none can be read."""

    error: ErrorObject
    id: RequestId = None


Parsed = Request | Rejected

_REQUEST: Final = msgspec.json.Decoder(Request)
_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw])
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS: Final = b"[]{}"
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_TOO_DEEP: Final = f"The JSON text is nested deeper than {MAX_DEPTH} levels"


class _Identified(Struct):
    id: RequestId = None


_IDENTIFIED: Final = msgspec.json.Decoder(_Identified)


def parse(frame: bytes, limits: Limits) -> Parsed | list[Parsed]:
    """The request of a frame, the requests of a batch, or why it is neither."""
    if frame[:1] == b"{" or frame.lstrip()[:1] != b"[":
        return _parse_one(frame)
    try:
        texts = _BATCH.decode(frame)
        frame.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _malformed(frame) or _not_json("it is malformed")
    if not texts:
        return Rejected(error(ErrorKind.INVALID_REQUEST, "A batch must have at least one request"))
    if len(texts) > limits.batch:
        message = f"A batch has at most {limits.batch} requests, this one has {len(texts)}: send several"
        return Rejected(error(ErrorKind.LIMIT, message))
    return [_parse_one(bytes(text)) for text in texts]


def _parse_one(text: bytes) -> Parsed:
    try:
        request = _REQUEST.decode(text)
    except msgspec.ValidationError as problem:
        return _malformed(text) or _invalid(text, problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _malformed(text) or _not_json("it is malformed")
    if _is_too_deep(text):
        return Rejected(error(ErrorKind.PARSE_ERROR, _TOO_DEEP), _id_of(text))
    return request


def _malformed(text: bytes) -> Rejected | None:
    """What is wrong with a text that is no JSON; a type's fault may have been met before the text's own."""
    try:
        msgspec.json.decode(text)
    except msgspec.ValidationError:  # a number out of bounds: JSON, but no value
        return None
    except msgspec.DecodeError as problem:
        return _not_json(str(problem))
    except UnicodeDecodeError:
        return _not_json("it is not UTF-8")
    except RecursionError:
        return Rejected(error(ErrorKind.PARSE_ERROR, _TOO_DEEP))
    return None


def _not_json(reason: str) -> Rejected:
    plain = reason.removeprefix("JSON is malformed: ").replace("Input data was truncated", "it is cut short")
    return Rejected(error(ErrorKind.PARSE_ERROR, f"Not a JSON text in UTF-8: {plain}"))


def _invalid(text: bytes, problem: msgspec.ValidationError) -> Rejected:
    message, path = explain(problem, Request)
    if path.startswith(("$.params.", "$.params[")):
        fault = error(ErrorKind.INVALID, message, path="$" + path.removeprefix("$.params"))
    else:
        message = f"Not a JSON-RPC 2.0 request: {message}"
        fault = error(ErrorKind.INVALID_REQUEST, message, path=path)
    return Rejected(fault, _id_of(text))


def _id_of(text: bytes) -> RequestId:
    """The id of a request that is wrong elsewhere."""
    try:
        return _IDENTIFIED.decode(text).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_too_deep(text: bytes) -> bool:
    """Whether a well-formed text is nested so deeply that handling it elsewhere could fail."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRINGS.sub(b"", text).translate(None, delete=_NO_BRACKETS)
    return any(depth > MAX_DEPTH for depth in accumulate(map(_STEPS.__getitem__, brackets)))

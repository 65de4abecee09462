"""JSON-RPC 2.0: frames are parsed strictly as requests; answers, errors and notifications are encoded.

Pure: it does not check whether a method exists and may be called. Invalid requests become the errors that
answer them. Of equal keys in an object the last counts.
"""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from lockside.documents.fault_messages import explain, with_subject
from lockside.documents.paths import join, not_finite
from lockside.protocol.errors import ErrorKind, ErrorObject, error
from locksided.core.errors import Refused
from locksided.keeper.strictjson import STRINGS, is_deeper

MAX_DEPTH: Final = 128
MAX_CONTAINERS: Final = 500_000


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Limits of frames, batches, calls and connections; exceeding one gives an error, never a crash."""

    line_bytes: int = 8 * 2**20
    batch: int = 1000
    in_flight: int = 256
    connections: int = 1000
    unread_bytes: int = 2**20
    unfinished_bytes: int = 64 * 2**20
    batch_width: int = 32
    stop_seconds: float = 1.5


RequestId = str | int | float | None


class Request(Struct, forbid_unknown_fields=True, frozen=True):
    """A request, or a notification if its id is UNSET."""

    jsonrpc: Literal["2.0"]
    method: Annotated[str, Meta(min_length=1)]
    params: dict[str, Any] | list[Any] | UnsetType = UNSET
    id: RequestId | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Rejected:
    """An invalid request and the error that answers it; the id is null if it is unreadable."""

    error: ErrorObject
    id: RequestId = None


Parsed = Request | Rejected

_REQUEST: Final = msgspec.json.Decoder(Request)
_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw])
_LARGE_BYTES: Final = 64 * 1024
_TOO_DEEP: Final = f"The JSON text is nested deeper than {MAX_DEPTH} levels"


class _Identified(Struct):
    id: RequestId = None


_IDENTIFIED: Final = msgspec.json.Decoder(_Identified)


def parse(frame: bytes, limits: ClientLimits) -> Parsed | list[Parsed]:
    """Return the request in a frame, the requests of a batch, or the error for an invalid frame."""
    if len(frame) < _LARGE_BYTES:
        return _parse(frame, limits)
    if _has_too_many_containers(frame):
        message = f"A request has at most {MAX_CONTAINERS} lists and objects in it: send less at once"
        return Rejected(error(ErrorKind.LIMIT, message))
    with _no_collection():
        return _parse(frame, limits)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from repeatedly visiting a million new lists."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parse(frame: bytes, limits: ClientLimits) -> Parsed | list[Parsed]:
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
    if is_deeper(text, MAX_DEPTH):
        return Rejected(error(ErrorKind.PARSE_ERROR, _TOO_DEEP), _id_of(text))
    return request


def _malformed(text: bytes) -> Rejected | None:
    """Return the error for an invalid JSON text; a type error may have been found before the syntax error."""
    try:
        msgspec.json.decode(text)
    except msgspec.ValidationError:  # a number out of range: valid syntax, but no value
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
    sentence, path = explain(problem, Request)
    if "out of range" in sentence:
        path, sentence = _place_of_number(text, path), "It must be a number that JSON can hold"
    message = with_subject(sentence, path)
    if path.startswith(("$.params.", "$.params[")):
        fault = error(ErrorKind.INVALID, message, path="$" + path.removeprefix("$.params"))
    else:
        message = f"Not a JSON-RPC 2.0 request: {message}"
        fault = error(ErrorKind.INVALID_REQUEST, message, path=path)
    return Rejected(fault, _id_of(text))


def _place_of_number(text: bytes, path: str) -> str:
    """Return the exact path of a number out of range, which the decoder does not report in objects."""
    try:
        return next((join("$", *steps) for steps in not_finite(json.loads(text))), path)
    except (ValueError, RecursionError):
        return path


def _id_of(text: bytes) -> RequestId:
    """Return the id of an otherwise invalid request."""
    try:
        return _IDENTIFIED.decode(text).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _has_too_many_containers(text: bytes) -> bool:
    """Return whether decoding would take fifty times its own memory, and block everyone for a second."""
    if text.count(b"[") + text.count(b"{") <= MAX_CONTAINERS:
        return False
    bare = STRINGS.sub(b"", text)
    return bare.count(b"[") + bare.count(b"{") > MAX_CONTAINERS


@dataclass(frozen=True, slots=True)
class OrShorter:
    """The result of a call that changed something and must therefore be answered whatever its size.

    `shorter` is the answer if `full` does not fit into a line.
    """

    full: object
    shorter: object


_ENCODER: Final = msgspec.json.Encoder()
_encode: Final = _ENCODER.encode


def result_text(request_id: RequestId, result: object) -> bytes:
    """Encode a successful answer. Raises TypeError or ValueError for values not allowed in JSON."""
    return b"".join((b'{"jsonrpc":"2.0","id":', _encode(request_id), b',"result":', _encode(result), b"}"))


def error_text(request_id: RequestId, fault: ErrorObject) -> bytes:
    """Encode the answer of a failed call; details not allowed in JSON are omitted."""
    try:
        body = _encode(fault)
    except (TypeError, ValueError, RecursionError):
        message = fault.message.encode("utf-8", "backslashreplace").decode()
        body = _encode(ErrorObject(code=fault.code, message=message, data={"kind": fault.kind.value}))
    return b"".join((b'{"jsonrpc":"2.0","id":', _encode(request_id), b',"error":', body, b"}"))


def notification_text(method: str, params: Any) -> bytes:
    """Encode a notification."""
    return b"".join((b'{"jsonrpc":"2.0","method":', _encode(method), b',"params":', _encode(params), b"}"))


def refusal(refused: Refused) -> ErrorObject:
    """Return a refusal in wire form."""
    return error(ErrorKind(refused.kind), refused.message, path=refused.path, **refused.data)

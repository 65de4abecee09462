"""What must hold of every answer to any request; each fault is a sentence. No I/O."""

import json
import re
from typing import Any

from fuzz.grammar import Request
from fuzz.schemas import Schemas

Json = dict[str, Any]

PARSE, REQUEST, METHOD, PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
NOT_FOUND, CONFLICT, TRANSITION, FORBIDDEN, DISABLED = range(-32001, -32006, -1)
UNAVAILABLE, LIMIT, TIMEOUT, FAILED = range(-32006, -32010, -1)
FORBIDDEN = -32004
FOR_DELEGATES = {"session.actAs"}
"""Methods that not every admin may call."""
CALLERS_FAULTS = {PARSE, REQUEST, METHOD, PARAMS, NOT_FOUND, CONFLICT, TRANSITION, DISABLED, LIMIT, FAILED}
"""`FAILED` is a fault of the component that was called."""
LONGEST_MESSAGE = 4096
INNER_LIFE = re.compile(
    r"Traceback|object at 0x|\.py\b|sqlite3|aiosqlite|UNIQUE constraint|Error\(|locksided\."
)


class Oracle:
    """Judges answers by one OpenRPC document."""

    def __init__(self, document: Json) -> None:
        self._schemas = Schemas(document)
        self._methods = {one["name"]: one for one in document["methods"]}

    def faults(self, request: Request, answer: Any) -> list[str]:
        """Return everything that is wrong with an answer."""
        if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0" or "id" not in answer:
            return ["it is no JSON-RPC 2.0 answer"]
        if ("error" in answer) == ("result" in answer):
            return ["it has neither a result nor an error, or both"]
        found = self._of_id(request, answer)
        if "error" in answer:
            return found + self._of_error(request, answer["error"])
        return found + self._of_result(request, answer["result"])

    def _of_id(self, request: Request, answer: Json) -> list[str]:
        sent = request.envelope.get("id")
        is_id = sent is None or (isinstance(sent, str | int | float) and not isinstance(sent, bool))
        if answer["id"] is None:
            unreadable = not is_id or answer.get("error", {}).get("code") in {PARSE, REQUEST, LIMIT}
            return [] if unreadable or sent is None else ["its id is null"]
        return [] if is_id and answer["id"] == sent else [f"its id is {answer['id']!r:.80}"]

    def _of_error(self, request: Request, error: Json) -> list[str]:
        found = []
        code, message, data = error["code"], error["message"], error.get("data") or {}
        is_refused = code == FORBIDDEN and request.method in FOR_DELEGATES
        if code not in CALLERS_FAULTS and not is_refused:
            found.append(f"error {code} is not the caller's fault: {message}")
        if not message or len(message) > LONGEST_MESSAGE:
            found.append(f"its message has {len(message)} characters")
        if INNER_LIFE.search(message):
            found.append(f"its message tells of the inner life: {message}")
        if not isinstance(data.get("kind"), str):
            found.append("its error has no kind")
        if code in {PARAMS, NOT_FOUND}:
            found += _of_path(request, data.get("path"), message)
        return found

    def _of_result(self, request: Request, result: Any) -> list[str]:
        method = str(request.method)
        sent = request.envelope.get("params", {})
        found = []
        allowed = self._schemas.params(self._methods[method])
        if isinstance(sent, dict) and not allowed.is_valid(_as_read(sent)):
            error = next(iter(allowed.iter_errors(_as_read(sent))))
            found.append(f"the document does not allow what was accepted: {_short(error)}")
        known = self._schemas.at(f"{self._schemas.places[method]}/result/schema")
        if not known.is_valid(result):
            error = next(iter(known.iter_errors(result)))
            found.append(f"the document does not know such a result: {_short(error)}")
        return found


def _short(error: Any) -> str:
    return f"{'.'.join(map(str, error.instance_path))}: {error.message:.500}"


def _as_read(params: Json) -> Json:
    read: Json = json.loads(json.dumps(params))
    return read


def _of_path(request: Request, path: Any, message: str) -> list[str]:
    """Return a fault unless the error names a field that was sent, or that is known to be missing."""
    if not isinstance(path, str) or not path.startswith("$"):
        return [f"it names no field: {message}"]
    if path == "$":
        return [] if isinstance(request.envelope.get("params"), list) else [f"it names no field: {message}"]
    return []

"""`call`: any method of the wire, including those without a command; and `reload`."""

from __future__ import annotations

import json
import sys
from contextlib import suppress

from lockside.cli import exits
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.session import NULL


def call(session: Session, parsed: Parsed) -> int:
    """Call a method with the given parameters, and print its result."""
    method = parsed.required("method")
    params: Json = {}
    texts = _texts_of(method) if parsed.many("param") else set()
    for text in parsed.many("param"):
        params |= _object(text) if text == "-" or text.startswith("{") else _member(text, texts)
    answer = session.call(
        method, **{name: NULL if value is None else value for name, value in params.items()}
    )
    session.out.line(json.dumps(answer, indent=None if session.out.as_json else 2, ensure_ascii=False))
    return exits.DONE


def _object(text: str) -> Json:
    try:
        found = json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise UsageError(f"the parameters are not JSON: {error}", "call") from error
    if not isinstance(found, dict):
        raise UsageError('the parameters must be a JSON object, as in \'{"id": "42"}\'.', "call")
    return found


def _texts_of(method: str) -> set[str]:
    """Return the parameters of a method that are texts even if they look like numbers, such as ids."""
    from lockside import __version__
    from lockside.protocol.openrpc import document

    described = document(__version__, with_test_clock=True)["methods"]
    params = [param for each in described if each["name"] == method for param in each["params"]]
    return {param["name"] for param in params if _kinds(param["schema"]) <= {"string", "null"}}


def _kinds(schema: Json) -> set[str]:
    if "anyOf" in schema:
        return {kind for part in schema["anyOf"] for kind in _kinds(part)}
    return {schema.get("type", "object")}


def _member(text: str, texts: set[str]) -> Json:
    """Parse `name=value`: the value is JSON if it is valid and allowed, else a text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"'{text}' is neither NAME=VALUE nor a JSON object.", "call")
    with suppress(ValueError):
        found = json.loads(value)
        if name not in texts or found is None:
            return {name: found}
    return {name: value}


def reload(session: Session, _: Parsed) -> int:
    """Make the daemon read its settings again."""
    answer = session.call("daemon.reload")
    if session.out.is_given(answer):
        return exits.DONE
    changed, later = answer["changed"], answer["needsRestart"]
    session.out.line(f"changed: {', '.join(changed)}" if changed else "no setting has changed")
    if later:
        session.out.line(f"these take effect after a restart: {', '.join(later)}")
    return exits.DONE

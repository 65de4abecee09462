"""The two files that a run leaves for the daemon, out/state.json and out/usage.json, checked. Pure."""

from typing import Any

from locksided.keeper import strictjson
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH, BadJson
from locksided.runs.data_folder import OutFile


class BadOutFile(Exception):
    """The program left an unusable file; the message names it. The user's fault."""


def read_state(file: OutFile) -> dict[str, Any]:
    """Return the new state; a missing or empty file clears it. Raises `BadOutFile`."""
    document = _document(file, "out/state.json")
    if document is None or document == []:  # PHP writes an empty object as a list
        return {}
    if not isinstance(document, dict):
        raise BadOutFile("out/state.json must hold a JSON object.")
    return document


def read_usage(file: OutFile) -> list[dict[str, Any]]:
    """Return the reported metrics; none without a file. Raises `BadOutFile` unless `[{metric, value}]`."""
    document = _document(file, "out/usage.json")
    if document is None:
        return []
    if not isinstance(document, list) or not all(_is_metric(item) for item in document):
        raise BadOutFile('out/usage.json must hold a list of {"metric": text, "value": number}.')
    return document


def _is_metric(item: object) -> bool:
    return (
        isinstance(item, dict)
        and item.keys() == {"metric", "value"}
        and isinstance(item["metric"], str)
        and isinstance(item["value"], int | float)
        and not isinstance(item["value"], bool)
    )


def _document(file: OutFile, name: str) -> Any:
    """Return the content of the file, None if it is missing or empty."""
    if file.problem is not None:
        raise BadOutFile(file.problem)
    content = (file.content or b"").strip()
    if not content:
        return None
    try:
        return strictjson.read(content, MAX_DOCUMENT_DEPTH)
    except BadJson as problem:
        raise BadOutFile(f"{name} {problem}.") from None

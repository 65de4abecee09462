"""What a request of Keboola's queue asks of `job.create`. It is lenient as the clients are that send it.

Null, an empty text and, where an object is meant, an empty list are absent: PHP sends them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from lockside.web.keboola.problems import bad
from lockside.web.keboola.words import (
    BACKEND_CONTAINER,
    BACKEND_CONTEXT,
    DEFAULT_BRANCH,
    LABELLED,
    Components,
    branch_in,
    label_of,
)

Json = dict[str, Any]
MOST_LABEL: Final = 255


def _text(value: Any) -> str:
    return str(value)


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _same(value: Any) -> Any:
    return value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and value.replace(".", "", 1).isdigit() else value


_MEMBERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "component": _text,
    "mode": _text,
    "config": _text,
    "configRowIds": _texts,
    "configData": _same,
    "tag": _text,
    "variableValuesId": _text,
    "variableValuesData": _same,
    "parallelism": _text,
    "behavior": _same,
    "delay": _number,
    "delayedStartTime": _text,
    "deduplicationId": _text,
    "onlyOrchestrationTaskIds": _texts,
    "previousJobId": _text,
    "parentRunId": _text,
}
"""The members that `job.create` has by the same name, each with how its value is read."""

_OBJECTS: Final = frozenset({"configData", "variableValuesData", "behavior", "backend"})
_OTHERS: Final = frozenset({"configRow", "branchId", "backend", *LABELLED})


def creation(body: Any, components: Components) -> Json:
    """The parameters of `job.create`. Raises Problem."""
    if not isinstance(body, dict):
        raise bad("The body must be a JSON object", "$")
    for name in body:
        if name not in _MEMBERS and name not in _OTHERS:
            raise bad(f'Unrecognized option "{name}"', f"$.{name}")
    given = {name: value for name, value in body.items() if not _is_absent(name, value)}
    if "component" not in given:
        raise bad('The "component" value is required', "$.component")
    asked = {name: read(given[name]) for name, read in _MEMBERS.items() if name in given}
    asked["component"] = components.read(asked["component"])
    if "configRow" in given:
        asked.setdefault("configRowIds", _texts(given["configRow"]))
    branch = branch_in(given.get("branchId"))
    if branch != DEFAULT_BRANCH:
        asked["branchId"] = branch
    labels = {label_of(name): str(given[name])[:MOST_LABEL] for name in LABELLED if name in given}
    _read_backend(given.get("backend"), asked, labels)
    return {**asked, "labels": labels}


def _is_absent(name: str, value: Any) -> bool:
    return value is None or value == "" or (name in _OBJECTS and value == [])


def _read_backend(backend: Any, asked: Json, labels: dict[str, str]) -> None:
    """Read a backend, which may be a text: its type."""
    if backend is None:
        return
    if isinstance(backend, str):
        backend = {"type": backend}
    if not isinstance(backend, dict):
        raise bad('The "backend" value must be an object or a text', "$.backend")
    if backend.get("type"):
        asked["backend"] = {"type": str(backend["type"])}
    for name, label in (("context", BACKEND_CONTEXT), ("containerType", BACKEND_CONTAINER)):
        if backend.get(name):
            labels[label] = str(backend[name])[:MOST_LABEL]

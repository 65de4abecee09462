"""Converts a request of Keboola's queue to the parameters of `job.create`, as leniently as Keboola does.

Null, an empty string and, in place of an object, an empty list count as absent: PHP sends them.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
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


def _text(value: Any, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise bad(f'The "{path[2:]}" value must be a text', path)
    return str(value)


def _texts(value: Any, path: str) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [_text(one, path) for one in several]


def _same(value: Any, _: str) -> Any:
    return value


def _number(value: Any, _: str) -> Any:
    return float(value) if isinstance(value, str) and value.replace(".", "", 1).isdigit() else value


_MEMBERS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
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
"""The members that `job.create` has under the same name, each with the function that reads it."""

_OBJECTS: Final = frozenset({"configData", "variableValuesData", "behavior", "backend"})
_OTHERS: Final = frozenset({"configRow", "branchId", "backend", *LABELLED})
_LABELLED_BACKEND: Final = {"context": BACKEND_CONTEXT, "containerType": BACKEND_CONTAINER}


def creation(body: Any, components: Components) -> Json:
    """Return the parameters of `job.create`. Raises Problem."""
    if not isinstance(body, dict):
        raise bad("The body must be a JSON object", "$")
    _refuse_others(body, _MEMBERS.keys() | _OTHERS, "$")
    given = {name: value for name, value in body.items() if not _is_absent(name, value)}
    if "component" not in given:
        raise bad('The "component" value is required', "$.component")
    asked = {name: read(given[name], f"$.{name}") for name, read in _MEMBERS.items() if name in given}
    asked["component"] = components.read(asked["component"])
    if "configRow" in given:
        asked.setdefault("configRowIds", _texts(given["configRow"], "$.configRow"))
    branch = branch_in(given.get("branchId"))
    if branch != DEFAULT_BRANCH:
        asked["branchId"] = branch
    labels = {
        label_of(name): _text(given[name], f"$.{name}")[:MOST_LABEL] for name in LABELLED if name in given
    }
    _read_backend(given.get("backend"), asked, labels)
    return {**asked, "labels": labels}


def _refuse_others(given: Json, known: AbstractSet[str], path: str) -> None:
    for name in given:
        if name not in known:
            raise bad(f'Unrecognized option "{name}"', f"{path}.{name}")


def _is_absent(name: str, value: Any) -> bool:
    return value is None or value == "" or (name in _OBJECTS and value == [])


def _read_backend(backend: Any, asked: Json, labels: dict[str, str]) -> None:
    """Read a backend, which may be a string: its type."""
    if backend is None:
        return
    if isinstance(backend, str):
        backend = {"type": backend}
    if not isinstance(backend, dict):
        raise bad('The "backend" value must be an object or a text', "$.backend")
    _refuse_others(backend, {"type", *_LABELLED_BACKEND}, "$.backend")
    if backend.get("type"):
        asked["backend"] = {"type": _text(backend["type"], "$.backend.type")}
    for name, label in _LABELLED_BACKEND.items():
        if backend.get(name):
            labels[label] = _text(backend[name], f"$.backend.{name}")[:MOST_LABEL]

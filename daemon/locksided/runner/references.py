"""What components and configurations name of other stored objects, and which names are wrong. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from locksided.core.errors import NotFound
from locksided.runner.builtin import BUILT_IN, ORCHESTRATOR
from locksided.runner.fields import Fields, join

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """One name: of what kind of object, and the field in which it stands. A row is `component/config/row`."""

    kind: str
    id: str
    path: str


@dataclass(slots=True)
class Known:
    """What there is to be named; configurations and rows by `component/config` and `component/config/row`."""

    component: set[str] = field(default_factory=lambda: set(BUILT_IN))
    config: set[str] = field(default_factory=set)
    row: set[str] = field(default_factory=set)
    pool: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)

    def add_config(self, body: Json) -> None:
        """Let a configuration and its rows be named."""
        name = f"{body['component']}/{body['config']}"
        self.config.add(name)
        self.row |= {f"{name}/{row['id']}" for row in body.get("rows") or ()}


_WORDS = {"config": "configuration", "variables": "set of variables"}


def missing(references: Iterator[Reference], known: Known) -> list[NotFound]:
    """A refusal for every name of what there is not, with the nearest that there is."""
    found = []
    for one in references:
        names: set[str] = getattr(known, one.kind)
        if one.id not in names:
            near = get_close_matches(one.id, sorted(names), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            text = f"{one.path}: there is no {_WORDS.get(one.kind, one.kind)} {one.id!r}.{hint}"
            found.append(NotFound(text, path=one.path))
    return found


def of_component(body: Json, path: str) -> Iterator[Reference]:
    """The pools of a manifest."""
    yield from _pool(Fields(body, path))
    for tag, differing in (body.get("tags") or {}).items():
        yield from _pool(Fields(differing, join(path, "tags", tag)))


def of_config(body: Json, path: str) -> Iterator[Reference]:
    """The component of a configuration, and what its runtime, its processors and its tasks name."""
    yield Reference("component", body["component"], join(path, "component"))
    root = Fields(body, path).object("configuration")
    rows = [Fields(row, join(path, "rows", place)) for place, row in enumerate(body.get("rows") or ())]
    for part in (root, *(row.object("configuration") for row in rows)):
        yield from _pool(part.object("runtime"))
        yield from _processors(part.object("processors"))
    if body["component"] == ORCHESTRATOR:
        for place, task in enumerate(root.list("tasks")):
            yield from _task(Fields.read(task, join(root.at("tasks"), place)).object("task"))


def _pool(fields: Fields) -> Iterator[Reference]:
    if fields.get("pool") is not None:
        yield Reference("pool", fields.get("pool"), fields.at("pool"))


def _processors(fields: Fields) -> Iterator[Reference]:
    for side in ("before", "after"):
        for place, processor in enumerate(fields.list(side)):
            definition = Fields.read(processor, join(fields.at(side), place)).object("definition")
            if definition.get("component") is not None:
                yield Reference("component", definition.get("component"), definition.at("component"))


def _task(task: Fields) -> Iterator[Reference]:
    component, at = _either(task, "component", "componentId")
    if component is None:
        return
    yield Reference("component", component, at)
    yield from _pool(task)
    if task.get("variableValuesId") is not None:
        yield Reference("variables", task.get("variableValuesId"), task.at("variableValuesId"))
    config, at = _either(task, "config", "configId")
    if config is None or task.get("configData"):
        return
    yield Reference("config", f"{component}/{config}", at)
    for place, row in enumerate(task.list("configRowIds")):
        yield Reference("row", f"{component}/{config}/{row}", join(task.at("configRowIds"), place))


def _either(task: Fields, own: str, foreign: str) -> tuple[str | None, str]:
    """A name under our spelling of its field or under the foreign one."""
    name = own if task.get(own) is not None else foreign
    value = task.get(name)
    return (None if value is None else str(value)), task.at(name)

"""An orchestration as it is configured: phases in an order that can be run, each with its tasks. Pure.

It refuses what cannot be run, by the path of the field. What a task's own request means is resolved
elsewhere, and whether a task runs at all is decided in `selection`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from lockside.documents.enums import OnError
from lockside.protocol import texts
from locksided.core.errors import Invalid, Refused
from locksided.runner.fields import Fields, as_integer, as_number, join, wrong_type

RUNTIME_FIELDS = ("tag", "parallelism", "pool", "backend", "limits", "retry", "onLost")
"""What an orchestration says of these holds for its tasks, whatever they say themselves."""

_ASKED = (
    *("config", "configData", "configRowIds", "mode", "tag", "parallelism", "pool", "backend", "limits"),
    *("retry", "variableValuesId", "variableValuesData"),
)
_FOREIGN_SPELLINGS = (("component", "componentId"), ("config", "configId"))
_ONE_UP = "^"
_LEAST_PRIORITY, _MOST_PRIORITY = -100, 100


@dataclass(frozen=True, slots=True)
class Task:
    """One task; `request` has the fields of the job that it makes, `path` is where those stand.

    `delay_us` counts from the start of its phase. `priority` None is that of the orchestration.
    """

    id: str
    name: str | None
    enabled: bool
    request: Mapping[str, Any]
    priority: int | None
    delay_us: int | None
    path: str


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase; `after` are the places of those that must be done before it."""

    id: str
    name: str | None
    after: tuple[int, ...]
    on_error: OnError | None
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class _Named:
    """A phase as it was read, before its place is known."""

    fields: Fields
    id: str
    depends_on: tuple[str, ...]


def read_orchestration(root: Fields) -> tuple[Phase, ...]:
    """The phases, every one behind those that it depends on. Raises `Invalid`."""
    named = [_named(fields) for fields in _objects(root, "phases")]
    _refuse_twice((one.id, one.fields.at("id")) for one in named)
    order = _in_order(named)
    tasks = _tasks_by_phase(root, {one.id for one in named})
    places = {one.id: place for place, one in enumerate(order)}
    return tuple(_phase(one, places, tasks.get(one.id, ())) for one in order)


def check_orchestration(root: Fields) -> None:
    """Raises `Invalid` for phases and tasks that could not be run whatever the variables are.

    What has variables where its shape must be known is left to the run.
    """
    if "{{" in repr([root.get("phases"), [_shape(one) for one in root.list("tasks")]]):
        return
    named = [_named(fields) for fields in _objects(root, "phases")]
    _refuse_twice((one.id, one.fields.at("id")) for one in named)
    _in_order(named)
    _check_tasks(root, {one.id for one in named})


def _shape(task: object) -> object:
    return {name: task.get(name) for name in ("id", "phase")} if isinstance(task, Mapping) else task


def _check_tasks(root: Fields, phases: set[str]) -> list[Fields]:
    """The tasks, each with an id of its own and in a phase that there is. Raises `Invalid`."""
    given = _objects(root, "tasks")
    _refuse_twice((_id(fields, "id"), fields.at("id")) for fields in given)
    for fields in given:
        phase = _id(fields, "phase")
        if phase not in phases:
            path = fields.at("phase")
            raise Invalid(f"{path}: there is no phase {phase!r}.", path=path)
    return given


def _objects(root: Fields, name: str) -> list[Fields]:
    return [Fields.read(item, join(root.at(name), index)) for index, item in enumerate(root.list(name))]


def _id(fields: Fields, name: str) -> str:
    """An id, which foreign files write as a number."""
    return _id_text(fields.get(name), fields.at(name))


def _id_text(value: object, path: str) -> str:
    match value:
        case None:
            raise Invalid(f"{path} is missing.", path=path)
        case bool():
            raise wrong_type("an id", value, path)
        case int():
            return str(value)
        case str():
            return value
        case _:
            raise wrong_type("an id", value, path)


def _named(fields: Fields) -> _Named:
    before = fields.list("dependsOn")
    at = fields.at("dependsOn")
    depends_on = [_id_text(one, join(at, index)) for index, one in enumerate(before)]
    return _Named(fields, _id(fields, "id"), tuple(dict.fromkeys(depends_on)))


def _refuse_twice(ids: Iterable[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for one, path in ids:
        if one in seen:
            raise Invalid(f"{path}: the id {one!r} is taken by {seen[one]}.", path=path, first=seen[one])
        seen[one] = path


def _in_order(phases: Sequence[_Named]) -> list[_Named]:
    """The phases in the order in which they stand, but each behind those that it depends on."""
    by_id = {one.id: one for one in phases}
    for one in phases:
        for index, before in enumerate(one.depends_on):
            if before not in by_id:
                path = join(one.fields.at("dependsOn"), index)
                raise Invalid(f"{path}: there is no phase {before!r}.", path=path)
    sorter = TopologicalSorter({one.id: one.depends_on for one in phases})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        path = by_id[circle[0]].fields.at("dependsOn")
        shown = " -> ".join(circle)
        raise Invalid(
            f"{path}: these phases wait for each other: {shown}.", path=path, circle=circle
        ) from None
    stands = {one.id: place for place, one in enumerate(phases)}
    order: list[_Named] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda one: stands[one])
        order += [by_id[one] for one in ready]
        sorter.done(*ready)
    return order


def _tasks_by_phase(root: Fields, phases: set[str]) -> dict[str, list[Task]]:
    found: dict[str, list[Task]] = {}
    for fields in _check_tasks(root, phases):
        found.setdefault(_id(fields, "phase"), []).append(_task(fields))
    return found


def _task(fields: Fields) -> Task:
    asked = fields.object("task")
    return Task(
        id=_id(fields, "id"),
        name=fields.text("name"),
        enabled=fields.flag("enabled") is not False,
        request=_request(fields, asked),
        priority=_priority(asked),
        delay_us=_delay_us(asked),
        path=asked.path,
    )


def _request(fields: Fields, asked: Fields) -> dict[str, Any]:
    """The fields of the task's job; the failure of a task that may fail is a warning."""
    request = {name: asked.get(name) for name in _ASKED if asked.get(name) is not None}
    for own, foreign in _FOREIGN_SPELLINGS:
        value = asked.get(own) if asked.get(own) is not None else asked.get(foreign)
        if value is not None:
            request[own] = value
    if "component" not in request:
        path = asked.at("component")
        raise Invalid(f"{path} is missing: name the component that the task runs.", path=path)
    behavior = asked.object("behavior")
    on_error = behavior.choice("onError", OnError)
    if on_error is None and fields.flag("continueOnFailure"):
        on_error = OnError.WARNING.value
    return {**request, "behavior": {"onError": on_error}}


def _priority(asked: Fields) -> int | None:
    value, path = asked.get("priority"), asked.at("priority")
    if isinstance(value, str):
        try:
            value = texts.priority(value)
        except ValueError as problem:
            raise Invalid(f"{path}: {problem}.", path=path) from None
    if value is None:
        return None
    return as_integer(value, path, least=_LEAST_PRIORITY, most=_MOST_PRIORITY)


def _delay_us(asked: Fields) -> int | None:
    value, path = asked.get("delay"), asked.at("delay")
    if value is None:
        return None
    try:
        seconds = texts.duration_seconds(value) if isinstance(value, str) else as_number(value, path, least=0)
    except ValueError as problem:
        raise Invalid(f"{path}: {problem}.", path=path) from None
    if seconds > texts.MAX_SECONDS:
        raise Invalid(f"{path} must be at most {texts.MAX_SECONDS} seconds.", path=path)
    return int(seconds * 1_000_000) or None


def _phase(named: _Named, places: Mapping[str, int], tasks: Sequence[Task]) -> Phase:
    on_error = named.fields.object("behavior").choice("onError", OnError)
    return Phase(
        id=named.id,
        name=named.fields.text("name"),
        after=tuple(sorted(places[one] for one in named.depends_on)),
        on_error=OnError(on_error) if on_error else None,
        tasks=tuple(tasks),
    )


def passed_on(levels: Sequence[Fields]) -> tuple[Fields, ...]:
    """Of an orchestration's own levels what holds for its tasks too; the paths are marked as one up."""
    return tuple(
        Fields(
            {name: level.get(name) for name in RUNTIME_FIELDS if level.get(name) is not None},
            _ONE_UP + level.path,
        )
        for level in levels
    )


def as_seen_above(refusal: Refused, path: str) -> Refused:
    """A refusal of a task's request, whose fields stand at `path`, as one of the orchestration's."""
    found = refusal.path or "$"
    seen = found.removeprefix(_ONE_UP) if found.startswith(_ONE_UP) else path + found[1:]
    refusal.message = refusal.message.replace(found, seen) if refusal.path else f"{path}: {refusal.message}"
    refusal.path = seen
    return refusal

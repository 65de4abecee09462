"""References from documents to other documents, and which of them are missing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lockside.documents.component import COMMAND, ORCHESTRATOR, STORAGE, Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.paths import join
from lockside.documents.pool import SLOTS
from lockside.documents.reading import Fault
from lockside.documents.request import DEFAULT_BRANCH, JobRequest
from lockside.documents.runtime import Runtime
from lockside.documents.schedule import JobMaker
from lockside.documents.staging import listed
from lockside.documents.template import TemplateSpec
from lockside.documents.trigger import TriggerSpec
from lockside.documents.variables import PLACE
from lockside.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference: the kind and id of a document, and the field with it. A row's id is
    `component/config/row`.
    """

    kind: str
    id: str
    path: str


class Names:
    """The existing ids by kind, as in `component/config` and `component/config/row`."""

    def __init__(self) -> None:
        self._known: defaultdict[str, set[str]] = defaultdict(set, component={COMMAND, ORCHESTRATOR, STORAGE})

    def add(self, kind: str, name: str, body: Any = None) -> None:
        """Add an object, and the rows in its body."""
        self._known[kind].add(name)
        rows = body.get("rows") if isinstance(body, Mapping) else None
        ids = [row.get("id") for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        self._known["row"] |= {f"{name}/{row}" for row in filter(None, ids)}

    def of(self, kind: str) -> list[str]:
        """Return the ids of a kind, sorted."""
        return sorted(self._known[kind])

    def has(self, reference: Reference) -> bool:
        """Return whether the referenced document exists."""
        return reference.id in self._known[reference.kind]

    def nearest(self, reference: Reference) -> str | None:
        """Return the existing id most similar to one that does not exist, or None."""
        near = get_close_matches(reference.id, self.of(reference.kind), n=1)
        return near[0] if near else None


def title(kind: str) -> str:
    """Return the title of a kind of stored object, or `row`."""
    return KINDS[kind].title if kind in KINDS else kind


def missing(references: Iterable[Reference], names: Names) -> Iterator[Fault]:
    """Yield a fault for every missing document, with the most similar existing id."""
    for one in references:
        if not names.has(one):
            near = names.nearest(one)
            hint = f" Did you mean {near!r}?" if near else ""
            yield Fault(one.path, f"There is no {title(one.kind)} {one.id!r}.{hint}")


def nothing(*_: Any) -> Iterator[Any]:
    """Return no references, for kinds that have none."""
    return iter(())


def of_component(manifest: Manifest, path: str) -> Iterator[Reference]:
    """Yield the pools, resources and systems of a manifest."""
    yield from _place(manifest, path)
    if manifest.default_system is not None:
        yield Reference("system", manifest.default_system, join(path, "defaultSystem"))
    for tag, changes in manifest.tags.items():
        yield from _named_place({name: changes.get(name) for name in _PLACE}, join(path, "tags", tag))


def of_config(config: ConfigSpec, path: str) -> Iterator[Reference]:
    """Yield the component of a configuration, and the references in its runtime, processors and tasks."""
    yield Reference("component", config.component, join(path, "component"))
    for at, content in config.contents(path):
        yield from _place(content.runtime, join(at, "runtime"))
        yield from _systems(content.runtime, join(at, "runtime"))
        for side, place, processor in content.processors.placed():
            named = join(at, "processors", side.value, place, "definition", "component")
            yield Reference("component", processor.definition.component, named)
    if config.component == ORCHESTRATOR:
        for place in range(len(config.content.tasks)):
            yield from _of_task(config, place, join(path, "configuration", "tasks", place, "task"))


def of_schedule(schedule: JobMaker, path: str) -> Iterator[Reference]:
    """Yield the references in the job of a schedule."""
    job, at = schedule.request, join(path, "job")
    yield Reference("component", job.component, join(at, "component"))
    yield from _place(job, at)
    yield from _systems(job, at)
    if job.variable_values_id is not None:
        yield Reference("variables", job.variable_values_id, join(at, "variableValuesId"))
    if job.config is None or job.body is not None or job.branch_id not in (None, DEFAULT_BRANCH):
        return
    yield Reference("config", f"{job.component}/{job.config}", join(at, "config"))
    for index, row in enumerate(job.config_row_ids):
        yield Reference("row", f"{job.component}/{job.config}/{row}", join(at, "configRowIds", index))


def of_trigger(trigger: TriggerSpec, path: str) -> Iterator[Reference]:
    """Yield the references in the job of a trigger, and the components in its conditions."""
    yield from of_schedule(trigger, path)
    for place, condition in enumerate(trigger.on):
        if condition.job is not None:
            yield Reference("component", condition.job.component, join(path, "on", place, "job", "component"))


def of_template(template: TemplateSpec, path: str) -> Iterator[Reference]:
    """Yield the references in the job of a template, except those with variables."""
    job, at = template.job, join(path, "job")
    if not PLACE.search(component := job["component"]):
        yield Reference("component", component, join(at, "component"))
        if isinstance(config := job.get("config"), str) and not (
            PLACE.search(config) or job.get("configData")
        ):
            yield Reference("config", f"{component}/{config}", join(at, "config"))
    for kind, name in (("pool", "pool"), ("variables", "variableValuesId")):
        if isinstance(value := job.get(name), str) and not PLACE.search(value):
            yield Reference(kind, value, join(at, name))


_PLACE = ("pool", "pools", "needs")


def _place(document: Any, path: str) -> Iterator[Reference]:
    """Return the pools of a document, and the resources that it needs."""
    return _named_place({name: getattr(document, name) for name in _PLACE}, path)


def _named_place(given: Mapping[str, Any], path: str) -> Iterator[Reference]:
    pool, pools, needs = (given[name] for name in _PLACE)
    if isinstance(pool, str):
        yield Reference("pool", pool, join(path, "pool"))
    for place, one in enumerate(pools if isinstance(pools, list) else ()):
        yield Reference("pool", one, join(path, "pools", place))
    for name in needs if isinstance(needs, Mapping) else ():
        if name != SLOTS:
            yield Reference("resource", name, join(path, "needs", name))


def _systems(given: Runtime | JobRequest, path: str) -> Iterator[Reference]:
    for place, one in enumerate(listed(given.inputs)):
        if one.system is not None:
            yield Reference("system", one.system, join(path, "inputs", place, "source"))
    if given.archive is not None and given.archive.is_asked:
        yield Reference("system", given.archive.decided.system or "", join(path, "archive", "system"))


def _of_task(config: ConfigSpec, place: int, path: str) -> Iterator[Reference]:
    task, given = config.content.tasks[place].task, config.configuration["tasks"][place]["task"]
    if task.template is not None:
        yield Reference("template", task.template.partition("@")[0], join(path, "template"))
    if not task.component:
        return
    yield Reference("component", task.component, join(path, _spelling(given, "component", "componentId")))
    yield from _place(task, path)
    if task.variable_values_id is not None:
        yield Reference("variables", task.variable_values_id, join(path, "variableValuesId"))
    if task.config is None or task.config_data:
        return
    name = f"{task.component}/{task.config}"
    yield Reference("config", name, join(path, _spelling(given, "config", "configId")))
    for index, row in enumerate(task.config_row_ids):
        yield Reference("row", f"{name}/{row}", join(path, "configRowIds", index))


def _spelling(given: dict[str, Any], own: str, foreign: str) -> str:
    """Return the spelling with which a member was given."""
    return own if own in given else foreign

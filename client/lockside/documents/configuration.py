"""Configurations: how components are run. The members that lockside acts on are typed; all others are kept.

The stored body stays the caller's own JSON; `Configuration` is a reading of it. Keboola's own files are
accepted as they are: unknown keys, `[]` for an empty object, numbers for ids, `componentId`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from lockside.documents.archive import Archive
from lockside.documents.base import ComponentId, ConfigId, Document, FieldError, In, RowId, Text
from lockside.documents.component import ORCHESTRATOR, Manifest
from lockside.documents.enums import ProcessorPosition
from lockside.documents.orchestration import Phase, Task, TaskSpecification, order_faults
from lockside.documents.paths import Steps, join, steps_of
from lockside.documents.reading import convert, fault_of, stored_form
from lockside.documents.runtime import Limits, Retry, Runtime
from lockside.documents.staging import Inputs
from lockside.documents.storage import Input, InputTable, Output, OutputTable, Storage
from lockside.documents.stored_files import InputFile, OutputFile
from lockside.documents.variables import Scalar

_CIPHER: Final = re.compile(r"KBC::\w+::")
_SHARED_CODE: Final = "shared code is not inserted here: put the code itself into the parameters"
_VARIABLES: Final = (
    "give values in `variables`, or name the set in a task or with the job as `variableValuesId`"
)
_MEANINGS: Final = {
    "image_tag": "the tag of the component is `runtime.tag`",
    "imageTag": "the tag of the component is `runtime.tag`",
    "shared_code_id": _SHARED_CODE,
    "shared_code_row_ids": _SHARED_CODE,
    "variables_id": _VARIABLES,
    "variables_values_id": _VARIABLES,
    "input": "put it under `storage`",
    "output": "put it under `storage`",
    "before": "put it under `processors`",
    "after": "put it under `processors`",
}
_PLACES: Final = {
    "`runtime`": Runtime,
    "`runtime.limits`": Limits,
    "`runtime.retry`": Retry,
    "the component": Manifest,
}


def remedy(key: Steps) -> str:
    """What to do about a key that is unknown where it stands; empty when nobody can tell."""
    name = str(key[-1])
    if name in _MEANINGS:
        return _MEANINGS[name]
    own = re.sub("_([a-z])", lambda found: found[1].upper(), name)
    for place, kind in _PLACES.items():
        if own in kind.__struct_encode_fields__:
            called = f" as `{own}`" if own != name else ""
            return f"put it {'into' if kind is Manifest else 'under'} {place}{called}"
    return ""


def effect(key: Steps) -> str:
    """What becomes of a key that is unknown where it stands, and what to do about it."""
    known = remedy(key)
    return "it is kept and has no effect" + (f": {known}" if known else "")


def foreign_values(document: Any) -> Iterator[tuple[Steps, str]]:
    """The values that only another system can read, and a sentence about each."""
    left: list[tuple[Steps, Any]] = [((), document)]
    while left:
        steps, value = left.pop()
        if isinstance(value, str) and _CIPHER.match(value):
            yield steps, "It is encrypted by Keboola and cannot be decrypted here: put the value itself here"
        members = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else ()
        left += reversed([((*steps, step), inner) for step, inner in (*members, *items)])


MAX_DEPTH = 100


class ProcessorDefinition(Document, frozen=True, kw_only=True):
    """The component that is a processor.

    Attributes:
        component: The processor's component id.
        tag: The tag of that component.
    """

    component: ComponentId
    tag: str | None = None


class Processor(Document, frozen=True, kw_only=True):
    """One step before or after the component's own.

    Attributes:
        definition: The component to run.
        parameters: The parameters in the step's `config.json`.
    """

    definition: ProcessorDefinition
    parameters: dict[str, Any] = {}


class Processors(Document, frozen=True, kw_only=True):
    """What runs before and after the component itself.

    Attributes:
        before: Steps before the component, in their order.
        after: Steps after the component, in their order.
    """

    before: list[Processor] = []
    after: list[Processor] = []

    def __bool__(self) -> bool:
        return bool(self.before or self.after)

    def placed(self) -> Iterator[tuple[ProcessorPosition, int, Processor]]:
        """All of them with their side and their place there."""
        for place, processor in enumerate(self.before):
            yield ProcessorPosition.BEFORE, place, processor
        for place, processor in enumerate(self.after):
            yield ProcessorPosition.AFTER, place, processor


class Configuration(Document, frozen=True, kw_only=True):
    """The body of a configuration or a row, as far as the daemon uses it.

    Attributes:
        parameters: The component's own parameters, checked by its `schema`; written to `config.json`.
        storage: The storage mapping, passed to the component in `config.json`.
        processors: Steps before and after the component; in the configuration or in its rows, not in both.
        runtime: How jobs of the configuration run.
        variables: Default values of variables, by name.
        authorization: Credentials, passed to the component in `config.json`.
        artifacts: Settings of artifacts, kept as they are.
        phases: The phases of an orchestration.
        tasks: The tasks of an orchestration.
    """

    parameters: dict[str, Any] = {}
    storage: dict[str, Any] = {}
    processors: Processors = Processors()
    runtime: Runtime = Runtime()
    variables: dict[str, Scalar | None] = {}
    authorization: dict[str, Any] = {}
    artifacts: dict[str, Any] = {}
    phases: list[Phase] = []
    tasks: list[Task] = []

    def check(self) -> None:
        """Raises FieldError for a body inside a task that cannot be read."""
        for place, task in enumerate(self.tasks):
            if task.task.config_data is not None:
                content_of(task.task.config_data, f"tasks[{place}].task.configData")


class Row(In, frozen=True, kw_only=True, dict=True):
    """A part of a configuration that can run on its own.

    Attributes:
        id: The row's id.
        is_disabled: Whether it runs only when it is named.
        configuration: What is merged over the configuration; the row wins. See Configuration.
    """

    id: RowId
    name: Annotated[str, Meta(max_length=255)] | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}

    def check(self) -> None:
        """Raises FieldError for a body that cannot be read."""
        _ = self.content

    @cached_property
    def content(self) -> Configuration:
        """The body's typed members. Raises FieldError."""
        return content_of(self.configuration, "configuration", is_stored=self.is_stored)


class ConfigSpec(In, frozen=True, kw_only=True, dict=True):
    """A configuration to store in the branch that the request names.

    Attributes:
        configuration: The configuration itself; see Configuration.
        rows: Its rows.
    """

    component: ComponentId
    config: ConfigId
    name: Annotated[str, Meta(max_length=255)] | None = None
    description: Text | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}
    rows: Annotated[list[Row], Meta(max_length=10_000)] = []

    def check(self) -> None:
        """Raises FieldError for a configuration that no job could use."""
        _refuse_repeated(self.rows)
        if self.content.processors:
            for place, row in enumerate(self.rows):
                if row.content.processors:
                    text = "Processors stand in the configuration or in its rows, not in both"
                    raise FieldError(text, f"rows[{place}].configuration.processors")
        runtime = self.content.runtime
        refuse_without_folder(self.component, runtime.inputs, runtime.archive, "configuration.runtime")
        if self.component == ORCHESTRATOR:
            check_orchestration(self.content, "configuration")

    @cached_property
    def content(self) -> Configuration:
        """The body's typed members. Raises FieldError."""
        return content_of(self.configuration, "configuration", is_stored=self.is_stored)

    def contents(self, path: str) -> Iterator[tuple[str, Configuration]]:
        """The typed members of the configuration and of its rows, and the paths where they stand."""
        yield join(path, "configuration"), self.content
        for place, row in enumerate(self.rows):
            yield join(path, "rows", place, "configuration"), row.content

    def ignored_members(self) -> list[str]:
        """Returns a sentence for each key and value that is kept and has no effect."""
        bodies = [("$.configuration", self.configuration)]
        bodies += [
            (f"$.rows[{place}].configuration", row.configuration) for place, row in enumerate(self.rows)
        ]
        told = [
            f"{path} is unknown; {effect(steps_of(path))}."
            for at, body in bodies
            for path in kept_keys(body, at)
        ]
        values = [(at, found) for at, body in bodies for found in foreign_values(body)]
        return [*told, *(f"{join(at, *steps)}: {text}." for at, (steps, text) in values)]


def _refuse_repeated(rows: Sequence[Row]) -> None:
    seen: set[str] = set()
    for place, row in enumerate(rows):
        if row.id in seen:
            raise FieldError(f"Two rows have the id {row.id!r}", f"rows[{place}].id")
        seen.add(row.id)


def check_orchestration(content: Configuration, field: str) -> None:
    """Raises FieldError for phases and tasks that cannot be run in an order."""
    for at, text in order_faults(content.phases, content.tasks):
        raise FieldError(text, f"{field}.{at}")


def refuse_without_folder(component: str, inputs: Inputs | None, archive: Archive | None, path: str) -> None:
    """Raise FieldError for inputs and an archive of what has no data folder."""
    given = {"inputs": inputs, "archive": archive is not None and archive.is_asked}
    for name, value in given.items():
        if value and component == ORCHESTRATOR:
            text = f"An orchestration has no data folder: give `{name}` to its tasks"
            raise FieldError(text, join(path, name).removeprefix("."))


def content_of(body: dict[str, Any], field: str, *, is_stored: bool = False) -> Configuration:
    """Returns the typed members of the body in a field. Raises FieldError, but not for what is stored."""
    text = None if is_stored else _text_of(body)
    if text is None:
        return _content_of(body, field, is_stored=is_stored)
    content = _CONTENTS.get(text)
    if content is None:
        content = _content_of(body, field, is_stored=False)
        if len(_CONTENTS) >= CONTENTS_KEPT:
            _CONTENTS.clear()
        _CONTENTS[text] = content
    return content


CONTENTS_KEPT = 256
LARGEST_KEPT_BYTES = 4096
_CONTENTS: dict[bytes, Configuration] = {}
"""Of the last bodies that were good, by their JSON: scripts send the same again and again."""


def _text_of(body: dict[str, Any]) -> bytes | None:
    """The JSON of a body; None of a long one, of one with secrets, and of what JSON cannot say."""
    try:
        text = msgspec.json.encode(body)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return text if len(text) <= LARGEST_KEPT_BYTES and b'"#' not in text else None


def _content_of(body: dict[str, Any], field: str, *, is_stored: bool) -> Configuration:
    if not is_stored and is_deeper(body, MAX_DEPTH):
        raise FieldError(f"It is nested deeper than {MAX_DEPTH} levels", field)
    kind = stored_form(Configuration) if is_stored else Configuration
    try:
        content: Configuration = convert(_own_spelling(body), kind)
    except msgspec.ValidationError as problem:
        fault = fault_of(problem, body, kind)
        raise FieldError(fault.message, field + fault.path.removeprefix("$")) from None
    if not is_stored:
        _refuse_unknown(body, field)
    return content


def merged(root: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the root with a row's values over it: objects are merged at any depth, all else is replaced."""
    result = dict(root)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, dict) and value in ({}, []):
            continue
        is_merged = isinstance(below, dict) and isinstance(value, dict)
        result[key] = merged(below, value) if is_merged else value  # type: ignore[arg-type]
    return result


def is_deeper(document: object, depth: int) -> bool:
    """Whether a document is nested deeper; level by level, so that no depth is too much for it."""
    level = [document]
    for _ in range(depth):
        inside = [outer.values() if type(outer) is dict else outer for outer in level]
        level = [value for values in inside for value in values if type(value) in _NESTED]  # type: ignore[attr-defined]
        if not level:
            return False
    return True


_NESTED = frozenset((dict, list))

# -- Keboola's spelling -----------------------------------------------------------------------------------

_OBJECTS = ("parameters", "storage", "processors", "runtime", "variables", "authorization", "artifacts")
_OBJECTS_OF_PARTS = ("backend", "limits", "behavior", "variableValuesData", "parameters", "configData")
_SPELT = frozenset(("runtime", "phases", "tasks"))
_FOREIGN = {"componentId": "component", "configId": "config"}
_KEPT: dict[type[msgspec.Struct], frozenset[str]] = {
    TaskSpecification: frozenset((*_FOREIGN, "type", "metadata")),
    Task: frozenset(("backend", "description", "metadata")),
    Phase: frozenset(("description", "metadata")),
    InputTable: frozenset(("overwrite", "use_view", "load_type", "keep_internal_timestamp_column")),
}
"""What stands in phases, tasks and mappings of Keboola's files, and has no effect here."""

_SIDES = (("input", Input, InputTable, InputFile), ("output", Output, OutputTable, OutputFile))


def _own_spelling(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if not any(value == [] or name in _SPELT for name, value in body.items()):
        return body
    plain = _objects_for_empty_lists(body, _OBJECTS)
    if isinstance(plain.get("runtime"), dict):
        plain["runtime"] = _objects_for_empty_lists(plain["runtime"], _OBJECTS_OF_PARTS)
    for name in ("phases", "tasks"):
        if isinstance(plain.get(name), list):
            plain[name] = [_own_part(part) for part in plain[name]]
    return plain


def _objects_for_empty_lists(body: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """PHP cannot tell an empty object from an empty list, so its files have `[]` where `{}` is meant."""
    return {**body, **{name: {} for name in names if body.get(name) == []}}


def _own_part(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    part = _objects_for_empty_lists(part, _OBJECTS_OF_PARTS)
    if isinstance(part.get("task"), dict):
        task = _objects_for_empty_lists(part["task"], _OBJECTS_OF_PARTS)
        for foreign, own in _FOREIGN.items():
            if foreign in task and own not in task:
                task[own] = str(task[foreign]) if type(task[foreign]) is int else task[foreign]
        part["task"] = task
    return part


# -- unknown keys -----------------------------------------------------------------------------------------


@cache
def members_of(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Returns the names of a type's members in JSON."""
    return frozenset(kind.__struct_encode_fields__)


def unknown_keys(body: Mapping[str, Any], path: str = "$") -> Iterator[tuple[str, list[str]]]:
    """The paths of keys that have no effect, each with the known names beside it."""
    for at, part, kind in _parts(body, path):
        if not isinstance(part, dict):
            continue
        known = members_of(kind)
        for key in part:
            if key not in known and key not in _KEPT.get(kind, ()):
                yield join(at, key), sorted(known)


def _parts(body: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, type[msgspec.Struct]]]:
    yield path, body, Configuration
    yield f"{path}.runtime", body.get("runtime"), Runtime
    processors, at = body.get("processors"), f"{path}.processors"
    if processors:
        yield at, processors, Processors
        for side in ("before", "after"):
            yield from _items(processors, side, at, Processor, "definition", ProcessorDefinition)
    yield from _storage_parts(body.get("storage"), f"{path}.storage")
    yield from _items(body, "phases", path, Phase)
    yield from _items(body, "tasks", path, Task, "task", TaskSpecification)


def _storage_parts(storage: Any, path: str) -> Iterator[tuple[str, Any, type[msgspec.Struct]]]:
    yield path, storage, Storage
    for side, kind, table, file in _SIDES:
        part, at = storage.get(side) if isinstance(storage, dict) else None, join(path, side)
        yield at, part, kind
        yield from _items(part, "tables", at, table)
        yield from _items(part, "files", at, file)


def _items(
    body: Any,
    name: str,
    path: str,
    kind: type[msgspec.Struct],
    inner: str = "",
    inner_kind: type[msgspec.Struct] = Document,
) -> Iterator[tuple[str, Any, type[msgspec.Struct]]]:
    items = body.get(name) if isinstance(body, dict) else None
    for place, item in enumerate(items if isinstance(items, list) else ()):
        at = join(path, name, place)
        yield at, item, kind
        if inner and isinstance(item, dict):
            yield join(at, inner), item.get(inner), inner_kind


def kept_keys(body: Mapping[str, Any], path: str = "$") -> Iterator[str]:
    """The paths of unknown keys that are kept: Keboola's files have more there than is known here."""
    for at, known in unknown_keys(body, path):
        is_mapping = at.startswith(f"{path}.storage")
        if is_mapping or (_is_extensible(at, path) and not likely(str(steps_of(at)[-1]), known)):
            yield at


def _refuse_unknown(body: Mapping[str, Any], field: str) -> None:
    """Refuse a likely misspelling, and in phases, tasks and processors whatever nobody knows.

    In a storage mapping nothing is refused, which a component may read in its own way.
    """
    for path, known in unknown_keys(body, field):
        if path.startswith(f"{field}.storage"):
            continue
        name = str(steps_of(path)[-1])
        is_extensible = _is_extensible(path, field)
        near = likely(name, known) if is_extensible else next(iter(get_close_matches(name, known, n=1)), None)
        if near:
            raise FieldError(f"Unknown field `{name}`: did you mean `{near}`?", path)
        if not is_extensible:
            raise FieldError(f"Unknown field `{name}`; known are {', '.join(known)}", path)


def _is_extensible(path: str, root: str) -> bool:
    """Whether a key stands in the body itself or in its `runtime`."""
    return len(steps_of(path)) - len(steps_of(root)) == 1 or path.startswith(f"{root}.runtime.")


def likely(name: str, known: Sequence[str]) -> str | None:
    """Returns the known name that this one is probably a misspelling of."""
    near = get_close_matches(name, [one for one in known if abs(len(one) - len(name)) <= 1], n=1, cutoff=0.8)
    return near[0] if near else None

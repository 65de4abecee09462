"""Configurations: how components are run. The members that lockside acts on are typed; all others are kept.

The stored body remains the caller's JSON; `Configuration` is its typed view. Files of Keboola are accepted
unchanged: unknown keys, `[]` for an empty object, numbers for ids, `componentId`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lockside.documents.archive import Archive
from lockside.documents.base import ComponentId, ConfigId, Document, FieldError, In, RowId, Text
from lockside.documents.component import ORCHESTRATOR
from lockside.documents.enums import ProcessorPosition
from lockside.documents.keboola_spelling import foreign_values, own_spelling
from lockside.documents.orchestration import Phase, Task, TaskSpecification, order_faults
from lockside.documents.paths import join, steps_of
from lockside.documents.reading import convert, fault_of, stored_form
from lockside.documents.runtime import Runtime
from lockside.documents.staging import Inputs
from lockside.documents.storage import Check, Input, InputColumn, InputTable, Output, OutputTable, Storage
from lockside.documents.stored_files import FileSource, InputFile, OutputFile, SourceTag
from lockside.documents.unknown_keys import effect, kept, refuse_unknown, unknown_in
from lockside.documents.variables import Scalar

MAX_DEPTH = 100
_SIDES = (("input", Input, InputTable, InputFile), ("output", Output, OutputTable, OutputFile))


class ProcessorDefinition(Document, frozen=True, kw_only=True):
    """The component of a processor.

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
    """The steps before and after the component.

    Attributes:
        before: Steps before the component, in order.
        after: Steps after the component, in order.
    """

    before: list[Processor] = []
    after: list[Processor] = []

    def __bool__(self) -> bool:
        return bool(self.before or self.after)

    def placed(self) -> Iterator[tuple[ProcessorPosition, int, Processor]]:
        """Yield all processors with their side and their index."""
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
        artifacts: Settings of artifacts, stored without effect.
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
        """Raises FieldError for a task with an invalid configuration."""
        for place, task in enumerate(self.tasks):
            if task.task.config_data is not None:
                content_of(task.task.config_data, f"tasks[{place}].task.configData")


class Row(In, frozen=True, kw_only=True, dict=True):
    """A part of a configuration that can run on its own.

    Attributes:
        id: The row's id.
        is_disabled: Whether it runs only if it is named.
        configuration: The values that override those of the configuration. See Configuration.
    """

    id: RowId
    name: Annotated[str, Meta(max_length=255)] | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}

    def check(self) -> None:
        """Raises FieldError for an invalid body."""
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
                    text = "Give processors in the configuration or in its rows, not in both"
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
        """Yield the typed members of the configuration and of its rows, with their paths."""
        yield join(path, "configuration"), self.content
        for place, row in enumerate(self.rows):
            yield join(path, "rows", place, "configuration"), row.content

    def ignored_members(self) -> list[str]:
        """Return a sentence for each key and value that is stored and has no effect."""
        bodies = [("$.configuration", self.configuration)]
        bodies += [
            (f"$.rows[{place}].configuration", row.configuration) for place, row in enumerate(self.rows)
        ]
        told = [
            f"{path} is unknown; {effect(steps_of(path), known)}."
            for at, body in bodies
            for path, known in kept_keys(body, at)
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
    """Raises FieldError for phases and tasks that cannot be ordered."""
    for at, text in order_faults(content.phases, content.tasks):
        raise FieldError(text, f"{field}.{at}")


def refuse_without_folder(component: str, inputs: Inputs | None, archive: Archive | None, path: str) -> None:
    """Raise FieldError for inputs or an archive of an orchestration, which has no data folder."""
    given = {"inputs": inputs, "archive": archive is not None and archive.is_asked}
    for name, value in given.items():
        if value and component == ORCHESTRATOR:
            text = f"An orchestration has no data folder: give `{name}` to its tasks"
            raise FieldError(text, join(path, name).removeprefix("."))


def content_of(body: dict[str, Any], field: str, *, is_stored: bool = False) -> Configuration:
    """Return the typed members of the body in a field. Raises FieldError unless the body is a stored one."""
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
"""The last valid bodies, by their JSON: scripts send the same body repeatedly."""


def _text_of(body: dict[str, Any]) -> bytes | None:
    """Return the JSON of a body, or None if it is long, has secrets or is not JSON."""
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
        content: Configuration = convert(own_spelling(body), kind)
    except msgspec.ValidationError as problem:
        fault = fault_of(problem, body, kind)
        raise FieldError(fault.message, field + fault.path.removeprefix("$")) from None
    if not is_stored:
        refuse_unknown(unknown_keys(body, field), field)
    return content


def merged(root: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return the root with a row's values over it: objects are merged at any depth, other values are
    replaced.
    """
    result = dict(root)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, dict) and value in ({}, []):
            continue
        is_merged = isinstance(below, dict) and isinstance(value, dict)
        result[key] = merged(below, value) if is_merged else value  # type: ignore[arg-type]
    return result


def is_deeper(document: object, depth: int) -> bool:
    """Return whether a document is nested deeper; without recursion, so it works for any depth."""
    level = [document]
    for _ in range(depth):
        inside = [outer.values() if type(outer) is dict else outer for outer in level]
        level = [value for values in inside for value in values if type(value) in _NESTED]  # type: ignore[attr-defined]
        if not level:
            return False
    return True


_NESTED = frozenset((dict, list))


def unknown_keys(body: Mapping[str, Any], path: str = "$") -> Iterator[tuple[str, list[str]]]:
    """Return the paths of keys that have no effect, each with the known names in its place."""
    return unknown_in(_parts(body, path))


def kept_keys(body: Mapping[str, Any], path: str = "$") -> Iterator[tuple[str, list[str]]]:
    """Yield the unknown keys that are kept, with the known ones: files of Keboola have more keys there."""
    return kept(unknown_keys(body, path), path)


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
        for place, entry, of_entry in (*_items(part, "tables", at, table), *_items(part, "files", at, file)):
            yield place, entry, of_entry
            yield from _items(entry, "column_types", place, InputColumn)
            yield from _items(entry, "checks", place, Check)
            if of_entry is InputFile:
                source = entry.get("source") if isinstance(entry, dict) else None
                yield join(place, "source"), source, FileSource
                yield from _items(source, "tags", join(place, "source"), SourceTag)


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

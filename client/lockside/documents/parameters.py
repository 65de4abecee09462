"""The parameters of jobs: checked against the component's schemas, or read as a plain command."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from lockside.documents.component import COMMAND, ORCHESTRATOR, STORAGE, Manifest, Program
from lockside.documents.configuration import ConfigSpec, merged
from lockside.documents.paths import join, steps_of
from lockside.documents.placeholders import needed_parameters, without_value
from lockside.documents.reading import Fault, convert, fault_of, faults_of, value_at
from lockside.documents.schemas import SchemaError, schema_faults
from lockside.documents.secrets import is_cipher
from lockside.documents.storage import Storage
from lockside.documents.storage_jobs import StorageJob
from lockside.documents.variables import defaults_of, filled, names_in


class Body(NamedTuple):
    """The body of a configuration or a row, and its path."""

    path: str
    values: Mapping[str, Any]


class Parts(NamedTuple):
    """A configuration as it will run: its root, the rows that run (None without rows) and the variables."""

    root: Body
    rows: Sequence[Body] | None
    variables: Mapping[str, str]


def config_faults(manifest: Manifest, config: ConfigSpec, path: str) -> Iterator[Fault]:
    """Yield the faults in the parameters of a configuration at `path`, with its own variables."""
    if config.is_disabled or config.component == ORCHESTRATOR:
        return
    tag = config.content.runtime.tag
    effective = manifest.at_tag(tag)
    if effective is None:
        known = ", ".join(sorted(filter(None, (manifest.tag, *manifest.tags)))) or "none"
        yield Fault(
            join(path, "configuration", "runtime", "tag"),
            f"Component {manifest.id} has no tag {tag!r}. Its tags: {known}",
        )
        return
    rows = None
    if config.rows:
        rows = [
            Body(join(path, "rows", place, "configuration"), row.configuration)
            for place, row in enumerate(config.rows)
            if not row.is_disabled
        ]
    root = Body(join(path, "configuration"), config.configuration)
    parts = Parts(root, rows, defaults_of(config.content.variables))
    yield from parameter_faults(config.component, effective, parts)


def processor_faults(
    config: ConfigSpec, find: Callable[[str], Manifest | None], path: str
) -> Iterator[Fault]:
    """Yield processors that cannot run in their position, as far as their components are known."""
    for at, content in config.contents(path):
        for side, place, processor in content.processors.placed():
            manifest = find(processor.definition.component)
            effective = None if manifest is None else manifest.at_tag(processor.definition.tag)
            if effective is None:
                continue
            here = join(at, "processors", side.value, place)
            if text := effective.misplaced(side):
                yield Fault(join(here, "definition", "component"), text)
            for name in without_value(effective, processor.parameters):
                yield Fault(join(here, "parameters", name), _needed_by(effective))


def all_faults(config: ConfigSpec, find: Callable[[str], Manifest | None], path: str) -> Iterator[Fault]:
    """Yield the results of `processor_faults` and `config_faults`, as far as the components are known."""
    yield from processor_faults(config, find, path)
    manifest = find(config.component)
    if manifest is not None:
        yield from config_faults(manifest, config, path)


def parameter_faults(component: str, manifest: Manifest, parts: Parts) -> Iterator[Fault]:
    """Yield the faults in the parameters, except for texts that are not known yet: those with variables
    without a value, and encrypted ones.
    """
    form = _FORMS.get(component)
    found = _component_faults(manifest, parts) if form is None else _form_faults(parts, form)
    return (fault for fault, value in found if not _is_unknown(value))


def _is_unknown(value: Any) -> bool:
    return is_cipher(value) or (isinstance(value, str) and bool(names_in(value)))


def _component_faults(manifest: Manifest, parts: Parts) -> Iterator[tuple[Fault, Any]]:
    yield from _schema_faults(manifest, parts)
    for body in _bodies(parts) if needed_parameters(manifest) else ():
        for name in without_value(manifest, _parameters(body.values, parts.variables)):
            yield Fault(join(body.path, "parameters", name), _needed_by(manifest)), None


def _needed_by(manifest: Manifest) -> str:
    return f"It has no value, and the arguments of {manifest.id} need it"


def _bodies(parts: Parts) -> list[Body]:
    """Return what runs: the root, or each row merged over it."""
    if parts.rows is None:
        return [parts.root]
    return [Body(row.path, merged(parts.root.values, row.values)) for row in parts.rows]


def _schema_faults(manifest: Manifest, parts: Parts) -> Iterator[tuple[Fault, Any]]:
    for path, parameters, field, schema in _checks(manifest, parts):
        try:
            for steps, message, value in schema_faults(parameters, schema):
                yield Fault(join(path, *steps), message), value
        except SchemaError as problem:
            yield Fault(f"$.component.{field}", f"It is not a usable JSON Schema: {problem}"), None


def _checks(manifest: Manifest, parts: Parts) -> Iterator[tuple[str, Any, str, dict[str, Any]]]:
    """Yield the parameters to check: their path, their value, the schema's field, the schema."""
    schema, row_schema = manifest.schema, manifest.row_schema
    if schema is None and row_schema is None:
        return
    root = _parameters(parts.root.values, parts.variables)
    if schema is not None and (parts.rows is None or row_schema is not None):
        yield join(parts.root.path, "parameters"), root, "schema", schema
    for row in parts.rows or ():
        own, path = _parameters(row.values, parts.variables), join(row.path, "parameters")
        if row_schema is not None:
            yield path, own, "rowSchema", row_schema
        elif schema is not None:
            yield path, merged(root, own), "schema", schema


def _parameters(body: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    return filled(body.get("parameters") or {}, variables)


_FORMS: Final[Mapping[str, type[msgspec.Struct]]] = {COMMAND: Program, STORAGE: StorageJob}
"""The types of the parameters of built-in components."""


def _form_faults(parts: Parts, form: type[msgspec.Struct]) -> Iterator[tuple[Fault, Any]]:
    """Yield the first fault in the parameters of each body."""
    for body in _bodies(parts):
        parameters = _parameters(body.values, parts.variables)
        try:
            convert(parameters, form)
        except msgspec.ValidationError as problem:
            fault = fault_of(problem, parameters, form)
            path = join(body.path, "parameters") + fault.path.removeprefix("$")
            yield Fault(path, fault.message), value_at(parameters, steps_of(fault.path))


def storage_faults(parts: Parts) -> Iterator[Fault]:
    """Yield the faults in the storage mappings of a configuration and its rows."""
    for body in (parts.root, *(parts.rows or ())):
        storage = filled(body.values.get("storage") or {}, parts.variables)
        for fault in faults_of(storage, Storage):
            yield Fault(join(body.path, "storage") + fault.path.removeprefix("$"), fault.message)

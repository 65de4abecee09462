"""What a request means: the one function from a request and the stored documents to a frozen specification.

It reads and stores nothing. Every fault is refused here, with the path of the field, before anything is
created.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lockside.documents.base import camel
from lockside.documents.component import COMMAND, ORCHESTRATOR, Manifest
from lockside.documents.configuration import ConfigSpec, Configuration, Row, kept_keys
from lockside.documents.enums import JobType, Mode
from lockside.documents.parameters import Body, Parts, parameter_faults, storage_faults
from lockside.documents.paths import join, steps_of
from lockside.documents.request import JobRequest
from lockside.documents.unknown_keys import effect
from lockside.documents.variables import VariableValue, VariableValues, defaults_of, names_in, texts_of
from locksided.core.errors import Disabled, Invalid, NotFound
from locksided.runs.builtin_components import BUILT_IN, at_tag
from locksided.runs.partition import check_partition, part_manifests
from locksided.runs.processors import processor_manifests
from locksided.runs.refusals import refuse_first, without_extra
from locksided.runs.resolved import (
    Defaults,
    Found,
    Resolved,
    Root,
    RuntimeValues,
    Stored,
    TableSupport,
    config_lock_key,
    free_lock_key,
)
from locksided.runs.runtime_values import Level, deprecated, first_named, runtime_of
from locksided.runs.specification import ASKED, PASSED_ON, Specification, SpecifiedRow, needed
from locksided.tables.mapping import NO_TABLES, mapped_part


@dataclass(frozen=True, slots=True)
class _ChosenRow:
    """A row that runs, and the path of its configuration."""

    row: Row
    path: str


@dataclass(frozen=True, slots=True)
class _Subject:
    """What runs: the request with its documents, the root and rows, the manifest of the tag."""

    request: JobRequest
    component: Stored[Manifest]
    config: Stored[ConfigSpec] | None
    root: Root
    rows: list[_ChosenRow] | None
    asked: tuple[Level, ...]
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class _Values:
    """The texts of variables: all that were given, those that the configuration uses, those inherited."""

    given: Mapping[str, str]
    used: dict[str, str]
    inherited: Mapping[str, str]


def resolve(
    request: JobRequest,
    found: Found,
    defaults: Defaults,
    *,
    above: Sequence[Level] = (),
    inherited: Mapping[str, str] = MappingProxyType({}),
) -> Resolved:
    """Return the meaning of a request. Raises `Refused` with path and remedy.

    `above` has the runtime values of an orchestration, nearest first: they override its task's request.
    `inherited` has the values of its variables: only values in the request itself override them.
    """
    subject = _subject(request, found, above)
    runtime = runtime_of(subject.component.id, subject.asked, subject.manifest, defaults)
    values = _values(subject, found, inherited)
    parts = _parts(subject, values.used)
    refuse_first(parameter_faults(subject.component.id, subject.manifest, parts))
    if subject.component.id != ORCHESTRATOR:
        _check_storage(parts, defaults.tables)
    _check_inputs(subject, runtime, defaults.missing_schemes)
    if runtime.partition is not None:
        path = first_named(subject.asked, "partition")[1]
        check_partition(subject.component.id, request.mode, len(subject.rows or ()), path)
    return _resolved(subject, runtime, values, found)


def _check_storage(parts: Parts, tables: TableSupport) -> None:
    """Raise `Refused` for an invalid storage mapping, and for one that cannot be carried out."""
    named = [body for body in (parts.root, *(parts.rows or ())) if body.values.get("storage")]
    if tables is TableSupport.UNUSED or not named:
        return
    if tables is TableSupport.KEPT:
        refuse_first(storage_faults(parts))
        return
    for body in named:
        if (at := mapped_part(body.values["storage"])) is not None:
            path = join(body.path, "storage", *at)
            raise Disabled(f"{path}: {NO_TABLES}", path=path)


def _check_inputs(subject: _Subject, runtime: RuntimeValues, missing: Collection[str]) -> None:
    """Raise Disabled for a source whose scheme needs an extra that is not installed."""
    for place, one in enumerate(runtime.inputs):
        scheme = urlsplit(one.source).scheme
        if scheme in missing:
            raise without_extra(scheme, join(first_named(subject.asked, "inputs")[1], place, "source"))


def _subject(request: JobRequest, found: Found, above: Sequence[Level]) -> _Subject:
    component, config = _component(request, found), _config(request, found)
    root = _root(request, config)
    asked = (*above, *_levels(request, config, root))
    return _Subject(
        request=request,
        component=component,
        config=config,
        root=root,
        rows=_rows(request, config),
        asked=asked,
        manifest=at_tag(component.document, *first_named(asked, "tag")),
    )


def _component(request: JobRequest, found: Found) -> Stored[Manifest]:
    if request.component in BUILT_IN:
        return Stored(request.component, None, BUILT_IN[request.component])
    if found.component is None:
        raise NotFound(
            f"There is no component {request.component!r}. `lockside component ls` lists those that exist.",
            path="$.component",
        )
    return found.component


def _config(request: JobRequest, found: Found) -> Stored[ConfigSpec] | None:
    """Return the stored configuration; with `configData` it need not exist, because only its name is used."""
    if request.config is None:
        return None
    if found.config is None and request.body is None:
        text = f"Component {request.component} has no configuration {request.config!r}"
        raise NotFound(f"{text} in branch {request.branch}.", path="$.config")
    if found.config is not None and request.body is None:
        _refuse_disabled(request, found.config)
    return found.config


def _refuse_disabled(request: JobRequest, config: Stored[ConfigSpec]) -> None:
    if config.document.is_disabled and request.mode is not Mode.FORCE_RUN:
        text = f"Configuration {config.id} is disabled. Enable it, or run it with mode forceRun."
        raise Disabled(text, path="$.config")


def _root(request: JobRequest, config: Stored[ConfigSpec] | None) -> Root:
    if request.body is None and config is not None:
        return Root("$.configuration", config.document.configuration, config.document.content)
    return Root("$.configData", request.body or {}, request.content or Configuration())


def _levels(request: JobRequest, config: Stored[ConfigSpec] | None, root: Root) -> Iterator[Level]:
    """Yield the levels with a request's runtime values, nearest first, except that of the component."""
    yield Level(request, "$")
    yield Level(root.content.runtime, join(root.path, "runtime"))
    if request.body is not None and config is not None:
        yield Level(config.document.content.runtime, "$.configuration.runtime")


def _rows(request: JobRequest, config: Stored[ConfigSpec] | None) -> list[_ChosenRow] | None:
    """Return the rows that run, in order: the requested ones, even if disabled, or all enabled ones."""
    if request.body is not None or config is None:
        return None
    rows, asked = config.document.rows, request.asked_rows
    if not rows and not asked:
        return None
    known = {row.id for row in rows}
    for index, row_id in enumerate(asked):
        if row_id not in known:
            shown = ", ".join(sorted(known)[:20]) or "none"
            raise NotFound(
                f"Configuration {config.id} has no row {row_id!r}. Its rows: {shown}.",
                path=f"$.configRowIds[{index}]",
            )
    return [
        _ChosenRow(row, f"$.rows[{place}].configuration")
        for place, row in enumerate(rows)
        if (row.id in asked if asked else not row.is_disabled)
    ]


def _parts(subject: _Subject, variables: Mapping[str, str]) -> Parts:
    rows = None
    if subject.rows is not None:
        rows = [Body(chosen.path, chosen.row.configuration) for chosen in subject.rows]
    return Parts(Body(subject.root.path, subject.root.values), rows, variables)


def _values(subject: _Subject, found: Found, inherited: Mapping[str, str]) -> _Values:
    """Return the value of every variable. Raises `Refused` if the configuration uses one without a value."""
    request = subject.request
    named = request.variable_values_id
    if named is not None and found.variables is None:
        raise NotFound(f"There is no set of variables {named!r}.", path="$.variableValuesId")
    given = {
        **defaults_of(subject.root.content.variables),
        **found.context,
        **texts_of(() if found.variables is None else found.variables.document.values),
        **inherited,
        **texts_of(() if request.variable_values_data is None else request.variable_values_data.values),
    }
    if subject.component.id == COMMAND and not given:
        return _Values({}, {}, {})
    used = names_in([*_filled_parts(subject.root), *(one.row.configuration for one in subject.rows or ())])
    if subject.component.id == COMMAND and given.keys() <= found.context.keys():  # may be plain text
        return _Values(given, {name: given[name] for name in used if name in given}, inherited)
    _refuse_unfilled(used, given)
    return _Values(given, {name: given[name] for name in used}, inherited)


def _frozen_values(subject: _Subject, values: _Values) -> VariableValues:
    """Return the requested and inherited values that are used, so that a repeat gets the same."""
    asked = subject.request.variable_values_data or VariableValues()
    passes_on = subject.component.id == ORCHESTRATOR
    kept = [
        VariableValue(name=name, value=text)
        for name, text in values.inherited.items()
        if passes_on or name in values.used
    ]
    return VariableValues(values=[*kept, *asked.values]) if kept else asked


def _filled_parts(root: Root) -> Iterator[Any]:
    """Yield the texts in which variables are replaced; of tasks only the values that they pass on."""
    yield {name: value for name, value in root.values.items() if name not in ("variables", "phases", "tasks")}
    for task in root.content.tasks:
        if task.task.variable_values_data is not None:
            yield [one.value for one in task.task.variable_values_data.values]


def _refuse_unfilled(used: Sequence[str], given: Mapping[str, str]) -> None:
    missing = [name for name in used if name not in given]
    if missing:
        raise Invalid(
            f"The configuration uses variables that have no value: {', '.join(missing)}. Give them in "
            "variableValuesData, in a stored set, or as defaults of the configuration.",
            path="$.variableValuesData",
            variables=missing,
            type="user",
        )


def _lock_key(subject: _Subject, policy: str) -> str | None:
    request = subject.request
    if request.config is not None:
        if request.lock_key is not None:
            raise Invalid(
                "$.lockKey: a job of a configuration takes that configuration's lock. Leave lockKey out.",
                path="$.lockKey",
            )
        key = config_lock_key(request.branch, request.component, request.config)
    elif request.lock_key is not None:
        key = free_lock_key(request.lock_key)
    else:
        return None
    return None if policy == "none" else key


def _type(subject: _Subject, runtime: RuntimeValues) -> JobType:
    if subject.component.id == ORCHESTRATOR:
        return JobType.ORCHESTRATION
    has_parallel_rows = runtime.parallelism not in (None, 0) and len(subject.rows or ()) >= 2
    return JobType.CONTAINER if has_parallel_rows or runtime.partition is not None else JobType.STANDARD


def _resolved(subject: _Subject, runtime: RuntimeValues, values: _Values, found: Found) -> Resolved:
    request = subject.request
    is_command = subject.component.id == COMMAND
    body, environment = dict(subject.root.values), None
    if is_command:  # its environment is stored separately
        parameters = dict(subject.root.content.parameters)
        environment = parameters.pop("environment", None)
        body["parameters"] = parameters
    return Resolved(
        type=_type(subject, runtime),
        name=request.name or default_name(request, subject.rows is not None),
        lock_key=_lock_key(subject, runtime.lock_policy),
        on_lost=runtime.on_lost,
        spec=_specification(subject, runtime, body, values, found),
        environment=environment,
        warnings=tuple(_warnings(subject, values)),
        root=subject.root,
        asked=subject.asked,
        values=values.given,
    )


def _warnings(subject: _Subject, values: _Values) -> Iterator[str]:
    """Yield keys of `configData` and values without effect; a stored body was checked when it was stored."""
    body = {} if subject.request.body is None else subject.root.values
    for path, known in kept_keys(body, subject.root.path):
        yield f"{path} is unknown; {effect(steps_of(path), known)}."
    if subject.component.id != ORCHESTRATOR:  # the variables of its tasks are known when they are resolved
        yield from unused_values(subject.request, values.used, subject.root.content.variables)
    yield from deprecated(subject.asked)


def unused_values(request: JobRequest, used: Collection[str], defaults: Collection[str]) -> Iterator[str]:
    """Yield a warning for each given value that is not used; `defaults` are names with a default value.

    A template uses values itself, and refuses those that it does not ask for.
    """
    given = request.variable_values_data if request.template is None else None
    known = [*used, *defaults]
    for place, one in enumerate(() if given is None else given.values):
        if one.name in used:
            continue
        near = get_close_matches(one.name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        named = default_name(request, False)
        path = join("$.variableValuesData", "values", place)
        yield f"{path}: no {{{{ {one.name} }}}} in {named}{hint}"


def default_name(request: JobRequest, has_rows: bool) -> str:
    """Return `component/config#row`: the row only if a single one was requested."""
    if request.config is None:
        return request.component
    row = f"#{request.asked_rows[0]}" if has_rows and len(request.asked_rows) == 1 else ""
    return f"{request.component}/{request.config}{row}"


def _specification(
    subject: _Subject,
    runtime: RuntimeValues,
    body: dict[str, Any],
    values: _Values,
    found: Found,
) -> Specification:
    request, has_own_body = subject.request, subject.request.body is not None
    rows = None
    if subject.rows is not None:
        rows = [SpecifiedRow(id=one.row.id, configuration=one.row.configuration) for one in subject.rows]
    asked = {name: value for name in PASSED_ON if (value := getattr(request, name)) is not None}
    decided: dict[str, Any] = {
        "component_version": subject.component.version,
        "tag": subject.manifest.tag,
        "config_version": None if subject.config is None else subject.config.version,
        "config_data": body if has_own_body else None,
        "variable_values_data": _frozen_values(subject, values),
        "config_row_ids": list(request.asked_rows),
        "branch_id": request.branch,
        "pool": runtime.pools[0] if len(runtime.pools) == 1 else None,
        "pools": list(runtime.pools) if len(runtime.pools) > 1 else None,
        "needs": dict(runtime.needs) or None,
        "parallelism": runtime.parallelism,
        "backend": dict(runtime.backend),
        "limits": runtime.limits,
        "lock": runtime.lock_policy,
        "on_lost": runtime.on_lost,
        "retry": runtime.retry,
        "recovery": None if runtime.recovery is None else list(runtime.recovery),
        "inputs": [msgspec.to_builtins(one) for one in runtime.inputs] or None,
        "partition": runtime.partition,
        "archive": None if runtime.archive is None else msgspec.to_builtins(runtime.archive),
        "asked": [camel(name) for name in ASKED if getattr(request, name) is not None],
        "manifest": needed(subject.manifest),
        "processors": _processors(subject, runtime, found),
        "configuration": None if has_own_body else body,
        "rows": rows,
        "variables": values.used,
    }
    return Specification(**asked | decided)


def _processors(subject: _Subject, runtime: RuntimeValues, found: Found) -> dict[str, Manifest]:
    contents = [(subject.root.path, subject.root.content)]
    contents += [(one.path, one.row.content) for one in subject.rows or ()]
    path = first_named(subject.asked, "partition")[1]
    manifests = chain(
        processor_manifests(contents, found.processors),
        part_manifests(runtime.partition, found.processors, path),
    )
    return {key: needed(manifest) for key, manifest in manifests}

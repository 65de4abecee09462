"""What a request means: the one function from a request and the stored objects to a frozen specification.

It reads nothing and stores nothing. Whatever is wrong is refused here, with the path of the field, before
anything exists.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockside.documents.enums import JobType, Leftovers, Mode
from locksided.core.errors import Disabled, Invalid, NotFound
from locksided.runner.builtin import BUILT_IN, COMMAND, ORCHESTRATOR
from locksided.runner.configuration import (
    Row,
    check_content,
    choose_rows,
    read_rows,
    refuse_processors_twice,
)
from locksided.runner.fields import Fields
from locksided.runner.locking import config_lock_key, free_lock_key
from locksided.runner.manifest import effective_manifest
from locksided.runner.parameters import Parts, check_parameters, split_environment
from locksided.runner.precedence import named_tag, runtime_of
from locksided.runner.processors import processor_manifests
from locksided.runner.request import Request, read_request
from locksided.runner.resolved import Defaults, Found, Resolved, Runtime, Stored
from locksided.runner.specification import specification
from locksided.runner.variables import names_in, variables_of


@dataclass(frozen=True, slots=True)
class _Subject:
    """What runs: the request with its objects, the configuration's root and rows, the manifest of the tag."""

    request: Request
    component: Stored
    config: Stored | None
    root: Fields
    rows: list[Row] | None
    asked: tuple[Fields, ...]
    manifest: Mapping[str, Any]
    warnings: tuple[str, ...]


def resolve(
    values: Mapping[str, Any],
    found: Found,
    defaults: Defaults,
    *,
    above: Sequence[Fields] = (),
) -> Resolved:
    """The meaning of a request, given as plain fields. Raises `Refused` with path and remedy.

    `above` has the runtime values of an orchestration, nearest first: they win over its task's request.
    """
    return resolve_request(read_request(values), found, defaults, above=above)


def resolve_request(
    request: Request, found: Found, defaults: Defaults, *, above: Sequence[Fields] = ()
) -> Resolved:
    """The meaning of a request that was read already. Raises `Refused` with path and remedy."""
    subject = _subject(request, found, above)
    runtime = runtime_of(
        subject.component.id, subject.asked, Fields(subject.manifest, "$.component"), defaults
    )
    variables = _variables(subject, found)
    check_parameters(subject.component.id, subject.manifest, Parts(subject.root, subject.rows, variables))
    return _resolved(subject, runtime, variables, found)


def _subject(request: Request, found: Found, above: Sequence[Fields]) -> _Subject:
    component, config = _component(request, found), _config(request, found)
    root = _root(request, config)
    warnings = check_content(root)
    asked = (*above, *_levels(request, config, root))
    tag, tag_path = named_tag(asked)
    rows = _rows(request, config, root)
    return _Subject(
        request=request,
        component=component,
        config=config,
        root=root,
        rows=rows,
        asked=asked,
        manifest=effective_manifest(component.body, tag, tag_path),
        warnings=tuple(warnings),
    )


def _component(request: Request, found: Found) -> Stored:
    component = request.refers_to.component
    if component in BUILT_IN:
        return Stored(component, None, BUILT_IN[component])
    if found.component is None:
        raise NotFound(
            f"There is no component {component!r}. `lockside component ls` lists those that exist.",
            path="$.component",
        )
    return found.component


def _config(request: Request, found: Found) -> Stored | None:
    """The stored configuration; with `configData` it need not exist, for only its name is used."""
    names = request.refers_to
    if names.config is None:
        return None
    if found.config is None and request.config_data is None:
        raise NotFound(
            f"Component {names.component} has no configuration {names.config!r} in branch {names.branch}.",
            path="$.config",
        )
    if found.config is not None and request.config_data is None:
        _refuse_disabled(request, found.config)
    return found.config


def _refuse_disabled(request: Request, config: Stored) -> None:
    if config.body.get("isDisabled") and request.mode is not Mode.FORCE_RUN:
        raise Disabled(
            f"Configuration {config.id} is disabled. Enable it, or run it with mode forceRun.",
            path="$.config",
        )


def _root(request: Request, config: Stored | None) -> Fields:
    if request.config_data is not None:
        return Fields(request.config_data, "$.configData")
    return Fields({}, "$.configData") if config is None else Fields(config.body).object("configuration")


def _levels(request: Request, config: Stored | None, root: Fields) -> tuple[Fields, ...]:
    """Where a request's runtime values are looked for, nearest first, without the component's own."""
    levels = [request.fields, root.object("runtime")]
    if request.config_data is not None and config is not None:
        levels.append(Fields(config.body).object("configuration").object("runtime"))
    return tuple(levels)


def _rows(request: Request, config: Stored | None, root: Fields) -> list[Row] | None:
    if request.config_data is not None or config is None:
        return None
    rows = read_rows(config.body)
    refuse_processors_twice(root, rows)
    if not rows and not request.row_ids:
        return None
    chosen = choose_rows(rows, request.row_ids, config.id)
    for row in chosen:
        check_content(Fields(row.configuration, row.path))
    return chosen


def _variables(subject: _Subject, found: Found) -> dict[str, str]:
    """The value of every variable that the configuration uses. Raises `Refused` for one without a value."""
    request = subject.request
    named = request.refers_to.variables
    if named is not None and found.variables is None:
        raise NotFound(f"There is no set of variables {named!r}.", path="$.variableValuesId")
    given = variables_of(
        request.fields.object("variableValuesData"),
        None if found.variables is None else found.variables.body,
        subject.root.object("variables"),
    )
    if subject.component.id == COMMAND and not given:
        return {}
    texts = [_unvaried(subject.root.values), *(row.configuration for row in subject.rows or ())]
    used = names_in(texts)
    missing = [name for name in used if name not in given]
    if missing:
        raise Invalid(
            f"The configuration uses variables that have no value: {', '.join(missing)}. Give them in "
            "variableValuesData, in a stored set, or as defaults of the configuration.",
            path="$.variableValuesData",
            variables=missing,
            type="user",
        )
    return {name: given[name] for name in used}


def _unvaried(root: Mapping[str, Any]) -> dict[str, Any]:
    """What the configuration's variables are filled into; of tasks only the values that they are given."""
    own = {name: value for name, value in root.items() if name not in ("variables", "phases", "tasks")}
    tasks = root.get("tasks")
    given = [one["task"] for one in tasks if isinstance(one, Mapping) and "task" in one] if tasks else []
    return {**own, "tasks": [one.get("variableValuesData") for one in given if isinstance(one, Mapping)]}


def _lock_key(subject: _Subject, policy: str) -> str | None:
    names, text = subject.request.refers_to, subject.request.fields.get("lockKey")
    if names.config is not None:
        if text is not None:
            raise Invalid(
                "$.lockKey: a job of a configuration takes that configuration's lock. Leave lockKey out.",
                path="$.lockKey",
            )
        key = config_lock_key(names.branch, names.component, names.config)
    elif text is not None:
        key = free_lock_key(text, "$.lockKey")
    else:
        return None
    return None if policy == "none" else key


def _type(subject: _Subject, runtime: Runtime) -> JobType:
    if subject.component.id == ORCHESTRATOR:
        return JobType.ORCHESTRATION
    parallel = runtime.parallelism not in (None, 0) and len(subject.rows or ()) >= 2
    return JobType.CONTAINER if parallel else JobType.STANDARD


def _resolved(subject: _Subject, runtime: Runtime, variables: dict[str, str], found: Found) -> Resolved:
    request, names, manifest = subject.request, subject.request.refers_to, subject.manifest
    is_command = subject.component.id == COMMAND
    root, environment = split_environment(subject.root) if is_command else (subject.root.values, None)
    rows = None if subject.rows is None else tuple(row.id for row in subject.rows)
    saves_state = names.config is not None and request.mode is not Mode.DEBUG and not is_command
    lock_key = _lock_key(subject, runtime.lock_policy)
    return Resolved(
        type=_type(subject, runtime),
        component=subject.component.id,
        component_version=subject.component.version,
        tag=manifest["tag"],
        config=names.config,
        config_version=None if subject.config is None else subject.config.version,
        branch=names.branch,
        mode=request.mode,
        name=request.name or default_name(names.component, names.config, rows, request.row_ids),
        runtime=runtime,
        lock_key=lock_key,
        on_record_errors=request.on_record_errors,
        on_error=request.on_error,
        leftovers=Leftovers(manifest.get("leftovers") or Leftovers.STOP),
        row_ids=request.row_ids,
        rows=rows,
        state_rows=() if not saves_state else (None,) if rows is None else rows,
        user=manifest.get("user"),
        spec=_specification(subject, runtime, root, variables, found),
        environment=environment,
        warnings=subject.warnings,
        root=subject.root,
        asked=subject.asked,
    )


def default_name(
    component: str, config: str | None, rows: tuple[str, ...] | None, asked: tuple[str, ...]
) -> str:
    """`component/config#row`: the row only when a single one was asked for."""
    if config is None:
        return component
    row = f"#{asked[0]}" if rows is not None and len(asked) == 1 else ""
    return f"{component}/{config}{row}"


def _specification(
    subject: _Subject,
    runtime: Runtime,
    root: Mapping[str, Any],
    variables: Mapping[str, str],
    found: Found,
) -> dict[str, Any]:
    request, names, rows = subject.request, subject.request.refers_to, subject.rows
    configurations = [subject.root, *(Fields(row.configuration, row.path) for row in rows or ())]
    return specification(
        asked=request.fields.values,
        identity={
            "component": subject.component.id,
            "componentVersion": subject.component.version,
            "tag": subject.manifest["tag"],
            "config": names.config,
            "configVersion": None if subject.config is None else subject.config.version,
            "configData": None if request.config_data is None else dict(root),
            "configRowIds": list(request.row_ids),
            "branchId": names.branch,
            "mode": request.mode.value,
            "variableValuesId": names.variables,
            "variableValuesData": {"values": request.fields.object("variableValuesData").list("values")},
        },
        runtime={
            "pool": runtime.pool,
            "parallelism": runtime.parallelism,
            "backend": dict(runtime.backend),
            "limits": runtime.limits.to_wire(),
            "lock": runtime.lock_policy,
            "onLost": runtime.on_lost.value,
            "onRecordErrors": request.on_record_errors.value,
            "behavior": {"onError": None if request.on_error is None else request.on_error.value},
            "retry": {} if runtime.retry is None else runtime.retry.to_wire(),
        },
        manifest=subject.manifest,
        processors=processor_manifests(configurations, found.processors),
        configuration=None if request.config_data is not None else root,
        rows=None
        if rows is None
        else [{"id": row.id, "configuration": dict(row.configuration)} for row in rows],
        variables=variables,
    )

"""Sync actions: a component gets one request, and answers with one JSON value on stdout. Pure.

An action has no job, lock, slot, storage or state, and takes 30 seconds at most.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec, merged
from lockside.documents.enums import ErrorType
from lockside.documents.paths import join
from lockside.documents.placeholders import parameter_files, with_parameters, without_value
from lockside.documents.variables import defaults_of, filled, names_in, texts_of
from lockside.protocol.methods.actions import ActionRun
from locksided.core.errors import Invalid, NotFound
from locksided.keeper import strictjson
from locksided.keeper.messages import Outcome, StartOrder
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH, BadJson
from locksided.runs.builtin_components import BUILT_IN, at_tag, check_action
from locksided.runs.environment import JobContext
from locksided.runs.failure_text import readable
from locksided.runs.message_text import cut
from locksided.runs.plan import DataFolder, Step, config_file
from locksided.runs.resolved import Stored
from locksided.runs.specification import Specification, StepKind, needed
from locksided.runs.start_order import start_order
from locksided.runs.verdict import Verdict, ending_of

LIMIT_SECONDS = 30.0
MAX_OUTPUT_BYTES = 8 * 2**20
_JOB_ONLY = ("LOCKSIDE_JOB_ID", "LOCKSIDE_RUN_ID", "LOCKSIDE_JOB_SOCKET", "KBC_RUNID")


class ActionFailed(Exception):
    """The action gave no answer; the message is the component's own, if there is one."""

    def __init__(self, message: str, error_type: ErrorType) -> None:
        super().__init__(message)
        self.message = message
        self.type = error_type


@dataclass(frozen=True, slots=True)
class Action:
    """One step with the specification for its start."""

    step: Step
    spec: Specification


def plan_action(
    params: ActionRun, component: Stored[Manifest] | None, config: Stored[ConfigSpec] | None = None
) -> Action:
    """Return the requested action, with the configuration that it names. Raises `Refused`."""
    if params.component in BUILT_IN:
        raise Invalid(f"{params.component} is built in and has no actions.", path="$.component")
    if component is None:
        raise NotFound(f"There is no component {params.component!r}.", path="$.component")
    manifest = at_tag(component.document, params.tag, "$.tag")
    check_action(params.component, manifest, params.action, "$.action")
    body = _Body.of(params, config)
    configuration, variables = _filled(params, body)
    content = {key: value for key, value in configuration.items() if key != "storage"}
    parameters = content.get("parameters") or {}
    for name in without_value(manifest, parameters):
        path = join(body.path, "parameters", name)
        raise Invalid(f"{path}: it has no value, and the arguments of {manifest.id} need it.", path=path)
    step = Step(
        index=0,
        kind=StepKind.ACTION,
        component=component.id,
        row=params.row,
        execution=with_parameters(manifest, parameters),
        files=parameter_files(manifest, parameters),
        config_file=config_file(content, parameters, manifest.image_parameters, action=params.action),
        folder=DataFolder.FRESH,
        ends_row=True,
        ends_run=True,
    )
    return Action(step, _specification(component, manifest, body, variables))


@dataclass(frozen=True, slots=True)
class _Body:
    """The configuration of an action: its path in the request, its values, and the stored one if any."""

    path: str
    values: Mapping[str, Any]
    defaults: Mapping[str, str]
    stored: Stored[ConfigSpec] | None = None

    @classmethod
    def of(cls, params: ActionRun, stored: Stored[ConfigSpec] | None) -> "_Body":
        """Return the given or the stored configuration, with a row merged over it. Raises `NotFound`."""
        if params.config is None:
            defaults = defaults_of(params.content.variables)
            return cls("$.configData", params.config_data, defaults)
        if stored is None:
            raise NotFound(
                f"Component {params.component} has no configuration {params.config!r} "
                f"in branch {params.branch_id}.",
                path="$.config",
            )
        document, defaults = stored.document, defaults_of(stored.document.content.variables)
        if params.row is None:
            return cls("$.configuration", document.configuration, defaults, stored)
        for place, row in enumerate(document.rows):
            if row.id == params.row:
                values = merged(document.configuration, row.configuration)
                return cls(f"$.rows[{place}].configuration", values, defaults, stored)
        raise NotFound(f"Configuration {params.config} has no row {params.row!r}.", path="$.row")


def _filled(params: ActionRun, body: _Body) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Return the configuration with its variables replaced: by given values, else by its defaults."""
    content = {key: value for key, value in body.values.items() if key != "variables"}
    values = {**body.defaults, **texts_of(params.variable_values_data.values)}
    missing = [name for name in names_in(content) if name not in values]
    if missing:
        raise Invalid(
            f"The configuration uses variables that have no value: {', '.join(missing)}.",
            path=f"{body.path}.variables",
            variables=missing,
        )
    return filled(content, values), values


def _specification(
    component: Stored[Manifest], manifest: Manifest, body: _Body, variables: dict[str, str]
) -> Specification:
    ceiling = manifest.limits
    timeout = min(LIMIT_SECONDS, ceiling.timeout_seconds or LIMIT_SECONDS)
    return Specification(
        component=component.id,
        config=None if body.stored is None else body.stored.id,
        config_version=None if body.stored is None else body.stored.version,
        config_data=dict(body.values),
        limits=replace(ceiling, timeout_seconds=timeout, nodes=None),
        manifest=needed(manifest),
        variables=variables,
    )


def action_order(action: Action, context: JobContext, token: str, hidden: Sequence[Step] = ()) -> StartOrder:
    """Return the start order; `token` names this start, and nothing in the order names a job.

    The secrets of the `hidden` steps are redacted in its output as well.
    """
    order = start_order(action.step, action.spec, context, steps=hidden)
    env = {name: value for name, value in order.env.items() if name not in _JOB_ONLY}
    return order._replace(token=token, env=env)


def action_value(action: Action, outcome: Outcome, stdout: bytes) -> Any:
    """Return the answer: all of stdout, or its last line, must be one JSON value. Raises `ActionFailed`."""
    limit = action.spec.limits.timeout_seconds
    ending = ending_of(outcome, action.step.execution.exit_codes, limit)
    if ending.failure is not None:
        raise ActionFailed(ending.failure.message, ending.failure.type)
    if ending.verdict is not Verdict.SUCCESS:
        raise ActionFailed("The action was stopped.", ErrorType.APPLICATION)
    return value_in(stdout, readable(outcome.stderr_tail))


def value_in(stdout: bytes, stderr: str = "") -> Any:
    """Return the one JSON value that an action wrote: all output or its last line. Raises `ActionFailed`."""
    content = stdout.strip()
    if not content:
        said = f"The action wrote nothing to stdout; one JSON value is expected. {stderr}"
        raise ActionFailed(said.strip(), ErrorType.APPLICATION)
    with suppress(BadJson):
        return strictjson.read(content, MAX_DOCUMENT_DEPTH)
    line = content.splitlines()[-1]
    try:
        return strictjson.read(line, MAX_DOCUMENT_DEPTH)
    except BadJson as problem:
        shown = cut(line.decode("utf-8", "replace"), 200)
        raise ActionFailed(
            f"The last line of the action's output {problem}; one JSON value is expected: {shown}",
            ErrorType.APPLICATION,
        ) from None

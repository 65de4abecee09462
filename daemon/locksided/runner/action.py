"""Sync actions: a component asked one question, which it answers with one JSON value on stdout. Pure.

An action has no job, no lock, no slot, no storage and no state, and 30 seconds at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from lockside.documents.enums import ErrorType, Mode
from locksided.core.errors import Invalid, NotFound
from locksided.runner.builtin import BUILT_IN
from locksided.runner.configuration import check_content
from locksided.runner.environment import JobContext
from locksided.runner.fields import Fields, as_text, checked_id
from locksided.runner.limits import Limits, effective_limits, parse_limits
from locksided.runner.manifest import effective_manifest, parse_execution
from locksided.runner.plan import Step, config_file
from locksided.runner.resolved import Stored
from locksided.runner.specification import specification
from locksided.runner.start import start_message
from locksided.runner.texts import cut
from locksided.runner.variables import filled, names_in, variables_of
from locksided.runner.verdict import NO_MESSAGE, Verdict, ending_of
from locksided.runner.words import StepKind

LIMIT_SECONDS = 30.0
MAX_OUTPUT_BYTES = 8 * 2**20
_JOB_ONLY = ("LOCKSIDE_JOB_ID", "LOCKSIDE_RUN_ID", "KBC_RUNID")


class ActionFailed(Exception):
    """The action did not answer; the message is the component's own where it gave one."""

    def __init__(self, message: str, error_type: ErrorType) -> None:
        super().__init__(message)
        self.message = message
        self.type = error_type


@dataclass(frozen=True, slots=True)
class Action:
    """One step with the specification that it is started by."""

    step: Step
    spec: Mapping[str, Any]


def plan_action(values: Mapping[str, Any], component: Stored | None) -> Action:
    """The action behind the plain fields `component, action, configData, tag`. Raises `Refused`."""
    fields = Fields(values)
    name = as_text(fields.get("component"), "$.component")
    action = checked_id(as_text(fields.get("action"), "$.action"), "$.action")
    if name in BUILT_IN:
        raise Invalid(f"{name} is built in and has no actions.", path="$.component")
    if component is None:
        raise NotFound(f"There is no component {name!r}.", path="$.component")
    manifest = effective_manifest(component.body, fields.text("tag"), "$.tag")
    _check_known(action, manifest)
    root = fields.object("configData")
    check_content(root)
    configuration, variables = _filled(root)
    execution = parse_execution(Fields(manifest, "$.component"))
    content = {key: value for key, value in configuration.items() if key != "storage"}
    parameters = content.get("parameters") or {}
    step = Step(
        index=0,
        kind=StepKind.ACTION,
        component=component.id,
        row=None,
        execution=execution,
        config_file=config_file(content, parameters, execution.image_parameters, action=action),
        begins_row=True,
        takes_state=False,
        ends_row=True,
        ends_run=True,
    )
    return Action(step, _specification(component, manifest, root.values, variables))


def _check_known(action: str, manifest: Mapping[str, Any]) -> None:
    known = manifest.get("actions") or []
    if known and action not in known:
        raise NotFound(
            f"Component {manifest['id']} has no action {action!r}. Its actions: {', '.join(known)}.",
            path="$.action",
        )


def _filled(root: Fields) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The configuration with its own defaults for variables; an action is given no others."""
    content = {key: value for key, value in root.values.items() if key != "variables"}
    values = variables_of(Fields({}), None, root.object("variables"))
    missing = [name for name in names_in(content) if name not in values]
    if missing:
        raise Invalid(
            f"The configuration uses variables that have no value: {', '.join(missing)}.",
            path=root.at("variables"),
            variables=missing,
        )
    return filled(content, values), values


def _specification(
    component: Stored, manifest: Mapping[str, Any], config_data: Mapping[str, Any], variables: dict[str, str]
) -> dict[str, Any]:
    ceiling = parse_limits([Fields(manifest, "$.component").object("limits")])
    limits = effective_limits(Limits(timeout_seconds=LIMIT_SECONDS), ceiling, LIMIT_SECONDS)
    identity = {
        "component": component.id,
        "config": None,
        "configVersion": None,
        "configData": dict(config_data),
        "branchId": "default",
        "mode": Mode.RUN.value,
    }
    return specification(
        asked={},
        identity=identity,
        runtime={"limits": limits.to_wire(), "backend": {}},
        manifest=manifest,
        processors={},
        configuration=None,
        rows=None,
        variables=variables,
    )


def action_message(action: Action, context: JobContext, token: str) -> dict[str, Any]:
    """The keeper's `start`; `token` names this start, nothing in it names a job."""
    message = start_message(action.step, action.spec, context)
    env = {name: value for name, value in message["env"].items() if name not in _JOB_ONLY}
    return {**message, "token": token, "env": env}


def action_value(action: Action, outcome: Mapping[str, Any], stdout: bytes) -> Any:
    """The answer: all of stdout, or its last line, is one JSON value. Raises `ActionFailed`."""
    limit = action.spec["limits"]["timeoutSeconds"]
    ending = ending_of(outcome, action.step.execution.exit_codes, limit)
    if ending.failure is not None:
        raise ActionFailed(ending.failure.message, ending.failure.type)
    if ending.verdict is not Verdict.SUCCESS:
        raise ActionFailed("The action was stopped.", ErrorType.APPLICATION)
    content = stdout.strip()
    if not content:
        raise ActionFailed(
            f"The action wrote nothing to stdout; one JSON value is expected. {_stderr(outcome)}",
            ErrorType.APPLICATION,
        )
    for candidate in (content, content.splitlines()[-1]):
        try:
            return msgspec.json.decode(candidate)
        except (msgspec.DecodeError, RecursionError):
            continue
    last = content.splitlines()[-1].decode("utf-8", "replace")
    raise ActionFailed(
        f"The last line of the action's output is not one JSON value: {cut(last, 200)}", ErrorType.APPLICATION
    )


def _stderr(outcome: Mapping[str, Any]) -> str:
    text: str = (outcome.get("stderrTail") or "").strip()
    return text or NO_MESSAGE

"""The message that has the keeper start one step. Pure: what is in the folder is made elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from lockside.documents import signals
from locksided.runner.environment import JobContext, RunAs, environment_of
from locksided.runner.folder import start_token
from locksided.runner.plan import Step
from locksided.runner.secrets import secret_values
from locksided.runner.specification import Specification

DEFAULT_MAX_LOG_BYTES = 64 * 2**20
DEFAULT_GRACE_SECONDS = 10.0


def start_message(
    step: Step,
    spec: Specification,
    context: JobContext,
    *,
    state: Mapping[str, Any] | None = None,
    spent_seconds: float = 0.0,
    max_log_bytes: int = DEFAULT_MAX_LOG_BYTES,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    steps: Sequence[Step] = (),
    umask: str = "",
) -> dict[str, Any]:
    """The keeper's `start`. `state` is what in/state.json holds; `spent_seconds` went to the steps before.

    `grace_seconds` and `umask` hold for a component that does not set its own. What is secret to
    any of the run's `steps` is hidden in the output of all.
    """
    execution, folder, limits = step.execution, context.folder, spec.limits
    return {
        "op": "start",
        "token": start_token(context.job_id, context.launch, step.index),
        "folder": folder.control(context.launch, step.index),
        "pipeline": _pipeline(step, context),
        "shell": False,
        "cwd": working_directory(step, context),
        "env": environment_of(step, spec, context),
        "user": _user(context.run_as),
        "umask": _umask(execution.umask or umask),
        "timeoutSeconds": _time_left(limits.timeout_seconds, spent_seconds),
        "graceSeconds": grace_seconds if execution.grace_seconds is None else execution.grace_seconds,
        "stopSignal": signals.number(execution.stop_signal or "SIGTERM"),
        "memoryBytes": limits.memory_bytes,
        "cpus": limits.cpus,
        "leftovers": execution.leftovers.value,
        "secrets": secrets_of([step, *steps], spec, state),
        "logFolder": folder.log,
        "maxLogBytes": max_log_bytes,
    }


def _pipeline(step: Step, context: JobContext) -> list[list[str]]:
    """The argv of each stage, `{datadir}` filled in where there is one."""
    stages = step.execution.stages
    if not step.has_data:
        return [list(stage) for stage in stages]
    return [[_with_data(word, context) for word in stage] for stage in stages]


def _with_data(text: str, context: JobContext) -> str:
    return text.replace("{datadir}", context.folder.data + "/")


def secrets_of(steps: Sequence[Step], spec: Specification, state: Mapping[str, Any] | None) -> list[str]:
    """The secret texts of a run's steps, of its variables and of the state that it was given."""
    configured = [
        document for step in steps for document in (step.config_file, step.execution.image_parameters)
    ]
    return secret_values([*configured, state, spec.variables])


def working_directory(step: Step, context: JobContext) -> str:
    """The folder that the step starts in: the one it names, else its own empty one."""
    cwd = step.execution.cwd
    if cwd is None:
        return context.folder.cwd
    return _with_data(cwd, context) if step.has_data else cwd


def _umask(text: str) -> int | None:
    return int(text, 8) if text else None


def _user(run_as: RunAs | None) -> dict[str, Any] | None:
    if run_as is None:
        return None
    return {"uid": run_as.uid, "gid": run_as.gid, "groups": list(run_as.groups)}


def _time_left(limit_seconds: float | None, spent_seconds: float) -> float | None:
    """What is left of the job's time limit; a run whose time is up still gets a moment to be stopped in."""
    return None if limit_seconds is None else max(limit_seconds - spent_seconds, 0.001)

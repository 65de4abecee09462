"""The order by which the keeper starts one step. Pure: what is in the folder is made elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from lockside.documents import signals
from lockside.documents.placeholders import DATA_FOLDER, with_paths
from locksided.keeper.messages import StartOrder
from locksided.runs.environment import JobContext, environment_of
from locksided.runs.folder import StartToken
from locksided.runs.gelf import gelf_of
from locksided.runs.image_run import ImageRun
from locksided.runs.plan import Step
from locksided.runs.secrets import secret_values
from locksided.runs.specification import Specification
from locksided.runs.step_account import log_mark

DEFAULT_MAX_LOG_BYTES = 64 * 2**20
DEFAULT_GRACE_SECONDS = 10.0


def start_order(
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
    **of_keeper: Any,
) -> StartOrder:
    """How to start a step. `state` is what in/state.json holds; `spent_seconds` went to the steps before.

    `grace_seconds` and `umask` hold for a component that does not set its own. What is secret to
    any of the run's `steps` is hidden in the output of all. `of_keeper` are further fields of the order, on
    the folders that the keeper makes and when it notes the run.
    """
    execution, folder, limits = step.execution, context.folder, spec.limits
    token = str(StartToken(context.job_id, context.launch, step.index))
    environment = environment_of(step, spec, context)
    image = _image_run(step, context, token, environment)
    return StartOrder(
        token=token,
        folder=folder.control(context.launch, step.index),
        pipeline=_pipeline(step, context) if image is None else image.pipeline,
        cwd=working_directory(step, context) if image is None else folder.cwd,
        env=environment if image is None else image.environment,
        user=context.run_as,
        umask=int(text, 8) if (text := execution.umask or umask) else None,
        timeout_seconds=_time_limit(step, limits.timeout_seconds, spent_seconds),
        grace_seconds=grace_seconds if execution.grace_seconds is None else execution.grace_seconds,
        stop_signal=signals.number(execution.stop_signal or "SIGTERM"),
        memory_bytes=limits.memory_bytes if step.operation is None else step.operation.memory_bytes,
        cpus=limits.cpus,
        leftovers=execution.leftovers.value,
        secrets=tuple(secrets_of([step, *steps], spec, state)),
        log_folder=folder.log,
        max_log_bytes=max_log_bytes,
        log_mark=log_mark(step) if step.total > 1 else None,
        gelf=gelf_of(execution.logging),
        **of_keeper,
    )


def _image_run(
    step: Step, context: JobContext, token: str, environment: Mapping[str, str]
) -> ImageRun | None:
    if step.execution.image is None:
        return None
    assert context.podman is not None, "a step with an image is started when the image is known"
    folder = context.folder
    return ImageRun(
        podman=context.podman,
        execution=step.execution,
        token=token,
        data=folder.data,
        tmp=folder.tmp,
        own=folder.operation(step.index),
        variables=environment,
    )


def _pipeline(step: Step, context: JobContext) -> list[list[str]]:
    """The argv of each stage, the paths of the data folder and of its files filled in where there is one."""
    stages = step.execution.stages
    if step.operation is not None:
        return [[*stage, context.folder.operation(step.index)] for stage in stages]
    if not step.has_data:
        return [list(stage) for stage in stages]
    return [[with_paths(word, context.folder.data + "/") for word in stage] for stage in stages]


def secrets_of(steps: Sequence[Step], spec: Specification, state: Mapping[str, Any] | None) -> list[str]:
    """The secret texts of a run's steps, of its variables and of the state that it was given."""
    configured = [
        document
        for step in steps
        for document in (step.config_file, step.execution.image_parameters, step.order)
    ]
    return secret_values([*configured, state, spec.variables])


def working_directory(step: Step, context: JobContext) -> str:
    """The folder that the step starts in: the one it names, else its own empty one."""
    cwd = step.execution.cwd
    if cwd is None:
        return context.folder.cwd
    return cwd.replace(DATA_FOLDER, context.folder.data + "/") if step.has_data else cwd


def _time_limit(step: Step, limit_seconds: float | None, spent_seconds: float) -> float | None:
    """The step's own time limit, else what is left of the job's.

    A run whose time is up still gets a moment to be stopped in.
    """
    if step.operation is not None and step.operation.timeout_seconds is not None:
        return step.operation.timeout_seconds
    return None if limit_seconds is None else max(limit_seconds - spent_seconds, 0.001)

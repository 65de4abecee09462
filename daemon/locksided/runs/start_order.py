"""The order by which the keeper starts one step. Pure: the content of the folder is made elsewhere.

Secret texts of the configuration, the values of keys that begin with `#`, are passed to the keeper, which
redacts them before anything is written to disk.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lockside.documents import signals
from lockside.documents.component import SYSLOG_LEVELS, Logging
from lockside.documents.enums import LogType, Visibility
from lockside.documents.placeholders import DATA_FOLDER, with_paths
from locksided.backends.base import Place
from locksided.core.actions import StartStep
from locksided.core.pools import Site
from locksided.keeper.gelf import messages
from locksided.keeper.messages import Gelf, StartOrder
from locksided.runs.environment import JobContext, environment_of
from locksided.runs.folder import StartToken
from locksided.runs.image_run import ImageRun
from locksided.runs.loading import Run
from locksided.runs.partition import is_own
from locksided.runs.plan import Step
from locksided.runs.specification import Specification
from locksided.runs.step_account import log_mark


def placed(run: Run, action: StartStep, order: StartOrder, store: str) -> tuple[StartOrder, Place | None]:
    """Return an order and its place; None for this machine, where our own programs always run.

    `store` begins the identity of the store.
    """
    step = run.steps[action.step]
    if action.site is None or step.operation is not None or is_own(step.component):
        return order, None
    podman = None if step.execution.image is None else run.context.podman
    after = action.step > 0 and _is_near(run.steps[action.step - 1], step)
    size = action.site.backends.get(str(run.spec.backend.get("type")), {})
    place = Place(
        work_root=action.site.work_root,
        log_folder=order.log_folder,
        options={**action.site.options, **size.get("options", {})},
        name=f"ls-{store}-{order.token}",
        comment=f"lockside:{run.row.id}:{run.row.name or ''}",
        nodes=run.spec.limits.nodes or size.get("nodes") or 1,
        image=None if podman is None else podman.image_order(step.execution, order.token),
        after=run.context.folder.control(action.launch, action.step - 1) if after else None,
        follows=any(_is_near(step, one) for one in run.steps[action.step + 1 : action.step + 2]),
    )
    memory_bytes = order.memory_bytes or size.get("memoryBytes")
    return order._replace(memory_bytes=memory_bytes, cpus=order.cpus or size.get("cpus")), place


def _is_near(step: Step, following: Step) -> bool:
    """Return whether both run user programs for the same row, one after the other."""
    is_ours = any(one.operation is not None or is_own(one.component) for one in (step, following))
    return step.row == following.row and not is_ours


def for_nodes(run: Run, site: Site) -> Run:
    """Return the run with podman as it is on the machines of a site."""
    context = run.context
    assert context.podman is not None, "its images were found just now"
    uid = os.geteuid() if context.run_as is None else context.run_as.uid
    podman = context.podman.on_nodes(site.options.get("containerRoot"), uid)
    return replace(run, context=replace(context, podman=podman))


_LEAST_CHARACTERS = 4


def secret_values(documents: Iterable[object]) -> list[str]:
    """Return each secret text of 4 characters or more once, longest first, so that none is hidden in part."""
    found = {
        text
        for document in documents
        if document
        for text in _secrets(document, False)
        if len(text) >= _LEAST_CHARACTERS
    }
    return sorted(found, key=lambda text: (-len(text), text))


def _secrets(document: object, is_secret: bool) -> Iterator[str]:
    match document:
        case Mapping():
            for key, value in document.items():
                yield from _secrets(value, is_secret or str(key).startswith("#"))
        case list() | tuple():
            for value in document:
                yield from _secrets(value, is_secret)
        case str() if is_secret:
            yield document
        case int() | float() if is_secret and not isinstance(document, bool):
            yield str(document)


_LETTERS = {
    Visibility.NONE: messages.NONE,
    Visibility.NORMAL: messages.NORMAL,
    Visibility.VERBOSE: messages.VERBOSE,
    Visibility.CAMOUFLAGE: messages.CAMOUFLAGE,
}


def gelf_of(logging: Logging) -> Gelf | None:
    """Return how to start a listener for the logs; None for a component that needs none."""
    if logging.type is not LogType.GELF:
        return None
    by_level = {number: _LETTERS[logging.visibility(level)] for level, number in SYSLOG_LEVELS.items()}
    return Gelf(logging.transport.value, "".join(by_level[level] for level in sorted(by_level)))


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
    """Return how to start a step. `state` is the content of in/state.json; earlier steps took
    `spent_seconds`.

    `grace_seconds` and `umask` apply to a component that does not set its own. Secrets of any of the run's
    `steps` are redacted in the output of all. `of_keeper` are further fields of the order: folders for the
    keeper to create, and when it records the run.
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
    """Return the argv of each stage, with the paths of the data folder and its files, if there is one."""
    stages = step.execution.stages
    if step.operation is not None:
        return [[*stage, context.folder.operation(step.index)] for stage in stages]
    if not step.has_data:
        return [list(stage) for stage in stages]
    return [[with_paths(word, context.folder.data + "/") for word in stage] for stage in stages]


def secrets_of(steps: Sequence[Step], spec: Specification, state: Mapping[str, Any] | None) -> list[str]:
    """Return the secret texts of a run's steps, of its variables and of its input state."""
    configured = [
        document
        for step in steps
        for document in (step.config_file, step.execution.image_parameters, step.order)
    ]
    return secret_values([*configured, state, spec.variables])


def working_directory(step: Step, context: JobContext) -> str:
    """Return the folder that the step starts in: the one it sets, else its own empty one."""
    cwd = step.execution.cwd
    if cwd is None:
        return context.folder.cwd
    return cwd.replace(DATA_FOLDER, context.folder.data + "/") if step.has_data else cwd


def _time_limit(step: Step, limit_seconds: float | None, spent_seconds: float) -> float | None:
    """Return the step's own time limit, else what is left of the job's.

    A run whose time is up still gets a moment in which it is stopped.
    """
    if step.operation is not None and step.operation.timeout_seconds is not None:
        return step.operation.timeout_seconds
    return None if limit_seconds is None else max(limit_seconds - spent_seconds, 0.001)

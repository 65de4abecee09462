"""Where a step goes whose pool is on other machines, and what its executor is told of it. Pure."""

import os
from dataclasses import replace

from locksided.backends.base import Place
from locksided.core.actions import StartStep
from locksided.core.pools import Site
from locksided.keeper.messages import StartOrder
from locksided.runs.loading import Run
from locksided.runs.partition import is_own
from locksided.runs.plan import Step


def placed(run: Run, action: StartStep, order: StartOrder, store: str) -> tuple[StartOrder, Place | None]:
    """An order with the place where it is to run; None for this machine, where our own programs run.

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
    """Whether both run programs of the user's for the same row, one after the other."""
    is_ours = any(one.operation is not None or is_own(one.component) for one in (step, following))
    return step.row == following.row and not is_ours


def for_nodes(run: Run, site: Site) -> Run:
    """The run with podman as it is on the machines of a site."""
    context = run.context
    assert context.podman is not None, "its images were found just now"
    uid = os.geteuid() if context.run_as is None else context.run_as.uid
    podman = context.podman.on_nodes(site.options.get("containerRoot"), uid)
    return replace(run, context=replace(context, podman=podman))

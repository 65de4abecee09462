"""A step that is run at once for a caller, as that user and outside of jobs: an aside of the keeper."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from anyio import CancelScope

from locksided import threads
from locksided.api.service import Service
from locksided.core.errors import Timeout, Unavailable
from locksided.keeper.messages import Outcome
from locksided.runs import data_folder
from locksided.runs.accounts import account_of
from locksided.runs.action import Action, action_order
from locksided.runs.environment import JobContext
from locksided.runs.runs import PASSABLE
from locksided.server.access import Principal

T = TypeVar("T")


async def run_for_caller(
    service: Service,
    who: Principal,
    action: Action,
    read: Callable[[Outcome, JobContext], Awaitable[T]],
    *,
    project: str = "default",
    called: str = "It",
) -> T:
    """What `read` makes of the outcome while its folder is there. Raises Unavailable and Timeout."""
    token = service.asides.new_token()
    run_as, home = account_of(who.uid, who.gid, action.step.execution.user)
    context = JobContext(0, "0", 1, project, service.asides.folder(token), service.socket, home, run_as)
    try:
        if run_as is not None:
            os.chmod(service.state_dir.root, PASSABLE)
        if action.step.execution.image is not None:
            podman = await service.runs.images.find([action.step.execution], context)
            context = replace(context, podman=podman)
        await threads.run_for(context.account, data_folder.prepare, action.step, context, None)
        outcome = await service.asides.run(action_order(action, context, token))
        if outcome.is_lost or (outcome.refused is not None and outcome.refused.kind == "burnt"):
            raise Unavailable(f"{called} was lost with its keeper: ask again.")
        if outcome.stopped == "timeout":
            raise Timeout(f"{called} took longer than 30 seconds and was stopped.")
        return await read(outcome, context)
    finally:
        with CancelScope(shield=True):
            await threads.run_for(context.account, data_folder.remove_folder, context.folder, run_as)

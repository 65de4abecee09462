"""`action.run`: a component is asked one question. It has no job, no lock and no slot; the keeper runs it."""

import os
from dataclasses import replace
from typing import Any

from anyio import CancelScope

from lockside.documents.component import Manifest
from lockside.documents.reading import from_store
from lockside.kinds import COMPONENT
from lockside.protocol.methods import actions as p
from locksided import threads
from locksided.api.service import Service
from locksided.core.errors import Invalid, Timeout, Unavailable
from locksided.joblog.reader import stream_bytes
from locksided.keeper.log.format import STDOUT
from locksided.keeper.messages import Outcome
from locksided.runs import data_folder
from locksided.runs.accounts import account_of
from locksided.runs.action import (
    MAX_OUTPUT_BYTES,
    Action,
    ActionFailed,
    action_order,
    action_value,
    plan_action,
)
from locksided.runs.builtin_components import BUILT_IN
from locksided.runs.environment import JobContext
from locksided.runs.resolved import Stored
from locksided.runs.runs import PASSABLE
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog.keys import Key


class ActionMethods:
    """`action.run`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @handler
    async def run(self, call: Call, params: p.ActionRun) -> Any:
        """The JSON value that the component's action answers, within 30 seconds."""
        row = None
        if params.component not in BUILT_IN:
            row = await self._service.store.object(Key(params.project, COMPONENT, (params.component,)))
        stored = None
        if row is not None:
            stored = Stored(params.component, row.version, from_store(row.body, Manifest))
        action = plan_action(params, stored)
        token = self._service.asides.new_token()
        context = self._context(action, call, params.project, token)
        try:
            if context.run_as is not None:
                os.chmod(self._service.state_dir.root, PASSABLE)
            if action.step.execution.image is not None:
                podman = await self._service.runs.images.find([action.step.execution], context)
                context = replace(context, podman=podman)
            await threads.run_for(context.account, data_folder.prepare, action.step, context, None)
            outcome = await self._service.asides.run(action_order(action, context, token))
            return await self._value(action, outcome, context)
        finally:
            with CancelScope(shield=True):
                await threads.run_for(
                    context.account, data_folder.remove_folder, context.folder, context.run_as
                )

    def _context(self, action: Action, call: Call, project: str, token: str) -> JobContext:
        run_as, home = account_of(call.principal.uid, call.principal.gid, action.step.execution.user)
        folder = self._service.asides.folder(token)
        return JobContext(0, "0", 1, project, folder, self._service.socket, home, run_as)

    async def _value(self, action: Action, outcome: Outcome, context: JobContext) -> Any:
        if outcome.is_lost or (outcome.refused is not None and outcome.refused.kind == "burnt"):
            raise Unavailable("The action was lost with its keeper: ask again.")
        if outcome.stopped == "timeout":
            raise Timeout("The action took longer than 30 seconds and was stopped.")
        stdout = await threads.run_sync(stream_bytes, context.folder.log, STDOUT, MAX_OUTPUT_BYTES)
        try:
            return action_value(action, outcome, stdout)
        except ActionFailed as failure:
            raise Invalid(failure.message, path="$.action", type=failure.type.value) from None

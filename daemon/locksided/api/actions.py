"""`action.run`, and all other steps run immediately for a caller, as that user and outside of jobs.

They have no job, lock or slot; the keeper runs them as asides.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import msgspec
from anyio import CancelScope

from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.reading import from_store
from lockside.documents.variables import VariableValues
from lockside.kinds import COMPONENT
from lockside.protocol.methods import actions as p
from locksided import threads
from locksided.api.service import HandlerGroup, Service
from locksided.core.errors import Failed, Timeout, Unavailable
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
from locksided.secrets.guards import missing_in, refuse_missing
from locksided.secrets.places import Place
from locksided.secrets.vault import Vault
from locksided.server.access import Principal
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog.keys import ConfigId, Key

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
    """Run an action; returns what `read` makes of its folder. Raises Unavailable and Timeout."""
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


class ActionMethods(HandlerGroup):
    """`action.run`."""

    @handler
    async def run(self, call: Call, params: p.ActionRun) -> Any:
        row, vault = None, self._service.store.vault
        if params.component not in BUILT_IN:
            row = await self._service.store.object(Key(params.project, COMPONENT, (params.component,)))
        stored = None
        if row is not None:
            body = vault.opened_if_possible(row.body, Place.of_component(params.component))
            stored = Stored(params.component, row.version, from_store(body, Manifest))
        action = plan_action(_in_plain(vault, params), stored, await self._config(params))
        refuse_missing(list(missing_in(action.step.config_file)))
        read, who = partial(_value, action), call.principal
        return await run_for_caller(
            self._service, who, action, read, project=params.project, called="The action"
        )

    async def _config(self, params: p.ActionRun) -> Stored[ConfigSpec] | None:
        if params.config is None:
            return None
        name = ConfigId(params.component, params.config, params.branch_id, params.project)
        row = await self._service.store.object(name.key())
        if row is None:
            return None
        body = self._service.store.vault.opened_if_possible(row.body, name.place)
        return Stored(params.config, row.version, from_store(body, ConfigSpec))


async def _value(action: Action, outcome: Outcome, context: JobContext) -> Any:
    stdout = await threads.run_sync(stream_bytes, context.folder.log, STDOUT, MAX_OUTPUT_BYTES)
    try:
        return action_value(action, outcome, stdout)
    except ActionFailed as failure:
        raise Failed(failure.message, type=failure.type.value) from None


def _in_plain(vault: Vault, params: p.ActionRun) -> p.ActionRun:
    """Return the parameters with plain secrets. Raises Invalid for a cipher text of another component."""
    place = Place.of_jobs(params.project, params.component)
    values = msgspec.to_builtins(params.variable_values_data)
    return msgspec.structs.replace(
        params,
        config_data=vault.opened(params.config_data, place, "$.configData"),
        variable_values_data=msgspec.convert(
            vault.opened(values, place, "$.variableValuesData"), VariableValues
        ),
    )

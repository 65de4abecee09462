"""`action.run`: a component is asked one question. It has no job, no lock and no slot; the keeper runs it."""

from functools import partial
from typing import Any

import msgspec

from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.reading import from_store
from lockside.documents.variables import VariableValues
from lockside.kinds import COMPONENT
from lockside.protocol.methods import actions as p
from locksided import threads
from locksided.api.caller_step import run_for_caller
from locksided.api.service import HandlerGroup
from locksided.core.errors import Failed
from locksided.joblog.reader import stream_bytes
from locksided.keeper.log.format import STDOUT
from locksided.keeper.messages import Outcome
from locksided.runs.action import (
    MAX_OUTPUT_BYTES,
    Action,
    ActionFailed,
    action_value,
    plan_action,
)
from locksided.runs.builtin_components import BUILT_IN
from locksided.runs.environment import JobContext
from locksided.runs.resolved import Stored
from locksided.secrets.guards import missing_in, refuse_missing
from locksided.secrets.places import Place
from locksided.secrets.vault import Vault
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog.keys import ConfigId, Key


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
    """The parameters with their secrets in plain. Raises Invalid for a cipher text of another component."""
    place = Place.of_jobs(params.project, params.component)
    values = msgspec.to_builtins(params.variable_values_data)
    return msgspec.structs.replace(
        params,
        config_data=vault.opened(params.config_data, place, "$.configData"),
        variable_values_data=msgspec.convert(
            vault.opened(values, place, "$.variableValuesData"), VariableValues
        ),
    )

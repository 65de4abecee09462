"""Queries of data and systems outside of jobs, answered by a process of the caller."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from lockside.documents.component import COMMAND
from lockside.documents.enums import FailureKind
from lockside.documents.runtime import Limits
from lockside.protocol.methods import systems as p
from locksided import threads
from locksided.api.actions import run_for_caller
from locksided.api.service import HandlerGroup, Service
from locksided.core.errors import Invalid
from locksided.keeper.messages import Outcome
from locksided.runs import data_folder
from locksided.runs.action import LIMIT_SECONDS, Action
from locksided.runs.builtin_components import BUILT_IN
from locksided.runs.environment import JobContext
from locksided.runs.operations import BadResult, Operation, OperationPlace, read_result
from locksided.runs.plan import DataFolder, Step
from locksided.runs.specification import Specification, StepKind
from locksided.runs.staging import ARCHIVE_PROGRAM, transfer_rules
from locksided.runs.systems import Account, Use, system_of
from locksided.server.calls import Call
from locksided.server.handlers import handler


async def run_storage_action(
    service: Service, call: Call, name: str, order: Mapping[str, Any], program: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return the result of an operation, which is the back end's unless a program is given.

    Raises Invalid with its message, Timeout, Unavailable.
    """
    action = _action(service, name, order, program or service.runs.storage.program)

    async def read(outcome: Outcome, context: JobContext) -> Mapping[str, Any]:
        if outcome.refused is not None:
            raise Invalid(f"It could not be started: {outcome.refused.message}")
        left = await threads.run_for(context.account, data_folder.operation_result, action.step, context)
        try:
            done = read_result(left.content)
        except BadResult as problem:
            raise Invalid(f"{name.capitalize()}: {problem}") from None
        if outcome.exit_code != 0:
            raise Invalid(done.message)
        return done.result

    return await run_for_caller(service, call.principal, action, read)


def _action(service: Service, name: str, order: Mapping[str, Any], program: Sequence[str]) -> Action:
    operation = Operation(
        name=name,
        title=name.capitalize(),
        place=OperationPlace.BEFORE_RUN,
        program=program,
        order=lambda _spec, _row: None,
        stage="running",
        failure=FailureKind.INPUT,
        memory_bytes=service.runs.storage.memory_bytes,
    )
    step = Step(
        index=0,
        kind=StepKind.OPERATION,
        component=COMMAND,
        row=None,
        execution=replace(BUILT_IN[COMMAND], command=[*program, name]),
        config_file=None,
        folder=DataFolder.NONE,
        ends_row=True,
        ends_run=True,
        operation=operation,
        order=order,
    )
    return Action(step, Specification(component=COMMAND, limits=Limits(timeout_seconds=LIMIT_SECONDS)))


class SystemMethods(HandlerGroup):
    """The methods of systems beside those of all kinds."""

    @handler
    async def check(self, call: Call, params: p.SystemCheck) -> p.SystemChecked:
        service, principal = self._service, call.principal
        who = Account(principal.uid, (principal.gid, *principal.groups))
        system = await system_of(service.store, Use(params.id, "$.id"), params.project, who)
        order = {
            "system": params.id,
            "systems": {params.id: system},
            "isWritable": system["isWritable"],
            "stateFolder": str(service.state_dir.root),
            **transfer_rules(service.settings.staging),
        }
        result = await run_storage_action(service, call, "check", order, ARCHIVE_PROGRAM)
        entries = result.get("entries")
        return p.SystemChecked(id=params.id, entries=entries, is_writable=system["isWritable"])

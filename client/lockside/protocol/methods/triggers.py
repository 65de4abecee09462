"""The methods of triggers that other kinds do not have, or that differ from theirs."""

from typing import Annotated, Literal

from msgspec import Meta

from lockside.documents.schedule import ScheduleId
from lockside.documents.trigger import TriggerSpec
from lockside.protocol.declaration import ListParams, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.job_makers import PUTTING, MakerAction, MakerList, MakerPause, MakerPut
from lockside.protocol.methods.jobs import CREATION
from lockside.protocol.types import triggers as types
from lockside.protocol.types.jobs import Job
from lockside.protocol.words import Role

EXAMPLE = {
    "id": "report",
    "on": [{"job": {"component": "acme.orders"}}],
    "job": {"component": "acme.report", "config": "daily"},
}
ONE = {"id": "report"}


@method("trigger.put", **PUTTING, answers=types.Trigger, example={"trigger": EXAMPLE})
class TriggerPut(MakerPut, frozen=True, kw_only=True):
    """Store a trigger; it reacts to what happens from then on.

    Attributes:
        trigger: The whole trigger.
    """

    trigger: TriggerSpec


@method("trigger.list", Role.VIEWER, answers=types.Triggers, example={"status": ["paused"]})
class TriggerListAll(MakerList, frozen=True, kw_only=True):
    """List triggers."""


@method("trigger.pause", Role.OPERATOR, answers=types.Trigger, refuses=[ErrorKind.NOT_FOUND], example=ONE)
class TriggerPause(MakerPause, frozen=True, kw_only=True):
    """Pause a trigger: it creates no jobs until it is resumed."""


@method(
    "trigger.resume",
    Role.OPERATOR,
    answers=types.Trigger,
    refuses=[ErrorKind.NOT_FOUND],
    example=ONE | {"catchUp": "once"},
)
class TriggerResume(MakerAction, frozen=True, kw_only=True):
    """Let a paused trigger fire again; the causes of the pause are skipped.

    Attributes:
        catch_up: `once` fires once if there were causes during the pause.
    """

    catch_up: Literal["once"] | None = None


@method("trigger.run", Role.OPERATOR, answers=Job, refuses=CREATION, example=ONE)
class TriggerRun(MakerAction, frozen=True, kw_only=True):
    """Fire a trigger now, with the causes that it has."""


@method(
    "trigger.ledger", Role.VIEWER, answers=types.TriggerLedger, refuses=[ErrorKind.NOT_FOUND], example=ONE
)
class TriggerLedgerGet(ListParams, frozen=True, kw_only=True):
    """List the outcomes of a trigger's causes, newest first.

    Attributes:
        id: The trigger's id; it may be deleted.
    """

    id: ScheduleId
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100

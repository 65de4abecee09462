"""The methods of triggers that other kinds have not, or have otherwise."""

from typing import Annotated, Literal

from msgspec import Meta

from lockside.documents.base import Name, Sequence, Text
from lockside.documents.schedule import ScheduleId
from lockside.documents.trigger import TriggerSpec
from lockside.protocol.declaration import ListParams, Mutation, method
from lockside.protocol.errors import ErrorKind
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


@method(
    "trigger.put",
    Role.OPERATOR,
    answers=types.Trigger,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.DISABLED],
    example={"trigger": EXAMPLE},
)
class TriggerPut(Mutation, frozen=True, kw_only=True):
    """Store a trigger; it hears what happens from then on.

    Attributes:
        trigger: The whole trigger.
        expected_version: Refuse the call unless this is the current version; 0 means that there is none.
        owner: The user whose jobs they are; naming another than oneself is the admin's.
    """

    trigger: TriggerSpec
    change_description: Text | None = None
    expected_version: Sequence | None = None
    owner: Name | None = None


class TriggerAction(Mutation, frozen=True, kw_only=True):
    """A trigger to act on.

    Attributes:
        id: The trigger's id.
    """

    id: ScheduleId


@method("trigger.pause", Role.OPERATOR, answers=types.Trigger, refuses=[ErrorKind.NOT_FOUND], example=ONE)
class TriggerPause(TriggerAction, frozen=True, kw_only=True):
    """Pause a trigger: it creates no jobs until it is resumed.

    Attributes:
        comment: Why.
    """

    comment: Text | None = None


@method(
    "trigger.resume",
    Role.OPERATOR,
    answers=types.Trigger,
    refuses=[ErrorKind.NOT_FOUND],
    example=ONE | {"catchUp": "once"},
)
class TriggerResume(TriggerAction, frozen=True, kw_only=True):
    """Let a paused trigger fire again; what it heard meanwhile is passed over.

    Attributes:
        catch_up: `once` fires once if anything was heard.
    """

    catch_up: Literal["once"] | None = None


@method("trigger.run", Role.OPERATOR, answers=Job, refuses=CREATION, example=ONE)
class TriggerRun(TriggerAction, frozen=True, kw_only=True):
    """Fire a trigger now, with the causes that it has."""


@method(
    "trigger.ledger", Role.VIEWER, answers=types.TriggerLedger, refuses=[ErrorKind.NOT_FOUND], example=ONE
)
class TriggerLedgerGet(ListParams, frozen=True, kw_only=True):
    """List what became of what a trigger heard, newest first.

    Attributes:
        id: The trigger's id; that of a deleted one, too.
    """

    id: ScheduleId
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100

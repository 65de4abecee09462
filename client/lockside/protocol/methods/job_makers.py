"""What the methods of schedules and of triggers have in common: both create jobs for their owner."""

from typing import Annotated, Any

from msgspec import Meta

from lockside.documents.base import ComponentId, ConfigId, Name, Sequence, Text
from lockside.documents.enums import ScheduleStatus
from lockside.documents.schedule import ScheduleId
from lockside.protocol.declaration import ListParams, Mutation
from lockside.protocol.errors import ErrorKind
from lockside.protocol.words import Role

PUTTING: dict[str, Any] = {
    "role": Role.OPERATOR,
    "refuses": [ErrorKind.NOT_FOUND, ErrorKind.DISABLED],
}


class MakerPut(Mutation, frozen=True, kw_only=True):
    """Store a schedule or trigger.

    Attributes:
        expected_version: Refuse the call unless this is the current version; 0 if none is stored.
        owner: The user who owns the jobs; only an admin can name another user.
    """

    change_description: Text | None = None
    expected_version: Sequence | None = None
    owner: Name | None = None


class MakerList(ListParams, frozen=True, kw_only=True):
    """List schedules or triggers.

    Attributes:
        status: Only those with one of these statuses.
        component: Only those whose jobs run this component.
        config: Only those whose jobs run this configuration.
        owner: Only those of this user.
        text: Only those whose id or name begins with this text.
    """

    status: list[ScheduleStatus] = []
    component: ComponentId | None = None
    config: ConfigId | None = None
    owner: Name | None = None
    text: Annotated[str, Meta(max_length=255)] | None = None


class MakerAction(Mutation, frozen=True, kw_only=True):
    """A schedule or trigger to act on.

    Attributes:
        id: The id of the schedule or trigger.
    """

    id: ScheduleId


class MakerPause(MakerAction, frozen=True, kw_only=True):
    """Pause a schedule or trigger.

    Attributes:
        comment: The reason.
    """

    comment: Text | None = None

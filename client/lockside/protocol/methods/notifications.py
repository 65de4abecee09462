"""The methods of subscriptions and deliveries that other kinds do not have."""

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, field

from lockside.documents import times
from lockside.documents.base import (
    NUMBER_PATTERN,
    ComponentId,
    ConfigId,
    FieldError,
    JobId,
    PoolId,
    Sequence,
    Text,
    Time,
)
from lockside.documents.notification import NotifiedEvent, Recipient, SubscriptionSpec
from lockside.protocol.declaration import ListParams, Mutation, Params, fields_of, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types import notifications as t
from lockside.protocol.words import Role

DeliveryId = Annotated[str, Meta(pattern=NUMBER_PATTERN, description="A delivery's id.")]
_ONE: Final = {"id": "failures"}

if TYPE_CHECKING:
    SubscriptionFields = list[str]
else:
    SubscriptionFields = fields_of(t.Notification)


@method(
    "notification.put",
    Role.OPERATOR,
    answers=t.Notification,
    refuses=[ErrorKind.NOT_FOUND],
    example={
        "subscription": {
            "id": "failures",
            "event": "job-failed",
            "recipient": {"channel": "webhook", "url": "https://hooks.example.com/lockside"},
        }
    },
)
class NotificationPut(Mutation, frozen=True, kw_only=True):
    """Store a subscription.

    Attributes:
        subscription: The whole subscription.
        expected_version: Refuse the call unless this is the current version; 0 if none is stored.
    """

    subscription: SubscriptionSpec
    change_description: Text | None = None
    expected_version: Sequence | None = None


@method("notification.list", Role.VIEWER, answers=t.Notifications, example={"event": "job-failed"})
class NotificationListAll(ListParams, frozen=True, kw_only=True):
    """List subscriptions.

    Attributes:
        event: Only those for this event.
        component: Only those with a filter for this component.
        config: Only those with a filter for this configuration.
        channel: Only those with this channel.
        fields: Return only these members of each subscription, and its id.
    """

    event: NotifiedEvent | None = None
    component: ComponentId | None = None
    config: ConfigId | None = None
    channel: Annotated[str, Meta(max_length=64)] | None = None
    fields: SubscriptionFields | None = None


@method(
    "notification.rotate",
    Role.OPERATOR,
    answers=t.WebhookSecret,
    refuses=[ErrorKind.NOT_FOUND],
    example=_ONE,
)
class NotificationRotate(Mutation, frozen=True, kw_only=True):
    """Replace the secret of a webhook; for 24 hours the old secret signs, too.

    Attributes:
        id: The subscription's id; `project` for the secret of the notifications that jobs request themselves,
            for admins only.
    """

    id: PoolId


@method(
    "notification.deliveries",
    Role.VIEWER,
    answers=t.Deliveries,
    refuses=[ErrorKind.NOT_FOUND],
    example={"status": ["dead"]},
)
class NotificationDeliveries(ListParams, frozen=True, kw_only=True):
    """List deliveries, the newest first.

    Attributes:
        subscription: Only those to this subscription.
        job: Only those about this job.
        status: Only those with one of these statuses.
        from_: Only those created at this time or later.
        to: Only those created before this time.
    """

    reads = {"from_": times.canonical_time, "to": times.canonical_time}

    subscription: PoolId | None = None
    job: JobId | None = None
    status: Annotated[list[t.DeliveryStatus], Meta(max_length=5)] = []
    from_: Time | None = field(default=None, name="from")
    to: Time | None = None


@method(
    "notification.redeliver",
    Role.OPERATOR,
    answers=t.Redelivered,
    refuses=[ErrorKind.NOT_FOUND],
    example={"subscription": "failures"},
)
class NotificationRedeliver(Mutation, frozen=True, kw_only=True):
    """Send dead and delivered notifications again, at once.

    They keep their `webhook-id`, and their attempts are counted on.

    Attributes:
        id: The delivery.
        subscription: All deliveries to this subscription.
        from_: Only those created at this time or later.
        to: Only those created before this time.
    """

    reads = {"from_": times.canonical_time, "to": times.canonical_time}

    id: DeliveryId | None = None
    subscription: PoolId | None = None
    from_: Time | None = field(default=None, name="from")
    to: Time | None = None

    def check(self) -> None:
        """Raises FieldError unless exactly one of the two is named."""
        if (self.id is None) == (self.subscription is None):
            raise FieldError("Give either a delivery's `id` or a `subscription`", "id")


@method(
    "notification.cancel",
    Role.OPERATOR,
    answers=t.Cancelled,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.INVALID_TRANSITION],
    example={"id": "12"},
)
class NotificationCancel(Mutation, frozen=True, kw_only=True):
    """Cancel a pending delivery.

    Attributes:
        id: The delivery.
    """

    id: DeliveryId


@method(
    "notification.test",
    Role.OPERATOR,
    answers=t.Tested,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.TIMEOUT],
    is_repeatable=False,
    example=_ONE,
)
class NotificationTest(Params, frozen=True, kw_only=True):
    """Send a `test` event now, once, and return the outcome.

    Attributes:
        id: The subscription.
        recipient: A recipient that is not stored.
    """

    id: PoolId | None = None
    recipient: Recipient | None = None

    def check(self) -> None:
        """Raises FieldError unless exactly one of the two is named."""
        if (self.id is None) == (self.recipient is None):
            raise FieldError("Give either a subscription's `id` or a `recipient`", "id")

"""Stored subscriptions and their deliveries."""

from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, UnsetType, field

from lockside.documents.base import ListPage, Out
from lockside.documents.notification import SubscriptionSpec
from lockside.protocol.types.stored import Stored, stored_as

DeliveryStatus = Literal["pending", "sending", "delivered", "dead", "cancelled"]

if TYPE_CHECKING:

    class StoredSubscription(SubscriptionSpec, Stored, frozen=True, kw_only=True): ...

else:
    StoredSubscription = stored_as(SubscriptionSpec)


class Notification(StoredSubscription, frozen=True, kw_only=True):
    """A stored subscription.

    The secret of its webhook is only in the result of the `notification.put` that created it.

    Attributes:
        change_description: Why it was changed.
    """

    change_description: str | None = None


class Notifications(ListPage, frozen=True, kw_only=True):
    """Several subscriptions."""

    subscriptions: list[Notification]


class Attempt(Out, frozen=True, kw_only=True):
    """One attempt to deliver a notification.

    Attributes:
        time: When it ended.
        seconds: How long it took.
        status_code: The HTTP or SMTP status code of the response; null without a response.
        error: Why the attempt failed; null if it succeeded.
    """

    time: str
    seconds: float
    status_code: int | None = None
    error: str | None = None


class Recipient(Out, frozen=True, kw_only=True):
    """The recipient of a delivery; its members are null if the subscription was deleted.

    Attributes:
        channel: The channel.
        url: Scheme and host of the URL.
        address: The mail addresses; those named by a job are shown to its owner and admins only.
        command: The program.
    """

    channel: str | None = None
    url: str | None = None
    address: list[str] | None = None
    command: str | None = None


class Delivery(Out, frozen=True, kw_only=True):
    """One notification to one recipient.

    Attributes:
        id: The delivery's id; `webhook-id` is `msg_` and this id, or that of the first of several in one
            message.
        subscription: The subscription's id; null for a notification that its job requested.
        event: The kind of event.
        seq: The number of the event that it is about.
        recipient: The recipient.
        status: `pending` until `nextAttemptTime`, `sending` during an attempt, or how it ended.
        attempts: The attempts so far, the oldest first.
        next_attempt_time: When it is due.
        created_time: When it was created.
        end_time: When it was delivered, given up or cancelled.
    """

    id: str
    subscription: str | None = None
    job: str | None = None
    event: str
    seq: int
    recipient: Recipient
    status: DeliveryStatus
    attempts: list[Attempt] = []
    next_attempt_time: str | None = None
    created_time: str
    end_time: str | None = None


class Deliveries(ListPage, frozen=True, kw_only=True):
    """Several deliveries, the newest first."""

    deliveries: list[Delivery]


class Redelivered(Out, frozen=True, kw_only=True):
    """The number of deliveries that are sent again.

    Attributes:
        count: The number of deliveries.
    """

    count: int
    deduplicated: bool | UnsetType = UNSET


class Cancelled(Out, frozen=True, kw_only=True):
    """A cancelled delivery.

    Attributes:
        id: The delivery's id.
    """

    id: str
    deduplicated: bool | UnsetType = UNSET


class WebhookSecret(Out, frozen=True, kw_only=True):
    """The new secret of a webhook, which is returned once. A repeat of the call returns null.

    Attributes:
        secret: The secret.
    """

    secret: str | None = field(default=None)
    deduplicated: bool | UnsetType = UNSET


class Tested(Out, frozen=True, kw_only=True):
    """The outcome of a test.

    Attributes:
        status: `delivered` or `failed`.
        status_code: The status code of the response.
        seconds: How long it took.
    """

    status: Literal["delivered", "failed"]
    status_code: int | None = None
    seconds: float
    error: str | None = None

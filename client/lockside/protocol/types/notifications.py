"""Subscriptions as they are stored, and what is delivered to them."""

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

    The secret of its webhook is in no answer but the one of `notification.put` that made it.

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
        status_code: The status code of the answer, of HTTP or SMTP; null without an answer.
        error: Why it is no delivery; null when it is one.
    """

    time: str
    seconds: float
    status_code: int | None = None
    error: str | None = None


class Recipient(Out, frozen=True, kw_only=True):
    """Whom a delivery goes to; null for a subscription that was deleted.

    Attributes:
        channel: How it is told.
        url: Where to; scheme and host.
        address: The mail addresses; one that a job named itself is shown to its owner and admins.
        command: The program.
    """

    channel: str | None = None
    url: str | None = None
    address: list[str] | None = None
    command: str | None = None


class Delivery(Out, frozen=True, kw_only=True):
    """One notification to one recipient.

    Attributes:
        id: The delivery's id; `webhook-id` is `msg_` and it, or that of the first of several in one message.
        subscription: The subscription's id; null for a notification that its job asked for itself.
        event: What is told.
        seq: The number of the event that it is about.
        recipient: Whom it goes to.
        status: `pending` until `nextAttemptTime`, `sending` while a courier has it, or how it ended.
        attempts: The attempts so far, the oldest first.
        next_attempt_time: When it is due.
        created_time: When it was written.
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
    """How many deliveries are sent again.

    Attributes:
        count: The number of deliveries.
    """

    count: int
    deduplicated: bool | UnsetType = UNSET


class Cancelled(Out, frozen=True, kw_only=True):
    """A delivery that was given up.

    Attributes:
        id: The delivery's id.
    """

    id: str
    deduplicated: bool | UnsetType = UNSET


class WebhookSecret(Out, frozen=True, kw_only=True):
    """The new secret of a webhook, which is answered once. A repeat of the call answers null.

    Attributes:
        secret: The secret.
    """

    secret: str | None = field(default=None)
    deduplicated: bool | UnsetType = UNSET


class Tested(Out, frozen=True, kw_only=True):
    """What came of a test.

    Attributes:
        status: `delivered` or `failed`.
        status_code: The status code of the answer.
        seconds: How long it took.
    """

    status: Literal["delivered", "failed"]
    status_code: int | None = None
    seconds: float
    error: str | None = None

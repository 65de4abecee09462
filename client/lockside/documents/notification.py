# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Subscriptions: which events are told, and to whom. Reads no event and connects to nobody."""

import base64
import binascii
import operator
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta, field

from lockside.documents.base import NO_NUL_PATTERN, FieldError, In, Name, PoolId, Text
from lockside.documents.secrets import is_cipher

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how all secrets begin
SECRET_BYTES: Final = range(24, 65)
MAX_URL: Final = 2048


class NotifiedEvent(StrEnum):
    """What a subscription can be told."""

    JOB_STARTED = "job-started"
    JOB_SUCCEEDED = "job-succeeded"
    JOB_SUCCEEDED_WITH_WARNING = "job-succeeded-with-warning"
    JOB_FAILED = "job-failed"
    JOB_TERMINATED = "job-terminated"
    JOB_CANCELLED = "job-cancelled"
    JOB_RECOVERED = "job-recovered"
    PHASE_JOB_SUCCEEDED = "phase-job-succeeded"
    PHASE_JOB_SUCCEEDED_WITH_WARNING = "phase-job-succeeded-with-warning"
    PHASE_JOB_FAILED = "phase-job-failed"
    PHASE_JOB_TERMINATED = "phase-job-terminated"
    PHASE_JOB_CANCELLED = "phase-job-cancelled"
    NOTIFICATION_DEAD = "notification-dead"
    NOTIFICATION_DISABLED = "notification-disabled"


OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}

FIELDS: Final = frozenset(
    {
        *("project.id", "project.name", "branch.id", "branch.name", "phase.id", "phase.name"),
        *("job.id", "job.runId", "job.name", "job.status", "job.pool", "job.message", "job.durationSeconds"),
        *("job.component.id", "job.configuration.id", "job.configuration.name", "job.principal.user"),
        *("failures", "delivery.id", "delivery.subscription", "subscription.id"),
    }
)
"""The paths into the `data` of a notification by which it can be filtered, beside `job.labels.NAME`."""

_LABELS: Final = "job.labels."


class Filter(In, frozen=True, kw_only=True):
    """A condition on the `data` of a notification.

    Attributes:
        field: A dotted path into `data`, as in `job.component.id` or `job.labels.team`.
        operator: How the member is compared with the value.
        value: The value; numbers are compared as numbers, all else as text.
    """

    field: Annotated[str, Meta(min_length=1, max_length=255)]
    operator: Literal["==", "!=", ">=", "<=", ">", "<"] = "=="
    value: Annotated[str, Meta(max_length=1024)] | float | bool

    def check(self) -> None:
        """Raises FieldError for a path that no notification has."""
        if self.field not in FIELDS and not self.field.startswith(_LABELS):
            known = ", ".join(sorted(FIELDS))
            raise FieldError(f"No notification has this field; known are {known}, {_LABELS}NAME", "field")

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Whether the data meets the condition; a member that is missing meets only `!=`."""
        found = value_in(data, self.field)
        if found is None:
            return self.operator == "!="
        return OPERATORS[self.operator](*_comparable(found, self.value))


def value_in(data: Any, path: str) -> Any:
    """The member that a dotted path names, None when there is none. Names of labels may have dots."""
    if path.startswith(_LABELS):
        return value_in(data, _LABELS.rstrip(".")).get(path.removeprefix(_LABELS))
    for name in path.split("."):
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def _comparable(found: Any, value: Any) -> tuple[Any, Any]:
    try:
        return float(found), float(value)
    except (TypeError, ValueError):
        return _text(found), _text(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Webhook(In, frozen=True, kw_only=True, tag_field="channel", tag="webhook"):
    """A receiver of signed POSTs.

    Attributes:
        url: Where to, an https URL; http only to what `[notifications] allow` names.
        secret: The key of the signatures, `whsec_` and base64 of 24 to 64 bytes; lockside makes one that is
            not given.
    """

    url: Annotated[str, Meta(min_length=1, max_length=MAX_URL, pattern=NO_NUL_PATTERN)]
    secret: Annotated[str, Meta(max_length=1024)] | None = field(default=None, name="#secret")

    def check(self) -> None:
        """Raises FieldError for a URL that cannot be posted to, and for a key that is none."""
        check_url(self.url, "url")
        if self.secret is not None and not is_cipher(self.secret) and not is_webhook_secret(self.secret):
            raise FieldError("Give `whsec_` and base64 of 24 to 64 bytes, or leave it out", "#secret")


def check_url(url: str, member: str) -> None:
    """Raises FieldError for what is no http or https URL, or has a user or a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as problem:
        raise FieldError(f"This is no URL: {problem}", member) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FieldError("Give an https URL with a host", member)
    if "@" in parts.netloc:
        raise FieldError("Give a URL without a user and a password", member)
    if not url.isascii() or not url.isprintable() or " " in url:
        raise FieldError("Percent-encode spaces and all that is not ASCII", member)


def is_webhook_secret(text: str) -> bool:
    """Whether a text is a key of signatures, as Standard Webhooks has them."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(SECRET_PREFIX) and len(key) in SECRET_BYTES


class SubscriptionSpec(In, frozen=True, kw_only=True):
    """A subscription: which events are told to whom.

    Attributes:
        id: The subscription's id; in a file, the file's name.
        name: A name for people.
        state: `disabled` keeps it and tells nothing.
        event: What is told: the name of an event, or several.
        filters: Conditions on the `data` of the notification; all must hold.
        recipient: Who is told.
        after_failures: A failure is told from this one in a row of the same configuration on.
        repeat: `change` tells only the failure that reaches `afterFailures`, `every` also those after it.
        digest_seconds: After a message what comes in so many seconds is one message at their end.
    """

    id: PoolId
    name: Name | None = None
    description: Text | None = None
    state: Literal["enabled", "disabled"] = "enabled"
    event: NotifiedEvent | Annotated[list[NotifiedEvent], Meta(min_length=1, max_length=50)]
    filters: Annotated[list[Filter], Meta(max_length=50)] = []
    recipient: Webhook
    after_failures: Annotated[int, Meta(ge=1, le=1000)] = 1
    repeat: Literal["every", "change"] = "every"
    digest_seconds: Annotated[float, Meta(ge=0, le=86_400)] | None = None

    @property
    def counts(self) -> bool:
        """Whether failures in a row decide on what is told."""
        return (
            self.after_failures > 1 or self.repeat == "change" or NotifiedEvent.JOB_RECOVERED in self.events
        )

    @property
    def gathers_seconds(self) -> float:
        """For how long after a message what is told is gathered."""
        return self.digest_seconds or 0.0

    @property
    def events(self) -> frozenset[NotifiedEvent]:
        """What is told."""
        return frozenset(self.event if isinstance(self.event, list) else [self.event])

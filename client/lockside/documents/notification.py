"""Subscriptions: which events are sent, and to whom. No events are read or sent here."""

import base64
import binascii
import operator
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import quote, urlsplit

from msgspec import Meta, field

from lockside.documents import times
from lockside.documents.base import NO_NUL_PATTERN, Arguments, FieldError, In, Name, PoolId, Text
from lockside.documents.enums import Stage, Status
from lockside.documents.secrets import is_cipher

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of all secrets
SECRET_BYTES: Final = range(24, 65)
MAX_URL: Final = 2048
MAX_ADDRESSES: Final = 20
EMAIL_SECONDS: Final = 300.0
"""After a mail, notifications are collected for this long, unless the subscription says otherwise."""

WebhookUrl = Annotated[str, Meta(min_length=1, max_length=MAX_URL, pattern=NO_NUL_PATTERN)]
ADDRESS_PATTERN: Final = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$(?!\n)"
)
MailAddress = Annotated[str, Meta(max_length=254, pattern=ADDRESS_PATTERN, description="A mail address.")]


class NotifiedEvent(StrEnum):
    """The events of subscriptions."""

    JOB_STARTED = "job-started"
    JOB_SUCCEEDED = "job-succeeded"
    JOB_SUCCEEDED_WITH_WARNING = "job-succeeded-with-warning"
    JOB_FAILED = "job-failed"
    JOB_TERMINATED = "job-terminated"
    JOB_CANCELLED = "job-cancelled"
    JOB_RECOVERED = "job-recovered"
    JOB_PROCESSING_LONG = "job-processing-long"
    JOB_WAITING_LONG = "job-waiting-long"
    JOB_BLOCKED = "job-blocked"
    JOB_STALLED = "job-stalled"
    PHASE_JOB_SUCCEEDED = "phase-job-succeeded"
    PHASE_JOB_SUCCEEDED_WITH_WARNING = "phase-job-succeeded-with-warning"
    PHASE_JOB_FAILED = "phase-job-failed"
    PHASE_JOB_TERMINATED = "phase-job-terminated"
    PHASE_JOB_CANCELLED = "phase-job-cancelled"
    PHASE_JOB_PROCESSING_LONG = "phase-job-processing-long"
    SCHEDULE_MISSED = "schedule-missed"
    SCHEDULE_FAILED = "schedule-failed"
    SCHEDULE_PAUSED = "schedule-paused"
    SCHEDULE_OVERDUE = "schedule-overdue"
    TRIGGER_FAILED = "trigger-failed"
    TRIGGER_PAUSED = "trigger-paused"
    NOTIFICATION_DEAD = "notification-dead"
    NOTIFICATION_DISABLED = "notification-disabled"
    DAEMON_ALIVE = "daemon-alive"


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
        *("schedule.id", "trigger.id", "waitingSeconds"),
        *("averageDuration", "currentDuration", "durationOvertimePercentage"),
        *("failures", "delivery.id", "delivery.subscription", "subscription.id"),
    }
)
"""The paths into the `data` of a notification by which it can be filtered, beside `job.labels.NAME`."""

LONG: Final[Mapping[NotifiedEvent, str]] = {
    NotifiedEvent.JOB_PROCESSING_LONG: "durationOvertimePercentage",
    NotifiedEvent.PHASE_JOB_PROCESSING_LONG: "durationOvertimePercentage",
    NotifiedEvent.JOB_WAITING_LONG: "waitingSeconds",
}
"""Events of slow jobs, with the field whose filter sets the threshold."""

_LABELS: Final = "job.labels."


class Filter(In, frozen=True, kw_only=True):
    """A condition on the `data` of a notification.

    Attributes:
        field: A dotted path into `data`, as in `job.component.id` or `job.labels.team`.
        operator: How the member is compared with the value.
        value: The value; numbers are compared as numbers, other values as text.
    """

    field: Annotated[str, Meta(min_length=1, max_length=255)]
    operator: Literal["==", "!=", ">=", "<=", ">", "<"] = "=="
    value: Annotated[str, Meta(max_length=1024)] | float | bool

    def check(self) -> None:
        """Raises FieldError for a path that no notification has."""
        if self.field not in FIELDS and not self.field.startswith(_LABELS):
            known = ", ".join(sorted(FIELDS))
            raise FieldError(f"No notification has this field; fields are {known}, {_LABELS}NAME", "field")

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Return whether the data meets the condition; a missing member meets only `!=`."""
        found = value_in(data, self.field)
        if found is None:
            return self.operator == "!="
        return OPERATORS[self.operator](*_comparable(found, self.value))


def value_in(data: Any, path: str) -> Any:
    """Return the member at a dotted path, or None. Names of labels may have dots."""
    if path.startswith(_LABELS):
        labels: Mapping[str, Any] = value_in(data, _LABELS.rstrip(".")) or {}
        return labels.get(path.removeprefix(_LABELS))
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
        url: An https URL; http only for hosts in `[notifications] allow`.
        secret_url: The same for a URL that is a secret itself, as for many chat services.
        secret: The key of the signatures, `whsec_` and base64 of 24 to 64 bytes; created if not given.
    """

    url: WebhookUrl | None = None
    secret_url: WebhookUrl | None = field(default=None, name="#url")
    secret: Annotated[str, Meta(max_length=1024)] | None = field(default=None, name="#secret")

    def check(self) -> None:
        """Raises FieldError for an invalid URL or key."""
        if (self.url is None) == (self.secret_url is None):
            raise FieldError("Give either `url` or `#url`", "url")
        if self.url is not None:
            check_url(self.url, "url")
        if self.secret_url is not None and not is_cipher(self.secret_url):
            check_url(self.secret_url, "#url")
        if self.secret is not None and not is_cipher(self.secret) and not is_webhook_secret(self.secret):
            raise FieldError("Give `whsec_` and base64 of 24 to 64 bytes, or leave it out", "#secret")


class Email(In, frozen=True, kw_only=True, tag_field="channel", tag="email"):
    """Recipients of mail. It needs `[email] host` in the settings.

    Attributes:
        address: A mail address, or up to 20.
    """

    address: MailAddress | Annotated[list[MailAddress], Meta(min_length=1, max_length=MAX_ADDRESSES)]

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses."""
        return tuple(self.address) if isinstance(self.address, list) else (self.address,)


class Command(In, frozen=True, kw_only=True, tag_field="channel", tag="command"):
    """A program that the daemon runs as the subscription's owner; it reads the notification from stdin.

    Attributes:
        command: The program and its arguments. An exit code other than 0 is a failed attempt.
    """

    command: Arguments

    def check(self) -> None:
        """Raises FieldError if the program is empty."""
        if not self.command[0]:
            raise FieldError("Name a program", "command")


Recipient: TypeAlias = Webhook | Email | Command


def channel_of(recipient: Recipient) -> str:
    """Return the `channel` of a recipient."""
    return str(recipient.__struct_config__.tag)


def check_url(url: str, member: str) -> None:
    """Raises FieldError unless it is an http or https URL without user and password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as problem:
        raise FieldError(f"This is not a URL: {problem}", member) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FieldError("Give an https URL with a host", member)
    if "@" in parts.netloc:
        raise FieldError("Give a URL without a user and a password", member)
    if not url.isascii() or not url.isprintable() or " " in url:
        raise FieldError("Percent-encode spaces and characters that are not ASCII", member)


def is_webhook_secret(text: str) -> bool:
    """Return whether a text is a signature key as defined by Standard Webhooks."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(SECRET_PREFIX) and len(key) in SECRET_BYTES


BLOCKED: Final = "blocked"
"""The word for a job that recovery blocks; it is neither a status nor a stage."""

WORDS: Final[Mapping[str, frozenset[str]]] = {
    **{one.value: frozenset({one.value}) for one in (*Status, *Stage)},
    "ACCEPTED": frozenset({Status.CREATED}),
    "PENDING": frozenset({Stage.VALIDATED}),
    **dict.fromkeys(("PROCESSING_INPUTS", "STAGING_INPUTS", "STAGED"), frozenset({Stage.INPUT_MAPPING})),
    "STAGING_JOB": frozenset({Stage.PREPARING}),
    **dict.fromkeys(("SUBMITTING", "QUEUED", "RUNNING"), frozenset({Stage.RUNNING})),
    "ARCHIVING": frozenset({Stage.ARCHIVING}),
    "CLEANING_UP": frozenset({Stage.CLEANING_UP}),
    "FINISHED": frozenset({Status.SUCCESS, Status.WARNING}),
    "FAILED": frozenset({Status.ERROR}),
    "STOPPED": frozenset({Status.CANCELLED, Status.TERMINATED}),
    **dict.fromkeys(("BLOCKED", "job-blocked"), frozenset({BLOCKED})),
    "job-started": frozenset({Status.PROCESSING}),
    "job-succeeded": frozenset({Status.SUCCESS}),
    "job-succeeded-with-warning": frozenset({Status.WARNING}),
    "job-failed": frozenset({Status.ERROR}),
    "job-terminated": frozenset({Status.TERMINATED}),
    "job-cancelled": frozenset({Status.CANCELLED}),
}
"""The events of a job's own notifications: for each word the statuses and stages that it means."""
ANY_STATUS: Final = "*"

VALUES: Final = (
    *("JOB_STATUS", "JOB_URL", "JOB_ID", "JOB_SYSTEM", "JOB_NAME", "JOB_START_TIME", "JOB_END_TIME"),
    *("JOB_SUBMIT_TIME", "JOB_ARCHIVE_PATH", "JOB_ARCHIVE_URL", "JOB_ERROR"),
)
"""The placeholders `${NAME}` in the URL of a job's own notification."""
_PLACE: Final = re.compile(r"\$\{([^}]*)\}")
MAILTO: Final = "mailto:"


class JobNotification(In, frozen=True, kw_only=True):
    """A notification that is requested with a job.

    Attributes:
        event: `*` for every change of the status, a status, a stage, or the name of an event.
        persistent: Send every such event; by default only the first.
        url: A mail address, or an http(s) URL that gets a POST; `${JOB_ID}` and other placeholders are
            replaced.
    """

    event: Annotated[str, Meta(min_length=1, max_length=64)]
    persistent: bool = False
    url: Annotated[str, Meta(min_length=1, max_length=MAX_URL, pattern=NO_NUL_PATTERN)]

    def check(self) -> None:
        """Raises FieldError for an unknown event or an invalid URL or address."""
        if self.event != ANY_STATUS and self.event not in WORDS:
            raise FieldError(f"There is no such event; the events are *, {', '.join(WORDS)}", "event")
        if self.is_mail:
            if not re.fullmatch(ADDRESS_PATTERN, self.address):
                raise FieldError("This is not a mail address", "url")
            return
        unknown = [name for name in _PLACE.findall(self.url) if name not in VALUES]
        if unknown:
            raise FieldError(f"There is no ${{{unknown[0]}}}; there are {', '.join(VALUES)}", "url")
        scheme, _, rest = self.url.partition("://")
        if "${" in scheme + re.split(r"[/?#]", _PLACE.sub("${", rest), maxsplit=1)[0]:
            raise FieldError("Placeholders can only be used after the host", "url")
        check_url(_PLACE.sub("x", self.url), "url")

    @property
    def is_mail(self) -> bool:
        """Whether it goes to a mail address."""
        return "://" not in self.url

    @property
    def address(self) -> str:
        """The mail address."""
        return self.url.removeprefix(MAILTO)

    def is_told(self, word: str, *, is_status: bool) -> bool:
        """Return whether it is sent for that status, stage or `BLOCKED`."""
        if self.event == ANY_STATUS:
            return is_status
        return word in WORDS[self.event]

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the URL with the values, percent-encoded; unknown values are empty."""
        return _PLACE.sub(lambda place: quote(values.get(place[1], ""), safe=""), self.url)


_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_FROM_NOW: Final = re.compile(r"\+ ?(\d{1,6}) ?(second|minute|hour|day|week)s?")


def expiry(value: str) -> str:
    """Return a time in its stored form, or "+24 hours" unchanged. Raises ValueError for anything else."""
    return value if _FROM_NOW.fullmatch(value) else times.canonical_time(value)


def seconds_from_now(value: str) -> int | None:
    """Return the seconds of "+24 hours"; None for a time."""
    found = _FROM_NOW.fullmatch(value)
    return None if found is None else int(found[1]) * _UNITS[found[2]]


class SubscriptionSpec(In, frozen=True, kw_only=True):
    """A subscription: which events are sent to whom.

    Attributes:
        id: The subscription's id; in a file, the file's name.
        state: `disabled` keeps it but sends nothing.
        expires_at: When it stops sending; "+24 hours" counts from when it is stored.
        event: The name of an event, or several.
        filters: Conditions on the `data` of the notification; all must hold.
        recipient: The recipient.
        after_failures: Failures are sent from this number of consecutive failures of a configuration on.
        repeat: `change` sends only the failure that reaches `afterFailures`, `every` also those after it.
        every_seconds: The interval of `daemon-alive`, at least 10 seconds.
        digest_seconds: After a message, the notifications of this time are combined into one message; null
            means 300 for mails, else 0.
    """

    reads = {"expires_at": expiry}

    id: PoolId
    name: Name | None = None
    description: Text | None = None
    state: Literal["enabled", "disabled"] = "enabled"
    expires_at: Annotated[str, Meta(max_length=64, examples=["+24 hours"])] | None = None
    event: NotifiedEvent | Annotated[list[NotifiedEvent], Meta(min_length=1, max_length=50)]
    filters: Annotated[list[Filter], Meta(max_length=50)] = []
    recipient: Recipient
    after_failures: Annotated[int, Meta(ge=1, le=1000)] = 1
    repeat: Literal["every", "change"] = "every"
    digest_seconds: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    every_seconds: Annotated[float, Meta(ge=10, le=86_400)] | None = None

    def check(self) -> None:
        """Raises FieldError for an event without the filter or interval that it requires."""
        for event in self.events & LONG.keys():
            if self.least(event) is None:
                wanted = f"{LONG[event]} >= N"
                raise FieldError(
                    f"{event.value} needs a filter `{wanted}`, which says when it is sent", "filters"
                )
        if (NotifiedEvent.DAEMON_ALIVE in self.events) != (self.every_seconds is not None):
            raise FieldError("`everySeconds` is required for daemon-alive, and only for it", "everySeconds")

    def least(self, event: NotifiedEvent) -> float | None:
        """Return the threshold of an event of a slow job; None without a filter that sets it."""
        for one in self.filters:
            if one.field == LONG[event] and one.operator in (">=", ">") and not isinstance(one.value, str):
                return float(one.value)
        return None

    @property
    def counts(self) -> bool:
        """Whether the number of consecutive failures matters."""
        return (
            self.after_failures > 1 or self.repeat == "change" or NotifiedEvent.JOB_RECOVERED in self.events
        )

    @property
    def gathers_seconds(self) -> float:
        """How long notifications are collected after a message."""
        if self.digest_seconds is not None:
            return self.digest_seconds
        return EMAIL_SECONDS if isinstance(self.recipient, Email) else 0.0

    @property
    def events(self) -> frozenset[NotifiedEvent]:
        """The events that are sent."""
        return frozenset(self.event if isinstance(self.event, list) else [self.event])

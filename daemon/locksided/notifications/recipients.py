"""Recipients: which ones the settings allow, and which parts of them everybody may see. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from lockside.documents.notification import (
    Command,
    Email,
    JobNotification,
    Recipient,
    SubscriptionSpec,
    Webhook,
    channel_of,
    seconds_from_now,
)
from lockside.documents.secrets import is_cipher
from locksided import clock
from locksided.core.errors import Invalid, Limit
from locksided.notifications.addresses import SETTING, Allowed, Target, literal
from locksided.settings import Settings

PROJECT = "project"
"""The id for rotating the secret of a project, which signs the notifications of jobs themselves."""


class Receiver(NamedTuple):
    """A decrypted recipient, with the secrets that sign its requests."""

    recipient: Recipient
    secrets: tuple[str, ...] = ()

    @property
    def channel(self) -> str:
        """The channel of the recipient."""
        return channel_of(self.recipient)


def url_of(webhook: Webhook) -> str:
    """Return the URL of a webhook."""
    return webhook.url or webhook.secret_url or ""


def checked(spec: SubscriptionSpec, settings: Settings) -> SubscriptionSpec:
    """Return the document with its expiry as a time. Raises Invalid, with the path in it."""
    if spec.id == PROJECT:
        raise Invalid(f"`{PROJECT}` stands for the project itself: choose another id.", path="$.id")
    check(spec.recipient, settings, "$.recipient")
    seconds = None if spec.expires_at is None else seconds_from_now(spec.expires_at)
    if seconds is None:
        return spec
    return replace(spec, expires_at=clock.to_text(clock.now_us() + seconds * clock.SECOND_US))


def check(recipient: Recipient, settings: Settings, path: str) -> None:
    """Raise Invalid for an impossible recipient. Host names are resolved only at each attempt."""
    if isinstance(recipient, Webhook):
        _check_url(recipient, settings, path)
    elif isinstance(recipient, Email):
        _check_addresses(recipient, settings, path)


def _check_url(webhook: Webhook, settings: Settings, path: str) -> None:
    if is_cipher(url_of(webhook)):
        return
    target = Target.of(url_of(webhook))
    address = literal(target.host)
    if address is not None and not Allowed(settings.notifications.allow).may_connect(target, address):
        member = f"{path}.{'#url' if webhook.url is None else 'url'}"
        text = f"{target.scheme} to {address} is not in {SETTING}, where an admin can add it."
        raise Invalid(text, path=member)


def _check_addresses(mail: Email, settings: Settings, path: str) -> None:
    if not settings.email.host:
        raise Invalid("Mails need a server: an admin names it in `[email] host`.", path=path)
    domains = {domain.lower() for domain in settings.email.allow_domains}
    for address in mail.addresses if domains else ():
        domain = address.rpartition("@")[2]
        if domain.lower() not in domains:
            text = f"{domain} is not in [email] allow_domains, where an admin can add it."
            raise Invalid(text, path=f"{path}.address")


def shown(recipient: Recipient | None) -> dict[str, Any]:
    """Return what everybody may see of a recipient: only the scheme and host of a URL."""
    none: dict[str, Any] = {"channel": None, "url": None, "address": None, "command": None}
    match recipient:
        case None:
            return none
        case Webhook():
            return {**none, "channel": "webhook", "url": origin_of(url_of(recipient))}
        case Email():
            return {**none, "channel": "email", "address": list(recipient.addresses)}
        case Command():
            return {**none, "channel": "command", "command": recipient.command[0]}


def check_own(wanted: Sequence[JobNotification], settings: Settings, path: str) -> None:
    """Raise Limit for too many notifications of one job, Invalid for one that can never be sent."""
    most = settings.notifications.max_per_job
    if len(wanted) > most:
        text = (
            f"A job has at most {most} notifications, not {len(wanted)} (setting notifications.max_per_job)."
        )
        raise Limit(text, path=path)
    for place, one in enumerate(wanted):
        try:
            check(recipient_of(one, one.filled({})), settings, path)
        except Invalid as refusal:
            refusal.path = f"{path}[{place}].url"
            raise


def recipient_of(wanted: JobNotification, filled: str) -> Recipient:
    """Return the recipient of a job's own notification, given its URL with all values filled in."""
    return Email(address=wanted.address) if wanted.is_mail else Webhook(url=filled)


def shown_url(wanted: JobNotification) -> str:
    """Return the part of a job's notification address that users other than its owner may see."""
    return "***" if wanted.is_mail else origin_of(wanted.filled({}))


def origin_of(url: str) -> str:
    """Return the scheme and the host of a URL."""
    target = Target.of(url)
    return f"{target.scheme}://{target.host}"

"""The subscriptions that are told something, with their documents."""

from functools import lru_cache

import msgspec

from lockside.documents.notification import SubscriptionSpec
from lockside.documents.reading import from_store
from locksided import clock
from locksided.notifications.matching import Hearer
from locksided.store import notifications
from locksided.store.sql import Database


def enabled(connection: Database) -> list[Hearer]:
    """All that are not disabled, and whose time is not over."""
    found = [Hearer.of(one, _spec(one.body)) for one in notifications.everything(connection)]
    now = clock.to_text(clock.now_us()) or ""
    return [one for one in found if one.spec.state == "enabled" and (one.spec.expires_at or now) >= now]


@lru_cache(1024)
def _spec(text: str) -> SubscriptionSpec:
    """A stored document; most events find the same ones."""
    return from_store(msgspec.json.decode(text), SubscriptionSpec)

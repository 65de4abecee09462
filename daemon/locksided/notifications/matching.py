"""Matches the events of a round with all subscriptions, and counts failures for some.

It reads and writes nothing except through the function that it is given.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import msgspec

from lockside.documents.notification import NotifiedEvent as Event
from lockside.documents.notification import SubscriptionSpec, channel_of
from lockside.documents.reading import from_store
from locksided import clock
from locksided.notifications import telling
from locksided.store import notifications
from locksided.store.notifications import Listener, SubscriptionName
from locksided.store.rows import EventRow
from locksided.store.sql import Database


@dataclass(frozen=True, slots=True)
class Told:
    """A notification; failures are counted per `subject`, and subscription `about` does not get it."""

    event: EventRow
    name: Event
    data: Mapping[str, Any]
    subject: str = ""
    about: str | None = None


@dataclass(slots=True)
class Message:
    """One notification and its receivers: the subscriptions by channel, and those that gather."""

    told: Told
    at_once: dict[str, list[str]] = field(default_factory=dict)
    gathered: list["Hearer"] = field(default_factory=list)

    def add(self, one: "Hearer") -> None:
        """Add a subscription to those that are notified."""
        if one.gathers_seconds:
            self.gathered.append(one)
        else:
            self.at_once.setdefault(one.channel, []).append(one.name.id)

    def add_all(self, all_of: "Unconditional") -> None:
        """Add several subscriptions."""
        for channel, subscriptions in all_of.by_channel.items():
            self.at_once.setdefault(channel, []).extend(subscriptions)


Subject = tuple[SubscriptionName, str]
Failures = tuple[int, bool]
"""How often something failed in a row, and whether a notification was sent."""


@dataclass(frozen=True, slots=True)
class Hearer:
    """A subscription with the values needed for every event."""

    name: SubscriptionName
    since_seq: int
    spec: SubscriptionSpec
    events: frozenset[Event]
    counts: bool
    gathers_seconds: float
    channel: str

    @classmethod
    def of(cls, listener: Listener, spec: SubscriptionSpec) -> "Hearer":
        """Return a listener with its document."""
        return cls(
            name=listener.name,
            since_seq=listener.since_seq,
            spec=spec,
            events=spec.events,
            counts=spec.counts,
            gathers_seconds=spec.gathers_seconds,
            channel=channel_of(spec.recipient),
        )

    @property
    def is_unconditional(self) -> bool:
        """Return whether it gets all its events, and at once."""
        return not (self.spec.filters or self.counts or self.gathers_seconds)


@dataclass(slots=True)
class Unconditional:
    """The subscriptions of a project that get all such events after `since_seq`, by channel."""

    since_seq: int = 0
    by_channel: dict[str, list[str]] = field(default_factory=dict)

    def add(self, one: Hearer) -> None:
        """Add another subscription."""
        self.since_seq = max(self.since_seq, one.since_seq)
        self.by_channel.setdefault(one.channel, []).append(one.name.id)


class Matching:
    """Collects the messages and counts of a round. `known` reads what was counted before."""

    def __init__(self, hearers: Sequence[Hearer], known: Callable[[SubscriptionName, str], Failures]) -> None:
        self._known = known
        self._by_event = _by_event(hearers)
        self._conditional = _by_event(one for one in hearers if not one.is_unconditional)
        self._unconditional: dict[tuple[Event, str], Unconditional] = {}
        for one in hearers:
            for event in one.events if one.is_unconditional else ():
                self._unconditional.setdefault((event, one.name.project), Unconditional()).add(one)
        self._messages: dict[tuple[int, Event, int], Message] = {}
        self.counted: dict[Subject, Failures] = {}

    @property
    def messages(self) -> Iterable[Message]:
        """The messages to send."""
        return self._messages.values()

    @property
    def wanted(self) -> Collection[Event]:
        """The events that any subscription wants."""
        return self._by_event.keys()

    def hearers(self, event: Event) -> Sequence[Hearer]:
        """Return the subscriptions that want such events."""
        return self._by_event.get(event, ())

    def add(self, told: Told) -> None:
        """Add a notification to the messages of all subscriptions that match it."""
        seq, project = told.event.seq, told.event.project
        all_of = self._unconditional.get((told.name, project))
        hearers = self._by_event
        if all_of is not None and seq > all_of.since_seq and told.about is None:
            self._message(told).add_all(all_of)
            hearers = self._conditional
        for one in hearers.get(told.name, ()):
            if seq <= one.since_seq or project != one.name.project or told.about == one.name.id:
                continue
            if not one.spec.filters or all(condition.holds(told.data) for condition in one.spec.filters):
                self._hear(one, told)

    def _hear(self, one: Hearer, told: Told) -> None:
        named = self._counted(one, told) if one.counts else told
        if named is not None and named.name in one.events:
            self._message(named).add(one)

    def _message(self, told: Told) -> Message:
        place = (told.event.seq, told.name, told.data.get("failures", 0))
        message = self._messages.get(place)
        if message is None:
            message = self._messages[place] = Message(told)
        return message

    def _counted(self, one: Hearer, told: Told) -> Told | None:
        """Return the notification for a subscription that counts failures; None if too early or repeated."""
        if told.name not in telling.FAILED | telling.WELL:
            return told
        spec, subject = one.spec, (one.name, told.subject)
        failures, is_told = self.counted.get(subject) or self._known(*subject)
        if told.name in telling.WELL:
            self.counted[subject] = (0, False)
            if not is_told or Event.JOB_RECOVERED not in spec.events or "phase" in told.data:
                return told
            return replace(told, name=Event.JOB_RECOVERED, data={**told.data, "failures": failures})
        failures += 1
        is_due = failures == spec.after_failures or (
            spec.repeat == "every" and failures > spec.after_failures
        )
        self.counted[subject] = (failures, is_told or (is_due and told.name in spec.events))
        return told if is_due else None


def _by_event(hearers: Iterable[Hearer]) -> dict[Event, list[Hearer]]:
    """Return the subscriptions by event; those that count failures need all ends."""
    found: dict[Event, list[Hearer]] = {}
    for one in hearers:
        for event in one.events | (telling.FAILED | telling.WELL if one.counts else frozenset()):
            found.setdefault(event, []).append(one)
    return found


def enabled(connection: Database) -> list[Hearer]:
    """Return all subscriptions that are neither disabled nor expired."""
    found = [Hearer.of(one, _spec(one.body)) for one in notifications.everything(connection)]
    now = clock.to_text(clock.now_us()) or ""
    return [one for one in found if one.spec.state == "enabled" and (one.spec.expires_at or now) >= now]


@lru_cache(1024)
def _spec(text: str) -> SubscriptionSpec:
    """Parse a stored document; most events need the same ones."""
    return from_store(msgspec.json.decode(text), SubscriptionSpec)

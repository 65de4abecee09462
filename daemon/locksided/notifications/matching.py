"""Who is told what: the events of a round against all subscriptions, with the failures that some count.

It reads and writes nothing but through the function that it is given.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lockside.documents.notification import NotifiedEvent as Event
from lockside.documents.notification import SubscriptionSpec
from locksided.notifications import telling
from locksided.store.notifications import Listener, SubscriptionName
from locksided.store.rows import EventRow


@dataclass(frozen=True, slots=True)
class Told:
    """What an event is told as; `subject` is what failures are counted of, `about` whom it is not told."""

    event: EventRow
    name: Event
    data: Mapping[str, Any]
    subject: str = ""
    about: str | None = None


@dataclass(slots=True)
class Message:
    """What is told of one event, and the subscriptions that are told it; gathered for so many seconds."""

    told: Told
    at_once: list[str] = field(default_factory=list)
    gathered: list[tuple[str, float]] = field(default_factory=list)


Subject = tuple[SubscriptionName, str]
Failures = tuple[int, bool]
"""How often something failed in a row, and whether that was told."""


class Matching:
    """Gathers what is to be told and counted of a round. `known` reads what was counted before."""

    def __init__(
        self,
        listening: Sequence[tuple[Listener, SubscriptionSpec]],
        known: Callable[[SubscriptionName, str], Failures],
    ) -> None:
        self._known = known
        self._by_event = _by_event(listening)
        self._messages: dict[tuple[int, Event, int], Message] = {}
        self.counted: dict[Subject, Failures] = {}

    @property
    def messages(self) -> Iterable[Message]:
        """What is to be told."""
        return self._messages.values()

    def add(self, told: Told) -> None:
        """Have everybody hear of it whom it concerns."""
        for listener, spec in self._by_event.get(told.name, ()):
            if told.event.project != listener.name.project or told.about == listener.name.id:
                continue
            if told.event.seq > listener.since_seq and all(one.holds(told.data) for one in spec.filters):
                self._hear(listener.name, spec, told)

    def _hear(self, name: SubscriptionName, spec: SubscriptionSpec, told: Told) -> None:
        named = self._counted(name, spec, told) if spec.counts else told
        if named is None or named.name not in spec.events:
            return
        place = (named.event.seq, named.name, named.data.get("failures", 0))
        message = self._messages.setdefault(place, Message(named))
        if spec.gathers_seconds:
            message.gathered.append((name.id, spec.gathers_seconds))
        else:
            message.at_once.append(name.id)

    def _counted(self, name: SubscriptionName, spec: SubscriptionSpec, told: Told) -> Told | None:
        """What a subscription hears that counts failures; None when it is too early or known."""
        if told.name not in telling.FAILED | telling.WELL:
            return told
        subject = (name, told.subject)
        failures, is_told = self.counted.get(subject) or self._known(*subject)
        if told.name in telling.WELL:
            self.counted[subject] = (0, False)
            if not is_told or Event.JOB_RECOVERED not in spec.events:
                return told
            return replace(told, name=Event.JOB_RECOVERED, data={**told.data, "failures": failures})
        failures += 1
        is_due = failures == spec.after_failures or (
            spec.repeat == "every" and failures > spec.after_failures
        )
        self.counted[subject] = (failures, is_told or (is_due and told.name in spec.events))
        return told if is_due else None


def _by_event(
    listening: Sequence[tuple[Listener, SubscriptionSpec]],
) -> dict[Event, list[tuple[Listener, SubscriptionSpec]]]:
    """Who hears of each event; who counts failures hears of all ends."""
    found: dict[Event, list[tuple[Listener, SubscriptionSpec]]] = {}
    for one in listening:
        spec = one[1]
        for event in spec.events | (telling.FAILED | telling.WELL if spec.counts else frozenset()):
            found.setdefault(event, []).append(one)
    return found

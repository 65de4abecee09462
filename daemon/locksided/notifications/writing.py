"""Stores messages as deliveries: the body once, and a row for each subscription."""

from collections.abc import Iterable

from locksided import clock
from locksided.notifications import telling
from locksided.notifications.matching import Message, Told
from locksided.store import deliveries
from locksided.store.transaction import Transaction


def body_of(told: Told) -> bytes:
    """Return the body to be sent."""
    return telling.body_of(told.name.value, told.event.time_us, told.data)


class Backlog:
    """A lower bound on how many deliveries each project may still add: exact counts only near the limit."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.left: dict[str, int] = {}


class Room:
    """How many deliveries a transaction may still add; those beyond are dropped, and counted."""

    def __init__(self, tx: Transaction, backlog: Backlog) -> None:
        self._tx = tx
        self._backlog = backlog
        self._is_counted: set[str] = set()
        self._dropped: dict[str, int] = {}

    def take(self, project: str, wanted: int) -> int:
        """Return how many of the wanted deliveries may be written."""
        left = self._backlog.left
        if left.get(project, 0) < wanted and project not in self._is_counted:
            self._is_counted.add(project)
            left[project] = deliveries.room(self._tx.connection, project, self._backlog.most)
        granted = max(min(wanted, left[project]), 0)
        left[project] -= granted
        if granted < wanted:
            self._dropped[project] = self._dropped.get(project, 0) + wanted - granted
        return granted

    def close(self) -> bool:
        """Store the number of dropped deliveries, and report it when due; returns whether there are any."""
        for project, count in self._dropped.items():
            deliveries.note_dropped(self._tx, project, count)
        if self._dropped:
            deliveries.tell_dropped(self._tx, clock.now_us())
        return bool(self._dropped)


def write_messages(tx: Transaction, messages: Iterable[tuple[Message, bytes]], backlog: Backlog) -> bool:
    """Store all deliveries for which there is room; returns whether some were dropped."""
    now_us, room = clock.now_us(), Room(tx, backlog)
    alike: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for message, body in messages:
        event = message.told.event
        notice = deliveries.add_notice(tx, message.told.name.value, event, body, now_us)
        for channel, subscriptions in message.at_once.items():
            granted = tuple(subscriptions[: room.take(event.project, len(subscriptions))])
            alike.setdefault((event.project, channel, granted), []).append(notice)
        for one in message.gathered:
            if room.take(event.project, 1):
                whom = (one.channel, one.name.id)
                deliveries.add_gathered(tx, event.project, notice, whom, one.gathers_seconds, now_us)
    for to, notices in alike.items():
        deliveries.add_all(tx, to, notices, now_us)
    return room.close()

"""Messages as deliveries: the body once, and a row for each subscription that is told."""

from collections.abc import Iterable

from locksided import clock
from locksided.notifications import telling
from locksided.notifications.matching import Message, Told
from locksided.store import deliveries
from locksided.store.deliveries import Notice
from locksided.store.transaction import Transaction


def body_of(told: Told) -> bytes:
    """What is sent of it."""
    return telling.body_of(told.name.value, told.event.time_us, told.data)


class Room:
    """How many deliveries a transaction may still add; what has no room is dropped, and counted."""

    def __init__(self, tx: Transaction, most: int) -> None:
        self._tx = tx
        self._most = most
        self._left: dict[str, int] = {}
        self._dropped: dict[str, int] = {}

    def take(self, project: str, wanted: int) -> int:
        """How many of so many may be written."""
        if project not in self._left:
            self._left[project] = deliveries.room(self._tx.connection, project, self._most)
        granted = max(min(wanted, self._left[project]), 0)
        self._left[project] -= granted
        if granted < wanted:
            self._dropped[project] = self._dropped.get(project, 0) + wanted - granted
        return granted

    def close(self) -> None:
        """Remember what was dropped, and tell it when it is time."""
        for project, count in self._dropped.items():
            deliveries.note_dropped(self._tx, project, count)
        if self._dropped:
            deliveries.tell_dropped(self._tx, clock.now_us())


def write_messages(tx: Transaction, messages: Iterable[tuple[Message, bytes]], most_pending: int) -> None:
    """Have all be sent for which there is room."""
    now_us, room = clock.now_us(), Room(tx, most_pending)
    for message, body in messages:
        event = message.told.event
        body_id = deliveries.add_body(tx, body)
        notice = Notice(event.project, message.told.name.value, event.seq, event.job_id, body_id)
        for channel, subscriptions in message.at_once.items():
            granted = subscriptions[: room.take(event.project, len(subscriptions))]
            deliveries.add_all(tx, notice, channel, granted, now_us)
        for one in message.gathered:
            if room.take(event.project, 1):
                deliveries.add_gathered(tx, notice, one.channel, one.name.id, one.gathers_seconds, now_us)
    room.close()

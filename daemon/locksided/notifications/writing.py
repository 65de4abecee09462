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


def write_messages(tx: Transaction, messages: Iterable[tuple[Message, bytes]]) -> None:
    """Have all be sent."""
    now_us = clock.now_us()
    for message, body in messages:
        event = message.told.event
        body_id = deliveries.add_body(tx, body)
        notice = Notice(event.project, message.told.name.value, event.seq, event.job_id, body_id)
        for channel, subscriptions in message.at_once.items():
            deliveries.add_all(tx, notice, channel, subscriptions, now_us)
        for one in message.gathered:
            deliveries.add_gathered(tx, notice, one.channel, one.name.id, one.gathers_seconds, now_us)

"""Exclusive work gets a turn of its own: it is decided from stored data, with no write in between."""

from collections.abc import Iterator
from typing import Any

from locksided.actors.messages import Ask, Decided, Exclusive, Message, Write
from locksided.core.errors import Refused
from locksided.core.scheduler import Scheduler
from locksided.store.transaction import Transaction


def turns(messages: list[Message]) -> Iterator[list[Message]]:
    """Yield all messages in order, exclusive work in turns of its own; without messages one empty turn."""
    turn: list[Message] = []
    for message in messages:
        if isinstance(message, Ask) and isinstance(message.work, Exclusive):
            if turn:
                yield turn
            yield [message]
            turn = []
        else:
            turn.append(message)
    if turn or not messages:
        yield turn


def _set_decided(ask: Ask, decided: Decided) -> None:
    """Replace the work of an ask by the decision."""
    if decided.work is None:
        ask.work = decided.write
    else:
        ask.work, ask.also = decided, lambda answer: _both(decided, answer)


def _both(decided: Decided, answer: Any) -> Write:
    """Return the decided write, followed by the one for the core's answer."""
    if decided.also is None:
        return decided.write
    more = decided.also(answer)

    def write(tx: Transaction) -> Any:
        decided.write(tx)
        return more(tx)

    return write


async def decided(asks: list[Ask], core: Scheduler) -> list[Ask]:
    """Let exclusive work read stored data and decide; returns the asks that were not refused."""
    remaining = []
    for ask in asks:
        if isinstance(ask.work, Exclusive):
            try:
                _set_decided(ask, await ask.work.decide(core))
            except Refused as refusal:
                ask.refuse(refusal)
                continue
        remaining.append(ask)
    return remaining

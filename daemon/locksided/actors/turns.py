"""Work that has a turn of its own: it is decided by what is stored, and nothing is written in between."""

from collections.abc import Iterator
from typing import Any

from locksided.actors.messages import Ask, Decided, Exclusive, Message, Write
from locksided.core.errors import Refused
from locksided.core.scheduler import Scheduler
from locksided.store.transaction import Transaction


def turns(messages: list[Message]) -> Iterator[list[Message]]:
    """All messages in their order, exclusive work in turns of its own; without any, one empty turn."""
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
    """Make of an ask what it decided to be."""
    if decided.work is None:
        ask.work = decided.write
    else:
        ask.work, ask.also = decided, lambda answer: _both(decided, answer)


def _both(decided: Decided, answer: Any) -> Write:
    """What is written whatever the core answered, and then what follows from its answer."""
    if decided.also is None:
        return decided.write
    more = decided.also(answer)

    def write(tx: Transaction) -> Any:
        decided.write(tx)
        return more(tx)

    return write


async def decided(asks: list[Ask], core: Scheduler) -> list[Ask]:
    """Let exclusive work see what is stored, and decide; without those that refuse."""
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

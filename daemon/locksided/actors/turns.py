"""Work that has a turn of its own: it is decided by what is stored, and nothing is written in between."""

from collections.abc import Iterator

from locksided.actors.messages import Ask, Decided, Exclusive, Message
from locksided.core.errors import Refused
from locksided.core.scheduler import Scheduler


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
        ask.work, ask.also = decided, lambda _: decided.write


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

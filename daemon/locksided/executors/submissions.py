"""Submits orders to the engine: all orders that arrive during a submission go into the next one together.

An answer may be lost, so an unanswered submission is looked up by its name before it is repeated. Two
submissions of one token are harmless: one of them wins the claim.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from locksided.executors.engine import Engine, Order, Refused
from locksided.executors.workers import Worker
from locksided.keeper import clock
from locksided.keeper.loop import Loop, Timer

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
GIVEN_UP_SECONDS = 600.0
GATHER_SECONDS = 0.25
"""An order within this time of another waits for more; a single order is submitted at once."""
GATHERED_SECONDS = 5.0
"""The longest time that the first gathered order waits."""
HANDED_ON_SECONDS = 15.0
"""The time for the previous step's runner to claim the next step."""


@dataclass
class Waiting:
    """An order that the engine may not have yet."""

    order: Order
    since_seconds: float
    tries: int = 0
    pause_seconds: float = FIRST_PAUSE_SECONDS
    was_sent: bool = False
    """Whether to look it up first: it may have been submitted, and the engine knows names."""
    is_alone: bool = False
    """Whether it was refused together with others."""


class Submissions:
    """The orders that the engine has not accepted yet."""

    def __init__(
        self,
        loop: Loop,
        engine: Engine,
        taken: Callable[[str, str, Sequence[str], int], None],
        refused: Callable[[str, str], None],
        given_up: Callable[[str, str], None],
        not_taken: Callable[[str], None],
    ) -> None:
        """`taken` gets the token, name, ids and number of retries; the others get the reason."""
        self._loop = loop
        self._engine = engine
        self._taken = taken
        self._refused = refused
        self._given_up = given_up
        self._not_taken = not_taken
        self._worker = Worker(loop)
        self._waiting: dict[str, Waiting] = {}
        self._under_way: dict[str, Waiting] = {}
        self._pausing: dict[str, Waiting] = {}
        self._added_seconds = 0.0
        self._timer: Timer | None = None
        self._handed_on: dict[str, Order] = {}

    def add(self, order: Order, *, was_sent: bool = False) -> None:
        """Submit the order. `was_sent`: it may have been submitted before, so it is looked up first."""
        now = clock.boot_seconds()
        self._waiting[order.token] = Waiting(order, now, was_sent=was_sent and self._engine.knows_names)
        before, self._added_seconds = self._added_seconds, now
        first = next(iter(self._waiting.values())).since_seconds
        is_gathering = now - before < GATHER_SECONDS and now - first < GATHERED_SECONDS
        self._go_on_in(GATHER_SECONDS if is_gathering and len(self._waiting) < self._engine.most else 0)

    def add_later(self, order: Order) -> None:
        """Submit the order unless it is dropped soon: the previous step's runner was told of it."""
        self._handed_on[order.token] = order
        self._loop.after(HANDED_ON_SECONDS, lambda: self._not_claimed(order))

    def _not_claimed(self, order: Order) -> None:
        if self._handed_on.pop(order.token, None) is not None:
            self.add(order)

    def drop(self, token: str) -> None:
        """Drop an order that is no longer wanted; a submission under way continues."""
        self._handed_on.pop(token, None)
        self._waiting.pop(token, None)
        self._pausing.pop(token, None)

    @property
    def is_idle(self) -> bool:
        """Whether no order is waiting or under way."""
        return not (self._waiting or self._under_way or self._pausing)

    def hurry(self) -> None:
        """Retry everything now, because the engine answers again."""
        self._waiting |= self._pausing
        self._pausing.clear()
        self._go_on_in(0)

    def _go_on_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.after(seconds, self._go_on)

    def _go_on(self) -> None:
        if self._under_way or not self._waiting:
            return
        first = next(iter(self._waiting.values()))
        batch = [one for one in self._waiting.values() if _go_together(one, first)][: self._engine.most]
        for one in batch:
            del self._waiting[one.order.token]
        self._under_way = {one.order.token: one for one in batch}
        orders = [one.order for one in batch]
        if first.was_sent:
            self._worker.do(lambda: self._engine.find(orders), self._found)
        else:
            self._worker.do(lambda: self._engine.submit(orders), self._answered)

    def _found(self, result: Any) -> None:
        """Take over the orders that the engine has, and submit the others again."""
        batch, self._under_way = self._under_way, {}
        for token, one in batch.items():
            if isinstance(result, Exception):
                self._again(one, result)
            elif ids := result.get(one.order.name):
                self._taken(token, one.order.name, ids, one.tries)
            else:
                one.was_sent = False
                self._waiting[token] = one
        self._go_on_in(0)

    def _answered(self, result: Any) -> None:
        batch, self._under_way = self._under_way, {}
        match result:
            case Refused() if len(batch) > 1:
                self._one_by_one(batch)
            case Refused():
                for token in batch:
                    self._refused(token, str(result))
            case Exception():
                for one in batch.values():
                    self._again(one, result)
            case _:
                for (token, one), id_ in zip(batch.items(), result, strict=True):
                    self._taken(token, one.order.name, [id_], one.tries)
        is_gathering = clock.boot_seconds() - self._added_seconds < GATHER_SECONDS
        self._go_on_in(GATHER_SECONDS if is_gathering else 0)

    def _one_by_one(self, batch: dict[str, Waiting]) -> None:
        """Submit the orders of a refused batch one by one, so that only the bad one is refused."""
        for one in batch.values():
            one.tries += 1
            one.is_alone = True
        self._waiting = batch | self._waiting

    def _again(self, one: Waiting, failure: Exception) -> None:
        words = str(failure) or type(failure).__name__
        if clock.boot_seconds() - one.since_seconds > GIVEN_UP_SECONDS:
            self._given_up(one.order.token, words)
            return
        self._not_taken(words)
        one.tries += 1
        one.was_sent = self._engine.knows_names
        pause, one.pause_seconds = one.pause_seconds, min(one.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        self._pausing[one.order.token] = one
        self._loop.after(pause, lambda: self._back(one))

    def _back(self, one: Waiting) -> None:
        if self._pausing.get(one.order.token) is one:
            del self._pausing[one.order.token]
            self._waiting[one.order.token] = one
            self._go_on_in(0)


def _go_together(one: Waiting, first: Waiting) -> bool:
    """Return whether two orders can share a submission, or a search."""
    if one is first:
        return True
    if one.was_sent != first.was_sent:
        return False
    if first.was_sent:
        return True
    if one.is_alone or first.is_alone:
        return False
    same = first.order._replace(
        token=one.order.token,
        name=one.order.name,
        comment=one.order.comment,
        argv=one.order.argv,
        control=one.order.control,
    )
    return one.order == same

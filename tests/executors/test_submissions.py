"""Which orders are submitted to an engine together, searched for, and tried again."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from locksided.executors import submissions
from locksided.executors.engine import Engine, NotNow, Order, Refused
from locksided.executors.submissions import Submissions
from locksided.keeper import clock


class Hand:
    """A manual loop and worker: time passes and the engine works when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, Callable[[], Any]]] = []
        self._work: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = []
        monkeypatch.setattr(clock, "boot_seconds", lambda: self.now)
        monkeypatch.setattr(submissions, "Worker", lambda _loop: self)

    def after(self, seconds: float, do: Callable[[], Any]) -> Any:
        timer = (self.now + seconds, do)
        self._timers.append(timer)
        hand = self

        class Cancels:
            def cancel(self) -> None:
                if timer in hand._timers:
                    hand._timers.remove(timer)

        return Cancels()

    def do(self, work: Callable[[], Any], then: Callable[[Any], Any]) -> None:
        self._work.append((work, then))

    def answer(self) -> None:
        """Let the engine do its pending work."""
        work, then = self._work.pop(0)
        try:
            came_to = work()
        except (NotNow, Refused) as problem:
            came_to = problem
        then(came_to)

    def pass_seconds(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [one for one in self._timers if one[0] <= end]:
            first = min(due, key=lambda one: one[0])
            self._timers.remove(first)
            self.now = max(self.now, first[0])
            first[1]()
            while self._work:
                self.answer()
        self.now = end


class Counting(Engine):
    kind = "counting"
    knows_names = True

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.problem: Exception | None = None
        self.bad = ""

    def submit(self, orders: Sequence[Order]) -> Sequence[str]:
        self.calls.append(("submit", len(orders)))
        if self.problem is not None:
            raise self.problem
        if any(order.token == self.bad for order in orders):
            raise Refused("not that one")
        return [order.token for order in orders]

    def find(self, orders: Sequence[Order]) -> dict[str, Sequence[str]]:
        self.calls.append(("find", len(orders)))
        if self.problem is not None:
            raise self.problem
        return {}


class Desk:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hand, self.engine = Hand(monkeypatch), Counting()
        self.taken: list[str] = []
        self.refused: list[str] = []
        self.given_up: list[str] = []
        self.submissions = Submissions(
            self.hand,  # type: ignore[arg-type] - of a loop it has what is needed
            self.engine,
            lambda token, _name, _ids, _tries: self.taken.append(token),
            lambda token, _words: self.refused.append(token),
            lambda token, _words: self.given_up.append(token),
            lambda _words: None,
        )

    def add(self, number: int, *, was_sent: bool = False) -> None:
        token = str(number)
        self.submissions.add(Order(token, f"ls-{token}", "", (), "/c", None, {}), was_sent=was_sent)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def test_a_single_order_is_submitted_at_once(desk: Desk) -> None:
    desk.add(1)
    desk.hand.pass_seconds(0)
    assert desk.taken == ["1"]


def test_a_thousand_orders_within_five_seconds_are_three_submissions(desk: Desk) -> None:
    for number in range(1000):
        desk.add(number)
        desk.hand.pass_seconds(0.005)
    desk.hand.pass_seconds(1)
    assert len(desk.taken) == 1000
    assert [call for call, _ in desk.engine.calls] == ["submit"] * 3


def test_after_an_outage_all_orders_are_searched_for_and_submitted_together(desk: Desk) -> None:
    desk.engine.problem = NotNow("no controller")
    for number in range(100):
        desk.add(number)
    desk.hand.pass_seconds(30)
    desk.engine.calls.clear()
    desk.engine.problem = None
    desk.submissions.hurry()
    desk.hand.pass_seconds(0)
    assert sorted(map(int, desk.taken)) == list(range(100))
    assert desk.engine.calls == [("find", 100), ("submit", 100)]


def test_an_order_that_is_not_accepted_for_ten_minutes_is_given_up(desk: Desk) -> None:
    desk.engine.problem = NotNow("no controller")
    desk.add(1)
    desk.hand.pass_seconds(599)
    assert desk.given_up == []
    desk.hand.pass_seconds(70)
    assert desk.given_up == ["1"]


def test_a_refused_order_does_not_affect_the_others_of_its_submission(desk: Desk) -> None:
    desk.engine.bad = "3"
    for number in range(6):
        desk.add(number)
    desk.hand.pass_seconds(5)
    assert desk.refused == ["3"]
    assert sorted(desk.taken) == ["0", "1", "2", "4", "5"]


def test_orders_that_may_have_been_submitted_are_refused_singly_by_an_engine_without_names(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counting, "knows_names", False)
    desk.engine.bad = "1"
    for number in range(3):
        desk.add(number, was_sent=True)
    desk.hand.pass_seconds(5)
    assert desk.refused == ["1"]
    assert sorted(desk.taken) == ["0", "2"]

"""Many calls in flight on one connection: answers by tag, events, and both over restarts of the daemon."""

import threading
from typing import Any

import pytest

from client.fakedaemon import FakeDaemon, HangUp, Refusal, in_turn
from lockside.cli.grammar import Parsed
from lockside.cli.multiplexer import EVENTS, LOST, Multiplexer
from lockside.cli.session import Session
from lockside.errors import NotFound, NotReachable

Json = dict[str, Any]


@pytest.fixture
def session(daemon: FakeDaemon) -> Session:
    """A session with the fake daemon."""
    return Session(Parsed(None, {"socket": daemon.path}))


def event(seq: int) -> Json:
    return {"seq": seq, "kind": "job.status", "job": "1", "data": {}}


def test_answers_arrive_as_they_are_ready_each_under_its_tag(daemon: FakeDaemon, session: Session) -> None:
    release = threading.Event()
    daemon.serve_at_once = True
    daemon.answers |= {"slow": lambda _: "late" if release.wait(20) else None, "quick": "soon"}
    with Multiplexer(session) as flight:
        flight.ask("first", "slow")
        flight.ask("second", "quick", a=1, b=None)
        arrival = flight.next(20)
        assert arrival is not None
        assert (arrival.tag, arrival.value) == ("second", "soon")
        release.set()
        arrival = flight.next(20)
        assert arrival is not None
        assert (arrival.tag, arrival.value) == ("first", "late")
    assert daemon.params_of("quick") == [{"a": 1}]


def test_a_refusal_is_raised_when_its_answer_is_read(daemon: FakeDaemon, session: Session) -> None:
    daemon.answers["job.get"] = in_turn(Refusal(-32001, "There is no job 9."))
    with Multiplexer(session) as flight:
        flight.ask("job", "job.get", id="9")
        arrival = flight.next(20)
        assert arrival is not None
        with pytest.raises(NotFound, match="There is no job 9"):
            _ = arrival.value


def test_a_list_arrives_when_all_of_its_pages_have_arrived(daemon: FakeDaemon, session: Session) -> None:
    pages = [{"jobs": [{"id": "1"}], "nextCursor": "a"}, {"jobs": [{"id": "2"}], "nextCursor": None}]
    daemon.answers |= {"job.list": in_turn(pages[0], HangUp(), pages[1])}
    with Multiplexer(session) as flight:
        flight.ask("list", "job.list", limit=5)
        arrival = flight.next(20)
        assert arrival is not None
        assert [job["id"] for job in arrival.value["jobs"]] == ["1", "2"]
    assert [asked.get("cursor") for asked in daemon.params_of("job.list")] == [None, "a", "a"]


def test_nothing_is_returned_when_the_time_out_comes_first(session: Session) -> None:
    with Multiplexer(session) as flight:
        assert flight.next(0.01) is None


def test_after_a_restart_open_calls_are_resent_and_events_continue_after_the_last(
    daemon: FakeDaemon, session: Session
) -> None:
    daemon.answers |= {
        "event.subscribe": {"subscription": "1", "cursor": 5},
        "job.wait": in_turn(HangUp(), {"jobs": []}),
    }
    daemon.pushes["event.subscribe"] = [("event", {"events": [event(6), event(7)]})]
    with Multiplexer(session) as flight:
        flight.watch(runIdPrefix="1")
        arrival = flight.next(20)
        assert arrival is not None
        assert (arrival.tag, [one["seq"] for one in arrival.value]) == (EVENTS, [6, 7])
        flight.ask("end", "job.wait", ids=["1"])
        arrivals = [flight.next(20), flight.next(20)]
    assert [arrival.tag for arrival in arrivals if arrival] == [EVENTS, "end"]
    assert daemon.params_of("event.subscribe") == [{"runIdPrefix": "1"}, {"runIdPrefix": "1", "after": 7}]
    assert daemon.params_of("job.wait") == [{"ids": ["1"]}, {"ids": ["1"]}]


def test_a_goodbye_of_the_daemon_counts_as_a_lost_connection(daemon: FakeDaemon, session: Session) -> None:
    daemon.answers["job.wait"] = in_turn(Refusal(-32006, "The daemon stops."), {"jobs": []})
    with Multiplexer(session) as flight:
        flight.ask("end", "job.wait")
        arrival = flight.next(20)
    assert arrival is not None
    assert arrival.value == {"jobs": []}


def test_lost_events_are_reported_so_that_everything_can_be_reloaded(
    daemon: FakeDaemon, session: Session
) -> None:
    daemon.answers["event.subscribe"] = {"subscription": "1", "cursor": 5}
    daemon.pushes["event.subscribe"] = [("event.lost", {"from": 6, "to": 9})]
    with Multiplexer(session) as flight:
        flight.watch()
        arrival = flight.next(20)
    assert arrival is not None
    assert (arrival.tag, arrival.value) == (LOST, {"from": 6, "to": 9})


def test_a_session_cannot_start_without_a_daemon(daemon: FakeDaemon, session: Session) -> None:
    daemon.stop()
    with pytest.raises(NotReachable):
        Multiplexer(session)

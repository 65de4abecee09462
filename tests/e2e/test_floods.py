"""Floods beyond every limit: each is answered with `limit`, memory stays bounded, others are served."""

import json
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.neighbour import memory_of, open_files_of, well_behaved
from e2e.wire import Message, Refusal, Wire

MEGABYTE = 2**20
# The memory that one misbehaving client may cost: its unread answers, and the answers being made.
ONE_CLIENT_BYTES = 80 * MEGABYTE


@contextmanager
def bounded(daemon: Daemon, most_bytes: int) -> Iterator[None]:
    """Assert that the daemon's memory grows by no more than this, and that other clients are served."""
    before = memory_of(daemon)
    with well_behaved(daemon):
        yield
        grown = memory_of(daemon) - before
    assert grown < most_bytes, f"{grown / MEGABYTE:.0f} MiB more"


class Deaf(Wire):
    """A client that sends and does not read."""

    def send_all(self, messages: list[Message]) -> None:
        """Send as much of this as the daemon accepts; it stops reading from clients that do not read."""
        data = b"".join(json.dumps(one).encode() + b"\n" for one in messages)
        self.socket.setblocking(False)
        while data and select.select([], [self.socket], [], 1.0)[1]:
            data = data[self.socket.send(data) :]
        self.socket.setblocking(True)


def request(number: int, method: str, **params: Any) -> Message:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.fixture
def crowded(fresh: Callable[..., Daemon]) -> Daemon:
    """A daemon with a thousand held jobs."""
    daemon = fresh()
    with Wire(daemon.socket) as wire:
        create_held(wire, 1000)
    return daemon


def create_held(wire: Wire, count: int) -> list[str]:
    one = {"component": "lockside.command", "configData": {"parameters": {"command": ["true"]}}, "hold": True}
    return [job["id"] for job in wire.call("job.createMany", jobs=[one] * count, fields=["id"])["jobs"]]


def test_subscriptions_of_a_connection_are_limited_and_ending_one_allows_another(
    daemon: Daemon, wire: Wire
) -> None:
    numbers = [wire.call("event.subscribe")["subscription"] for _ in range(100)]
    assert wire.refused("event.subscribe").kind == "limit"
    with Wire(daemon.socket) as other:
        other.call("event.subscribe")
    wire.call("event.unsubscribe", subscription=numbers[0])
    wire.call("event.subscribe")


def test_subscribers_that_stop_reading_cost_no_memory_and_learn_what_they_lost(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()
    with ExitStack() as stack:
        deaf = stack.enter_context(Wire(daemon.socket))
        reader = stack.enter_context(Wire(daemon.socket))
        wire = stack.enter_context(Wire(daemon.socket))
        for _ in range(3):
            deaf.call("event.subscribe")
        begin = reader.call("event.subscribe")["cursor"]
        with bounded(daemon, ONE_CLIENT_BYTES):
            for _ in range(11):
                create_held(wire, 1000)
            end = wire.call("event.list", after=begin, limit=10_000)
            last = wire.call("event.list", after=end["cursor"], limit=10_000)["cursor"]
        seen: list[int] = []
        while not seen or seen[-1] < last:
            seen += [event["seq"] for event in reader.notice()["params"]["events"]]
        assert seen == list(range(begin + 1, last + 1)), "a client that reads gets all events in order"
        assert covered(deaf, last) == last - begin, "a late reader gets or is told of each event"


def covered(wire: Wire, last: int) -> int:
    """Return how many events, up to the last one, the first subscription reported or reported as lost."""
    first: str | None = None
    count = 0
    while True:
        notice = wire.notice()
        params = notice["params"]
        first = first or params["subscription"]
        if params["subscription"] != first:
            continue
        if notice["method"] == "event.lost":
            count += params["to"] - params["from"] + 1
            reached = params["to"]
        else:
            count += len(params["events"])
            reached = params["events"][-1]["seq"]
        if reached >= last:
            return count


def test_unfinished_requests_are_dropped_largest_first(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    beginning = json.dumps(request(1, "pool.get", id="@")).split("@")[0].encode()
    with ExitStack() as stack:
        with bounded(daemon, 160 * MEGABYTE):
            hostile = [stack.enter_context(Wire(daemon.socket)) for _ in range(50)]
            for one in hostile:
                one.send_bytes(beginning + b"x" * 7 * MEGABYTE)
            with Wire(daemon.socket) as good:
                labels = json.dumps(request(1, "daemon.status")).encode()
                good.send_bytes(labels[:-1] + b" " * 2 * MEGABYTE + labels[-1:] + b"\n")
                assert "result" in good.read(), "a request of ordinary size is answered meanwhile"
        given_up = [one for one in hostile if select.select([one.socket], [], [], 0)[0]]
        assert len(given_up) >= 40
        for one in given_up:
            assert one.read()["error"]["data"]["kind"] == "limit"
            one.send_bytes(b'"}}\n')
            assert one.call("pool.get", id="default"), "the connection still works"


@pytest.mark.parametrize("method", ["job.list", "event.list"])
def test_unread_long_lists_are_produced_one_at_a_time(crowded: Daemon, method: str) -> None:
    with Deaf(crowded.socket) as deaf, bounded(crowded, ONE_CLIENT_BYTES):
        deaf.send_all([request(number, method, limit=1000) for number in range(250)])


def test_waits_that_end_at_the_same_time_are_answered_one_at_a_time(crowded: Daemon) -> None:
    with Wire(crowded.socket) as wire, Deaf(crowded.socket) as deaf:
        ids = [job["id"] for job in wire.call("job.list", limit=1000, fields=["id"])["jobs"]]
        with bounded(crowded, ONE_CLIENT_BYTES):
            params = {"ids": ids, "until": "any"}
            deaf.send_all([request(number, "job.wait", **params) for number in range(250)])
            wire.done(wire.call("job.release", id=ids[0]))
            assert select.select([deaf.socket], [], [], 60)[0], "the first ones are answered"


def test_log_followers_that_do_not_read_cost_no_memory(fresh: Callable[..., Daemon], place: Any) -> None:
    daemon = fresh()
    with Wire(daemon.socket) as wire, Deaf(daemon.socket) as deaf:
        job = wire.shell("yes 0123456789012345678901234567890123456789 | head -c 3000000", hold=True)
        with bounded(daemon, ONE_CLIENT_BYTES):
            follow = {"id": job["id"], "waitSeconds": 60}
            deaf.send_all([request(number, "job.log", **follow) for number in range(250)])
            wire.call("job.release", id=job["id"])
            assert wire.done(job)["status"] == "success"
            assert select.select([deaf.socket], [], [], 60)[0], "the first ones are answered"


def test_a_batch_of_long_lists_is_cut_to_the_length_of_a_line(crowded: Daemon) -> None:
    with Wire(crowded.socket) as wire, bounded(crowded, 3 * ONE_CLIENT_BYTES):
        wire.send([request(number, "job.list", limit=1000) for number in range(12)])
        answers = wire.read()
        assert len(answers) == 12
        assert {one["error"]["data"]["kind"] for one in answers if "error" in one} == {"limit"}
        assert sum("result" in one for one in answers) >= 1


def test_connections_that_come_and_go_leave_nothing_open(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh(LOCKSIDE_LIMITS__CONNECTIONS="200")
    with Wire(daemon.socket) as wire:
        wire.done(wire.shell("true"))  # its keeper is connected
    refused = 0
    before = open_files_of(daemon)
    with bounded(daemon, ONE_CLIENT_BYTES):
        for _ in range(10):
            crowd = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(300)]
            for place, one in enumerate(crowd):
                one.connect(str(daemon.socket))
                one.settimeout(60)
                with suppress(BrokenPipeError):  # it may have been rejected already
                    one.send((b"", b"{", b"Content-Length: 100\r\n\r\n{", b"[" * 100)[place % 4])
            told = select.select([], crowd, [], 60)[1] and select.select(crowd, [], [], 0.5)[0]
            refused += sum(b'"limit"' in one.recv(65536) for one in told)
            for place, one in enumerate(crowd):
                if place % 2:
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_WR)
                one.close()
    assert refused > 0
    with Wire(daemon.socket) as wire:
        while True:  # the last connections end once the daemon has noticed it
            try:
                wire.call("pool.list")
            except (Refusal, ConnectionError):
                continue
            if open_files_of(daemon) <= before + 2:
                break

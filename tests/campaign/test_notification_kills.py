"""SIGKILL at each write and sync while jobs fail, and of couriers: every failed job reaches the receiver.

The received messages are compared with how the jobs ended: none is missing, each message has one body,
and none is about a job that did not fail.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from campaign.faults import Fault, points, ranges, traced, untraceable
from campaign.figures import LONG, Figures
from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS, kill_and_wait
from e2e.receiving import Post, Receiver, couriers, receiving
from e2e.telling import put
from e2e.wire import Refusal, Wire

CALLS = "pwrite64,fdatasync"
POINTS, COURIER_KILLS = 3, 20 if LONG else 2
FAILING_AT_ONCE = 10
TIMEOUT = 36_000 if LONG else 300


class Failures:
    """Jobs that fail, and some that do not, under a daemon that is killed again and again."""

    def __init__(self, daemon: Daemon, receiver: Receiver) -> None:
        self.daemon = daemon
        self.receiver = receiver
        self.failed: set[str] = set()
        self.posts: list[Post] = []
        self._rounds = 0
        with Wire(daemon.socket) as wire:
            put(wire, {"channel": "webhook", "url": receiver.url})

    def jobs_end(self) -> bool:
        """Run jobs to their ends; returns false if the daemon died meanwhile."""
        self._rounds += 1
        with suppress(ConnectionError, Refusal), Wire(self.daemon.socket) as wire:
            self._run(wire)
            return True
        return False

    def _run(self, wire: Wire) -> None:
        """Create a job; the same call in the same round creates no second one."""
        requests = [shell("exit 1")] * FAILING_AT_ONCE + [shell("true")]
        made = wire.call("job.createMany", jobs=requests, deduplicationId=f"round-{self._rounds}")
        ids = [job["id"] for job in made["jobs"]]
        self.failed |= set(ids[:-1])
        assert [wire.done(one)["status"] for one in ids] == ["error"] * FAILING_AT_ONCE + ["success"]

    def start_again(self) -> None:
        """Start the killed daemon again and wait for the ends of the jobs of the round."""
        assert self.daemon.process is not None
        assert self.daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, self.daemon.stderr()
        self.daemon.start()
        with Wire(self.daemon.socket) as wire:
            self._run(wire)

    def judge(self) -> int:
        """Wait until all messages have arrived and compare them; returns the number of failed jobs."""
        while {post.data["job"]["id"] for post in self.posts} != self.failed:
            self.posts.append(self.receiver.take())
            assert self.posts[-1].data["job"]["id"] in self.failed
        bodies = {(post.id, post.body) for post in self.posts}
        assert len(bodies) == len({post.id for post in self.posts}) == len(self.failed)
        return len(self.failed)


def shell(text: str) -> dict[str, Any]:
    return {"component": "lockside.command", "configData": {"parameters": {"shell": text}}}


@pytest.fixture
def failures(fresh: Callable[..., Daemon]) -> Iterator[Failures]:
    with receiving() as receiver:
        settings = {"ALLOW": "127.0.0.0/8", "PER_MINUTE": "10000"}
        daemon = fresh(**{f"LOCKSIDE_NOTIFICATIONS__{name}": value for name, value in settings.items()})
        yield Failures(daemon, receiver)


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_any_write_sends_every_failure(
    failures: Failures, place: Path, figures: Callable[[str], Figures]
) -> None:
    if (reason := untraceable()) is not None:
        pytest.skip(reason)
    totals, hits = figures("kills while failures are told"), 0
    assert failures.daemon.process is not None
    with traced(failures.daemon.process.pid, [*Fault(CALLS, None, place / "trace").tracer, "-f"]):
        assert failures.jobs_end()
    for call, k in points(ranges(place / "trace"), POINTS):
        with traced(failures.daemon.process.pid, [*Fault(call, k, place / "trace").tracer, "-f"]):
            is_done = failures.jobs_end()
            if is_done:
                failures.daemon.kill()
            failures.start_again()
        hits += not is_done
        totals.add("points")
    totals.add("kills", hits)
    totals.add("jobs", failures.judge())
    assert hits, "no fault came: the sweep shows nothing"


@pytest.mark.timeout(TIMEOUT)
def test_couriers_that_are_killed_lose_nothing(failures: Failures, figures: Callable[[str], Figures]) -> None:
    totals = figures("kills of couriers")
    for _ in range(COURIER_KILLS):
        failures.receiver.gate.clear()
        assert failures.jobs_end()
        failures.posts.append(failures.receiver.take())
        for pid in couriers(failures.daemon):
            kill_and_wait(pid)
            totals.add("kills")
        failures.receiver.gate.set()
    totals.add("jobs", failures.judge())

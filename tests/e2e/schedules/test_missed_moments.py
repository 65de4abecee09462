"""Moments that were due while no daemon ran have one outcome, and a great number of them takes one step."""

from time import monotonic

import pytest

from e2e.harness import Daemon
from e2e.scheduling import jobs_of, put, restarted, rows, short, summary
from e2e.wire import Wire


def start_again(daemon: Daemon, time: str, *, is_killed: bool) -> None:
    """Start the daemon at that time; when it is killed while it decides, once more."""
    restarted(daemon, time)
    if is_killed:
        restarted(daemon, time)


MERGED = ("merged", "misfire", "08:15", "09:45", 7)
MISFIRES = {
    "usual": ({}, "08:00", [MERGED, ("fired", "misfire", "10:00", "10:00", 1)]),
    "skip": ({"policy": "skip"}, None, [("missed", "misfire", "08:15", "10:00", 8)]),
    "within": (
        {"withinSeconds": 3600},
        "09:00",
        [
            ("missed", "too_late", "08:15", "09:00", 4),
            ("merged", "misfire", "09:15", "09:45", 3),
            ("fired", "misfire", "10:00", "10:00", 1),
        ],
    ),
}
"""By schedule: its policy, the start of its job's window, and its ledger at 10:05."""


@pytest.mark.parametrize("is_killed", [False, True])
def test_moments_due_while_no_daemon_ran_follow_the_misfire_policy(
    daemon: Daemon, wire: Wire, is_killed: bool
) -> None:
    for name, (misfire, _, _) in MISFIRES.items():
        put(wire, name, every="15m", misfire=misfire)
    wire.close()
    start_again(daemon, "2026-01-05T10:05:00Z", is_killed=is_killed)
    with Wire(daemon.socket) as again:
        again.call("clock.advance", seconds=0)
        for name, (_, start, expected) in MISFIRES.items():
            assert [summary(row) for row in rows(again, name)] == expected
            jobs = jobs_of(again, name)
            assert len(jobs) == (start is not None)
            for job in jobs:
                assert {row["job"] for row in rows(again, name) if row["job"]} == {job["id"]}
                about = job["schedule"]
                assert short(about["windowStart"]) == start
                assert short(about["windowEnd"]) == short(about["moment"]) == "10:00"
                assert about["latenessSeconds"] == 300


def test_a_moment_within_the_grace_period_counts_as_on_time(daemon: Daemon, wire: Wire) -> None:
    put(wire, every="15m")
    wire.close()
    start_again(daemon, "2026-01-05T10:00:30Z", is_killed=False)
    with Wire(daemon.socket) as again:
        again.call("clock.advance", seconds=0)
        assert [summary(row) for row in rows(again)] == [MERGED, ("fired", "time", "10:00", "10:00", 1)]
        [job] = jobs_of(again)
        assert job["schedule"]["latenessSeconds"] == 30


@pytest.mark.parametrize("is_killed", [False, True])
def test_the_policy_all_creates_a_job_for_each_missed_moment_in_order(
    daemon: Daemon, wire: Wire, is_killed: bool
) -> None:
    put(wire, every="15m", misfire={"policy": "all"})
    wire.close()
    start_again(daemon, "2026-01-05T10:05:00Z", is_killed=is_killed)
    with Wire(daemon.socket) as again:
        again.call("clock.advance", seconds=0)
        moments = [short(job["schedule"]["moment"]) for job in jobs_of(again)]
        assert moments == ["08:15", "08:30", "08:45", "09:00", "09:15", "09:30", "09:45", "10:00"]
        assert [summary(row)[:2] for row in rows(again)] == [("fired", "misfire")] * 8


@pytest.mark.parametrize(
    ("year", "count", "is_killed"),
    [("2026-01-05T11:20:00Z", 199, False), ("2027-01-05T08:00:00Z", None, True)],
)
def test_a_large_number_of_missed_moments_become_one_job_and_one_row(
    daemon: Daemon, wire: Wire, year: str, count: int | None, is_killed: bool
) -> None:
    put(wire, cronTab="* * * * *")
    wire.close()
    start_again(daemon, year, is_killed=is_killed)
    begin = monotonic()
    with Wire(daemon.socket) as again:
        while not rows(again):
            assert again.call("daemon.status")["pid"]
        assert monotonic() - begin < 10
        merged, fired = rows(again)
        assert (merged["outcome"], merged["count"], fired["outcome"]) == ("merged", count, "fired")
        assert fired["moment"] == f"{year[:-1]}.000000Z"
        [job] = jobs_of(again)
        assert merged["job"] == fired["job"] == job["id"]

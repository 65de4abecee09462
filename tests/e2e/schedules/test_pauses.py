"""Pauses, edits and disabled schedules: the moments that they cover do not fire by themselves."""

import pytest

from e2e.harness import Daemon
from e2e.scheduling import at, jobs_of, put, restarted, rows, short, summary
from e2e.wire import Wire


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("catch_up", [None, "last"])
def test_moments_during_a_pause_are_skipped_unless_catch_up_is_requested(
    is_restarted: bool, catch_up: str | None
) -> None:
    with at("2026-01-05T01:00:00Z") as daemon:
        wire = daemon.wire()
        put(wire, cronTab="0 * * * *")
        wire.call("clock.advance", seconds=1800)
        assert wire.call("schedule.pause", id="s", comment="because")["paused"]["comment"] == "because"
        if is_restarted:
            restarted(daemon, "2026-01-05T05:30:00Z")
            wire = daemon.wire()
        else:
            wire.call("clock.advance", seconds=4 * 3600)
        [pending] = rows(wire)
        assert summary(pending) == ("skipped", "paused", "02:00", "05:00", 4)
        assert pending["decidedTime"] is None
        shown = wire.call("schedule.get", id="s")
        assert (shown["status"], shown["nextMoment"]) == ("paused", None)
        resumed = wire.call("schedule.resume", id="s", catchUp=catch_up)
        assert short(resumed["nextMoment"]) == "06:00"
        if catch_up is None:
            assert [summary(row) for row in rows(wire)] == [("skipped", "paused", "02:00", "05:00", 4)]
            assert jobs_of(wire) == []
        else:
            assert [summary(row) for row in rows(wire)] == [
                ("merged", "misfire", "02:00", "04:00", 3),
                ("fired", "misfire", "05:00", "05:00", 1),
            ]
            [job] = jobs_of(wire)
            assert short(job["schedule"]["moment"]) == "05:00"


def test_a_pause_ends_by_itself_without_catching_up(wire: Wire) -> None:
    put(wire, cronTab="0 * * * *")
    wire.call("schedule.pause", id="s", untilTime="2026-01-05T10:30:00Z")
    wire.call("clock.advance", seconds=3 * 3600)
    assert [summary(row) for row in rows(wire)] == [
        ("skipped", "paused", "09:00", "10:00", 2),
        ("fired", "time", "11:00", "11:00", 1),
    ]
    assert wire.call("schedule.get", id="s")["paused"] is None


@pytest.mark.parametrize("is_killed", [False, True])
def test_editing_a_schedule_never_fires_it(daemon: Daemon, is_killed: bool) -> None:
    wire = daemon.wire()
    wire.call("clock.set", time="2026-01-05T01:00:00Z")
    put(wire, cronTab="15 1 * * *")
    wire.call("clock.advance", seconds=2 * 3600)
    assert short(put(wire, cronTab="15 2 * * *")["nextMoment"]) == "02:15"
    if is_killed:
        restarted(daemon, "2026-01-05T03:00:00Z")
        wire = daemon.wire()
    wire.call("clock.advance", seconds=0)
    [row] = rows(wire)
    assert summary(row) == ("fired", "time", "01:15", "01:15", 1)
    assert wire.call("schedule.get", id="s")["nextMoment"].startswith("2026-01-06")


def test_a_disabled_schedule_skips_its_moments(wire: Wire) -> None:
    put(wire, cronTab="0 * * * *", state="disabled")
    wire.call("clock.advance", seconds=2 * 3600)
    assert wire.call("schedule.get", id="s")["status"] == "disabled"
    put(wire, cronTab="0 * * * *")
    wire.call("clock.advance", seconds=3600)
    assert [summary(row) for row in rows(wire)] == [
        ("skipped", "disabled", "09:00", "10:00", 2),
        ("fired", "time", "11:00", "11:00", 1),
    ]


def test_excluded_dates_and_gaps_are_skipped(wire: Wire) -> None:
    wire.call("clock.set", time="2026-03-28T22:30:00Z")
    put(wire, cronTab="0 */2 * * *", timezone="Europe/Prague", overlap={"policy": "allow"})
    put(wire, "x", cronTab="0 12 * * *", excludeDates=["2026-03-29/2026-03-30"])
    wire.call("clock.advance", seconds=2 * 86_400 + 12 * 3600)
    first = rows(wire)[:4]
    assert [(row["outcome"], row["cause"], short(row["moment"])) for row in first] == [
        ("fired", "time", "23:00"),
        ("skipped", "dst_gap", "01:00"),
        ("fired", "time", "02:00"),
        ("fired", "time", "04:00"),
    ]
    assert first[1]["wall"] == "2026-03-29T02:00:00"
    assert summary(rows(wire, "x")[0]) == ("skipped", "excluded", "12:00", "12:00", 2)

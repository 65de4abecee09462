"""Schedules over the wire: every moment has an outcome, whatever happens to the daemon meanwhile."""

from e2e.scheduling import at, jobs_of, put, restarted, rows, short, told
from e2e.wire import Wire


def test_a_schedule_makes_its_job_when_it_is_due_and_again_after_the_daemon_was_killed() -> None:
    with at("2026-01-05T08:00:00Z") as daemon:
        with Wire(daemon.socket) as wire:
            stored = put(wire, every="15m")
            assert stored["nextMoment"] == "2026-01-05T08:15:00.000000Z"
            assert stored["status"] == "active"
            wire.call("clock.advance", seconds=899)
            assert jobs_of(wire) == []
            wire.call("clock.advance", seconds=1)
            [job] = jobs_of(wire)
            assert job["schedule"]["moment"] == "2026-01-05T08:15:00.000000Z"
            assert wire.done(job)["status"] == "success"
        restarted(daemon, "2026-01-05T08:29:59Z")
        with Wire(daemon.socket) as wire:
            wire.call("clock.advance", seconds=1)
            assert [told(row) for row in rows(wire)] == [
                ("fired", "time", "08:15", "08:15", 1),
                ("fired", "time", "08:30", "08:30", 1),
            ]
            assert [short(job["schedule"]["windowStart"]) for job in jobs_of(wire)] == ["08:00", "08:15"]

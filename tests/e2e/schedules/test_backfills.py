"""Moments in the past: backfills, and runs by hand."""

import pytest

from e2e.scheduling import at, jobs_of, put, restarted, rows, short
from e2e.signs import Gate
from e2e.wire import Wire, until_running


def daily(wire: Wire, days: int) -> None:
    """A daily schedule that has fired on that many days."""
    put(wire, cronTab="0 6 * * *", overlap={"policy": "allow"})
    for _ in range(days):
        wire.call("clock.advance", seconds=86_400)
        wire.done(jobs_of(wire)[-1])


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_backfill_creates_jobs_for_moments_without_a_successful_one(gate: Gate, is_killed: bool) -> None:
    with at("2026-01-05T08:00:00Z") as daemon:
        wire = daemon.wire()
        daily(wire, 3)
        wire.call("component.put", component={"id": "acme.job", "shell": gate.text})
        before = wire.call("schedule.get", id="s")
        plan = wire.call(
            "schedule.backfill", id="s", **{"from": "2025-12-30", "to": "2026-01-08"}, dryRun=True
        )
        assert plan["backfill"] is None
        assert [one["moment"][:10] for one in plan["jobs"]] == [
            *(
                "2025-12-30",
                "2025-12-31",
                "2026-01-01",
                "2026-01-02",
                "2026-01-03",
                "2026-01-04",
                "2026-01-05",
            )
        ]
        assert [one["moment"][:10] for one in plan["left"]] == ["2026-01-06", "2026-01-07", "2026-01-08"]
        made = wire.call("schedule.backfill", id="s", **{"from": "2025-12-30", "to": "2026-01-08"})
        if is_killed:
            restarted(daemon, "2026-01-08T08:00:00Z")
            wire = daemon.wire()
        ids = [one["job"] for one in made["jobs"]]
        jobs = [wire.get(job) for job in ids]
        assert {job["priority"] for job in jobs} == {-50}
        assert [job["schedule"]["moment"][:10] for job in jobs] == [
            one["moment"][:10] for one in plan["jobs"]
        ]
        assert {job["schedule"]["backfill"] for job in jobs} == {made["backfill"]}
        until_running(wire, jobs[0])
        after = wire.call("schedule.get", id="s")
        for name in ("settledTime", "nextMoment", "firings"):
            assert after[name] == before[name]
        wire.call("clock.advance", seconds=86_400)
        today = jobs_of(wire)[-1]
        assert today["schedule"]["moment"][:10] == "2026-01-09"
        assert wire.kinds(wire.get(ids[1])) == ["config_lock"]
        gate.open()
        wire.done(wire.get(ids[0]))
        assert wire.done(today)["startTime"] <= wire.done(wire.get(ids[1]))["startTime"]
        for job in ids:
            wire.done(wire.get(job))
        again = {"from": "2025-12-30", "to": "2026-01-08"}
        assert wire.call("schedule.backfill", id="s", **again)["jobs"] == []
        assert len(wire.call("schedule.backfill", id="s", **again, again=True, dryRun=True)["jobs"]) == 10
        [row] = rows(wire, moment="2026-01-06T06:00:00Z")
        assert (row["outcome"], row["backfills"]) == ("fired", [])


def test_stopping_a_backfill_ends_all_of_its_jobs(wire: Wire, gate: Gate) -> None:
    wire.call("component.put", component={"id": "acme.job", "shell": gate.text})
    put(wire, cronTab="0 6 * * *")
    made = wire.call("schedule.backfill", id="s", **{"from": "2026-01-01", "to": "2026-01-04"})
    until_running(wire, wire.get(made["jobs"][0]["job"]))
    stopped = wire.call("schedule.stopBackfill", backfill=made["backfill"])
    assert len(stopped["jobs"]) == 4
    statuses = {wire.done(wire.get(job))["status"] for job in stopped["jobs"]}
    assert statuses == {"cancelled", "terminated"}


def test_more_than_a_thousand_jobs_are_refused_with_their_number(wire: Wire) -> None:
    put(wire, every="1m")
    refusal = wire.refused("schedule.backfill", id="s", **{"from": "2026-01-01", "to": "2026-01-02"})
    assert refusal.kind == "limit"
    assert refusal.data["count"] == 2880
    assert jobs_of(wire) == []


def test_a_run_by_hand_is_recorded_in_the_row_of_its_moment(wire: Wire) -> None:
    put(wire, every="1h")
    wire.call("clock.advance", seconds=3600)
    wire.done(jobs_of(wire)[0])
    refusal = wire.refused("schedule.run", id="s", moment="2026-01-05T10:00:00Z")
    assert (refusal.kind, refusal.data["path"]) == ("conflict", "$.moment")
    job = wire.call("schedule.run", id="s", moment="2026-01-05T09:00:00Z", deduplicationId="once")
    assert (job["schedule"]["manual"], short(job["schedule"]["moment"])) == (True, "09:00")
    again = wire.call("schedule.run", id="s", moment="2026-01-05T09:00:00Z", deduplicationId="once")
    assert (again["id"], again["deduplicated"]) == (job["id"], True)
    [row] = rows(wire)
    assert row["backfills"] == [job["id"]]
    assert wire.call("schedule.run", id="s")["schedule"]["moment"] is None

"""Schedules over the wire: every moment has one outcome, whatever happens to the daemon meanwhile."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, short_folder
from e2e.people import ANNA, BERT, Person
from e2e.processes import PATIENCE_SECONDS
from e2e.scheduling import COMPONENT, at, jobs_of, put, restarted, rows, short, told
from e2e.signs import Gate
from e2e.wire import Wire, until_running

MORNING = "2026-01-05T08:00:00Z"


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """At 8 o'clock on a Monday in January."""
    with at(MORNING) as one:
        yield one


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with Wire(daemon.socket) as opened:
        yield opened


def test_a_schedule_makes_its_job_when_it_is_due_and_again_after_the_daemon_was_killed(
    daemon: Daemon, wire: Wire
) -> None:
    stored = put(wire, every="15m")
    assert stored["nextMoment"] == "2026-01-05T08:15:00.000000Z"
    assert stored["status"] == "active"
    wire.call("clock.advance", seconds=899)
    assert jobs_of(wire) == []
    wire.call("clock.advance", seconds=1)
    [job] = jobs_of(wire)
    assert job["schedule"]["moment"] == "2026-01-05T08:15:00.000000Z"
    assert wire.done(job)["status"] == "success"
    wire.close()
    restarted(daemon, "2026-01-05T08:29:59Z")
    with Wire(daemon.socket) as again:
        again.call("clock.advance", seconds=1)
        assert [told(row) for row in rows(again)] == [
            ("fired", "time", "08:15", "08:15", 1),
            ("fired", "time", "08:30", "08:30", 1),
        ]
        assert [short(job["schedule"]["windowStart"]) for job in jobs_of(again)] == ["08:00", "08:15"]


# -- down ---------------------------------------------------------------------------------------------------

MERGED = ("merged", "misfire", "08:15", "09:45", 7)


@pytest.mark.parametrize(
    ("misfire", "time", "expected"),
    [
        ({}, "10:05:00", [MERGED, ("fired", "misfire", "10:00", "10:00", 1)]),
        ({}, "10:00:30", [MERGED, ("fired", "time", "10:00", "10:00", 1)]),
        ({"policy": "skip"}, "10:05:00", [("missed", "misfire", "08:15", "10:00", 8)]),
        (
            {"withinSeconds": 3600},
            "10:05:00",
            [
                ("missed", "too_late", "08:15", "09:00", 4),
                ("merged", "misfire", "09:15", "09:45", 3),
                ("fired", "misfire", "10:00", "10:00", 1),
            ],
        ),
    ],
)
def test_what_was_due_while_no_daemon_ran_goes_by_the_misfire_policy(
    daemon: Daemon, wire: Wire, misfire: dict[str, Any], time: str, expected: list[Any]
) -> None:
    put(wire, every="15m", misfire=misfire)
    wire.close()
    restarted(daemon, f"2026-01-05T{time}Z")
    with Wire(daemon.socket) as again:
        again.call("clock.advance", seconds=0)
        assert [told(row) for row in rows(again)] == expected
        jobs = jobs_of(again)
        if misfire.get("policy") == "skip":
            assert jobs == []
            return
        [job] = jobs
        assert {row["job"] for row in rows(again) if row["job"]} == {job["id"]}
        about = job["schedule"]
        start = "09:00" if "withinSeconds" in misfire else "08:00"
        assert short(about["windowStart"]) == start
        assert short(about["windowEnd"]) == short(about["moment"]) == "10:00"
        assert about["latenessSeconds"] == (300 if time == "10:05:00" else 30)


def test_all_makes_a_job_for_each_missed_moment_in_their_order(daemon: Daemon, wire: Wire) -> None:
    put(wire, every="15m", misfire={"policy": "all"})
    wire.close()
    restarted(daemon, "2026-01-05T10:05:00Z")
    with Wire(daemon.socket) as again:
        again.call("clock.advance", seconds=0)
        moments = [short(job["schedule"]["moment"]) for job in jobs_of(again)]
        assert moments == ["08:15", "08:30", "08:45", "09:00", "09:15", "09:30", "09:45", "10:00"]
        assert [told(row)[:2] for row in rows(again)] == [("fired", "misfire")] * 8


@pytest.mark.parametrize(("year", "count"), [("2026-01-05T11:20:00Z", 199), ("2027-01-05T08:00:00Z", None)])
def test_very_many_missed_moments_are_one_job_and_one_row(
    daemon: Daemon, wire: Wire, year: str, count: int | None
) -> None:
    put(wire, cronTab="* * * * *")
    wire.close()
    restarted(daemon, year)
    with Wire(daemon.socket) as again:
        assert again.call("daemon.status")["pid"]
        again.call("clock.advance", seconds=0)
        merged, fired = rows(again)
        assert (merged["outcome"], merged["count"], fired["outcome"]) == ("merged", count, "fired")
        assert fired["moment"] == f"{year[:-1]}.000000Z"
        [job] = jobs_of(again)
        assert merged["job"] == fired["job"] == job["id"]


# -- pauses and edits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("catch_up", [None, "last"])
def test_what_fell_into_a_pause_is_skipped_unless_it_is_to_be_caught_up(
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
        assert told(pending) == ("skipped", "paused", "02:00", "05:00", 4)
        assert pending["decidedTime"] is None
        shown = wire.call("schedule.get", id="s")
        assert (shown["status"], shown["nextMoment"]) == ("paused", None)
        resumed = wire.call("schedule.resume", id="s", catchUp=catch_up)
        assert short(resumed["nextMoment"]) == "06:00"
        if catch_up is None:
            assert [told(row) for row in rows(wire)] == [("skipped", "paused", "02:00", "05:00", 4)]
            assert jobs_of(wire) == []
        else:
            assert [told(row) for row in rows(wire)] == [
                ("merged", "misfire", "02:00", "04:00", 3),
                ("fired", "misfire", "05:00", "05:00", 1),
            ]
            [job] = jobs_of(wire)
            assert short(job["schedule"]["moment"]) == "05:00"


def test_a_pause_ends_by_itself_without_catching_up(wire: Wire) -> None:
    put(wire, cronTab="0 * * * *")
    wire.call("schedule.pause", id="s", untilTime="2026-01-05T10:30:00Z")
    wire.call("clock.advance", seconds=3 * 3600)
    assert [told(row) for row in rows(wire)] == [
        ("skipped", "paused", "09:00", "10:00", 2),
        ("fired", "time", "11:00", "11:00", 1),
    ]
    assert wire.call("schedule.get", id="s")["paused"] is None


def test_editing_never_fires(wire: Wire) -> None:
    wire.call("clock.set", time="2026-01-05T01:00:00Z")
    put(wire, cronTab="15 1 * * *")
    wire.call("clock.advance", seconds=2 * 3600)
    assert short(put(wire, cronTab="15 2 * * *")["nextMoment"]) == "02:15"
    [row] = rows(wire)
    assert told(row) == ("fired", "time", "01:15", "01:15", 1)
    assert wire.call("schedule.get", id="s")["nextMoment"].startswith("2026-01-06")


def test_a_disabled_schedule_skips_its_moments(wire: Wire) -> None:
    put(wire, cronTab="0 * * * *", state="disabled")
    wire.call("clock.advance", seconds=2 * 3600)
    assert wire.call("schedule.get", id="s")["status"] == "disabled"
    put(wire, cronTab="0 * * * *")
    wire.call("clock.advance", seconds=3600)
    assert [told(row) for row in rows(wire)] == [
        ("skipped", "disabled", "09:00", "10:00", 2),
        ("fired", "time", "11:00", "11:00", 1),
    ]


# -- overlap ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize(
    ("policy", "lock", "jobs", "expected", "ended"),
    [
        ("queue", "exclusive", 2, {("merged", "overlap"): 3, ("fired", "time"): 2}, 0),
        ("skip", "exclusive", 1, {("skipped", "overlap"): 4, ("fired", "time"): 1}, 0),
        ("replace", "exclusive", 5, {("fired", "time"): 5}, 4),
        ("allow", "none", 5, {("fired", "time"): 5}, 0),
    ],
)
def test_a_moment_meets_the_jobs_that_are_live(
    gate: Gate, policy: str, lock: str, jobs: int, expected: dict[Any, int], ended: int, is_killed: bool
) -> None:
    with at(MORNING, LOCKSIDE_POOLS__DEFAULT__SLOTS="8") as daemon:
        wire = daemon.wire()
        wire.call("component.put", component={"id": "acme.job", "shell": gate.text})
        put(
            wire,
            every="60s",
            overlap={"policy": policy},
            job={"component": "acme.job", "config": "daily", "lock": lock},
        )
        for minute in range(5):
            if is_killed and minute == 2:
                restarted(daemon, "2026-01-05T08:02:00Z")
                wire = daemon.wire()
            wire.call("clock.advance", seconds=60)
            newest = jobs_of(wire)[-1]
            if policy != "queue" or len(jobs_of(wire)) == 1:
                until_running(wire, newest)
        made = jobs_of(wire)
        assert len(made) == jobs
        found: dict[Any, int] = {}
        for row in rows(wire):
            key = (row["outcome"], row["cause"])
            found[key] = found.get(key, 0) + row["count"]
        assert found == expected
        statuses = [job["status"] for job in made]
        assert statuses.count("terminated") == ended
        if policy == "queue":
            assert {row["job"] for row in rows(wire) if row["outcome"] == "merged"} == {made[1]["id"]}
        if policy == "allow":
            assert statuses == ["processing"] * 5


# -- the clock and zones ------------------------------------------------------------------------------------


def test_a_clock_that_is_set_fires_nothing_twice() -> None:
    with at("2026-01-05T10:07:00Z") as daemon:
        wire = daemon.wire()
        put(wire, cronTab="*/15 * * * *", overlap={"policy": "allow"})
        wire.call("clock.set", time="2026-01-05T11:07:00Z")
        assert [told(row) for row in rows(wire)] == [
            ("merged", "misfire", "10:15", "10:45", 3),
            ("fired", "misfire", "11:00", "11:00", 1),
        ]
        wire.call("clock.set", time="2026-01-05T10:07:00Z")
        assert short(wire.call("schedule.get", id="s")["nextMoment"]) == "11:15"
        wire.call("clock.set", time="2026-01-05T06:07:00Z")
        wire.call("clock.advance", seconds=600)
        [replanned] = [event["data"] for event in wire.events(kinds=["schedule.replanned"])]
        assert replanned["because"] == "clock"
        assert short(wire.call("schedule.get", id="s")["nextMoment"]) == "06:30"
        wire.call("clock.set", time="2026-01-05T06:17:00Z")
        wire.call("clock.advance", seconds=3 * 3600)
        restarted(daemon, "2026-01-05T09:17:00Z")
        wire = daemon.wire()
        wire.call("clock.advance", seconds=3 * 3600 - 17 * 60)
        fired = [row for row in rows(wire) if row["outcome"] == "fired"]
        moments = [short(row["moment"]) for row in fired]
        assert len(moments) == len(set(moments))
        assert moments.count("11:00") == 1
        assert not {"10:15", "10:30", "10:45"} & set(moments)
        assert {"06:30", "10:00", "11:15", "12:00"} <= set(moments)


def zone_file(folder: Path, name: str) -> None:
    (folder / "Test").mkdir(parents=True, exist_ok=True)
    made = folder / "Test" / "Zone.new"
    made.write_bytes(Path("/usr/share/zoneinfo", name).read_bytes())
    made.rename(folder / "Test" / "Zone")


def test_a_zone_whose_rules_change_is_planned_anew(tmp_path: Path) -> None:
    zone_file(tmp_path, "Europe/Prague")
    paths = f"{tmp_path}:/usr/share/zoneinfo"
    with at("2026-06-01T05:00:00Z", PYTHONTZPATH=paths) as daemon:
        wire = daemon.wire()
        assert (
            put(wire, cronTab="0 9 * * *", timezone="Test/Zone")["nextMoment"]
            == "2026-06-01T07:00:00.000000Z"
        )
        wire.call("clock.advance", seconds=3600)
        zone_file(tmp_path, "Europe/London")
        wire.call("daemon.reload")
        assert wire.call("schedule.get", id="s")["nextMoment"] == "2026-06-01T08:00:00.000000Z"
        zone_file(tmp_path, "Europe/Prague")
        wire.call("daemon.reload")
        wire.call("clock.advance", seconds=5400)
        assert [told(row) for row in rows(wire)] == [("fired", "time", "07:00", "07:00", 1)]
        zone_file(tmp_path, "Europe/London")
        wire.call("daemon.reload")
        assert wire.call("schedule.get", id="s")["nextMoment"] == "2026-06-02T08:00:00.000000Z"
        restarted(daemon, "2026-06-01T07:40:00Z")
        wire = daemon.wire()
        assert wire.call("schedule.get", id="s")["nextMoment"] == "2026-06-02T08:00:00.000000Z"
        assert len(jobs_of(wire)) == 1


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_wall_time_that_is_earlier_now_and_was_not_settled_was_missed(
    tmp_path: Path, is_restarted: bool
) -> None:
    zone_file(tmp_path, "Europe/Prague")
    paths = f"{tmp_path}:/usr/share/zoneinfo"
    with at("2026-06-01T05:00:00Z", PYTHONTZPATH=paths) as daemon:
        wire = daemon.wire()
        put(wire, cronTab="0 9 * * *", timezone="Test/Zone")
        wire.call("clock.advance", seconds=5400)
        zone_file(tmp_path, "Europe/Athens")
        if is_restarted:
            restarted(daemon, "2026-06-01T06:30:00Z")
            wire = daemon.wire()
        else:
            wire.call("daemon.reload")
        wire.call("clock.advance", seconds=0)
        [row] = rows(wire)
        assert (told(row), row["latenessSeconds"]) == (("fired", "misfire", "06:00", "06:00", 1), 1800)


# -- retries and failures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_killed", [False, True])
def test_attempts_are_of_one_moment_and_count_once(tmp_path: Path, is_killed: bool) -> None:
    with at(MORNING) as daemon:
        wire = daemon.wire()
        mark = daemon.folder / "attempts"
        text = f'printf x >> {mark}; [ "$(cat {mark})" = xxx ]'
        wire.call(
            "component.put", component={"id": "acme.job", "shell": text, "exitCodes": {"userError": []}}
        )
        retry = {"maxAttempts": 3, "delaySeconds": 60}
        job = {"component": "acme.job", "config": "daily", "retry": retry}
        put(wire, every="1h", job=job, pauseAfterFailures=1)
        wire.call("clock.advance", seconds=3600)
        [container] = jobs_of(wire)
        assert container["type"] == "retryContainer"
        for number in range(3):
            attempt = wire.call("job.list", parentRunId=container["runId"], order="asc")["jobs"][number]
            wire.done(attempt)
            if is_killed and number == 1:
                restarted(daemon, "2026-01-05T09:01:00Z")
                wire = daemon.wire()
            wire.call("clock.advance", seconds=60)
        assert wire.get(container["id"])["status"] == "success"
        attempts = wire.call("job.list", parentRunId=container["runId"], order="asc")["jobs"]
        assert [one["attempt"] for one in attempts] == [0, 1, 2]
        assert {short(one["schedule"]["moment"]) for one in attempts} == {"09:00"}
        assert [told(row) for row in rows(wire)] == [("fired", "time", "09:00", "09:00", 1)]
        assert wire.call("schedule.get", id="s")["status"] == "active"


# -- backfills, runs by hand, rights ------------------------------------------------------------------------


def daily(wire: Wire, days: int) -> None:
    """A daily schedule that has fired on so many days."""
    put(wire, cronTab="0 6 * * *", overlap={"policy": "allow"})
    for _ in range(days):
        wire.call("clock.advance", seconds=86_400)
        wire.done(jobs_of(wire)[-1])


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_backfill_makes_the_jobs_of_moments_that_have_no_good_one(gate: Gate, is_killed: bool) -> None:
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


def test_a_stopped_backfill_leaves_nothing_alive(wire: Wire, gate: Gate) -> None:
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


def test_a_run_by_hand_stands_in_the_row_of_its_moment(wire: Wire) -> None:
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


def test_a_refused_job_is_a_failed_moment_and_pauses_after_so_many(wire: Wire) -> None:
    put(wire, every="1h", pauseAfterFailures=2)
    wire.call("config.delete", component="acme.job", config="daily")
    wire.call("clock.advance", seconds=2 * 3600)
    [row] = rows(wire)
    assert told(row) == ("failed", "not_found", "09:00", "10:00", 2)
    assert row["error"]["path"] == "$.schedule.job.config"
    shown = wire.call("schedule.get", id="s")
    assert (shown["status"], shown["paused"]["by"], shown["failuresInRow"]) == ("paused", "daemon", 2)


def test_a_disabled_configuration_skips_its_moments(wire: Wire) -> None:
    put(wire, every="1h")
    wire.call("config.put", component="acme.job", config="daily", isDisabled=True)
    wire.call("clock.advance", seconds=3600)
    assert [told(row) for row in rows(wire)] == [("skipped", "disabled", "09:00", "09:00", 1)]


def test_failed_jobs_pause_a_schedule(wire: Wire) -> None:
    wire.call("component.put", component={"id": "acme.job", "shell": "exit 1"})
    put(wire, every="1h", pauseAfterFailures=2)
    for _ in range(2):
        wire.call("clock.advance", seconds=3600)
        wire.done(jobs_of(wire)[-1])
    wire.call("clock.advance", seconds=0)
    shown = wire.call("schedule.get", id="s")
    assert (shown["status"], shown["paused"]["by"]) == ("paused", "daemon")
    assert jobs_of(wire)[-1]["id"] in shown["statusCause"]


def test_a_moment_without_a_good_job_is_told_once_as_overdue(wire: Wire, gate: Gate) -> None:
    wire.call("component.put", component={"id": "acme.job", "shell": gate.text})
    put(wire, every="1h", expectWithinSeconds=600, overlap={"policy": "skip"})
    wire.call("clock.advance", seconds=3600)
    [job] = jobs_of(wire)
    wire.call("clock.advance", seconds=1200)
    [overdue] = [event["data"] for event in wire.events(kinds=["schedule.overdue"])]
    assert (short(overdue["moment"]), overdue["job"]) == ("09:00", job["id"])
    gate.open()
    wire.done(job)
    wire.call("component.put", component={"id": "acme.job", "shell": "exit 0"})
    wire.call("clock.advance", seconds=2400)
    wire.done(jobs_of(wire)[-1])
    wire.call("clock.advance", seconds=1200)
    assert len(wire.events(kinds=["schedule.overdue"])) == 1


def test_a_schedule_is_finished_after_its_last_job(wire: Wire) -> None:
    put(wire, every="1h", maxFirings=2, overlap={"policy": "allow"})
    put(wire, "at", at=["2026-01-05T09:30:00Z"])
    wire.call("clock.advance", seconds=4 * 3600)
    assert len(jobs_of(wire)) == 2
    assert len(jobs_of(wire, "at")) == 1
    assert {wire.call("schedule.get", id=one)["status"] for one in ("s", "at")} == {"finished"}
    assert len(wire.events(kinds=["schedule.finished"])) == 2


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
    assert told(rows(wire, "x")[0]) == ("skipped", "excluded", "12:00", "12:00", 2)


def test_a_program_finds_its_window_in_the_environment_and_in_variables(wire: Wire) -> None:
    names = "$LOCKSIDE_SCHEDULE_ID $LOCKSIDE_SCHEDULED_TIME $LOCKSIDE_WINDOW_START"
    text = f'echo "{names}"; cat {{datadir}}/config.json'
    wire.call("component.put", component={"id": "acme.job", "shell": text})
    configuration = {
        "parameters": {"day": "{{ scheduledDate }}", "of": "{{ scheduleId }}"},
        "variables": {"scheduleId": "none", "scheduledDate": "never"},
    }
    wire.call("config.put", component="acme.job", config="daily", configuration=configuration)
    put(wire, every="1h")
    wire.call("clock.advance", seconds=3600)
    [job] = jobs_of(wire)
    wire.done(job)
    said = "".join(frame["text"] for frame in wire.call("job.log", id=job["id"])["frames"])
    assert said.startswith("s 2026-01-05T09:00:00.000000Z 2026-01-05T08:00:00.000000Z")
    assert '"day":"2026-01-05"' in said.replace(" ", "")
    assert '"of":"s"' in said.replace(" ", "")


def test_faults_have_their_path_in_the_schedule(wire: Wire) -> None:
    job = {"component": "acme.job", "config": "daily"}
    for members, path in (
        ({"cronTab": "0 0 31 2 *", "job": job}, "$.schedule.cronTab"),
        ({"every": "1h", "job": job | {"retry": {"maxAttempts": 0}}}, "$.schedule.job.retry.maxAttempts"),
        ({"every": "1h", "job": job | {"config": "nightly"}}, "$.schedule.job.config"),
        ({"every": "1h", "job": job | {"pool": "none"}}, "$.schedule.job.pool"),
        ({"every": "1h", "job": job | {"dryRun": True}}, "$.schedule.job.dryRun"),
        ({"every": "1h", "job": job, "timezone": "Mars/Base"}, "$.schedule.timezone"),
    ):
        assert wire.refused("schedule.put", schedule={"id": "s", **members}).data["path"] == path


def test_schedules_are_listed_by_what_they_are_and_how_they_stand(wire: Wire) -> None:
    put(wire, "a", every="1h")
    put(wire, "b", every="1h", target={"componentId": "acme.job", "configurationId": "daily"}, job=None)
    wire.call("schedule.pause", id="b")
    assert [one["id"] for one in wire.call("schedule.list")["schedules"]] == ["a", "b"]
    for filters, ids in (
        ({"status": ["paused"]}, ["b"]),
        ({"status": ["active"]}, ["a"]),
        ({"component": "acme.job", "config": "daily"}, ["a", "b"]),
        ({"component": "acme.other"}, []),
        ({"text": "b"}, ["b"]),
        ({"owner": "nobody"}, []),
    ):
        assert [one["id"] for one in wire.call("schedule.list", **filters)["schedules"]] == ids
    first = wire.call("schedule.list", limit=1)
    assert wire.call("schedule.list", limit=1, cursor=first["nextCursor"])["schedules"][0]["id"] == "b"
    wire.call("schedule.delete", id="a")
    assert wire.refused("schedule.get", id="a").kind == "not_found"
    assert rows(wire, "a") == []
    assert wire.refused("schedule.ledger", id="never").kind == "not_found"


# -- folders and people -------------------------------------------------------------------------------------


def test_schedules_are_applied_exported_and_applied_for_nothing(
    daemon: Daemon, wire: Wire, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "schedules"
    folder.mkdir(parents=True)
    job = '[job]\ncomponent = "acme.job"\nconfig = "daily"\n'
    (folder / "hourly.toml").write_text(f'cronTab = "0 * * * *"\ntimezone = "Europe/Prague"\n{job}')
    assert "1 to create" in lockside(daemon, "apply", str(tmp_path / "in"), "--yes")
    wire.call("clock.advance", seconds=3600)
    wire.call("schedule.pause", id="hourly")
    assert "1 unchanged" in lockside(daemon, "apply", str(tmp_path / "in"))
    before = wire.call("schedule.get", id="hourly")
    assert (before["status"], before["firings"]) == ("paused", 1)
    lockside(daemon, "export", str(tmp_path / "out"))
    assert (tmp_path / "out" / "schedules" / "hourly.toml").read_text().startswith('cronTab = "0 * * * *"')
    assert "unchanged" in lockside(daemon, "apply", str(tmp_path / "out"))
    (folder / "hourly.toml").write_text(f'cronTab = "30 * * * *"\ntimezone = "Europe/Prague"\n{job}')
    wire.call("schedule.resume", id="hourly")
    wire.call("clock.advance", seconds=1800)
    assert "1 to change" in lockside(daemon, "apply", str(tmp_path / "in"), "--yes")
    assert len(jobs_of(wire, "hourly")) == 1
    assert short(wire.call("schedule.get", id="hourly")["nextMoment"]) == "10:30"
    (folder / "hourly.toml").write_text(f'cronTab = "30 * * * *"\n{job}'.replace("daily", "nightly"))
    with pytest.raises(AssertionError, match=r"nightly"):
        lockside(daemon, "apply", str(tmp_path / "in"), "--yes")


def test_schedules_have_commands(daemon: Daemon, wire: Wire) -> None:
    put(wire, every="1h")
    wire.call("clock.advance", seconds=3600)
    wire.done(jobs_of(wire)[0])
    assert lockside(daemon, "schedule", "ls").startswith("s\tactive\t2026-01-05 10:00:00+00:00\t")
    assert (
        lockside(daemon, "schedule", "next", "s", "-n", "2").splitlines()[1].startswith("2026-01-05 11:00:00")
    )
    assert lockside(daemon, "schedule", "ledger", "s").startswith(
        "2026-01-05 09:00:00+00:00\t\t1\tfired\ttime\t"
    )
    assert "is paused" in lockside(daemon, "schedule", "pause", "s", "-m", "why")
    assert "is active; next: 2026-01-05 10:00" in lockside(daemon, "schedule", "resume", "s")
    assert "2 jobs\n" not in lockside(
        daemon, "schedule", "backfill", "s", "2026-01-05", "2026-01-05", "--plan"
    )
    assert "(job " in lockside(daemon, "schedule", "run", "s")


def lockside(daemon: Daemon, *words: str) -> str:
    """What a command printed."""
    command = [sys.executable, "-m", "lockside.cli.main", "--socket", str(daemon.socket), *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout


@needs_root
def test_nobodys_jobs_run_what_another_wrote(daemon: Daemon, wire: Wire) -> None:
    """Jobs run as the owner; whoever is gone, or has another name, runs nothing."""
    daemon.state_dir.chmod(0o711)
    daemon.socket.chmod(0o666)
    anna, bert = Person(daemon, ANNA, ANNA), Person(daemon, BERT, BERT)
    schedule = {"id": "hers", "every": "1h", "job": {"component": "acme.job", "config": "daily"}}
    assert anna.call("schedule.put", schedule=schedule)["owner"]["uid"] == ANNA
    for method, params in (
        ("schedule.put", {"schedule": schedule | {"every": "2h"}}),
        ("schedule.delete", {"id": "hers"}),
        ("schedule.pause", {"id": "hers"}),
        ("schedule.run", {"id": "hers"}),
        ("schedule.put", {"schedule": schedule | {"id": "mine"}, "owner": "root"}),
    ):
        assert bert.kind(method, **params) == "forbidden"
    assert bert.call("schedule.get", id="hers")["id"] == "hers"
    wire.call("schedule.put", schedule=schedule | {"every": "30m"})
    wire.call("clock.advance", seconds=1800)
    [job] = jobs_of(wire, "hers")
    assert job["principal"]["uid"] == ANNA
    wire.call("schedule.put", schedule=schedule, owner="nobody")
    assert wire.call("schedule.get", id="hers")["owner"]["user"] == "nobody"
    assert wire.refused("schedule.put", schedule=schedule, owner="none-such").kind == "not_found"


@needs_root
def test_a_user_who_is_gone_runs_nothing_until_an_admin_gives_it_to_another() -> None:
    with short_folder() as folder:
        passwd = folder / "passwd"
        known = Path("/etc/passwd").read_text()
        passwd.write_text(f"{known}carla:x:64003:64003::/:/bin/sh\n")
        daemon = Daemon(folder)
        before = ["unshare", "-m", "sh", "-c", f'mount --bind {passwd} /etc/passwd && exec "$@"', "sh"]
        try:
            daemon.start("--test-clock", MORNING, before=before)
        except AssertionError:
            pytest.skip("nothing can be mounted here")
        try:
            wire = Wire(daemon.socket)
            wire.call("component.put", component=COMPONENT)
            schedule = {"id": "s", "every": "1h", "job": {"component": "acme.job"}}
            wire.call("schedule.put", schedule=schedule, owner="carla")
            with open(passwd, "w") as file:
                file.write(known)
            wire.call("clock.advance", seconds=3600)
            [row] = rows(wire)
            assert told(row)[:2] == ("failed", "forbidden")
            assert jobs_of(wire) == []
            shown = wire.call("schedule.get", id="s")
            assert (shown["status"], shown["paused"]["by"]) == ("paused", "daemon")
            assert "carla" in shown["statusCause"]
            wire.call("schedule.put", schedule=schedule, owner="root")
            wire.call("schedule.resume", id="s")
            wire.call("clock.advance", seconds=3600)
            assert jobs_of(wire)[0]["principal"]["user"] == "root"
            wire.close()
        finally:
            daemon.end()

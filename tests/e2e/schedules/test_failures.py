"""Retries, failures, the last job, and the alarm for a job that did not run."""

from pathlib import Path

import pytest

from e2e.scheduling import MORNING, at, jobs_of, put, restarted, rows, short, summary
from e2e.signs import Gate
from e2e.wire import Wire


@pytest.mark.parametrize("is_killed", [False, True])
def test_attempts_belong_to_one_moment_and_count_once(tmp_path: Path, is_killed: bool) -> None:
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
        assert [summary(row) for row in rows(wire)] == [("fired", "time", "09:00", "09:00", 1)]
        assert wire.call("schedule.get", id="s")["status"] == "active"


def test_a_refused_job_fails_its_moment_and_several_in_a_row_pause_the_schedule(wire: Wire) -> None:
    put(wire, every="1h", pauseAfterFailures=2)
    wire.call("config.delete", component="acme.job", config="daily")
    wire.call("clock.advance", seconds=2 * 3600)
    [row] = rows(wire)
    assert summary(row) == ("failed", "not_found", "09:00", "10:00", 2)
    assert row["error"]["path"] == "$.schedule.job.config"
    shown = wire.call("schedule.get", id="s")
    assert (shown["status"], shown["paused"]["by"], shown["failuresInRow"]) == ("paused", "daemon", 2)


def test_a_disabled_configuration_skips_its_moments(wire: Wire) -> None:
    put(wire, every="1h")
    wire.call("config.put", component="acme.job", config="daily", isDisabled=True)
    wire.call("clock.advance", seconds=3600)
    assert [summary(row) for row in rows(wire)] == [("skipped", "disabled", "09:00", "09:00", 1)]


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


def test_a_moment_without_a_successful_job_is_reported_once_as_overdue(wire: Wire, gate: Gate) -> None:
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

"""Triggers over the wire: each end of a job counts once, whatever happens to the daemon meanwhile."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.harness import LAKE, Daemon
from e2e.lake import writes
from e2e.scheduling import MORNING, at, restarted
from e2e.signs import Gate
from e2e.wire import Wire, of, until_running

STATUS = "$.trigger.on[0].status"


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with at(MORNING) as one:
        with Wire(one.socket) as wire:
            for name in ("a", "b"):
                wire.call("component.put", component={"id": f"acme.{name}", "command": ["true"]})
        yield one


def put(wire: Wire, *components: str, trigger_id: str = "t", **members: Any) -> dict[str, Any]:
    on = [{"job": {"component": f"acme.{name}"}} for name in components]
    job = members.pop("job", {"component": "acme.job", "config": "daily"})
    stored: dict[str, Any] = wire.call(
        "trigger.put", trigger={"id": trigger_id, "on": on, "job": job, **members}
    )
    return stored


def end(wire: Wire, name: str) -> str:
    """Run a job of that component to its end and wait for what follows; returns its id."""
    job_id: str = wire.done(wire.create(f"acme.{name}"))["id"]
    wire.call("clock.advance", seconds=0)
    return job_id


def made(wire: Wire, trigger_id: str = "t") -> list[dict[str, Any]]:
    found = wire.call("job.list", creator="trigger", order="asc")["jobs"]
    return [job for job in found if job["creator"]["id"] == trigger_id]


def causes(job: dict[str, Any]) -> list[str]:
    return [cause["job"] for cause in job["trigger"]["causes"]]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_trigger_needs_all_conditions_since_its_last_firing_and_a_cool_down(
    daemon: Daemon, is_killed: bool
) -> None:
    wire, now = daemon.wire(), 0

    def later(seconds: int) -> Wire:
        nonlocal now
        now += seconds
        if not is_killed:
            wire.call("clock.advance", seconds=seconds)
            return wire
        minutes, rest = divmod(now, 60)
        restarted(daemon, f"2026-01-05T08:{minutes:02}:{rest:02}Z")
        again = daemon.wire()
        again.call("clock.advance", seconds=0)
        return again

    put(wire, "a", "b", when="all", coolDownSeconds=600)
    first = [end(wire, "a")]
    wire = later(10)
    first.append(end(wire, "a"))
    wire = later(10)
    assert made(wire) == []
    first.append(end(wire, "b"))
    [job] = made(wire)
    assert causes(job) == first
    assert wire.done(job)["status"] == "success"
    wire = later(10)
    second = [end(wire, "a")]
    wire = later(10)
    second.append(end(wire, "b"))
    wire = later(579)
    assert len(made(wire)) == 1
    wire = later(1)
    assert causes(made(wire)[1]) == second
    rows = wire.call("trigger.ledger", id="t")["rows"]
    assert [(row["outcome"], len(row["causes"])) for row in rows] == [("fired", 2), ("fired", 3)]


def test_a_trigger_waits_until_no_further_causes_arrive(wire: Wire) -> None:
    put(wire, "a", quietSeconds=60)
    heard = [end(wire, "a")]
    wire.call("clock.advance", seconds=59)
    heard.append(end(wire, "a"))
    wire.call("clock.advance", seconds=59)
    assert made(wire) == []
    wire.call("clock.advance", seconds=1)
    assert [causes(job) for job in made(wire)] == [heard]


def test_a_job_that_has_not_started_takes_further_causes(wire: Wire, gate: Gate) -> None:
    wire.call("component.put", component={"id": "acme.job", "shell": gate.text})
    put(wire, "a")
    first = end(wire, "a")
    until_running(wire, made(wire)[0])
    others = [end(wire, "a"), end(wire, "a")]
    assert [causes(job) for job in made(wire)] == [[first], others]
    rows = wire.call("trigger.ledger", id="t")["rows"]
    assert [row["outcome"] for row in rows] == ["merged", "fired", "fired"]
    assert rows[0]["job"] == made(wire)[1]["id"]


def test_only_ends_with_its_statuses_after_the_trigger_was_stored_count(wire: Wire) -> None:
    end(wire, "a")
    wire.call("component.put", component={"id": "acme.b", "command": ["false"]})
    put(wire, "a", "b")
    end(wire, "b")
    assert made(wire) == []
    job = end(wire, "a")
    assert [causes(one) for one in made(wire)] == [[job]]


def test_attempts_do_not_count_as_separate_ends(wire: Wire) -> None:
    put(wire, "a")
    job = wire.done(wire.create("acme.a", retry={"maxAttempts": 2}))
    wire.call("clock.advance", seconds=0)
    assert job["type"] == "retryContainer"
    assert [causes(one) for one in made(wire)] == [[job["id"]]]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_trigger_on_its_own_job_runs_once(daemon: Daemon, is_killed: bool) -> None:
    wire = daemon.wire()
    put(wire, "a", job={"component": "acme.a"})
    end(wire, "a")
    wire.done(made(wire)[0])
    if is_killed:
        restarted(daemon, MORNING)
        wire = daemon.wire()
    wire.call("clock.advance", seconds=60)
    assert len(made(wire)) == 1


def test_triggers_that_fire_each_other_are_stopped() -> None:
    with at(MORNING, LOCKSIDE_TRIGGERS__MAX_DEPTH="3") as daemon, Wire(daemon.socket) as wire:
        for name in ("a", "b", "c"):
            wire.call("component.put", component={"id": f"acme.{name}", "command": ["true"]})
        for heard, run in (("a", "b"), ("b", "c"), ("c", "a")):
            put(wire, heard, trigger_id=run, job={"component": f"acme.{run}"}, overlap={"policy": "allow"})
        end(wire, "a")
        for trigger_id in ("b", "c", "a"):
            wire.done(made(wire, trigger_id)[0])
            wire.call("clock.advance", seconds=0)
        rows = wire.call("trigger.ledger", id="b")["rows"]
        assert [(row["outcome"], row["cause"]) for row in rows] == [("failed", "loop"), ("fired", "time")]
        assert wire.call("trigger.get", id="b")["status"] == "paused"


def test_causes_during_a_pause_are_skipped_or_fire_once(wire: Wire) -> None:
    put(wire, "a")
    for catch_up, expected in ((None, 0), ("once", 1)):
        wire.call("trigger.pause", id="t", comment="why")
        end(wire, "a")
        end(wire, "a")
        assert wire.call("trigger.get", id="t")["paused"]["comment"] == "why"
        wire.call("trigger.resume", id="t", catchUp=catch_up)
        wire.call("clock.advance", seconds=0)
        assert len(made(wire)) == expected


def test_a_program_finds_its_causes_in_the_environment(wire: Wire) -> None:
    wire.call("component.put", component={"id": "acme.job", "shell": 'echo "$LOCKSIDE_TRIGGER"'})
    put(wire, "a")
    cause = end(wire, "a")
    [job] = made(wire)
    wire.done(job)
    told = json.loads(wire.text(job))
    assert (told["id"], [one["job"] for one in told["causes"]], told["more"]) == ("t", [cause], 0)


def test_a_trigger_fired_by_hand_uses_its_pending_causes(wire: Wire) -> None:
    put(wire, "a", "b", when="all")
    heard = end(wire, "a")
    job = wire.call("trigger.run", id="t")
    assert causes(job) == [heard]


def test_a_refused_job_is_a_failed_firing(wire: Wire) -> None:
    put(wire, "a", pauseAfterFailures=1)
    wire.call("config.delete", component="acme.job", config="daily")
    end(wire, "a")
    [row] = wire.call("trigger.ledger", id="t")["rows"]
    assert (row["outcome"], row["cause"], row["error"]["path"]) == ("failed", "not_found", "$.config")
    assert wire.call("trigger.get", id="t")["status"] == "paused"


def test_metrics_count_what_schedules_and_triggers_decided(wire: Wire) -> None:
    job = {"component": "acme.a"}
    wire.call("schedule.put", schedule={"id": "s", "every": "1h", "job": job, "overlap": {"policy": "skip"}})
    put(wire, "a")
    wire.call("clock.sleep", seconds=3 * 3600 + 30)
    wire.done(wire.call("job.list", creator="schedule")["jobs"][0])
    wire.call("clock.advance", seconds=0)
    for _ in range(2):
        said = wire.call("daemon.metrics").splitlines()
        name = 'project="default",schedule="s"'
        assert f'lockside_schedule_moments_total{{outcome="fired",{name}}} 1.0' in said
        assert f'lockside_schedule_moments_total{{outcome="merged",{name}}} 2.0' in said
        assert f"lockside_schedule_lateness_seconds{{{name}}} 30.0" in said
        assert 'lockside_trigger_firings_total{outcome="fired",project="default",trigger="t"} 1.0' in said


def test_jobs_that_fail_in_a_row_pause_their_trigger(wire: Wire) -> None:
    put(wire, "a", pauseAfterFailures=2, job={"component": "acme.b"})
    for command, failures, status in (
        ("false", 1, "active"),
        ("true", 0, "active"),
        ("false", 1, "active"),
        ("false", 2, "paused"),
    ):
        wire.call("component.put", component={"id": "acme.b", "command": [command]})
        end(wire, "a")
        last = wire.done(made(wire)[-1])
        wire.call("clock.advance", seconds=0)
        shown = wire.call("trigger.get", id="t")
        assert (shown["failuresInRow"], shown["status"]) == (failures, status)
    assert shown["statusCause"] == f"2 in a row failed; the last is job {last['id']}"


def test_triggers_can_be_filtered(wire: Wire) -> None:
    put(wire, "a", trigger_id="one")
    put(wire, "a", trigger_id="two", name="called", job={"component": "acme.b"})
    put(wire, "a", trigger_id="three", state="disabled")
    wire.call("trigger.pause", id="two")
    for filters, ids in (
        ({}, ["one", "three", "two"]),
        ({"status": ["paused", "disabled"]}, ["three", "two"]),
        ({"component": "acme.job", "config": "daily", "status": ["active"]}, ["one"]),
        ({"text": "call"}, ["two"]),
        ({"owner": "nobody"}, []),
    ):
        assert [one["id"] for one in wire.call("trigger.list", **filters)["triggers"]] == ids


@pytest.mark.parametrize("is_killed", [False, True])
def test_each_new_version_of_a_table_counts_but_not_those_of_its_own_jobs(is_killed: bool) -> None:
    with at(MORNING, **LAKE) as daemon:
        wire = daemon.wire()

        def load(table: str, **more: Any) -> str:
            output = {"tables": [{"source": "x.csv", "destination": table}]}
            job = wire.done(writes(wire, {"x.csv": "id\n1\n"}, config=table, output=output, **more))
            assert job["status"] == "success", job["message"]
            return str(job["id"])

        load("in.c-shop.orders")
        on = [{"table": "in.c-shop.orders"}, {"table": "in.c-shop.orders", "branchId": "other"}]
        job = {"component": "acme.writer", "config": "in.c-shop.orders"}
        wire.call("trigger.put", trigger={"id": "t", "on": on, "job": job})
        writer = load("in.c-shop.orders")
        load("in.c-shop.others")
        if is_killed:
            restarted(daemon, MORNING)
            wire = daemon.wire()
        wire.call("clock.advance", seconds=0)
        [triggered] = made(wire)
        [cause] = triggered["trigger"]["causes"]
        assert of(cause, "kind", "table", "version", "job") == ("table", "in.c-shop.orders", 1, writer)
        assert wire.done(triggered)["status"] == "success"
        wire.call("clock.advance", seconds=60)
        assert len(made(wire)) == 1


def test_faults_are_reported_with_their_path_in_the_trigger(wire: Wire) -> None:
    on = [{"job": {"component": "acme.a"}}]
    for members, path in (
        ({"on": on, "job": {"component": "acme.job", "config": "none"}}, "$.trigger.job.config"),
        ({"on": [], "job": {"component": "acme.job"}}, "$.trigger.on"),
        ({"on": [{"table": "in.orders"}], "job": {"component": "acme.job"}}, "$.trigger.on[0].table"),
        ({"on": [{}], "job": {"component": "acme.job"}}, "$.trigger.on[0].job"),
        ({"on": [on[0] | {"table": "in.a.b"}], "job": {"component": "acme.job"}}, "$.trigger.on[0].job"),
        ({"on": [{"table": "in.a.b", "status": ["error"]}], "job": {"component": "acme.job"}}, STATUS),
    ):
        assert wire.refused("trigger.put", trigger={"id": "x", **members}).data["path"] == path

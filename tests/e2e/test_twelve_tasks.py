"""An orchestration of three phases and twelve tasks, checked by its events, with kills during the run."""

from collections.abc import Callable
from pathlib import Path

from e2e.harness import FINAL, Daemon, python
from e2e.orchestrating import BODY, ORCHESTRATOR, by_task, phases, task
from e2e.signs import Gate
from e2e.timeline import Change, at_end, at_start, children, moments, timeline
from e2e.wire import Message, Wire, put_component, put_config


def put_twelve(wire: Wire, place: Path, gate: Gate, last: Gate) -> None:
    """Store three phases of four tasks: 20 rows three at a time, a warning, a retried task, and a stop."""
    wire.call("pool.put", pool={"id": "wide", "slots": "infinity"})
    wire.call("pool.put", pool={"id": "narrow", "slots": 1})
    put_config(
        wire,
        "acme.body",
        "twenty",
        rows=[{"id": f"r{number}", "configuration": {"parameters": {}}} for number in range(20)],
    )
    wide, narrow = {"pool": "wide"}, {"pool": "narrow"}
    retried = {**wide, "retry": {"maxAttempts": 3, "on": ["application"]}}
    rows = {"component": "acme.body", "config": "twenty", "configData": None, "parallelism": 3, **wide}
    put_config(
        wire,
        ORCHESTRATOR,
        "twelve",
        configuration={
            "phases": phases("extract", "transform", "load"),
            "tasks": [
                task("rows", "extract", task=rows),
                task("warns", "extract", {"code": 1}, continueOnFailure=True, task=wide),
                task("gated", "extract", {"gate": gate.text}, task=wide),
                task("plain", "extract", task=wide),
                task("t1", "transform", task=wide),
                task("t2", "transform", task=wide),
                task("t3", "transform", {"tries": str(place / "tries"), "good": 3}, task=retried),
                task("t4", "transform", task=wide),
                task("goes-on", "load", {"gate": last.text}, task=narrow),
                task("stops", "load", {"code": 2}, task={**wide, "behavior": {"onError": "stop"}}),
                task("never1", "load", task=narrow),
                task("never2", "load", task=narrow),
            ],
        },
    )


EXPECTED = {
    "rows": "success",
    "warns": "error",
    "gated": "success",
    "plain": "success",
    "extract": "warning",
    "t1": "success",
    "t2": "success",
    "t3": "success",
    "t4": "success",
    "transform": "success",
    "goes-on": "success",
    "stops": "error",
    "never1": "cancelled",
    "never2": "cancelled",
    "load": "error",
}


def test_three_phases_with_twelve_tasks_keep_every_rule_at_every_moment(
    body: Wire, place: Path, gates: Callable[[str], Gate]
) -> None:
    gate, last = gates("gate"), gates("last")
    put_twelve(body, place, gate, last)
    root = body.create(ORCHESTRATOR, config="twelve")
    assert (root["type"], root["status"], root["reasons"]) == ("orchestrationContainer", "processing", [])
    jobs = by_task(body, root)
    assert len(jobs) == 15
    assert [job["type"] for job in children(body, root)] == ["phaseContainer"] * 3
    assert {job["relation"] for job in jobs.values()} == {"strong"}
    assert (jobs["rows"]["type"], jobs["rows"]["parallelism"]) == ("container", 3)
    assert jobs["t3"]["type"] == "retryContainer"
    check_waits(body, jobs)

    gate.open()
    body.done(jobs["stops"])
    last.open()
    ended = body.done(root)

    assert ended["status"] == "error"
    now = by_task(body, root)
    assert {name: job["status"] for name, job in now.items()} == EXPECTED
    assert ended["message"] == ended["result"]["message"]
    rows = children(body, jobs["rows"])
    assert [row["name"] for row in rows] == [f"acme.body/twenty#r{number}" for number in range(20)]
    assert {row["status"] for row in rows} == {"success"}
    assert {row["lockKey"] for row in rows} == {None}
    check_history(timeline(body, root), root, now, rows)


def check_waits(wire: Wire, jobs: dict[str, Message]) -> None:
    """While the first phase is blocked, all later ones wait for it and say so."""
    for name, before in (("transform", "extract"), ("load", "transform")):
        (reason,) = wire.explain(jobs[name])
        assert (reason["kind"], reason["phases"]) == ("phase", [before])
        assert "via" not in reason or reason["via"] is None
        assert jobs[name]["status"] == "waiting"
    for name, phase in (("t1", "transform"), ("t3", "transform"), ("never2", "load")):
        view = wire.get(jobs[name]["id"])
        assert view["status"] == "waiting"
        inherited = [reason for reason in view["reasons"] if reason["kind"] == "phase"]
        assert [reason["via"] for reason in inherited] == [jobs[phase]["id"]]
    (attempt,) = children(wire, jobs["t3"])
    inherited = [reason["via"] for reason in wire.explain(attempt) if reason["kind"] == "phase"]
    assert inherited == [jobs["transform"]["id"]]


def check_history(
    changes: list[Change], root: Message, jobs: dict[str, Message], rows: list[Message]
) -> None:
    ids = {name: job["id"] for name, job in jobs.items()}
    tasks = {"extract": ["rows", "warns", "gated", "plain"], "transform": ["t1", "t2", "t3", "t4"]}
    most = 0
    for moment in moments(changes):
        at = moment.statuses
        running = sum(at[row["id"]] in ("processing", "terminating") for row in rows)
        most = max(most, running)
        left = sum(at[row["id"]] in ("created", "waiting") for row in rows)
        assert running <= 3
        assert running == 3 or not left or at[ids["rows"]] != "processing", "a free slot is not used"
        for earlier, later in (("extract", "transform"), ("transform", "load")):
            if at[ids[later]] == "processing":
                assert at[ids[earlier]] in ("success", "warning")
        for phase, inside in tasks.items():
            done = all(at[ids[name]] in FINAL for name in inside)
            assert done == (at[ids[phase]] in FINAL), f"{phase} does not follow its jobs"
    assert most == 3
    starts = [one.job for one in changes if one.after == "processing"]
    in_order = [job_id for job_id in starts if job_id in {row["id"] for row in rows}]
    assert in_order == [row["id"] for row in rows], "rows start in their configured order"
    assert at_start(changes, ids["transform"])[ids["t1"]] == "processing"
    stopped = at_end(changes, ids["stops"])
    for name in ("never1", "never2"):
        end = at_end(changes, ids[name])
        assert (end.after, end.time) == ("cancelled", stopped.time), "siblings are cancelled in the same step"
        assert jobs[name]["starts"] == 0
    assert at_end(changes, ids["load"]).time == at_end(changes, root["id"]).time
    assert at_end(changes, ids["load"]).time == at_end(changes, ids["goes-on"]).time


def test_the_orchestration_ends_the_same_when_the_daemon_is_killed_meanwhile(
    fresh: Callable[..., Daemon], place: Path, gates: Callable[[str], Gate]
) -> None:
    gate, last = gates("gate"), gates("last")
    daemon = fresh()
    wire = daemon.wire()
    put_component(wire, "acme.body", command=python(BODY))
    put_twelve(wire, place, gate, last)
    root = wire.create(ORCHESTRATOR, config="twelve")
    daemon.kill()
    daemon.start()
    wire = daemon.wire()
    seen = 0
    for kill_after in (6, 12, 20, 40):
        seen = hear_events(wire, root, seen, kill_after)
        daemon.kill()
        daemon.start()
        wire = daemon.wire()
    gate.open()
    jobs = by_task(wire, root)
    wire.done(jobs["t2"])
    daemon.kill()
    daemon.start()
    wire = daemon.wire()
    wire.done(jobs["stops"])
    daemon.kill()
    last.open()
    daemon.start()
    wire = daemon.wire()
    assert wire.done(root)["status"] == "error"
    now = by_task(wire, root)
    assert {name: job["status"] for name, job in now.items()} == EXPECTED
    rows = children(wire, jobs["rows"])
    assert {(row["status"], row["starts"]) for row in rows} == {("success", 1)}
    assert [attempt["status"] for attempt in children(wire, jobs["t3"])] == ["error", "error", "success"]
    check_limits(timeline(wire, root), rows)


def hear_events(wire: Wire, root: Message, after: int, number: int) -> int:
    """Return after this many status changes in the tree, or after as many as can happen."""
    prefix = {"runIdPrefix": root["runId"], "kinds": ["job.status"]}
    wire.call("event.subscribe", after=after, **prefix)
    seen = 0
    while seen < number:
        events = wire.notice()["params"]["events"]
        seen += len(events)
        after = events[-1]["seq"]
        if any(event["data"]["to"] in FINAL for event in events) and number > 30:
            break
    return after


def check_limits(changes: list[Change], rows: list[Message]) -> None:
    for moment in moments(changes):
        assert sum(moment.statuses[row["id"]] in ("processing", "terminating") for row in rows) <= 3

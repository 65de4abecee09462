"""Rows, orchestrations and retries with real processes, judged by the history of events."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import (
    FINAL,
    Daemon,
    Ear,
    Gate,
    Message,
    Wire,
    connected,
    of,
    put_component,
    put_config,
    python,
)
from e2e.timeline import Change, at_end, at_start, children, moments, timeline

ORCHESTRATOR = "lockside.orchestrator"
BODY = """
import json, os, pathlib, subprocess, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
parameters = json.loads((data / "config.json").read_text())["parameters"]
if "say" in parameters:
    with open(parameters["say"], "a") as ear:
        ear.write(os.environ.get("KBC_CONFIGROWID", parameters.get("word", "?")) + "\\n")
if "gate" in parameters:
    subprocess.run(parameters["gate"], shell=True, check=True)
if "tries" in parameters:
    with open(parameters["tries"], "a+") as tries:
        tries.write("x")
        tries.flush()
        if tries.tell() < parameters["good"]:
            sys.exit(2)
print("did", os.environ.get("KBC_CONFIGROWID", parameters.get("word", "it")))
sys.exit(parameters.get("code", 0))
"""


def task(task_id: str, phase: str, of: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A task that runs the component of this module with these parameters, without a configuration."""
    asked = {"component": "acme.body", "configData": {"parameters": {"word": task_id, **(of or {})}}}
    extra = more.pop("task", {})
    return {"id": task_id, "phase": phase, "task": {**asked, **extra}, **more}


FAILING = {"parameters": {"shell": "exit 3"}}


def phases(*names: str) -> list[dict[str, Any]]:
    """Phases, each behind the one before."""
    return [
        {"id": name, "dependsOn": [names[place - 1]] if place else []} for place, name in enumerate(names)
    ]


@pytest.fixture
def body(wire: Wire) -> Wire:
    """The wire to a daemon that has its keeper and the component of this module."""
    connected(wire)
    put_component(wire, "acme.body", command=python(BODY))
    return wire


def orchestrate(wire: Wire, name: str, configuration: dict[str, Any], **request: Any) -> Message:
    put_config(wire, ORCHESTRATOR, name, configuration=configuration)
    return wire.create(ORCHESTRATOR, config=name, **request)


def by_task(wire: Wire, root: Message) -> dict[str, Message]:
    """The jobs of an orchestration's phases and tasks by their ids there."""
    found = {}
    for phase in children(wire, root):
        found[phase["creator"]["id"]] = phase
        for child in children(wire, phase):
            found[child["creator"]["id"]] = child
    return found


# -- the whole ----------------------------------------------------------------------------------------------


def put_twelve(wire: Wire, place: Path, gate: Gate, last: Gate) -> None:
    """Three phases of four tasks: 20 rows three at a time, a warning, a retried task, and a stop."""
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


def test_three_phases_with_twelve_tasks_go_as_they_should_at_every_moment(
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
    """While the first phase is held up, all behind it waits for it and says so."""
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
        assert running == 3 or not left or at[ids["rows"]] != "processing", "a free place is not used"
        for earlier, later in (("extract", "transform"), ("transform", "load")):
            if at[ids[later]] == "processing":
                assert at[ids[earlier]] in ("success", "warning")
        for phase, inside in tasks.items():
            done = all(at[ids[name]] in FINAL for name in inside)
            assert done == (at[ids[phase]] in FINAL), f"{phase} does not follow its jobs"
    assert most == 3
    starts = [one.job for one in changes if one.after == "processing"]
    in_order = [job_id for job_id in starts if job_id in {row["id"] for row in rows}]
    assert in_order == [row["id"] for row in rows], "rows start in the order in which they stand"
    assert at_start(changes, ids["transform"])[ids["t1"]] == "processing"
    stopped = at_end(changes, ids["stops"])
    for name in ("never1", "never2"):
        end = at_end(changes, ids[name])
        assert (end.after, end.time) == ("cancelled", stopped.time), "siblings are cancelled in the same step"
        assert jobs[name]["starts"] == 0
    assert at_end(changes, ids["load"]).time == at_end(changes, root["id"]).time
    assert at_end(changes, ids["load"]).time == at_end(changes, ids["goes-on"]).time


def test_it_ends_the_same_when_the_daemon_is_killed_on_the_way(
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
    """Return as soon as so many changes of status happened in the tree; or as many as there can be."""
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


# -- rows ---------------------------------------------------------------------------------------------------


def put_rows(wire: Wire, name: str, *rows: dict[str, Any], **configuration: Any) -> None:
    put_config(
        wire,
        "acme.body",
        name,
        configuration=configuration,
        rows=[{"id": f"r{place}", "configuration": {"parameters": row}} for place, row in enumerate(rows)],
    )


def test_rows_wait_for_a_place_and_the_configuration_stays_locked_while_they_do(
    body: Wire, place: Path, gate: Gate
) -> None:
    put_rows(body, "three", {"gate": gate.text}, {"gate": gate.text}, {"gate": gate.text})
    container = body.create("acme.body", config="three", parallelism="2")
    assert (container["type"], container["status"], container["parallelism"]) == (
        "container",
        "processing",
        2,
    )
    assert container["workPath"] is None
    first, second, third = children(body, container)
    assert [one["status"] for one in (first, second, third)] == ["processing", "processing", "waiting"]
    (reason,) = body.explain(third)
    assert (reason["kind"], reason["container"], reason["limit"]) == ("parallelism", container["id"], 2)
    assert sorted(reason["running"]) == sorted([first["id"], second["id"]])
    single = body.create("acme.body", config="three", configRowIds=["r1"])
    (waits,) = body.explain(single)
    assert (single["type"], waits["kind"], waits["holders"]) == ("standard", "config_lock", [container["id"]])
    gate.open()
    assert body.done(container)["status"] == "success"
    assert body.done(single)["status"] == "success"
    assert [first["creator"], first["parentRunId"]] == [
        {"type": "container", "id": "r0"},
        container["runId"],
    ]


def test_the_log_of_a_row_is_asked_for_by_its_container(body: Wire) -> None:
    put_rows(body, "logs", {}, {})
    container = body.done(body.create("acme.body", config="logs", parallelism=2))
    assert body.text(container, row="r1") == "did r1\n"
    assert body.refused("job.log", id=container["id"], row="r7").kind == "not_found"
    assert body.call("job.log", id=container["id"])["isComplete"]


def test_a_failed_row_fails_its_container_and_stop_cancels_those_that_have_not_started(body: Wire) -> None:
    put_rows(body, "fails", {"code": 1}, {}, {})
    plain = body.done(body.create("acme.body", config="fails", parallelism=1))
    assert plain["status"] == "error"
    assert [one["status"] for one in children(body, plain)] == ["error", "success", "success"]
    stopped = body.create("acme.body", config="fails", parallelism=1, behavior={"onError": "stop"})
    assert body.done(stopped)["status"] == "error"
    assert [one["status"] for one in children(body, stopped)] == ["error", "cancelled", "cancelled"]
    warned = body.create("acme.body", config="fails", parallelism=1, behavior={"onError": "warning"})
    assert body.done(warned)["status"] == "warning"


def test_terminating_a_container_stops_what_runs_and_cancels_the_rest_in_one_step(
    body: Wire, gate: Gate, ear: Ear
) -> None:
    put_rows(body, "ends", *({"gate": gate.text, "say": str(ear.path)} for _ in range(4)))
    container = body.create("acme.body", config="ends", parallelism=2)
    assert {ear.hear(), ear.hear()} == {"r0", "r1"}
    plan = body.call("job.terminate", id=container["id"], dryRun=True)
    rows = [one["id"] for one in children(body, container)]
    assert set(rows[:2]) <= set(plan["stopped"])
    assert set(rows[2:]) <= set(plan["cancelled"])
    assert plan["ended"] == [{"job": container["id"], "status": "terminated"}]
    assert plan["freed"] == [f"default/acme.body/{container['config']}"]
    body.call("job.terminate", id=container["id"])
    assert body.done(container)["status"] == "terminated"
    ended = children(body, container)
    assert [one["status"] for one in ended] == ["terminated", "terminated", "cancelled", "cancelled"]
    changes = timeline(body, container)
    assert at_end(changes, rows[2]).time == at_end(changes, rows[3]).time
    assert not [one for one in changes if one.job in rows[2:] and one.after == "processing"]


def test_nothing_to_run_is_a_success_that_says_so(body: Wire) -> None:
    job = body.done(orchestrate(body, "empty", {"phases": [], "tasks": []}))
    assert (job["status"], job["message"]) == ("success", "No configurations executed.")
    history = body.history(job)
    assert history == ["created", "processing", "success"]


def test_a_debug_run_of_parallel_rows_leaves_the_stages_of_each(body: Wire) -> None:
    put_rows(body, "debugged", {}, {})
    container = body.done(body.create("acme.body", config="debugged", parallelism=2, mode="debug"))
    assert container["status"] == "success"
    for number, child in enumerate(children(body, container)):
        stages = child["result"]["artifacts"]["stages"]
        assert [one["path"] for one in stages] == [
            f"debug/r{number}/stage_0.zip",
            f"debug/r{number}/stage_output.zip",
        ]


def test_a_purged_container_takes_its_rows_and_their_folders_with_it(body: Wire) -> None:
    put_rows(body, "purged", {}, {})
    container = body.done(body.create("acme.body", config="purged", parallelism=2))
    rows = children(body, container)
    assert all(Path(row["workPath"]).is_dir() for row in rows)
    body.call("job.purge", id=container["id"])
    for job in (container, *rows):
        assert body.refused("job.get", id=job["id"]).kind == "not_found"
    assert not any(Path(row["workPath"]).exists() for row in rows)


# -- retries ------------------------------------------------------------------------------------------------


def test_a_retry_that_succeeds_satisfies_the_phase_that_waits_for_it(body: Wire, place: Path) -> None:
    tries = {"tries": str(place / "tries"), "good": 3}
    retry = {"retry": {"maxAttempts": 4, "delaySeconds": 0.05, "backoff": "exponential"}}
    root = orchestrate(
        body,
        "chain",
        {
            "phases": phases("first", "second"),
            "tasks": [task("flaky", "first", tries, task=retry), task("after", "second")],
        },
    )
    assert body.done(root)["status"] == "success"
    jobs = by_task(body, root)
    assert (jobs["flaky"]["type"], jobs["flaky"]["status"]) == ("retryContainer", "success")
    attempts = children(body, jobs["flaky"])
    assert [(one["attempt"], one["status"]) for one in attempts] == [
        (0, "error"),
        (1, "error"),
        (2, "success"),
    ]
    assert all(one["delayedStartTime"] is not None for one in attempts[1:])
    changes = timeline(body, root)
    before = at_start(changes, jobs["after"]["id"])
    assert before[jobs["flaky"]["id"]] == before[jobs["first"]["id"]] == "success"
    for one, other in pairwise(attempts):
        made = body.events(other, kinds=["job.created"])[0]
        assert made["time"] == at_end(changes, one["id"]).time, "made in the step that ends the one before"


def test_a_retried_configuration_stays_locked_between_its_attempts(body: Wire, place: Path) -> None:
    tries = {"tries": str(place / "tries"), "good": 2}
    put_config(body, "acme.body", "locked", configuration={"parameters": tries})
    retry = {"maxAttempts": 2, "delaySeconds": 300}
    job = body.create("acme.body", config="locked", retry=retry)
    (first,) = children(body, job)
    assert body.done(first)["status"] == "error"
    second = children(body, job)[1]
    (reason,) = body.explain(second)
    assert (reason["kind"], second["status"]) == ("start_time", "created")
    other = body.create("acme.body", config="locked")
    (waits,) = body.explain(other)
    assert (waits["kind"], waits["holders"]) == ("config_lock", [job["id"]])
    body.call("job.terminate", id=job["id"])
    assert [body.done(one)["status"] for one in (job, other)] == ["terminated", "success"]


def test_each_row_is_tried_again_by_itself(body: Wire, place: Path) -> None:
    put_rows(body, "tried", {}, {"tries": str(place / "tries"), "good": 2})
    job = body.create("acme.body", config="tried", parallelism=2, retry={"maxAttempts": 2})
    assert body.done(job)["status"] == "success"
    rows = children(body, job)
    assert [one["type"] for one in rows] == ["retryContainer"] * 2
    assert [len(children(body, one)) for one in rows] == [1, 2]
    assert body.text(job, row="r1") == "did r1\n", "the failed attempt wrote nothing"


def test_the_log_of_a_retried_job_is_that_of_all_its_attempts_and_can_be_followed(
    body: Wire, place: Path
) -> None:
    count = place / "count"
    text = f"echo x >> {count}; n=$(wc -l < {count}); echo one $n; echo two $n >&2; [ $n -ge 3 ]"
    put_component(body, "acme.counts", shell=text)
    retry = {"maxAttempts": 3, "delaySeconds": 0.05, "on": ["user"]}
    job = body.create("acme.counts", retry=retry)
    frames: list[Message] = []
    page: Message = {"nextOffset": 0, "isComplete": False}
    while not page["isComplete"]:
        page = body.call("job.log", id=job["id"], offset=page["nextOffset"], waitSeconds=60)
        frames += page["frames"]
    words = "".join(frame["text"] for frame in frames)
    assert sorted(words.splitlines()) == sorted(f"{word} {n}" for word in ("one", "two") for n in (1, 2, 3))
    assert [frame["seq"] for frame in frames] == list(range(len(frames)))
    last = body.call("job.log", id=job["id"], offset=len(frames) - 1)
    assert [frame["text"] for frame in last["frames"]] == [frames[-1]["text"]]
    errors = "".join(frame["text"] for frame in pages(body, job, stream="stderr"))
    assert errors.splitlines() == ["two 1", "two 2", "two 3"]


def pages(wire: Wire, job: Message, **more: Any) -> list[Message]:
    """All frames of a log that is over."""
    frames: list[Message] = []
    page: Message = {"nextOffset": 0, "isComplete": False}
    while not page["isComplete"]:
        page = wire.call("job.log", id=job["id"], offset=page["nextOffset"], **more)
        frames += page["frames"]
    return frames


# -- orchestrations -----------------------------------------------------------------------------------------


def test_the_runtime_of_an_orchestration_wins_over_its_tasks(body: Wire) -> None:
    body.call("pool.put", pool={"id": "night", "slots": 4})
    root = orchestrate(
        body,
        "runtime",
        {
            "phases": phases("p"),
            "tasks": [task("a", "p", task={"pool": "default", "priority": 5}), task("b", "p")],
            "runtime": {"pool": "night"},
        },
        priority="high",
    )
    jobs = by_task(body, root)
    assert [jobs[name]["pool"] for name in "ab"] == ["night", "night"]
    assert [jobs[name]["priority"] for name in "ab"] == [5, 50]
    assert body.done(root)["status"] == "success"


def test_a_delay_counts_from_the_start_of_the_phase(body: Wire, gate: Gate) -> None:
    root = orchestrate(
        body,
        "delayed",
        {
            "phases": phases("p", "q"),
            "tasks": [task("a", "p", {"gate": gate.text}), task("b", "q", task={"delay": 0.2})],
        },
    )
    late = by_task(body, root)["b"]
    assert late["delayedStartTime"] is None
    assert "start_time" not in body.kinds(late)
    gate.open()
    assert body.done(root)["status"] == "success"
    ended = by_task(body, root)
    assert ended["b"]["delayedStartTime"] is not None
    assert ended["b"]["startTime"] >= ended["b"]["delayedStartTime"] > ended["q"]["startTime"]


def test_a_phase_that_failed_cancels_what_waits_for_it_unless_it_may_fail(body: Wire) -> None:
    three = phases("p", "q", "r")
    tasks = [task("a", "p", {"code": 1}), task("b", "q"), task("c", "r")]
    root = body.done(orchestrate(body, "broken", {"phases": three, "tasks": tasks}))
    assert root["status"] == "error"
    statuses = {name: job["status"] for name, job in by_task(body, root).items()}
    assert statuses == {"p": "error", "a": "error", **dict.fromkeys(("q", "b", "r", "c"), "cancelled")}
    changes = timeline(body, root)
    jobs = by_task(body, root)
    assert {at_end(changes, job["id"]).time for job in jobs.values()} == {
        at_end(changes, jobs["a"]["id"]).time
    }

    three[0]["behavior"] = {"onError": "warning"}
    root = body.done(orchestrate(body, "lenient", {"phases": three, "tasks": tasks}))
    assert root["status"] == "warning"
    statuses = {name: job["status"] for name, job in by_task(body, root).items()}
    assert (statuses["p"], statuses["c"]) == ("error", "success")


def test_a_rerun_carries_over_what_succeeded_and_tells_beforehand(body: Wire, place: Path) -> None:
    tasks = [
        task("good", "p"),
        task("off", "p", enabled=False),
        task("bad", "p", {"tries": str(place / "tries"), "good": 2}),
        task("later", "q"),
    ]
    first = body.done(orchestrate(body, "rerun", {"phases": phases("p", "q"), "tasks": tasks}))
    assert first["status"] == "error"
    jobs = by_task(body, first)
    plan = body.call("orchestration.plan", config="rerun", previousJobId=first["id"])
    actions = {one["id"]: one["action"] for phase in plan["phases"] for one in phase["tasks"]}
    assert actions == {"good": "carry", "off": "skip", "bad": "run", "later": "run"}
    second = body.done(body.create(ORCHESTRATOR, config="rerun", previousJobId=first["id"]))
    assert second["status"] == "success"
    phase = children(body, second)[0]
    assert phase["result"]["tasks"] == [
        {"id": "good", "action": "carry", "job": jobs["good"]["id"]},
        {"id": "off", "action": "skip", "job": None},
    ]
    third = body.call("orchestration.plan", config="rerun", previousJobId=second["id"])
    actions = {one["id"]: one["action"] for phase in third["phases"] for one in phase["tasks"]}
    assert actions == {"good": "carry", "off": "skip", "bad": "carry", "later": "carry"}


def test_only_the_tasks_that_were_asked_for_run(body: Wire) -> None:
    tasks = [task("a", "p"), task("b", "p", enabled=False), task("c", "q")]
    put_config(body, ORCHESTRATOR, "some", configuration={"phases": phases("p", "q"), "tasks": tasks})
    root = body.done(body.create(ORCHESTRATOR, config="some", onlyOrchestrationTaskIds=["b"]))
    assert root["status"] == "success"
    assert set(by_task(body, root)) == {"p", "q", "b"}
    refused = body.refused(
        "job.create", component=ORCHESTRATOR, config="some", onlyOrchestrationTaskIds=["x"]
    )
    assert (refused.kind, refused.data["path"]) == ("not_found", "$.onlyOrchestrationTaskIds[0]")


def test_an_orchestration_that_contains_itself_is_refused_with_the_circle(body: Wire) -> None:
    def calls(name: str) -> dict[str, Any]:
        return {
            "phases": phases("p"),
            "tasks": [{"id": "t", "phase": "p", "task": {"component": ORCHESTRATOR, "config": name}}],
        }

    put_config(body, ORCHESTRATOR, "snake", configuration=calls("tail"))
    put_config(body, ORCHESTRATOR, "tail", configuration=calls("snake"))
    refused = body.refused("job.create", component=ORCHESTRATOR, config="snake")
    assert "snake -> tail -> snake" in refused.error["message"]
    assert refused.data["path"] == "$.configuration.tasks[0].task.configuration.tasks[0].task.config"


def test_an_orchestration_in_an_orchestration_is_a_child_like_others(body: Wire) -> None:
    put_config(
        body,
        ORCHESTRATOR,
        "inner",
        configuration={"phases": phases("x"), "tasks": [task("deep", "x")]},
    )
    inner = {"id": "in", "phase": "p", "task": {"component": ORCHESTRATOR, "config": "inner"}}
    root = body.done(orchestrate(body, "outer", {"phases": phases("p"), "tasks": [inner]}))
    assert root["status"] == "success"
    nested = by_task(body, root)["in"]
    assert nested["type"] == "orchestrationContainer"
    assert by_task(body, nested)["deep"]["runId"].count(".") == 4


# -- by hand ------------------------------------------------------------------------------------------------


def test_retries_by_hand_are_new_jobs_that_the_root_lists_and_sums(body: Wire, place: Path) -> None:
    tries = {"tries": str(place / "tries"), "good": 3}
    put_config(body, "acme.body", "by-hand", configuration={"parameters": tries})
    root = body.done(body.create("acme.body", config="by-hand"))
    first = body.done(body.call("job.retry", id=root["id"]))
    second = body.done(body.call("job.retry", id=first["id"]))
    assert [one["status"] for one in (root, first, second)] == ["error", "error", "success"]
    assert {first["retryOfJobId"], second["retryOfJobId"]} == {root["id"]}
    retries = body.get(root["id"])["retries"]
    assert [one["id"] for one in retries["jobs"]] == [first["id"], second["id"]]
    assert retries["durationSeconds"] == pytest.approx(first["durationSeconds"] + second["durationSeconds"])


def test_all_that_failed_below_a_job_is_retried_once(body: Wire, place: Path) -> None:
    put_rows(
        body,
        "partly",
        {},
        {"tries": str(place / "one"), "good": 2},
        {"tries": str(place / "two"), "good": 3},
    )
    root = body.done(body.create("acme.body", config="partly", parallelism=3))
    assert root["status"] == "error"
    again = body.call("job.retryAllFailed", id=root["id"])["jobs"]
    assert [one["configRowIds"] for one in again] == [["r1"], ["r2"]]
    assert sorted(body.done(one)["status"] for one in again) == ["error", "success"]
    (last,) = body.call("job.retryAllFailed", id=root["id"])["jobs"]
    assert last["configRowIds"] == ["r2"]
    assert body.done(last)["status"] == "success"
    assert body.call("job.retryAllFailed", id=root["id"])["jobs"] == []


def test_a_successor_takes_the_place_of_the_job_that_it_replaces(body: Wire, gate: Gate) -> None:
    holder = body.shell(gate.text, lockKey="place")
    first = body.shell("echo old", lockKey="place", deduplicationId="same", labels={"a": "b"})
    second = body.shell("true", lockKey="place")
    waits = body.shell("true", dependsOn=[{"job": first["id"]}])
    changes = {"configData": {"parameters": {"shell": "echo new"}}}
    successor = body.call("job.amend", id=first["id"], **{"with": changes})
    old = body.get(first["id"])
    assert (old["status"], old["result"]["error"]) == ("cancelled", None)
    assert successor["id"] in old["message"]
    assert successor["labels"] == {"a": "b"}
    (reason,) = body.explain(waits)
    assert reason["jobs"] == [successor["id"]]
    (lock,) = [one for one in body.explain(second) if one["kind"] == "config_lock"]
    assert lock["ahead"] == 1, "it stands where the first one stood"
    gate.open()
    assert [body.done(one)["status"] for one in (holder, successor, second, waits)] == ["success"] * 4
    assert body.text(successor) == "new\n"
    started = [body.get(one["id"])["startTime"] for one in (successor, second)]
    assert started == sorted(started)
    refused = body.refused("job.amend", id=first["id"], **{"with": {"priority": 1}})
    assert refused.kind == "invalid_transition"


def test_a_row_of_a_container_cannot_be_amended(body: Wire, gate: Gate) -> None:
    put_rows(body, "fixed", {"gate": gate.text}, {})
    container = body.create("acme.body", config="fixed", parallelism=1)
    row = children(body, container)[1]
    assert body.refused("job.amend", id=row["id"], **{"with": {"priority": 1}}).kind == "conflict"
    gate.open()
    assert body.done(container)["status"] == "success"


def test_a_dry_run_shows_what_the_root_would_be(body: Wire) -> None:
    put_rows(body, "dry", {}, {})
    view = body.create("acme.body", config="dry", parallelism=2, retry={"maxAttempts": 2}, dryRun=True)
    assert (view["type"], view["parallelism"], view["jobs"]) == ("container", 2, 5)
    assert (view["id"], view["lockKey"]) == ("0", "default/acme.body/dry")
    refused = body.refused(
        "job.create",
        component=ORCHESTRATOR,
        configData={"phases": [{"id": "p", "dependsOn": ["p"]}]},
        dryRun=True,
    )
    assert refused.data["path"] == "$.configData.phases[0].dependsOn"


def test_a_branch_runs_its_own_configuration_with_the_components_of_all(body: Wire) -> None:
    body.call("branch.create", branch={"id": "dev"})
    tasks = [{"id": "t", "phase": "p", "task": {"component": "acme.body", "config": "only-here"}}]
    put_config(
        body,
        ORCHESTRATOR,
        "branched",
        branchId="dev",
        configuration={"phases": phases("p"), "tasks": tasks},
    )
    refused = body.refused("job.create", component=ORCHESTRATOR, config="branched", branchId="dev")
    assert refused.data["path"] == "$.configuration.tasks[0].task.config"
    put_config(body, "acme.body", "only-here", branchId="dev")
    root = body.done(body.create(ORCHESTRATOR, config="branched", branchId="dev"))
    assert root["status"] == "success"
    assert by_task(body, root)["t"]["lockKey"] == "dev/acme.body/only-here"


def test_an_orchestration_hands_its_variables_on_to_the_tasks_that_ask_for_them(body: Wire) -> None:
    put_config(
        body,
        "lockside.command",
        "says",
        configuration={"parameters": {"command": ["echo", "{{ word }}"]}, "variables": {"word": "nothing"}},
    )
    task = {
        "component": "lockside.command",
        "config": "says",
        "variableValuesData": {"values": [{"name": "word", "value": "{{ greeting }}!"}]},
    }
    put_config(
        body,
        ORCHESTRATOR,
        "greets",
        configuration={
            "phases": phases("p"),
            "tasks": [{"id": "t", "phase": "p", "task": task}],
            "variables": {"greeting": "hello"},
        },
    )
    root = body.done(body.create(ORCHESTRATOR, config="greets"))
    (said,) = body.call("job.list", runIdPrefix=root["runId"], config="says")["jobs"]
    assert body.text(said) == "hello!\n"


@pytest.mark.parametrize(
    ("phases_given", "tasks", "path"),
    [
        ([{"id": "p", "dependsOn": ["q"]}], [], "phases[0].dependsOn[0]"),
        ([{"id": "p", "dependsOn": ["p"]}], [], "phases[0].dependsOn"),
        ([{"id": "p"}, {"id": "p"}], [], "phases[1].id"),
        ([{"id": "p"}], [{"id": "t", "phase": "q", "task": {"component": "acme.body"}}], "tasks[0].phase"),
        ([{"id": "p"}], [{"id": "t", "phase": "p", "task": {"component": "a"}}] * 2, "tasks[1].id"),
    ],
)
def test_a_broken_orchestration_is_refused_when_it_is_put(
    body: Wire, phases_given: list[Any], tasks: list[Any], path: str
) -> None:
    refused = body.refused(
        "config.put",
        component=ORCHESTRATOR,
        config="broken-at-once",
        configuration={"phases": phases_given, "tasks": tasks},
    )
    assert refused.data["path"] == f"$.configuration.{path}"
    assert body.refused("config.get", component=ORCHESTRATOR, config="broken-at-once").kind == "not_found"


def test_a_failed_container_says_in_its_error_which_jobs_failed(body: Wire) -> None:
    tasks = [{"id": "t", "phase": "p", "task": {"component": "lockside.command", "configData": FAILING}}]
    root = body.done(orchestrate(body, "erring", {"phases": phases("p"), "tasks": tasks}))
    failed = by_task(body, root)["t"]
    assert root["status"] == "error"
    error = root["result"]["error"]
    assert of(error, "type", "kind") == ("user", "dependency")
    phase = next(one for one in body.call("job.list", parentRunId=root["runId"])["jobs"])
    assert phase["id"] in error["message"]
    assert failed["id"] in phase["result"]["error"]["message"]


def test_a_dry_run_says_what_would_keep_the_job_back(body: Wire, gate: Gate) -> None:
    first = body.shell(gate.text, lockKey="dry")
    asked = {"configData": {"parameters": {"shell": "true"}}, "dryRun": True}
    told = body.create(lockKey="dry", hold=True, dependsOn=[{"job": first["id"]}], **asked)
    assert told["status"] == "waiting"
    assert [reason["kind"] for reason in told["reasons"]] == ["dependency", "held"]
    told = body.create(lockKey="dry", **asked)
    assert told["status"] == "waiting"
    assert [of(reason, "kind", "holders") for reason in told["reasons"]] == [("config_lock", [first["id"]])]
    told = body.create(lockKey="another", **asked)
    assert of(told, "status", "reasons") == ("created", [])
    gate.open()
    assert body.done(first)["status"] == "success"
    assert body.create(lockKey="dry", **asked)["reasons"] == []

"""Orchestrations: phases and tasks, what they pass on, and which of them are rerun."""

from pathlib import Path
from typing import Any

import pytest

from e2e.orchestrating import FAILING, ORCHESTRATOR, by_task, orchestrate, phases, put_rows, task
from e2e.signs import Gate
from e2e.timeline import at_end, children, timeline
from e2e.wire import Wire, of, put_config


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


def test_a_failed_phase_cancels_the_phases_that_depend_on_it_unless_it_may_fail(body: Wire) -> None:
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


def test_a_rerun_carries_over_successful_tasks_and_shows_this_in_advance(body: Wire, place: Path) -> None:
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


def test_only_the_requested_tasks_run(body: Wire) -> None:
    tasks = [task("a", "p"), task("b", "p", enabled=False), task("c", "q")]
    put_config(body, ORCHESTRATOR, "some", configuration={"phases": phases("p", "q"), "tasks": tasks})
    root = body.done(body.create(ORCHESTRATOR, config="some", onlyOrchestrationTaskIds=["b"]))
    assert root["status"] == "success"
    assert set(by_task(body, root)) == {"p", "q", "b"}
    refused = body.refused(
        "job.create", component=ORCHESTRATOR, config="some", onlyOrchestrationTaskIds=["x"]
    )
    assert (refused.kind, refused.data["path"]) == ("not_found", "$.onlyOrchestrationTaskIds[0]")


def test_an_orchestration_that_contains_itself_is_refused_with_the_cycle(body: Wire) -> None:
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


def test_an_orchestration_in_an_orchestration_is_an_ordinary_child(body: Wire) -> None:
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


def test_an_orchestration_passes_its_variables_to_the_tasks_that_use_them(body: Wire) -> None:
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


def test_tasks_inherit_the_variables_of_their_orchestration_at_any_depth_and_keep_them(body: Wire) -> None:
    says = {"parameters": {"command": ["echo", "{{ day }}"]}, "variables": {"day": "today"}}
    put_config(body, "lockside.command", "says-day", configuration=says)
    task_of = {"component": "lockside.command", "config": "says-day"}
    inner = {"phases": phases("p"), "tasks": [{"id": "t", "phase": "p", "task": task_of}]}
    put_config(body, ORCHESTRATOR, "inner", configuration=inner)
    nested = {"component": ORCHESTRATOR, "config": "inner"}
    outer = {"phases": phases("p"), "tasks": [{"id": "t", "phase": "p", "task": nested}]}
    given = {"values": [{"name": "day", "value": "monday"}]}
    root = body.done(orchestrate(body, "outer", outer, variableValuesData=given))
    (said,) = body.call("job.list", runIdPrefix=root["runId"], config="says-day")["jobs"]
    assert (body.text(said), said["variableValuesData"]) == ("monday\n", given)
    again = body.done(body.call("job.retry", id=said["id"]))
    assert body.text(again) == "monday\n"


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
def test_an_invalid_orchestration_is_refused_when_it_is_stored(
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


def test_the_error_of_a_failed_container_names_the_failed_jobs(body: Wire) -> None:
    tasks = [{"id": "t", "phase": "p", "task": {"component": "lockside.command", "configData": FAILING}}]
    root = body.done(orchestrate(body, "erring", {"phases": phases("p"), "tasks": tasks}))
    failed = by_task(body, root)["t"]
    assert root["status"] == "error"
    error = root["result"]["error"]
    assert of(error, "type", "kind") == ("user", "dependency")
    phase = next(one for one in body.call("job.list", parentRunId=root["runId"])["jobs"])
    assert phase["id"] in error["message"]
    assert failed["id"] in phase["result"]["error"]["message"]


def test_a_dry_run_says_what_the_job_would_wait_for(body: Wire, gate: Gate) -> None:
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

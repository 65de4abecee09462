"""Weak parents: a job created inside another job becomes its child, and ends when the parent is ended."""

import json

from e2e.signs import Gate
from e2e.wire import Wire, of, until_running


def test_children_carry_the_run_and_the_parent_does_not_wait_for_them(wire: Wire, gate: Gate) -> None:
    parent = wire.shell("true; " + gate.text)
    child = wire.shell(gate.text, parentRunId=parent["runId"])
    grandchild = wire.shell("exec sleep 600", parentRunId=child["runId"])
    assert of(child, "runId", "parentRunId", "relation") == (
        f"{parent['id']}.{child['id']}",
        parent["id"],
        "weak",
    )
    assert grandchild["runId"] == f"{parent['id']}.{child['id']}.{grandchild['id']}"
    assert parent["parentRunId"] is None
    listed = wire.call("job.list", runIdPrefix=f"{parent['id']}.")["jobs"]
    assert {job["id"] for job in listed} == {child["id"], grandchild["id"]}
    listed = wire.call("job.list", parentRunId=parent["runId"])["jobs"]
    assert [job["id"] for job in listed] == [child["id"]]
    gate.open()
    assert wire.done(parent)["status"] == "success"
    assert wire.done(child)["status"] == "success"
    assert wire.get(grandchild["id"])["status"] == "processing"
    wire.call("job.terminate", id=grandchild["id"])
    wire.done(grandchild)


def test_terminating_a_job_terminates_everything_below_it(wire: Wire) -> None:
    parent = wire.shell("exec sleep 600")
    child = wire.shell("exec sleep 600", parentRunId=parent["runId"])
    grandchild = wire.shell("exec sleep 600", parentRunId=child["runId"])
    held = wire.shell("true", hold=True, parentRunId=grandchild["runId"])
    for job in (parent, child, grandchild):
        until_running(wire, job)
    wire.call("job.terminate", id=parent["id"])
    assert wire.get(held["id"])["status"] == "cancelled"
    assert {wire.get(job["id"])["desiredStatus"] for job in (child, grandchild)} == {"terminating"}
    assert [wire.done(job)["status"] for job in (parent, child, grandchild)] == ["terminated"] * 3


def test_only_a_processing_job_can_be_a_parent(wire: Wire) -> None:
    held = wire.shell("true", hold=True)
    final = wire.done(wire.shell("true"))
    for parent in (held, final):
        refusal = wire.refused(
            "job.create",
            component="lockside.command",
            parentRunId=parent["runId"],
            configData={"parameters": {"command": ["true"]}},
        )
        assert (refusal.kind, refusal.data["path"]) == ("conflict", "$.parentRunId")
    refusal = wire.refused(
        "job.create",
        component="lockside.command",
        parentRunId="999999",
        configData={"parameters": {"command": ["true"]}},
    )
    assert refusal.kind in ("not_found", "conflict")
    wire.call("job.terminate", id=held["id"])


def test_a_job_finds_its_run_its_project_and_its_socket_in_the_environment(wire: Wire) -> None:
    words = "$LOCKSIDE_JOB_ID $LOCKSIDE_RUN_ID $LOCKSIDE_PROJECT $LOCKSIDE_SOCKET $LOCKSIDE_JOB_SOCKET"
    job = wire.done(wire.shell(f"echo {words}", project="team"))
    job_id, run_id, project, socket, own = wire.text(job).split()
    assert (job_id, run_id, project) == (job["id"], job["runId"], "team")
    assert socket == own
    assert socket.endswith("/lockside.sock")


def test_a_cyclic_wait_is_a_conflict_that_names_the_cycle(wire: Wire, gate: Gate) -> None:
    first = wire.shell(gate.text, lockKey="circle")
    behind = wire.shell("true", lockKey="circle", parentRunId=first["runId"])
    refusal = wire.refused("job.wait", id=behind["id"], waiterRunId=first["runId"])
    assert refusal.kind == "conflict"
    assert first["id"] in json.dumps(refusal.error)
    assert behind["id"] in json.dumps(refusal.error)
    itself = wire.refused("job.wait", id=first["id"], waiterRunId=first["runId"])
    assert itself.kind == "conflict"
    second = wire.shell(gate.text)
    waiting = wire.ask("job.wait", id=second["id"], waiterRunId=first["runId"])
    wire.call("daemon.status")
    refusal = wire.refused("job.wait", id=first["id"], waiterRunId=second["runId"])
    assert refusal.kind == "conflict"
    gate.open()
    assert wire.answer(waiting)["status"] == "success"
    wire.done(behind)


def test_a_full_pool_can_complete_a_cycle_too(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "round", "slots": 1})
    first = wire.shell(gate.text, pool="round")
    child = wire.shell("true", pool="round", parentRunId=first["runId"])
    assert wire.refused("job.wait", id=child["id"], waiterRunId=first["runId"]).kind == "conflict"
    wire.call("pool.put", pool={"id": "round", "slots": 2})
    assert wire.call("job.wait", id=child["id"], waiterRunId=first["runId"])["status"] == "success"
    gate.open()
    wire.done(first)

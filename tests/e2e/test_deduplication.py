"""A call with a deduplicationId is executed once, however often and by however many clients it is sent."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.signs import Gate
from e2e.wire import Message, Wire, of, put_component, put_config

COMMAND = {"component": "lockside.command", "configData": {"parameters": {"command": ["true"]}}}
ONE = {"id": "acme.once", "command": ["true"]}

MUTATING: dict[str, dict[str, Any]] = {
    "component.put": {"component": ONE},
    "config.put": {"component": "acme.base", "config": "a", "configuration": {"parameters": {"a": 1}}},
    "config.copy": {"component": "acme.base", "config": "base", "toConfig": "copied"},
    "config.rollback": {"component": "acme.base", "config": "base", "version": 1},
    "branch.create": {"branch": {"id": "once"}},
    "variables.put": {"variables": {"id": "once", "values": [{"name": "a", "value": "b"}]}},
    "state.reset": {"component": "acme.base", "config": "base"},
    "pool.put": {"pool": {"id": "once", "slots": 2}},
    "pool.pause": {"id": "base"},
    "pool.resume": {"id": "base"},
    "config.delete": {"component": "acme.base", "config": "gone"},
    "component.delete": {"id": "acme.gone"},
    "variables.delete": {"id": "gone"},
    "branch.delete": {"id": "gone"},
    "pool.delete": {"id": "gone"},
    "daemon.drain": {},
    "daemon.undrain": {},
    "daemon.reload": {},
    "daemon.backup": {},
}
OTHERWISE: dict[str, dict[str, Any]] = {
    "component.put": {"component": {**ONE, "command": ["false"]}},
    "config.put": {"configuration": {}},
    "config.copy": {"toConfig": "elsewhere"},
    "config.rollback": {"version": 2},
    "branch.create": {"branch": {"id": "other"}},
    "variables.put": {"variables": {"id": "other", "values": []}},
    "pool.put": {"pool": {"id": "once", "slots": 3}},
    "pool.pause": {"comment": "another"},
}


@pytest.fixture(scope="module", autouse=True)
def _stored(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        for name in ("acme.base", "acme.gone"):
            put_component(wire, name, command=["true"])
        for config in ("base", "gone"):
            put_config(wire, "acme.base", config)
        put_config(wire, "acme.base", "base", configuration={"parameters": {"v": 2}})
        wire.call("variables.put", variables={"id": "gone", "values": []})
        wire.call("branch.create", branch={"id": "gone"})
        for pool in ("base", "gone"):
            wire.call("pool.put", pool={"id": pool, "slots": 1})


def test_a_repeated_call_returns_the_job_in_its_current_state(wire: Wire) -> None:
    first = wire.call("job.create", **COMMAND, deduplicationId="repeat")
    assert "deduplicated" not in first
    assert first["deduplicationId"] == "repeat"
    wire.done(first)
    again = wire.call("job.create", **COMMAND, deduplicationId="repeat")
    assert of(again, "id", "status", "deduplicated") == (first["id"], "success", True)
    shortened = wire.call("job.create", **COMMAND, deduplicationId="repeat", fields=["status"])
    assert shortened == {"id": first["id"], "status": "success", "deduplicated": True}


def test_other_parameters_under_the_same_id_are_a_conflict_that_names_the_first_call(wire: Wire) -> None:
    first = wire.call("job.create", **COMMAND, deduplicationId="conflict")
    refusal = wire.refused("job.create", **COMMAND, priority=3, deduplicationId="conflict")
    assert (refusal.kind, refusal.data["path"]) == ("conflict", "$.deduplicationId")
    assert first["id"] in str(refusal.error)
    wire.done(first)


def test_identical_calls_sent_at_once_create_one_job(wire: Wire, daemon: Daemon) -> None:
    before = wire.call("job.list", count=True, limit=1)["total"]
    with Wire(daemon.socket) as other:
        sent = [
            (one, one.ask("job.create", **COMMAND, deduplicationId="twins")) for one in [wire, other] * 10
        ]
        answers = [one.answer(request_id) for one, request_id in sent]
    assert len({answer["id"] for answer in answers}) == 1
    assert sum("deduplicated" not in answer for answer in answers) == 1
    assert wire.call("job.list", count=True, limit=1)["total"] == before + 1


def test_many_clients_in_threads_create_one_job(daemon: Daemon) -> None:
    ids: list[str] = []

    def create() -> None:
        with Wire(daemon.socket) as one:
            ids.append(one.call("job.create", **COMMAND, deduplicationId="threads")["id"])

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 16
    assert len(set(ids)) == 1


def test_create_many_is_repeated_as_a_whole(wire: Wire) -> None:
    jobs = [COMMAND, {**COMMAND, "priority": 1}]
    first = wire.call("job.createMany", jobs=jobs, deduplicationId="many")["jobs"]
    again = wire.call("job.createMany", jobs=jobs, deduplicationId="many")["jobs"]
    assert [job["id"] for job in again] == [job["id"] for job in first]
    assert all(job["deduplicated"] for job in again)
    assert wire.refused("job.createMany", jobs=jobs[:1], deduplicationId="many").kind == "conflict"


def test_the_same_id_under_another_method_is_another_call(wire: Wire) -> None:
    job = wire.call("job.create", **COMMAND, deduplicationId="shared id")
    assert "deduplicated" not in wire.call("job.resubmit", id=job["id"], deduplicationId="shared id")
    assert "deduplicated" not in wire.call(
        "job.create", **COMMAND, project="other", deduplicationId="shared id"
    )


def test_a_repeated_call_is_recognised_after_a_restart_and_after_a_kill(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    first = daemon.wire().call("job.create", **COMMAND, deduplicationId="restart")
    daemon.kill()
    again = daemon.start().wire().call("job.create", **COMMAND, deduplicationId="restart")
    assert of(again, "id", "deduplicated") == (first["id"], True)
    wire = daemon.restart().wire()
    assert wire.call("job.create", **COMMAND, deduplicationId="restart")["id"] == first["id"]
    assert wire.refused("job.create", **COMMAND, name="x", deduplicationId="restart").kind == "conflict"


def test_a_repeated_call_is_answered_after_the_configuration_was_deleted(wire: Wire) -> None:
    put_component(wire, "acme.short", command=["true"])
    put_config(wire, "acme.short", "a")
    request = {"component": "acme.short", "config": "a", "deduplicationId": "gone since"}
    first = wire.done(wire.call("job.create", **request))
    wire.call("config.delete", component="acme.short", config="a")
    wire.call("component.delete", id="acme.short")
    again = wire.call("job.create", **request)
    assert of(again, "id", "deduplicated") == (first["id"], True)


def done_to(wire: Wire) -> list[int]:
    """Return what callers did; jobs that run meanwhile change status by themselves."""
    return [event["seq"] for event in wire.events() if event["kind"] not in ("job.status", "job.stage")]


@pytest.mark.parametrize("method", MUTATING)
def test_every_mutating_method_is_executed_once(wire: Wire, method: str) -> None:
    params = {**MUTATING[method], "deduplicationId": f"once-{method}"}
    first = wire.call(method, **params)
    events = done_to(wire)
    again = wire.call(method, **params)
    assert done_to(wire) == events, "a repeated call leaves no event"
    if method.startswith(("component", "config", "variables", "branch", "pool")) and "version" in first:
        assert again["version"] == first["version"]
    if method == "daemon.backup":
        assert again["path"] == first["path"]
    if method in OTHERWISE:
        assert wire.refused(method, **{**params, **OTHERWISE[method]}).kind == "conflict"


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("job.hold", {}),
        ("job.release", {}),
        ("job.reprioritise", {"priority": 7}),
        ("job.annotate", {"name": "noted"}),
        ("job.hide", {}),
        ("job.unhide", {}),
        ("job.terminate", {}),
        ("job.resubmit", {"with": {"priority": 3}}),
        ("job.retry", {}),
        ("job.acknowledge", {"comment": "seen"}),
        ("job.unacknowledge", {}),
        ("job.purge", {}),
    ],
)
def test_every_action_on_a_job_is_executed_once(wire: Wire, method: str, more: Message) -> None:
    job = wire.shell("true", hold=True)
    if method in ("job.purge", "job.retry", "job.acknowledge"):
        wire.call("job.terminate", id=job["id"])
    params = {"id": job["id"], **more, "deduplicationId": f"once-{method}"}
    first = wire.call(method, **params)
    events = done_to(wire)
    again = wire.call(method, **params)
    assert again["id"] == first["id"]
    assert done_to(wire) == events
    other = wire.shell("true", hold=True)
    assert wire.refused(method, **{**params, "id": other["id"]}).kind == "conflict"
    wire.call("job.terminate", id=other["id"])


def test_a_repeated_hold_returns_the_job_even_after_its_status_has_changed(wire: Wire, gate: Gate) -> None:
    job = wire.shell("true", hold=True)
    wire.call("job.release", id=job["id"], deduplicationId="let go")
    wire.done(job)
    again = wire.call("job.release", id=job["id"], deduplicationId="let go")
    assert of(again, "status", "deduplicated") == ("success", True)
    gate.open()


def test_a_refused_call_is_not_remembered(wire: Wire) -> None:
    assert wire.refused("job.create", component="acme.later", deduplicationId="later").kind == "not_found"
    put_component(wire, "acme.later", command=["true"])
    assert "deduplicated" not in wire.call("job.create", component="acme.later", deduplicationId="later")

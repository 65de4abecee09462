"""Several pools and named resources over the socket: which job holds what, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.signs import Gate
from e2e.wire import Message, Refusal, Wire


def resource(wire: Wire, **document: Any) -> Message:
    return wire.call("resource.put", resource=document)


def one(reasons: list[Message], kind: str) -> Message:
    (found,) = [reason for reason in reasons if reason["kind"] == kind]
    return found


def test_a_job_waits_for_a_resource_that_a_job_of_another_pool_holds(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "side", "slots": 2})
    stored = resource(wire, id="licence", capacity=2, description="two seats")
    assert (stored["capacity"], stored["used"], stored["free"], stored["holders"]) == (2, 0, 2, [])
    holder = wire.shell(gate.text, needs={"licence": 2}, pool="side")
    waiting = wire.shell("true", needs={"licence": 1})
    reason = one(wire.explain(waiting), "resource")
    assert reason["message"] == "It needs 1 of resource 'licence'; 0 of 2 are free."
    assert reason["unblock"] == f"the end of job {holder['id']}"
    assert {name: reason[name] for name in ("resource", "capacity", "need", "free", "holders", "ahead")} == {
        "resource": "licence",
        "capacity": 2,
        "need": 1,
        "free": 0,
        "holders": [holder["id"]],
        "ahead": 0,
    }
    assert wire.get(waiting["id"])["status"] == "created"
    (listed,) = wire.call("resource.list")["resources"]
    assert (listed["used"], listed["free"], listed["holders"], listed["waiting"]) == (2, 0, [holder["id"]], 1)
    gate.open()
    wire.done(waiting)
    assert wire.call("resource.get", id="licence")["used"] == 0


def test_a_job_finds_its_units_and_amounts_in_the_environment(wire: Wire) -> None:
    resource(wire, id="gpu", units=["0", "1", "2"], environment="CUDA_VISIBLE_DEVICES")
    resource(wire, id="api.crm", capacity="infinity")
    script = 'echo "$LOCKSIDE_RESOURCE_GPU $CUDA_VISIBLE_DEVICES $LOCKSIDE_RESOURCE_API_CRM"'
    job = wire.done(wire.shell(script, needs={"gpu": 2, "api.crm": 3, "slots": 2}))
    assert wire.text(job) == "0,1 0,1 3\n"
    assert job["needs"] == {"gpu": 2, "api.crm": 3, "slots": 2}
    assert job["resources"] == {"gpu": ["0", "1"], "api.crm": 3}


def test_a_job_runs_in_the_first_of_its_pools_that_has_room(wire: Wire, gate: Gate) -> None:
    for name in ("near", "far"):
        wire.call("pool.put", pool={"id": name, "slots": 1})
    both = [wire.shell(gate.text, pools=["near", "far"]) for _ in range(2)]
    assert [wire.get(job["id"])["pool"] for job in both] == ["near", "far"]
    third = wire.shell("true", pools=["near", "far"])
    full = [(one["kind"], one["pool"]) for one in wire.explain(third)]
    assert full == [("pool_full", "near"), ("pool_full", "far")]
    shown = wire.get(third["id"])
    assert (shown["pool"], shown["pools"]) == ("near", ["near", "far"])
    with pytest.raises(Refusal, match="not ended name the pool 'far'"):
        wire.call("pool.delete", id="far")
    gate.open()
    wire.done(third)


@pytest.mark.parametrize(
    ("asked", "path", "says"),
    [
        ({"needs": {"nothing": 1}}, "$.needs.nothing", "no resource 'nothing'"),
        ({"needs": {"seat": 3}}, "$.needs.seat", "no more than 2"),
        ({"needs": {"seat": 0}}, "$.needs.seat", "at least 1"),
        ({"needs": {"slots": 5}}, "$.needs.slots", "no more than 4 slots"),
        ({"pools": ["default", "nowhere"]}, "$.pools[1]", "no pool 'nowhere'"),
        ({"pools": ["default"], "pool": "default"}, "$.pools", "not both"),
        ({"pools": ["default", "default"]}, "$.pools[1]", "named twice"),
        ({"pools": []}, "$.pools", "1"),
    ],
)
def test_a_need_that_can_never_be_met_is_refused_with_its_path(
    wire: Wire, asked: Message, path: str, says: str
) -> None:
    resource(wire, id="seat", capacity=2)
    with pytest.raises(Refusal, match=says) as refusal:
        wire.shell("true", **asked)
    assert refusal.value.data["path"] == path


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"id": "slots", "capacity": 1}, "$.resource.id"),
        ({"id": "x"}, "$.resource.capacity"),
        ({"id": "x", "capacity": 1, "units": ["a"]}, "$.resource.capacity"),
        ({"id": "x", "capacity": 0}, "$.resource.capacity"),
        ({"id": "x", "capacity": 1_000_001}, "$.resource.capacity"),
        ({"id": "x", "units": ["a", "a"]}, "$.resource.units[1]"),
        ({"id": "x", "capacity": 1, "environment": "A B"}, "$.resource.environment"),
    ],
)
def test_an_invalid_resource_is_refused(wire: Wire, document: Message, path: str) -> None:
    with pytest.raises(Refusal) as refusal:
        resource(wire, **document)
    assert refusal.value.data["path"] == path


def test_a_resource_needed_by_live_jobs_cannot_be_deleted_and_a_global_one_is_unique(
    wire: Wire, gate: Gate
) -> None:
    resource(wire, id="seat", capacity=1, shared=True)
    holder = wire.shell(gate.text, needs={"seat": 1}, project="other")
    with pytest.raises(Refusal, match=f"need the resource 'seat': {holder['id']}"):
        wire.call("resource.delete", id="seat")
    with pytest.raises(Refusal, match="Choose another id"):
        wire.call("resource.put", resource={"id": "seat", "capacity": 1}, project="other")
    gate.open()
    wire.done(holder)
    wire.call("resource.delete", id="seat")
    with pytest.raises(Refusal, match="no resource 'seat'"):
        wire.shell("true", needs={"seat": 1})


def test_a_larger_capacity_starts_waiting_jobs(wire: Wire, gate: Gate) -> None:
    resource(wire, id="seat", capacity=1)
    wire.shell(gate.text, needs={"seat": 1})
    waiting = wire.shell("true", needs={"seat": 1})
    resource(wire, id="seat", capacity=2)
    wire.done(waiting)
    gate.open()


def test_held_resources_survive_a_kill_of_the_daemon(fresh: Callable[..., Daemon], gate: Gate) -> None:
    daemon = fresh()
    with Wire(daemon.socket) as wire:
        resource(wire, id="gpu", units=["a", "b"])
        holder = wire.shell(gate.text, needs={"gpu": 1})
        assert wire.get(holder["id"])["resources"] == {"gpu": ["a"]}
    daemon.kill()
    daemon.start()
    with Wire(daemon.socket) as wire:
        second = wire.shell("true", needs={"gpu": 1})
        assert wire.done(second)["resources"] == {"gpu": ["b"]}
        (listed,) = wire.call("resource.list")["resources"]
        assert listed["holders"] == [holder["id"]]
        gate.open()
        wire.done(holder)


def test_needs_can_be_set_at_every_level_and_are_not_merged(wire: Wire) -> None:
    resource(wire, id="gpu", capacity=2)
    resource(wire, id="seat", capacity=2)
    manifest = {
        "id": "acme.hungry",
        "command": ["true"],
        "needs": {"gpu": 1, "slots": 2},
        "pools": ["default"],
    }
    wire.call("component.put", component=manifest)
    wire.call("config.put", component="acme.hungry", config="plain", configuration={})
    of_component = wire.done(wire.create(component="acme.hungry", config="plain"))
    assert of_component["needs"] == {"gpu": 1, "slots": 2}
    runtime = {"runtime": {"needs": {"seat": 2}}}
    wire.call("config.put", component="acme.hungry", config="own", configuration=runtime)
    of_runtime = wire.done(wire.create(component="acme.hungry", config="own"))
    assert of_runtime["resources"] == {"seat": 2}
    asked = wire.done(wire.create(component="acme.hungry", config="own", needs={"gpu": 2}))
    assert asked["resources"] == {"gpu": 2}


def test_a_repeated_job_has_the_same_pools_and_needs_or_names_others(wire: Wire) -> None:
    resource(wire, id="seat", capacity=2)
    wire.call("pool.put", pool={"id": "side", "slots": 2})
    job = wire.done(wire.shell("true", pools=["side", "default"], needs={"seat": 1}))
    again = wire.call("job.resubmit", id=job["id"])
    assert (again["pools"], again["needs"]) == (["side", "default"], {"seat": 1})
    other = wire.call("job.resubmit", id=job["id"], **{"with": {"pool": "default"}})
    assert (other["pool"], other["pools"]) == ("default", [])

"""`catalog.apply`: many objects in one transaction, planned first, and nothing stored when one is wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.signs import Gate
from e2e.test_rights import OPERATORS, Person
from e2e.wire import Message, Wire, of, put_component, put_config

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
APPLIED = ("pool.put", "component.created", "variables.created", "config.created")


def folder(name: str, n: int = 1, configs: int = 2) -> Message:
    """Return a pool, a component in it, a set of variables and some configurations, all named alike."""
    return {
        "pools": [{"id": f"{name}-pool", "slots": 2}],
        "components": [
            {"id": f"{name}.c", "command": ["true"], "pool": f"{name}-pool", "schema": SCHEMA},
        ],
        "variables": [{"id": name, "values": [{"name": "region", "value": "eu"}]}],
        "configs": [
            {"component": f"{name}.c", "config": f"c{k}", "configuration": {"parameters": {"n": n}}}
            for k in range(configs)
        ],
    }


def changes(plan: Message) -> list[tuple[Any, ...]]:
    return [of(change, "action", "kind", "id") for change in plan["changes"]]


def test_everything_is_stored_together_and_a_second_apply_changes_nothing(wire: Wire) -> None:
    before = wire.events()[-1]["seq"]
    done = wire.call("catalog.apply", **folder("all"), changeDescription="first")
    assert done["isApplied"]
    assert changes(done) == [
        ("create", "pool", "all-pool"),
        ("create", "component", "all.c"),
        ("create", "variables", "all"),
        ("create", "config", "c0"),
        ("create", "config", "c1"),
    ]
    assert [event["kind"] for event in wire.events(after=before)] == [*APPLIED, "config.created"]
    assert wire.call("pool.get", id="all-pool")["version"] == 1
    versions = wire.call("config.versions", component="all.c", config="c0")["versions"]
    assert [of(one, "version", "changeDescription") for one in versions] == [(1, "first")]
    seq = wire.events()[-1]["seq"]
    again = wire.call("catalog.apply", **folder("all"))
    assert (again["changes"], again["unchanged"]) == ([], 5)
    assert wire.events()[-1]["seq"] == seq


def test_a_plan_names_every_field_that_differs_and_changes_nothing(wire: Wire) -> None:
    wire.call("catalog.apply", **folder("plan"))
    asked = folder("plan", n=2)
    asked["pools"][0]["slots"] = 5
    asked["configs"][1]["configuration"]["parameters"] = {}
    asked["configs"][1]["name"] = "Named"
    seq = wire.events()[-1]["seq"]
    plan = wire.call("catalog.apply", **asked, dryRun=True)
    assert not plan["isApplied"]
    assert [(change["id"], change["fields"]) for change in plan["changes"]] == [
        ("plan-pool", [{"path": "slots", "old": 2, "new": 5}]),
        ("c0", [{"path": "configuration.parameters.n", "old": 1, "new": 2}]),
        (
            "c1",
            [
                {"path": "name", "old": None, "new": "Named"},
                {"path": "configuration.parameters.n", "old": 1},
            ],
        ),
    ]
    assert plan["unchanged"] == 2
    assert wire.events()[-1]["seq"] == seq
    done = wire.call("catalog.apply", **asked, plan=plan["plan"])
    assert [of(one, "action", "version") for one in done["changes"]][1:] == [("change", 2), ("change", 2)]


def test_an_outdated_plan_is_not_carried_out(wire: Wire) -> None:
    plan = wire.call("catalog.apply", **folder("stale"), dryRun=True)
    put_component(wire, "stale.c", command=["false"])
    refusal = wire.refused("catalog.apply", **folder("stale"), plan=plan["plan"])
    assert (refusal.kind, refusal.data["path"]) == ("conflict", "$.plan")
    assert wire.call("component.get", id="stale.c")["command"] == ["false"]


def wrong(change: Callable[[Message], Any]) -> Message:
    asked = folder("wrong")
    change(asked)
    return asked


def orchestration(tasks: list[Message], phases: list[Message]) -> Callable[[Message], None]:
    made = {
        "component": "lockside.orchestrator",
        "config": "wrong",
        "configuration": {"phases": phases, "tasks": tasks},
    }
    return lambda asked: asked["configs"].append(made)


CIRCLE = [{"id": "a", "dependsOn": ["b"]}, {"id": "b", "dependsOn": ["a"]}]


def one_task(phase: str = "a", **task: Any) -> Callable[[Message], None]:
    return orchestration(
        [{"id": "t", "phase": phase, "task": {"component": "wrong.c", **task}}], [{"id": "a"}]
    )


def root(asked: Message, k: int = 0) -> Message:
    body: Message = asked["configs"][k]["configuration"]
    return body


WRONG = [
    (lambda a: a["configs"][1].update(component="wrong.d"), "configs[1].component"),
    (lambda a: root(a, 1)["parameters"].update(n="x"), "configs[1].configuration.parameters.n"),
    (lambda a: root(a)["parameters"].update(m=1), "configs[0].configuration.parameters"),
    (lambda a: root(a).update(runtime={"pool": "no"}), "configs[0].configuration.runtime.pool"),
    (lambda a: a["components"][0].update(pool="no"), "components[0].pool"),
    (lambda a: a["components"][0].update(schema={"type": "no"}), "components[0].schema"),
    (lambda a: a["components"][0].update(id="lockside.command"), "components[0].id"),
    (lambda a: a["configs"].append(a["configs"][0]), "configs[2]"),
    (lambda a: a["pools"].append(a["pools"][0]), "pools[1]"),
    (lambda a: a["configs"][0].update(colour="red"), "configs[0].colour"),
    (lambda a: a.update(branchId="nowhere"), "branchId"),
    (orchestration([], CIRCLE), "configs[2].configuration.phases[0].dependsOn"),
    (one_task(config="c9"), "configs[2].configuration.tasks[0].task.config"),
    (one_task(phase="z"), "configs[2].configuration.tasks[0].phase"),
    (
        one_task(config="c0", configRowIds=["r"]),
        "configs[2].configuration.tasks[0].task.configRowIds[0]",
    ),
]


@pytest.mark.parametrize(("change", "path"), WRONG)
def test_a_single_fault_prevents_all_changes(wire: Wire, change: Callable[[Message], Any], path: str) -> None:
    seq = wire.events()[-1]["seq"]
    for dry_run in (True, False):
        refusal = wire.refused("catalog.apply", **wrong(change), dryRun=dry_run)
        assert refusal.data["path"].startswith(f"$.{path}"), refusal
    assert wire.events()[-1]["seq"] == seq
    assert wire.refused("component.get", id="wrong.c").kind == "not_found"
    assert wire.refused("pool.get", id="wrong-pool").kind == "not_found"


def test_all_faults_are_reported_at_once(wire: Wire) -> None:
    asked = folder("many")
    asked["components"][0]["pool"] = "no"
    asked["configs"][0]["configuration"]["parameters"]["n"] = "x"
    asked["configs"][1]["configuration"]["runtime"] = {"pool": "many-poll"}
    faults = wire.refused("catalog.apply", **asked).data["faults"]
    assert [fault["path"] for fault in faults] == [
        "$.components[0].pool",
        "$.configs[1].configuration.runtime.pool",
        "$.configs[0].configuration.parameters.n",
    ]
    assert "Did you mean 'many-pool'?" in faults[1]["message"]


def test_a_text_with_an_unset_variable_is_not_checked_against_the_schema(wire: Wire) -> None:
    asked = folder("vars")
    asked["components"][0]["schema"] = {"properties": {"n": {"enum": ["a", "b"]}}}
    asked["configs"][0]["configuration"]["parameters"] = {"n": "{{ choice }}"}
    asked["configs"][1]["configuration"] = {"parameters": {"n": "{{ c }}"}, "variables": {"c": "z"}}
    refusal = wire.refused("catalog.apply", **asked)
    assert [fault["path"] for fault in refusal.data["faults"]] == ["$.configs[1].configuration.parameters.n"]


# -- removing


def test_only_prune_deletes_unnamed_objects_and_only_of_the_given_kinds(wire: Wire) -> None:
    wire.call("catalog.apply", **folder("gone", configs=3))
    put_config(wire, "lockside.command", "by-hand", configuration={"parameters": {"command": ["true"]}})
    kept = [
        {"component": "gone.c", "config": "c1", "configuration": {"parameters": {"n": 1}}},
    ]
    assert changes(wire.call("catalog.apply", configs=kept)) == []
    plan = wire.call("catalog.apply", configs=kept, prune=True, dryRun=True)
    deleted = {(one["component"], one["id"]) for one in plan["changes"]}
    assert {("gone.c", "c0"), ("gone.c", "c2"), ("lockside.command", "by-hand")} <= deleted
    assert {one["kind"] for one in plan["changes"]} == {"config"}
    wire.call("catalog.apply", configs=kept, prune=True, plan=plan["plan"])
    assert [one["config"] for one in wire.call("config.list", component="gone.c")["configs"]] == ["c1"]
    assert wire.call("component.get", id="gone.c")


def test_pools_of_the_settings_and_built_in_objects_are_not_pruned(fresh: Callable[..., Daemon]) -> None:
    with fresh(LOCKSIDE_POOLS__FIXED__SLOTS="2").wire() as wire:
        wire.call("pool.put", pool={"id": "mine", "slots": 1})
        wire.call("pool.put", pool={"id": "default", "slots": 3})
        put_component(wire, "my.own", command=["true"])
        done = wire.call("catalog.apply", pools=[], components=[], configs=[], variables=[], prune=True)
        assert changes(done) == [("delete", "component", "my.own"), ("delete", "pool", "mine")]
        assert {pool["id"] for pool in wire.call("pool.list")["pools"]} == {"default", "fixed"}
        built_in = {one["id"] for one in wire.call("component.list")["components"]}
        assert built_in == {"lockside.command", "lockside.orchestrator", "lockside.storage"}


def test_an_object_that_another_one_references_is_not_pruned(wire: Wire) -> None:
    wire.call("catalog.apply", **folder("used"))
    refusal = wire.refused("catalog.apply", components=[], prune=True)
    assert refusal.kind == "conflict"
    assert "configuration used.c/c0 names it" in str(refusal.data["faults"])
    refusal = wire.refused("catalog.apply", pools=[], prune=True)
    assert "component used.c names it" in str(refusal.data["faults"])


def test_pruning_the_pool_of_a_live_job_is_refused_and_changes_nothing(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "busy", "slots": 1})
    job = wire.shell(gate.text, pool="busy")
    pools = [
        {"id": pool["id"], "slots": pool["slots"], "description": pool["description"]}
        for pool in wire.call("pool.list")["pools"]
        if pool["id"] not in ("busy", "default")
    ]
    seq = wire.events()[-1]["seq"]
    pools.append({"id": "new", "slots": 1})
    body = {"parameters": {"command": ["true"]}}
    more = {"configs": [{"component": "lockside.command", "config": "with-it", "configuration": body}]}
    refusal = wire.refused("catalog.apply", pools=pools, **more, prune=True)
    assert (refusal.kind, refusal.data.get("jobs")) == ("conflict", [job["id"]]), refusal
    assert [e for e in wire.events(after=seq) if e["kind"].startswith(("pool", "config"))] == []
    assert wire.refused("pool.get", id="new").kind == "not_found"
    gate.open()
    wire.done(job)
    done = wire.call("catalog.apply", pools=pools, prune=True)
    assert changes(done) == [("create", "pool", "new"), ("delete", "pool", "busy")]


def test_a_branch_has_its_own_configurations(wire: Wire) -> None:
    wire.call("catalog.apply", **folder("br"))
    wire.call("branch.create", branch={"id": "dev"})
    configs = folder("br", n=7)["configs"][:1]
    done = wire.call("catalog.apply", configs=configs, branchId="dev", prune=True)
    assert changes(done) == [("create", "config", "c0")]
    ids = {"component": "br.c", "config": "c0"}
    assert wire.call("config.get", **ids)["configuration"]["parameters"] == {"n": 1}
    assert wire.call("config.get", **ids, branchId="dev")["configuration"]["parameters"] == {"n": 7}


# -- one transaction


def test_a_repeat_under_the_same_deduplication_id_is_done_once(wire: Wire) -> None:
    first = wire.call("catalog.apply", **folder("once"), deduplicationId="one")
    seq = wire.events()[-1]["seq"]
    again = wire.call("catalog.apply", **folder("once"), deduplicationId="one")
    assert again == {**first, "deduplicated": True}
    assert wire.events()[-1]["seq"] == seq
    assert wire.refused("catalog.apply", **folder("twice"), deduplicationId="one").kind == "conflict"


def test_concurrent_applies_leave_the_complete_state_of_the_last_one(wire: Wire) -> None:
    asked = [wire.ask("catalog.apply", **folder("race", n=n, configs=5)) for n in range(20)]
    for one in asked:
        wire.answer(one)
    stored = wire.call("config.list", component="race.c")["configs"]
    assert len({json.dumps(one["configuration"]) for one in stored}) == 1
    assert {one["version"] for one in stored} == {20}


@pytest.mark.parametrize("lag_bytes", [1, 200_000])
def test_a_daemon_killed_during_an_apply_has_stored_all_or_nothing(lag_bytes: int) -> None:
    asked = folder("killed", configs=400)
    frame = {"jsonrpc": "2.0", "id": 1, "method": "catalog.apply", "params": asked}
    with running() as daemon:
        wire = daemon.wire()
        wire.send(frame)
        other = daemon.wire()
        other.call("daemon.status")  # it has succeeded by the first call
        if lag_bytes > 1:
            other.send({"jsonrpc": "2.0", "method": "x" * lag_bytes})
        daemon.kill()
        with daemon.start().wire() as after:
            count = len(after.call("config.list", component="killed.c")["configs"])
            pools = {pool["id"] for pool in after.call("pool.list")["pools"]}
            assert (count, "killed-pool" in pools) in ((0, False), (400, True))


# -- who may


@needs_root
def test_an_operator_changes_configurations_and_an_admin_the_rest() -> None:
    groups = {
        "LOCKSIDE_ACCESS__OPERATOR_GROUPS": str(OPERATORS),
        "LOCKSIDE_DAEMON__SOCKET_GROUP": "nogroup",
    }
    with running(**groups) as daemon:
        daemon.state_dir.chmod(0o711)
        daemon.socket.chmod(0o666)
        operator = Person(daemon, 64001, OPERATORS)
        with daemon.wire() as admin:
            assert operator.kind("catalog.apply", **folder("who")) == "forbidden"
            assert operator.kind("catalog.apply", **folder("who"), dryRun=True) == "fine"
            assert admin.refused("component.get", id="who.c").kind == "not_found"
            admin.call("catalog.apply", **folder("who"))
            done = operator.call("catalog.apply", **folder("who", n=2))
            assert changes(done) == [("change", "config", "c0"), ("change", "config", "c1")]
            assert operator.kind("catalog.apply", pools=[{"id": "who-pool", "slots": 9}]) == "forbidden"


@pytest.mark.parametrize("dry_run", [True, False])
def test_jobs_of_schedules_and_triggers_are_checked_with_all_that_is_applied(
    wire: Wire, dry_run: bool
) -> None:
    job = {"component": "acme.new", "config": "c", "pool": "fresh"}
    contents: dict[str, Any] = {
        "components": [{"id": "acme.new", "command": ["true"]}],
        "configs": [
            {"component": "acme.new", "config": "c", "configuration": {"parameters": {"x": "{{ country }}"}}}
        ],
        "pools": [{"id": "fresh", "slots": 1}],
        "schedules": [{"id": "checked", "every": "1h", "job": job}],
        "triggers": [{"id": "checked", "on": [{"table": "in.c-shop.orders"}], "job": job}],
    }
    refusal = wire.refused("catalog.apply", **contents, dryRun=dry_run)
    paths = [f"$.{plural}[0].job.variableValuesData" for plural in ("schedules", "triggers")]
    assert [fault["path"] for fault in refusal.data["faults"]] == paths
    job["variableValuesData"] = {"values": [{"name": "country", "value": "CZ"}]}
    assert len(wire.call("catalog.apply", **contents, dryRun=dry_run)["changes"]) == 5

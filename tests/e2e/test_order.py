"""Which jobs run side by side, and which comes next: lock policies, priorities, start times, dependencies."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaign.evidence import command, most_at_once, spans
from e2e.harness import Daemon
from e2e.signs import Gate
from e2e.wire import Message, Wire, of, put_component, put_config

FAR = "2199-01-01T00:00:00Z"


def starts(wire: Wire, jobs: list[Message]) -> list[str]:
    """Return the ids of these jobs in the order in which they were started."""
    events = wire.call("event.list", kinds=["job.status"], limit=10_000)["events"]
    ids = {job["id"] for job in jobs}
    return [one["job"] for one in events if one["data"]["to"] == "processing" and one["job"] in ids]


def test_after_a_restart_jobs_start_in_the_order_of_their_creation(daemon: Daemon) -> None:
    wire = daemon.wire()
    wire.call("pool.put", pool={"id": "narrow", "slots": 1})
    wire.call("pool.pause", id="narrow")
    jobs = [wire.shell("true", pool="narrow") for _ in range(12)]
    daemon.kill()
    daemon.start()
    wire = daemon.wire()
    daemon.keeper_pid()
    wire.call("pool.resume", id="narrow")
    for job in jobs:
        wire.done(job)
    assert starts(wire, jobs) == [job["id"] for job in jobs]


def test_a_shared_lock_admits_up_to_its_limit(wire: Wire, gate: Gate) -> None:
    put_component(wire, "acme.shared", shell=gate.text, lock="shared:2")
    put_config(wire, "acme.shared", "a")
    jobs = [wire.create("acme.shared", config="a") for _ in range(3)]
    assert [job["status"] for job in jobs] == ["processing", "processing", "waiting"]
    assert {job["lock"] for job in jobs} == {"shared:2"}
    (reason,) = wire.explain(jobs[2])
    assert reason["kind"] == "config_lock"
    assert sorted(reason["holders"]) == sorted(job["id"] for job in jobs[:2])
    gate.open()
    assert {wire.done(job)["status"] for job in jobs} == {"success"}


def test_an_exclusive_job_waits_for_all_shared_ones_and_is_not_overtaken(wire: Wire, gate: Gate) -> None:
    put_component(wire, "acme.mixed", shell=gate.text)
    put_config(wire, "acme.mixed", "a")
    shared = wire.create("acme.mixed", config="a", lock="shared:3")
    exclusive = wire.create("acme.mixed", config="a")
    late = wire.create("acme.mixed", config="a", lock="shared:3")
    assert [job["status"] for job in (shared, exclusive, late)] == ["processing", "waiting", "waiting"]
    (reason,) = wire.explain(late)
    assert of(reason, "kind", "holders", "ahead") == ("config_lock", [], 1)
    gate.open()
    for job in (shared, exclusive, late):
        wire.done(job)
    assert starts(wire, [shared, exclusive, late]) == [shared["id"], exclusive["id"], late["id"]]


def test_without_a_lock_jobs_of_one_configuration_run_side_by_side(wire: Wire, gate: Gate) -> None:
    put_component(wire, "acme.free", shell=gate.text, lock="none")
    put_config(wire, "acme.free", "a")
    jobs = [wire.create("acme.free", config="a") for _ in range(3)]
    assert [of(job, "status", "lock", "lockKey") for job in jobs] == [("processing", "none", None)] * 3
    gate.open()
    for job in jobs:
        wire.done(job)


def test_a_custom_lock_key_never_equals_the_key_of_a_configuration(wire: Wire, gate: Gate) -> None:
    put_component(wire, "acme.key", shell=gate.text)
    put_config(wire, "acme.key", "a")
    stored = wire.create("acme.key", config="a")
    free = wire.shell(gate.text, lockKey=stored["lockKey"])
    assert [stored["status"], free["status"]] == ["processing", "processing"]
    given = wire.create("acme.key", config="a", configData={"parameters": {}})
    assert (given["status"], given["lockKey"]) == ("waiting", stored["lockKey"])
    loose = wire.create("acme.key", configData={"parameters": {}})
    assert of(loose, "status", "lockKey", "lock") == ("processing", None, "none")
    gate.open()
    for job in (stored, free, given, loose):
        wire.done(job)


def test_a_blocked_job_holds_back_only_jobs_that_wait_for_the_same_lock(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "lines", "slots": 2})
    holder = wire.shell(gate.text, lockKey="line", pool="lines")
    blocked = [wire.shell("true", lockKey="line", pool="lines", priority="highest") for _ in range(5)]
    others = [wire.done(wire.shell("true", pool="lines", priority="lowest")) for _ in range(3)]
    assert {job["status"] for job in others} == {"success"}
    assert {wire.get(job["id"])["status"] for job in blocked} == {"waiting"}
    gate.open()
    for job in [holder, *blocked]:
        wire.done(job)


def test_priority_decides_before_age(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "ranked", "slots": 1})
    runs = wire.shell(gate.text, pool="ranked")
    low = wire.shell("true", pool="ranked", priority="low")
    first = wire.shell("true", pool="ranked")
    second = wire.shell("true", pool="ranked")
    high = wire.shell("true", pool="ranked", priority=100)
    late = wire.shell("true", pool="ranked", priority="lowest")
    assert [job["priority"] for job in (low, first, high, late)] == [-50, 0, 100, -100]
    raised = wire.call("job.reprioritise", id=late["id"], priority="highest")
    assert (raised["priority"], wire.call("job.explain", id=late["id"])["position"]) == (100, 2)
    gate.open()
    jobs = [runs, low, first, second, high, late]
    for job in jobs:
        wire.done(job)
    assert starts(wire, jobs) == [job["id"] for job in (runs, high, late, first, second, low)]
    assert wire.refused("job.reprioritise", id=low["id"], priority=1).kind == "invalid_transition"


@pytest.mark.parametrize("priority", [101, -101, "urgent", 1.5, True])
def test_a_priority_out_of_bounds_names_its_field(wire: Wire, priority: object) -> None:
    refusal = wire.refused("job.create", component="lockside.command", priority=priority)
    assert (refusal.code, refusal.data["path"]) == (-32602, "$.priority")


def test_slots_can_be_raised_lowered_and_unlimited(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "elastic", "slots": 1})
    jobs = [wire.shell(gate.text, pool="elastic") for _ in range(4)]
    assert [wire.get(job["id"])["status"] for job in jobs].count("processing") == 1
    wire.call("pool.put", pool={"id": "elastic", "slots": 3})
    assert [wire.get(job["id"])["status"] for job in jobs].count("processing") == 3
    lowered = wire.call("pool.put", pool={"id": "elastic", "slots": 2})
    assert of(lowered, "slots", "running", "queued") == (2, 3, 1)
    assert wire.call("pool.put", pool={"id": "elastic", "slots": "infinity"})["slots"] == "infinity"
    assert [wire.get(job["id"])["status"] for job in jobs].count("processing") == 4
    assert wire.refused("pool.delete", id="elastic").kind == "conflict"
    gate.open()
    for job in jobs:
        wire.done(job)
    wire.call("pool.delete", id="elastic")
    refusal = wire.refused("job.create", component="lockside.command", pool="elastic")
    assert "elastic" in refusal.error["message"]
    assert refusal.data["path"] == "$.pool"


def test_a_delay_and_a_start_time_are_respected(wire: Wire) -> None:
    soon = wire.shell("true", delay=0.5)
    assert of(soon, "status", "startTime") == ("created", None)
    at = (datetime.now(UTC) + timedelta(seconds=0.6)).isoformat().replace("+00:00", "Z")
    then = wire.shell("true", delayedStartTime=at)
    past = wire.done(wire.shell("true", delayedStartTime="2001-01-01T00:00:00Z"))
    assert past["status"] == "success"
    for job in (wire.done(soon), wire.done(then)):
        assert job["startTime"] >= job["delayedStartTime"]
        late = datetime.fromisoformat(job["startTime"]) - datetime.fromisoformat(job["delayedStartTime"])
        assert late < timedelta(seconds=5)
    refusal = wire.refused("job.create", component="lockside.command", delay=1, delayedStartTime=FAR)
    assert refusal.code == -32602


# -- dependencies


@pytest.mark.parametrize(
    ("code", "when", "status"),
    [
        (0, "success", "success"),
        (1, "success", "cancelled"),
        (0, "final", "success"),
        (1, "final", "success"),
        (0, "failed", "cancelled"),
        (1, "failed", "success"),
    ],
)
def test_a_dependency_is_met_by_the_right_final_statuses(
    wire: Wire, gate: Gate, code: int, when: str, status: str
) -> None:
    first = wire.shell(f"{gate.text}; exit {code}")
    second = wire.shell("true", dependsOn=[{"job": first["id"], "when": when}])
    assert second["status"] == "waiting"
    gate.open()
    ended = wire.done(second)
    assert ended["status"] == status
    if status == "cancelled":
        assert ended["result"]["error"]["kind"] == "dependency"
        assert first["id"] in ended["result"]["error"]["message"]
        assert ended["starts"] == 0


def test_a_clean_up_runs_after_the_failure_of_a_chain(wire: Wire) -> None:
    failed = wire.done(wire.shell("exit 1"))
    never = wire.shell("true", dependsOn=[{"job": failed["id"]}])
    clean_up = wire.done(wire.shell("echo cleaned", dependsOn=[{"job": never["id"], "when": "failed"}]))
    assert (clean_up["status"], wire.text(clean_up)) == ("success", "cleaned\n")


def test_success_and_failure_of_one_job_cannot_both_be_waited_for(wire: Wire) -> None:
    first = wire.done(wire.shell("true"))
    both = [{"job": first["id"], "when": when} for when in ("success", "failed")]
    parameters = {"parameters": {"command": ["true"]}}
    refusal = wire.refused("job.create", component="lockside.command", dependsOn=both, configData=parameters)
    assert (refusal.kind, refusal.data["path"]) == ("invalid", "$.dependsOn[1].when")


def test_a_cancelled_dependant_cancels_its_own_dependants_recursively(wire: Wire, gate: Gate) -> None:
    first = wire.shell(f"{gate.text}; exit 1")
    chain = [first]
    for _ in range(5):
        chain.append(wire.shell("true", dependsOn=[{"job": chain[-1]["id"]}]))
    after_all = wire.shell("true", dependsOn=[{"job": chain[-1]["id"], "when": "final"}])
    gate.open()
    assert wire.done(first)["status"] == "error"
    ended = [wire.get(job["id"]) for job in chain[1:]]
    assert {job["status"] for job in ended} == {"cancelled"}, "in the same transaction"
    assert {job["result"]["error"]["kind"] for job in ended} == {"dependency"}
    assert wire.done(after_all)["status"] == "success"


def test_a_dependency_that_has_failed_already_cancels_in_the_same_step(wire: Wire) -> None:
    failed = wire.done(wire.shell("exit 1"))
    job = wire.shell("true", dependsOn=[{"job": failed["id"]}])
    assert of(job, "status", "starts") == ("cancelled", 0)
    assert job["result"]["error"]["kind"] == "dependency"
    fine = wire.done(wire.shell("true"))
    jobs = [{"job": failed["id"], "when": "final"}, {"job": fine["id"]}]
    assert wire.done(wire.shell("true", dependsOn=jobs))["status"] == "success"


def test_an_unknown_dependency_is_not_found_and_creates_nothing(wire: Wire) -> None:
    before = wire.call("job.list", count=True, limit=1)["total"]
    refusal = wire.refused(
        "job.create",
        component="lockside.command",
        dependsOn=[{"job": "999999"}],
        configData={"parameters": {"command": ["true"]}},
    )
    assert (refusal.code, refusal.data["path"]) == (-32001, "$.dependsOn[0].job")
    assert wire.call("job.list", count=True, limit=1)["total"] == before


def test_a_job_waits_for_all_of_its_many_dependencies(wire: Wire, gates: Callable[[str], Gate]) -> None:
    a, b = gates("a"), gates("b")
    first, second = wire.shell(a.text), wire.shell(b.text)
    job = wire.shell("true", dependsOn=[{"job": first["id"]}, {"job": second["id"], "when": "final"}])
    assert wire.explain(job)[0]["jobs"] == [first["id"], second["id"]]
    a.open()
    wire.done(first)
    assert wire.explain(job)[0]["jobs"] == [second["id"]]
    b.open()
    assert wire.done(job)["status"] == "success"


def test_a_job_cannot_depend_on_its_ancestor(wire: Wire, gate: Gate) -> None:
    parent = wire.shell(gate.text)
    refusal = wire.refused(
        "job.create",
        component="lockside.command",
        configData={"parameters": {"command": ["true"]}},
        parentRunId=parent["runId"],
        dependsOn=[{"job": parent["id"]}],
    )
    assert refusal.code in (-32602, -32002)
    gate.open()
    wire.done(parent)


def test_jobs_whose_views_exceed_a_line_are_created_and_returned_as_ids(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh(LOCKSIDE_LIMITS__LINE_BYTES="65536")
    with daemon.wire() as wire:
        one = {"component": "lockside.command", "configData": {"parameters": {"shell": "true"}}, "hold": True}
        few = wire.call("job.createMany", jobs=[one] * 2)["jobs"]
        many = wire.call("job.createMany", jobs=[one] * 200, deduplicationId="many")["jobs"]
        again = wire.call("job.createMany", jobs=[one] * 200, deduplicationId="many")["jobs"]
    assert few[0]["status"] == "created"
    assert [list(job) for job in many] == [["id"]] * 200
    assert len({job["id"] for job in many}) == 200
    assert again == [{**job, "deduplicated": True} for job in many]


def test_create_many_creates_all_jobs_or_none_and_names_the_faulty_request(wire: Wire) -> None:
    before = wire.call("job.list", count=True, limit=1)["total"]
    fine = {"component": "lockside.command", "configData": {"parameters": {"command": ["true"]}}}
    refusal = wire.refused("job.createMany", jobs=[fine, {**fine, "pool": "nowhere"}])
    assert refusal.data["path"].startswith("$.jobs[1]")
    refusal = wire.refused("job.createMany", jobs=[fine, {"component": "acme.nowhere"}])
    assert refusal.kind == "not_found"
    assert refusal.data["path"] == "$.jobs[1].component"
    refusal = wire.refused("job.createMany", jobs=[fine, {**fine, "dependsOn": [{"job": "999999"}]}])
    assert refusal.data["path"] == "$.jobs[1].dependsOn[0].job"
    assert wire.call("job.list", count=True, limit=1)["total"] == before
    jobs = wire.call("job.createMany", jobs=[fine] * 20)["jobs"]
    assert len({job["id"] for job in jobs}) == 20
    assert {job["status"] for job in wire.call("job.wait", ids=[job["id"] for job in jobs])["jobs"]} == {
        "success"
    }


def test_nearly_equal_requests_of_one_call_keep_their_own_members(wire: Wire, gate: Gate) -> None:
    """Equal parts are resolved once; key, labels, hold, priority and attempts belong to each request."""
    fine = {"component": "lockside.command", "configData": {"parameters": {"shell": gate.text}}}
    twice = {"retry": {"maxAttempts": 2}}
    requests = [
        {**fine, "lockKey": "a", "labels": {"n": "1"}},
        {**fine, "lockKey": "b", "labels": {"n": "2"}, "hold": True},
        {**fine, "lockKey": "a", "description": "behind the first"},
        {**fine, "lockKey": "b", **twice, "priority": 5},
        {**fine, "lock": "none", "lockKey": "a", **twice},
        fine,
    ]
    jobs = wire.call("job.createMany", jobs=requests)["jobs"]
    assert [job["lockKey"] for job in jobs] == ["a", "b", "a", "b", None, None]
    assert [job["labels"] for job in jobs] == [{"n": "1"}, {"n": "2"}, {}, {}, {}, {}]
    assert [job["priority"] for job in jobs] == [0, 0, 0, 5, 0, 0]
    assert [job["type"] for job in jobs][2:5] == ["standard", "retryContainer", "retryContainer"]
    assert "held" in wire.kinds(jobs[1])
    assert "config_lock" in wire.kinds(jobs[2])
    assert (
        wire.refused("job.createMany", jobs=[fine, {**fine, "lockKey": ""}]).data["path"]
        == "$.jobs[1].lockKey"
    )
    wire.call("job.release", id=jobs[1]["id"])
    gate.open()
    assert {wire.done(job)["status"] for job in jobs} == {"success"}


def test_jobs_of_two_projects_never_share_a_lock(wire: Wire, gate: Gate) -> None:
    jobs = []
    for project in ("default", "other"):
        wire.call("component.put", project=project, component={"id": "acme.projects", "shell": gate.text})
        wire.call("config.put", project=project, component="acme.projects", config="a")
        jobs.append(wire.call("job.create", project=project, component="acme.projects", config="a"))
    assert [job["status"] for job in jobs] == ["processing", "processing"]
    assert [job["project"]["id"] for job in jobs] == ["default", "other"]
    gate.open()
    for job in jobs:
        wire.done(job)


def test_a_hundred_mixed_jobs_keep_every_limit(wire: Wire, place: Path) -> None:
    file = place / "evidence"
    wire.call("pool.put", pool={"id": "three", "slots": 3})
    sent = []
    for number in range(100):
        argv = command(file, f"k{number % 7}", seconds=0.01)
        sent.append(
            wire.ask(
                "job.create",
                component="lockside.command",
                pool="three",
                lockKey=f"k{number % 7}",
                priority=number % 5,
                configData={"parameters": {"command": argv}},
            )
        )
    jobs = [wire.answer(one) for one in sent]
    ended = wire.call("job.wait", ids=[job["id"] for job in jobs], timeoutSeconds=120)["jobs"]
    assert {job["status"] for job in ended} == {"success"}
    ran = spans(file)
    assert len(ran) == 100
    assert most_at_once(ran) <= 3
    for key in range(7):
        assert most_at_once([span for span in ran if span.name == f"k{key}"]) == 1

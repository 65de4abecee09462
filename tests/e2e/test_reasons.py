"""A job that has not started gives all reasons why it waits at once; a job that has started gives none."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon
from e2e.processes import kill_and_wait
from e2e.signs import Gate
from e2e.wire import Message, Wire, connected, of, until_running, wait_until

FAR = "2199-01-01T00:00:00Z"
COMMON = {"kind", "since", "message", "unblock"}


def one(reasons: list[Message], kind: str) -> Message:
    (found,) = [reason for reason in reasons if reason["kind"] == kind]
    assert found.keys() >= COMMON
    assert found["message"].endswith(".")
    assert found["unblock"]
    return found


def test_lock_pool_and_start_time_are_reported_together(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "narrow", "slots": 1})
    holder = wire.shell(gate.text, lockKey="all reasons", pool="narrow")
    waiting = wire.shell("true", lockKey="all reasons", pool="narrow")
    reasons = wire.explain(waiting)
    assert sorted(reason["kind"] for reason in reasons) == ["config_lock", "pool_full"]
    lock, pool = one(reasons, "config_lock"), one(reasons, "pool_full")
    assert of(lock, "lockKey", "holders", "ahead") == ("all reasons", [holder["id"]], 0)
    assert holder["id"] in lock["message"]
    assert holder["id"] in lock["unblock"]
    assert of(pool, "pool", "slots", "running", "ahead") == ("narrow", 1, [holder["id"]], 0)
    assert "narrow" in pool["message"]
    assert wire.get(waiting["id"])["status"] == "waiting"
    assert wire.call("job.explain", id=waiting["id"])["position"] == 1
    assert wire.explain(holder) == []
    assert wire.get(holder["id"])["reasons"] == []

    later = wire.shell("true", lockKey="all reasons", pool="narrow", delayedStartTime=FAR, hold=True)
    kinds = wire.kinds(later)
    assert kinds == ["held", "start_time"], "a job outside the queue has no queue reasons"
    gate.open()
    wire.done(waiting)
    assert wire.explain(waiting) == []
    wire.call("job.terminate", id=later["id"])
    assert wire.get(later["id"])["status"] == "cancelled"


def test_dependency_hold_and_start_time_are_reported_together_and_clear_one_by_one(
    wire: Wire, gate: Gate
) -> None:
    first = wire.shell(gate.text)
    job = wire.shell("true", dependsOn=[{"job": first["id"]}], hold=True, delay=0.8)
    reasons = wire.explain(job)
    assert sorted(reason["kind"] for reason in reasons) == ["dependency", "held", "start_time"]
    assert one(reasons, "dependency")["jobs"] == [first["id"]]
    assert one(reasons, "held")["by"] == job["principal"]["user"]
    assert one(reasons, "start_time")["at"] == job["delayedStartTime"]
    assert job["status"] == "waiting"
    assert wire.call("job.explain", id=job["id"])["position"] is None
    gate.open()
    wire.done(first)
    wait_until(wire, job, lambda view: view["status"] == "created")
    wire.call("job.release", id=job["id"])
    ended = wire.done(job)
    assert ended["status"] == "success"
    assert ended["startTime"] >= ended["delayedStartTime"]
    assert wire.history(job) == ["created", "waiting", "created", "processing", "success"]


def test_jobs_wait_for_a_full_pool_as_created_and_count_the_jobs_ahead(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "single", "slots": 1})
    runs = wire.shell(gate.text, pool="single")
    queue = [wire.shell("true", pool="single") for _ in range(3)]
    assert [job["status"] for job in queue] == ["created"] * 3
    assert [one(wire.explain(job), "pool_full")["ahead"] for job in queue] == [0, 1, 2]
    assert [wire.call("job.explain", id=job["id"])["position"] for job in queue] == [1, 2, 3]
    in_list = wire.call("job.list", pool="single", status=["created"], fields=["reasons"])
    assert in_list["jobs"][0]["reasons"][0]["ahead"] is None, "counted by job.explain only"
    gate.open()
    for job in [runs, *queue]:
        wire.done(job)


def test_a_paused_pool_and_a_pool_without_slots_both_give_pool_paused(wire: Wire) -> None:
    wire.call("pool.put", pool={"id": "quiet", "slots": 2})
    wire.call("pool.pause", id="quiet", comment="disk swap")
    job = wire.shell("true", pool="quiet")
    reason = one(wire.explain(job), "pool_paused")
    assert of(reason, "pool", "by", "comment") == ("quiet", job["principal"]["user"], "disk swap")
    assert job["status"] == "created"
    wire.call("pool.put", pool={"id": "quiet", "slots": 0})
    wire.call("pool.resume", id="quiet")
    reason = one(wire.explain(job), "pool_paused")
    assert of(reason, "pool", "by") == ("quiet", None)
    wire.call("pool.put", pool={"id": "quiet", "slots": 1})
    assert wire.done(job)["status"] == "success"


def test_draining_holds_back_all_jobs_until_undrain(fresh: Callable[..., Daemon], gate: Gate) -> None:
    wire = fresh().wire()
    runs = wire.shell(gate.text)
    status = wire.call("daemon.drain")
    assert of(status, "isDraining", "isDrained") == (True, False)
    job = wire.shell("true")
    assert one(wire.explain(job), "draining")
    assert job["status"] == "created"
    since = status["drain"]["since"]
    assert wire.call("daemon.drain")["drain"] == {"since": since, "by": job["principal"]["user"]}
    gate.open()
    wire.done(runs)
    assert wire.call("daemon.status")["isDrained"] is True
    assert of(wire.call("daemon.undrain"), "isDraining", "isDrained", "drain") == (False, False, None)
    again = wire.call("daemon.drain")["drain"]
    assert again["since"] > since
    wire.call("daemon.undrain")
    assert wire.done(job)["status"] == "success"


def test_without_a_keeper_the_reason_is_no_executor(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh(LOCKSIDE_KEEPER__SOCKET="/nonexistent/keeper.sock")
    wire = daemon.wire()
    job = wire.shell("true")
    reason = one(wire.explain(job), "no_executor")
    assert reason["pool"] == "default"
    assert reason["cause"]
    assert job["status"] == "created"
    assert wire.call("daemon.status")["keeper"]["isConnected"] is False
    wire.call("job.terminate", id=job["id"])
    assert of(wire.get(job["id"]), "status", "starts") == ("cancelled", 0)


def test_a_keeper_that_cannot_be_restarted_is_reported_and_retried(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    connected(wire)
    folder = daemon.state_dir / "keeper"
    away = daemon.state_dir / "keeper-away"
    folder.rename(away)
    folder.write_text("in the way")
    kill_and_wait(wire.call("daemon.status")["keeper"]["pid"])
    job = wire.shell("true")
    while "no_executor" not in wire.kinds(job):
        assert not wire.call("job.wait", id=job["id"], timeoutSeconds=0.1)["isFinished"]
    folder.unlink()
    folder.mkdir()
    assert wire.done(job)["status"] == "success"


@needs_root
def test_a_store_that_cannot_be_written_is_reported_and_work_resumes_by_itself(
    fresh: Callable[..., Daemon], gate: Gate
) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        connected(wire)
    daemon.stop()
    in_small_store(daemon)
    wire = daemon.wire()
    runs = wire.shell(gate.text)
    until_running(wire, runs)
    queued = wire.shell("true", delayedStartTime=FAR)
    full = daemon.seen(daemon.state_dir) / "filler"
    fill(full)
    refusal = wire.refused("job.create", component="lockside.command", **big())
    assert refusal.kind == "unavailable", refusal
    assert refusal.data["cause"]
    kinds = wire.kinds(queued)
    assert "store_unavailable" in kinds
    assert one(wire.explain(queued), "store_unavailable")["cause"]
    assert wire.get(runs["id"])["status"] == "processing", "reads still work"
    assert wire.call("daemon.status")["store"]["isWritable"] is False
    gate.open()
    assert wire.call("job.wait", id=runs["id"], timeoutSeconds=1)["isFinished"] is False
    os.unlink(full)
    ended = wire.done(runs)
    assert of(ended, "status", "starts") == ("success", 1)
    assert wire.call("daemon.status")["store"]["isWritable"] is True
    (recovered,) = wire.events(kinds=["daemon.storeRecovered"])
    assert recovered["data"]["cause"] == refusal.data["cause"]
    assert recovered["data"]["seconds"] > 0
    assert wire.kinds(queued) == ["start_time"]
    assert wire.done(wire.shell("true"))["status"] == "success"


def in_small_store(daemon: Daemon) -> None:
    """Start the daemon in its own mount namespace, where its state folder is a small file system."""
    script = f'mount -t tmpfs -o size=2m,mode=700 tmpfs {daemon.state_dir} && exec "$@"'
    daemon.start(before=["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"])


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


def big() -> Message:
    return {"configData": {"parameters": {"command": ["true", "x" * 100_000]}}}


def test_a_job_always_has_a_reason_before_its_start_and_never_after_it(
    wire: Wire,
) -> None:
    wire.call("pool.put", pool={"id": "two", "slots": 2})
    jobs = [wire.shell("true", pool="two", lockKey=f"quick-{n % 5}") for n in range(40)]
    while True:
        page = wire.call("job.list", pool="two", limit=100, fields=["status", "reasons", "isFinished"])[
            "jobs"
        ]
        for job in page:
            assert bool(job["reasons"]) == (job["status"] in ("created", "waiting")), job
        if all(job["isFinished"] for job in page):
            break
    for job in jobs:
        assert wire.done(job)["status"] == "success"


def test_a_wait_of_a_child_for_its_own_ancestor_is_marked(wire: Wire, gate: Gate) -> None:
    parent = wire.shell(gate.text, lockKey="family")
    child = wire.shell("true", lockKey="family", parentRunId=parent["runId"])
    (reason,) = wire.explain(child)
    assert of(reason, "kind", "ancestor", "holders") == ("config_lock", True, [parent["id"]])
    gate.open()
    assert wire.done(parent)["status"] == "success"
    assert wire.done(child)["status"] == "success"


def test_the_last_slot_held_by_an_ancestor_is_marked(wire: Wire, gate: Gate) -> None:
    wire.call("pool.put", pool={"id": "last", "slots": 1})
    parent = wire.shell(gate.text, pool="last")
    child = wire.shell("true", pool="last", parentRunId=parent["runId"])
    (reason,) = wire.explain(child)
    assert of(reason, "kind", "ancestor") == ("pool_full", True)
    gate.open()
    assert wire.done(child)["status"] == "success"


@pytest.mark.parametrize("method", ["job.explain", "job.get", "job.terminate", "job.hold", "job.log"])
def test_an_unknown_job_is_not_found(wire: Wire, method: str) -> None:
    refusal = wire.refused(method, id="999999")
    assert of(refusal.error, "code") == (-32001,)
    assert (refusal.kind, refusal.data["path"]) == ("not_found", "$.id")

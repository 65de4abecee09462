"""Hold, release, pause, resume, terminate: what each does, to which jobs, and what it refuses."""

from collections.abc import Callable

import pytest

from e2e.harness import Daemon
from e2e.signs import Ear, Gate
from e2e.wire import Wire, of, until_running, wait_until

FAR = "2199-01-01T00:00:00Z"
TICKS = "i=0; while :; do i=$((i+1)); echo $i > {ear}; sleep 0.02; done"


def test_a_held_job_starts_when_it_is_released(wire: Wire) -> None:
    job = wire.shell("true", hold=True)
    assert job["status"] == "created"
    again = wire.call("job.hold", id=job["id"])
    assert again["reasons"][0]["kind"] == "held"
    released = wire.call("job.release", id=job["id"])
    assert released["status"] in ("processing", "success")
    assert wire.done(job)["status"] == "success"
    kinds = [event["kind"] for event in wire.events(job)]
    assert "job.released" in kinds
    assert wire.refused("job.hold", id=job["id"]).kind == "invalid_transition"


def test_a_waiting_job_can_be_held_and_is_overtaken(wire: Wire, gate: Gate) -> None:
    holder = wire.shell(gate.text, lockKey="hold in line")
    first = wire.shell("true", lockKey="hold in line")
    second = wire.shell("true", lockKey="hold in line")
    held = wire.call("job.hold", id=first["id"])
    assert of(held, "status") == ("created",)
    assert wire.explain(second)[0]["ahead"] == 0
    gate.open()
    wire.done(holder)
    assert wire.done(second)["status"] == "success"
    assert wire.get(first["id"])["status"] == "created"
    wire.call("job.release", id=first["id"])
    assert wire.done(first)["status"] == "success"


def test_a_running_job_cannot_be_held_nor_released(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    before = len(wire.events(job))
    assert wire.refused("job.hold", id=job["id"]).code == -32003
    until_running(wire, job)
    assert wire.refused("job.reprioritise", id=job["id"], priority=3).code == -32003
    assert [e for e in wire.events(job)[before:] if e["kind"] != "job.stage"] == []
    gate.open()
    wire.done(job)


def test_a_pause_stops_the_processes_the_time_limit_and_the_duration(wire: Wire, ear: Ear) -> None:
    job = wire.shell(TICKS.format(ear=ear.path), limits={"timeoutSeconds": 3})
    assert ear.hear() == "1"
    paused = wire.call("job.pause", id=job["id"])
    assert paused["status"] == "processing"
    assert "aused" in paused["message"]
    assert job["principal"]["user"] in paused["message"]
    # another job serves as the clock: four seconds pass while this one is paused
    wire.done(wire.shell("sleep 4"))
    first = wire.get(job["id"])
    heard = ["1"]
    while not ear.is_silent():
        heard.append(ear.hear())
    wire.done(wire.shell("sleep 0.3"))
    assert ear.is_silent(), "a paused job still works"
    second = wire.get(job["id"])
    assert first["status"] == second["status"] == "processing"
    assert second["durationSeconds"] - first["durationSeconds"] < 0.1
    assert second["durationSeconds"] < 3
    resumed = wire.call("job.resume", id=job["id"])
    assert "aused" not in (resumed["message"] or "")
    assert int(ear.hear()) > int(heard[-1])
    ended = wire.done(job)
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "timeout")
    assert ended["durationSeconds"] < 6
    kinds = [event["kind"] for event in wire.events(job)]
    assert kinds.count("job.paused") == kinds.count("job.resumed") == 1


def test_a_paused_job_keeps_its_lock_and_slot(wire: Wire, ear: Ear) -> None:
    wire.call("pool.put", pool={"id": "paused", "slots": 1})
    job = wire.shell(f"echo up > {ear.path}; exec sleep 600", lockKey="paused", pool="paused")
    assert ear.hear() == "up"
    wire.call("job.pause", id=job["id"])
    behind = wire.shell("true", lockKey="paused", pool="paused")
    assert wire.kinds(behind) == ["config_lock", "pool_full"]
    wire.call("job.terminate", id=job["id"])
    assert wire.done(job)["status"] == "terminated"
    assert wire.done(behind)["status"] == "success"


def test_a_pause_survives_the_daemon(fresh: Callable[..., Daemon], ear: Ear) -> None:
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(TICKS.format(ear=ear.path))
    assert ear.hear() == "1"
    wire.call("job.pause", id=job["id"])
    daemon.kill()
    wire = daemon.start().wire()
    assert "aused" in wire.get(job["id"])["message"]
    wire.done(wire.shell("true"))
    while not ear.is_silent():
        ear.hear()
    wire.done(wire.shell("sleep 0.2"))
    assert ear.is_silent()
    wire.call("job.resume", id=job["id"])
    assert ear.hear()
    wire.call("job.terminate", id=job["id"])
    assert wire.done(job)["status"] == "terminated"


def test_only_a_running_job_can_be_paused_or_resumed(wire: Wire, gate: Gate) -> None:
    waiting = wire.shell("true", delayedStartTime=FAR)
    assert wire.refused("job.pause", id=waiting["id"]).kind == "invalid_transition"
    wire.call("job.terminate", id=waiting["id"])
    assert wire.refused("job.pause", id=waiting["id"]).kind == "invalid_transition"
    runs = wire.shell(gate.text)
    events = len(wire.events(until_running(wire, runs)))
    wire.call("job.resume", id=runs["id"])
    assert len(wire.events(runs)) == events, "resuming a job that is not paused changes nothing"
    gate.open()
    wire.done(runs)


@pytest.mark.parametrize("request_", [{"hold": True}, {"delayedStartTime": FAR}, {"pool": "closed"}])
def test_a_job_that_has_not_started_is_cancelled_at_once(wire: Wire, request_: dict[str, object]) -> None:
    wire.call("pool.put", pool={"id": "closed", "slots": 0})
    job = wire.shell("true", **request_)
    ended = wire.call("job.terminate", id=job["id"])
    assert of(ended, "status", "starts", "startTime", "killReport") == ("cancelled", 0, None, {})
    assert wire.history(job) == ["created", "cancelled"]


def test_a_terminate_during_the_start_ends_the_job_either_way(wire: Wire) -> None:
    ended = []
    for _ in range(30):
        create = wire.ask(
            "job.create",
            component="lockside.command",
            configData={"parameters": {"command": ["sleep", "600"]}},
        )
        job = wire.answer(create)
        wire.call("job.terminate", id=job["id"])
        ended.append(wire.done(job))
    for job in ended:
        assert job["status"] in ("cancelled", "terminated")
        assert (job["starts"] == 0) >= (job["status"] == "cancelled"), job
        assert (job["process"]["pid"] is not None) <= (job["status"] == "terminated")


def test_a_dry_run_of_terminate_shows_what_it_would_do(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text, lockKey="forecast")
    child = wire.shell("true", hold=True, parentRunId=job["runId"])
    behind = wire.shell("true", lockKey="forecast")
    plan = wire.call("job.terminate", id=job["id"], dryRun=True)
    assert plan["stopped"] == [job["id"]]
    assert plan["cancelled"] == [child["id"]]
    assert plan["started"] == [behind["id"]]
    assert plan["freed"]
    assert wire.get(job["id"])["desiredStatus"] == "processing"
    gate.open()
    wire.done(job)
    wire.call("job.terminate", id=child["id"])
    wire.done(behind)


def test_the_status_follows_the_request_not_the_exit_code(wire: Wire, ear: Ear) -> None:
    job = wire.shell(f"trap 'exit 0' TERM; echo up > {ear.path}; while :; do sleep 0.02; done")
    assert ear.hear() == "up"
    wire.call("job.terminate", id=job["id"])
    ended = wire.done(job)
    assert of(ended, "status", "retriable") == ("terminated", True)
    assert wire.history(job) == ["created", "processing", "terminating", "terminated"]
    requested = [event for event in wire.events(job) if event["kind"] == "job.terminateRequested"]
    assert len(requested) == 1
    assert requested[0]["principal"]["user"] == job["principal"]["user"]


def test_progress_is_shown_and_pushed_but_not_stored_as_history(
    wire: Wire, gate: Gate, daemon: Daemon
) -> None:
    with Wire(daemon.socket) as other:
        other.call("event.subscribe", kinds=["job.progress"])
        line = '{"progress": 0.4, "message": "half way", "counts": {"success": 2, "error": 1, "ignored": 3}}'
        job = wire.shell(f"echo '{line}' >&$LOCKSIDE_PROGRESS_FD; {gate.text}")
        pushed = other.notice()["params"]["events"][0]
        assert of(pushed, "kind", "job") == ("job.progress", job["id"])
        counts = {"success": 2, "error": 1, "ignored": 3}
        assert pushed["data"] == {"progress": 0.4, "message": "half way", "counts": counts}
        view = wire.get(job["id"])
        assert view["result"]["counts"] == counts
        assert of(view, "progress", "message", "status") == (0.4, "half way", "processing")
    gate.open()
    ended = wire.done(job)
    assert ended["result"]["counts"] == {"success": 2, "error": 1, "ignored": 3}
    assert ended["status"] == "success"
    assert [event for event in wire.events(job) if event["kind"] == "job.progress"] == []


def test_job_report_accepts_only_the_token_of_the_job(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    token = until_running(wire, job)["process"]["startToken"]
    assert wire.call("job.report", token=token, progress=0.25, message="by hand")["job"] == job["id"]
    view = wait_until(wire, job, lambda one: one["progress"] == 0.25)
    assert view["message"] == "by hand"
    assert wire.refused("job.report", token="1-999-0", progress=1).kind == "not_found"
    assert wire.refused("job.report", token=token, progress=2).code == -32602
    gate.open()
    assert wire.done(job)["status"] == "success"
    assert wire.refused("job.report", token=token, progress=1).kind in ("not_found", "invalid_transition")

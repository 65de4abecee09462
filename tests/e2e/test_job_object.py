"""Every member of a job is present, with the right type, in every state that a job can have."""

import re
from typing import Any

from e2e.jobshape import check_job
from e2e.signs import Gate
from e2e.wire import Wire, of, put_component, put_config, until_running

SLEEP = {"configData": {"parameters": {"command": ["sleep", "600"]}}}
FAR = "2199-01-01T00:00:00Z"


def test_the_shape_in_created_waiting_and_processing(wire: Wire, gate: Gate) -> None:
    runs = wire.shell(gate.text, lockKey="shape", name="first", description="words", labels={"team": "a"})
    waiting = wire.shell("true", lockKey="shape")
    created = wire.shell("true", delayedStartTime=FAR)
    for job, status in ((runs, "processing"), (waiting, "waiting"), (created, "created")):
        check_job(job)
        view = wire.get(job["id"])
        check_job(view)
        assert view["status"] == status
        assert of(view, "endTime", "retriable") == (None, False)
    running = until_running(wire, runs)
    check_job(running)
    assert running["starts"] == 1
    assert running["process"]["startToken"]
    assert running["stage"] == "running"
    assert of(waiting, "startTime", "starts") == (None, 0)
    assert of(runs, "name", "description", "labels") == ("first", "words", {"team": "a"})
    assert created["delayedStartTime"] == "2199-01-01T00:00:00.000000Z"
    gate.open()
    wire.done(waiting)
    wire.call("job.terminate", id=created["id"])


def test_the_shape_in_success_error_warning_cancelled_and_terminated(wire: Wire) -> None:
    fine = wire.done(wire.shell("echo done"))
    failed = wire.done(wire.shell("echo wrong >&2; exit 1"))
    cancelled = wire.call("job.terminate", id=wire.shell("true", hold=True)["id"])
    runs = wire.shell("exec sleep 600")
    until_running(wire, runs)
    terminating = wire.call("job.terminate", id=runs["id"])
    terminated = wire.done(runs)
    for job in (fine, failed, cancelled, terminating, terminated):
        check_job(job)
    assert [job["status"] for job in (fine, failed, cancelled, terminating, terminated)] == [
        "success",
        "error",
        "cancelled",
        "terminating",
        "terminated",
    ]
    assert [job["retriable"] for job in (fine, failed, cancelled, terminated)] == [False, True, False, True]
    assert of(cancelled, "starts", "startTime") == (0, None)
    assert of(cancelled["process"], "pid", "exitCode") == (None, None)
    assert of(terminated, "desiredStatus", "starts") == ("terminating", 1)
    assert fine["process"]["spawnTime"] <= fine["process"]["exitTime"] <= fine["endTime"]
    assert fine["expiresTime"] > fine["endTime"]
    assert failed["message"] == failed["result"]["error"]["message"] == "wrong"


def test_the_shape_of_a_job_of_a_stored_configuration(wire: Wire) -> None:
    put_component(wire, "acme.shape", command=["true"], tag="1.0")
    put_config(wire, "acme.shape", "daily", configuration={"parameters": {"a": 1}})
    stored = put_config(wire, "acme.shape", "daily", configuration={"parameters": {"a": 2}})
    job = wire.done(wire.create("acme.shape", config="daily", priority="high"))
    check_job(job)
    assert of(
        job, "component", "config", "configVersion", "componentVersion", "tag", "branchId", "priority"
    ) == (
        "acme.shape",
        "daily",
        stored["version"],
        1,
        "1.0",
        "default",
        50,
    )
    assert of(job, "lock", "configData") == ("exclusive", None)
    assert job["lockKey"] == "default/acme.shape/daily"
    assert job["result"]["configVersion"] == stored["version"]


def test_a_job_with_a_missing_program_is_an_error_that_never_started(wire: Wire) -> None:
    job = wire.done(wire.create(configData={"parameters": {"command": ["/no/such/program"]}}))
    check_job(job)
    assert of(job, "status", "starts") == ("error", 0)
    error = job["result"]["error"]
    assert of(error, "type", "kind") == ("user", "spawn")
    assert "/no/such/program" in error["message"]
    assert wire.history(job) == ["created", "error"]


def test_a_uuid_is_accepted_wherever_an_id_is(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    uuid = job["uuid"]
    assert wire.get(uuid)["id"] == job["id"]
    assert wire.call("job.explain", id=uuid)["status"] == "processing"
    depending = wire.shell("true", dependsOn=[{"job": uuid, "when": "final"}])
    assert depending["dependsOn"] == [{"job": job["id"], "when": "final"}]
    assert [event["job"] for event in wire.events(job=None, kinds=["job.created"])][-1] == depending["id"]
    assert wire.call("event.list", job=uuid)["events"][0]["job"] == job["id"]
    gate.open()
    assert wire.call("job.wait", ids=[uuid, depending["uuid"]])["jobs"][0]["uuid"] == uuid
    assert wire.call("job.log", id=uuid)["isComplete"] is True
    assert wire.call("job.annotate", id=uuid, name="by uuid")["name"] == "by uuid"
    assert wire.call("job.resubmit", id=uuid)["resubmitOf"] == job["id"]
    other = uuid[:-4] + "ffff"
    assert wire.refused("job.get", id=other).kind == "not_found"
    foreign = "00000000" + uuid[8:]
    assert wire.refused("job.get", id=foreign).kind == "not_found"


def test_fields_restrict_the_answer_and_an_unknown_field_is_named(wire: Wire) -> None:
    job = wire.shell("true", fields=["status"])
    assert job.keys() == {"id", "status"}
    wire.done(job["id"])
    assert wire.get(job["id"], "name", "process").keys() == {"id", "name", "process"}
    assert wire.call("job.wait", id=job["id"], fields=["isFinished"]) == {"id": job["id"], "isFinished": True}
    assert wire.call("job.list", fields=["status"], limit=1)["jobs"][0].keys() == {"id", "status"}
    refusal = wire.refused("job.get", id=job["id"], fields=["status", "colour"])
    assert refusal.code == -32602
    assert refusal.data["path"] == "$.fields[1]"
    assert "colour" in refusal.error["message"]


def test_a_single_field_equals_that_of_the_whole_answer(wire: Wire) -> None:
    ended = wire.done(wire.shell("true", name="fields", labels={"a": "1"}, environment={"A": "b"}))
    held = wire.shell("true", name="fields", hold=True, lockKey="k", dependsOn=[{"job": ended["id"]}])
    for name in held.keys() - {"queueSeconds"}:  # which grows between answers
        whole = ["configData", "environment"]
        found = wire.call("job.list", text="fields", fields=[name], expand=whole)["jobs"]
        assert found == [
            {"id": held["id"], name: wire.get(held["id"])[name]},
            {"id": ended["id"], name: ended[name]},
        ]
    made = wire.call("job.createMany", jobs=[{"component": "lockside.command", **SLEEP}] * 2, fields=["id"])
    assert [list(job) for job in made["jobs"]] == [["id"], ["id"]]
    for job in (held, *made["jobs"]):
        wire.call("job.terminate", id=job["id"])


def test_objects_that_a_job_references_are_returned_with_it(wire: Wire) -> None:
    put_component(wire, "expand.main", command=["true"])
    put_config(wire, "expand.main", "c", name="first")
    job = wire.done(wire.create("expand.main", config="c"))
    put_config(wire, "expand.main", "c", name="second")
    put_component(wire, "expand.main", command=["false"])
    asked = ["pool", "component", "config"]
    shown = wire.call("job.get", id=job["id"], fields=["status"], expand=asked)
    assert shown.keys() == {"id", "status", "expanded"}
    expanded = shown["expanded"]
    assert expanded["pool"] == wire.call("pool.get", id="default")
    assert of(expanded["component"], "version", "command") == (1, ["true"])
    assert of(expanded["config"], "version", "name") == (1, "first")
    listed = wire.call("component.list", fields=["version"], expand=["configs"])["components"]
    (found,) = [one for one in listed if one["id"] == "expand.main"]
    configs = wire.call("config.list", component="expand.main")["configs"]
    assert found == {"id": "expand.main", "version": 2, "configs": configs}
    plain = wire.call("job.get", id=wire.done(wire.shell("true"))["id"], expand=["component", "config"])
    assert plain["expanded"]["component"]["id"] == "lockside.command"
    assert plain["expanded"]["config"] is None


def test_ids_are_decimal_and_increase(wire: Wire) -> None:
    ids = [wire.shell("true", hold=True)["id"] for _ in range(3)]
    assert all(re.fullmatch(r"[1-9][0-9]*", job_id) for job_id in ids)
    assert sorted(ids, key=int) == ids
    for job_id in ids:
        wire.call("job.terminate", id=job_id)


def test_a_dry_run_shows_the_job_and_creates_nothing(wire: Wire) -> None:
    before = wire.call("job.list", count=True, limit=1)["total"]
    shown = wire.create(configData={"parameters": {"command": ["true"]}}, priority=7, dryRun=True)
    assert of(shown, "component", "priority", "status") == ("lockside.command", 7, "created")
    check_job({**shown, "reasons": ["none are told"]})
    many = wire.call("job.createMany", jobs=[{"component": "lockside.command", **SLEEP}] * 2, dryRun=True)[
        "jobs"
    ]
    assert [of(one, "id", "configData") for one in many] == [("0", SLEEP["configData"])] * 2
    assert wire.call("job.list", count=True, limit=1)["total"] == before
    assert wire.refused("job.create", component="acme.nowhere", dryRun=True).kind == "not_found"


def test_annotate_hide_and_unhide_change_nothing_else(wire: Wire) -> None:
    job = wire.done(wire.shell("true", name="old", labels={"a": "1"}))
    named = wire.call("job.annotate", id=job["id"], name="new", labels={"b": "2"})
    assert of(named, "name", "labels", "description") == ("new", {"b": "2"}, None)
    assert wire.call("job.annotate", id=job["id"], name=None)["name"] in (None, "lockside.command")
    hidden = wire.call("job.hide", id=job["id"])
    assert hidden["visible"] is False
    assert hidden["hiddenTime"]
    assert job["id"] not in [one["id"] for one in wire.call("job.list")["jobs"]]
    assert job["id"] in [one["id"] for one in wire.call("job.list", visible=None)["jobs"]]
    shown = wire.call("job.unhide", id=job["id"])
    assert of(shown, "visible", "hiddenTime", "status") == (True, None, "success")
    assert [event["kind"] for event in wire.events(job)][-4:] == [
        "job.annotated",
        "job.annotated",
        "job.hidden",
        "job.hidden",
    ]
    check_job(shown)


def test_an_acknowledged_failure_is_not_open_and_can_be_reopened(wire: Wire) -> None:
    def failures(**more: Any) -> list[str]:
        listed = wire.call("job.list", status=["error"], labels={"of": "seen"}, **more)
        return [job["id"] for job in listed["jobs"]]

    one, other = (wire.done(wire.shell("exit 1", labels={"of": "seen"})) for _ in "ab")
    seen = wire.call("job.acknowledge", id=one["id"], comment="the disk was full")
    assert of(seen["acknowledged"], "comment") == ("the disk was full",)
    assert of(seen, "status", "retriable") == ("error", True)
    check_job(seen)
    assert failures(acknowledged=False) == [other["id"]]
    assert failures(acknowledged=True) == [one["id"]]
    assert wire.call("job.unacknowledge", id=one["id"])["acknowledged"] is None
    assert failures(acknowledged=False) == [other["id"], one["id"]]
    told = [event["data"] for event in wire.events(one) if event["kind"] == "job.acknowledged"]
    assert told == [
        {"acknowledged": True, "comment": "the disk was full"},
        {"acknowledged": False, "comment": None},
    ]
    good = wire.done(wire.shell("true"))
    assert wire.refused("job.acknowledge", id=good["id"]).kind == "invalid_transition"


def test_lists_of_root_jobs_omit_rows_and_attempts_but_show_jobs_created_by_jobs(
    body: Wire, gate: Gate
) -> None:
    runtime = {"parallelism": 2, "retry": {"maxAttempts": 2, "on": ["user"]}}
    failing = {"parameters": {"code": 1}, "runtime": runtime}
    put_config(body, "acme.body", "rooted", configuration=failing, rows=[{"id": "a"}, {"id": "b"}])
    root = body.done(body.create("acme.body", config="rooted"))
    above = until_running(body, body.shell(gate.text))
    weak = body.done(body.shell("true", parentRunId=above["runId"]))
    gate.open()
    for one, roots, jobs in ((root, [root], 7), (above, [weak, above], 2)):
        listed = body.call("job.list", runIdPrefix=one["runId"], onlyRoots=True)["jobs"]
        assert [job["id"] for job in listed] == [job["id"] for job in roots]
        assert len(body.call("job.list", runIdPrefix=one["runId"])["jobs"]) == jobs


def test_a_purge_removes_the_job_and_leaves_an_event(wire: Wire) -> None:
    job = wire.done(wire.shell("echo secret words"))
    live = wire.shell("true", hold=True)
    assert wire.refused("job.purge", id=live["id"]).kind == "invalid_transition"
    assert wire.call("job.purge", id=job["id"]) == {"id": job["id"]}
    assert wire.refused("job.get", id=job["id"]).kind == "not_found"
    last = wire.events(job)[-1]
    assert of(last, "kind", "job") == ("job.purged", job["id"])
    assert last["principal"]["user"] == job["principal"]["user"]
    wire.call("job.terminate", id=live["id"])


def test_retry_and_resubmit_create_new_jobs_from_the_same_request(wire: Wire) -> None:
    job = wire.done(wire.shell("exit 1", priority=5, labels={"a": "b"}))
    retried = wire.done(wire.call("job.retry", id=job["id"]))
    again = wire.done(wire.call("job.retry", id=retried["id"]))
    assert of(retried, "retryOfJobId", "priority", "status") == (job["id"], 5, "error")
    assert again["retryOfJobId"] == job["id"], "the id of the root"
    assert retried["configData"] == job["configData"]
    other = wire.done(wire.call("job.resubmit", id=job["id"], **{"with": {"priority": 9}}))
    assert of(other, "resubmitOf", "retryOfJobId", "priority", "labels") == (job["id"], None, 9, {"a": "b"})
    live = wire.shell("true", hold=True)
    assert wire.refused("job.retry", id=live["id"]).kind == "invalid_transition"
    wire.call("job.terminate", id=live["id"])
    for one in (retried, again, other):
        check_job(one)


def test_a_resubmitted_job_requests_the_same_lock(wire: Wire) -> None:
    job = wire.done(wire.shell("true", lockKey="again", lock="shared:2"))
    assert wire.call("job.resubmit", id=job["id"])["lock"] == "shared:2"


def test_a_retry_runs_the_current_configuration_unless_a_version_was_requested(wire: Wire) -> None:
    put_component(wire, "acme.mended", command=["true"])
    put_config(wire, "acme.mended", "a", configuration={"parameters": {"n": 1}})
    job = wire.done(wire.create("acme.mended", config="a"))
    put_config(wire, "acme.mended", "a", configuration={"parameters": {"n": 2}})
    assert wire.call("job.retry", id=job["id"])["configVersion"] == 2

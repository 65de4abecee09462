"""The shape of a job on the wire: every member by name, with the types that it may have in any state."""

import re
from typing import Any

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")

STATUSES = (
    "created",
    "waiting",
    "processing",
    "terminating",
    "success",
    "warning",
    "error",
    "cancelled",
    "terminated",
)
STAGES = (
    "accepted",
    "validated",
    "preparing",
    "input_mapping",
    "submitting",
    "queued",
    "partitioning",
    "running",
    "leftovers",
    "merging",
    "output_mapping",
    "archiving",
    "cleaning_up",
    "done",
)

NONE = type(None)


class Time:
    """RFC 3339 with microseconds."""


SHAPE: dict[str, Any] = {
    "id": str,
    "uuid": str,
    "runId": str,
    "parentRunId": (str, NONE),
    "relation": (str, NONE),
    "project": {"id": str, "name": str},
    "principal": {"uid": int, "user": str, "gid": int},
    "creator": {"type": str, "id": (str, NONE)},
    "schedule": NONE,
    "trigger": NONE,
    "type": str,
    "name": (str, NONE),
    "description": (str, NONE),
    "labels": dict,
    "visible": bool,
    "hiddenTime": (Time, NONE),
    "url": (str, NONE),
    "workPath": (str, NONE),
    "links": dict,
    "component": str,
    "componentVersion": (int, NONE),
    "tag": (str, NONE),
    "config": (str, NONE),
    "configVersion": (int, NONE),
    "configData": (dict, NONE),
    "configRowIds": list,
    "branchId": str,
    "mode": str,
    "pool": str,
    "pools": list,
    "needs": dict,
    "resources": dict,
    "parallelism": (int, str, NONE),
    "backend": {"type": (str, NONE)},
    "behavior": {"onError": (str, NONE)},
    "lock": str,
    "lockKey": (str, NONE),
    "variableValuesId": (str, NONE),
    "variableValuesData": {"values": list},
    "delayedStartTime": (Time, NONE),
    "deduplicationId": (str, NONE),
    "dependsOn": list,
    "limits": {
        "timeoutSeconds": (float, int, NONE),
        "memoryBytes": (int, NONE),
        "cpus": (float, int, NONE),
        "nodes": (int, NONE),
    },
    "retry": (dict, NONE),
    "onLost": str,
    "onRecordErrors": (str, NONE),
    "inputs": list,
    "partition": dict,
    "chunk": (dict, NONE),
    "archive": (dict, NONE),
    "notifications": list,
    "onlyOrchestrationTaskIds": (list, NONE),
    "previousJobId": (str, NONE),
    "retryOfJobId": (str, NONE),
    "retryScope": (str, NONE),
    "resubmitOf": (str, NONE),
    "undoneBy": (str, NONE),
    "template": (str, NONE),
    "priority": int,
    "status": str,
    "desiredStatus": str,
    "isFinished": bool,
    "retriable": bool,
    "acknowledged": (dict, NONE),
    "stage": str,
    "stageTimestamps": dict,
    "reasons": list,
    "progress": (float, NONE),
    "message": (str, NONE),
    "createdTime": Time,
    "startTime": (Time, NONE),
    "endTime": (Time, NONE),
    "updatedTime": Time,
    "durationSeconds": (float, int, NONE),
    "queueSeconds": (float, int, NONE),
    "waited": dict,
    "attempt": int,
    "starts": int,
    "blockedCount": int,
    "recovery": list,
    "process": {
        "pid": (int, NONE),
        "startToken": (str, NONE),
        "spawnTime": (Time, NONE),
        "exitTime": (Time, NONE),
        "exitCode": (int, NONE),
        "signal": (int, NONE),
        "userSeconds": (float, int, NONE),
        "systemSeconds": (float, int, NONE),
        "maxRssBytes": (int, NONE),
        "usageSource": (str, NONE),
        "leftovers": list,
        "leftoversStopTime": (Time, NONE),
    },
    "remote": dict,
    "result": {
        "message": (str, NONE),
        "configVersion": (int, NONE),
        "images": list,
        "input": {"tables": list, "files": list},
        "output": {"tables": list, "files": list},
        "counts": {"success": int, "error": int, "ignored": int},
        "artifacts": dict,
        "variables": dict,
        "tasks": list,
        "steps": list,
        "chunks": list,
        "error": (dict, NONE),
    },
    "usageData": list,
    "metrics": dict,
    "killReport": dict,
    "expiresTime": (Time, NONE),
}

ERROR = {"type": str, "kind": str, "exitCode": (int, NONE), "signal": (int, NONE), "message": (str, NONE)}
STEP = {
    "step": int,
    "row": (str, NONE),
    "kind": str,
    "component": (str, NONE),
    "tag": (str, NONE),
    "operation": (str, NONE),
    "status": str,
    "exitCode": (int, NONE),
    "exitCodes": list,
    "signal": (int, NONE),
    "startTime": (Time, NONE),
    "endTime": (Time, NONE),
    "usage": {
        "userSeconds": (float, int, NONE),
        "systemSeconds": (float, int, NONE),
        "maxRssBytes": (int, NONE),
        "source": (str, NONE),
    },
}


def check(value: Any, shape: Any, at: str = "$") -> None:
    """Assert that a value has this shape: an object all these members, any other value a listed type."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), f"{at} is {value!r}"
        assert not shape.keys() - value.keys(), f"{at} lacks {sorted(shape.keys() - value.keys())}"
        for name, inner in shape.items():
            check(value[name], inner, f"{at}.{name}")
        return
    types = shape if isinstance(shape, tuple) else (shape,)
    if Time in types and isinstance(value, str):
        assert TIME.match(value), f"{at} is {value!r}"
        return
    plain = tuple(one for one in types if one is not Time)
    assert isinstance(value, plain), f"{at} is {value!r}, not {types}"
    assert not (isinstance(value, bool) and bool not in plain), f"{at} is {value!r}, not {types}"


def check_job(job: dict[str, Any]) -> None:
    """Assert the shape of a job and that its members are consistent."""
    check(job, SHAPE)
    unknown = job.keys() - SHAPE.keys() - {"deduplicated"}
    assert not unknown, f"members that nobody knows: {unknown}"
    assert UUID.match(job["uuid"]), job["uuid"]
    assert job["status"] in STATUSES
    assert job["isFinished"] == (job["status"] in STATUSES[4:])
    assert job["desiredStatus"] in ("processing", "terminating")
    assert set(job["stageTimestamps"]) <= set(STAGES)
    assert all(TIME.match(at) for at in job["stageTimestamps"].values())
    assert bool(job["reasons"]) == (job["status"] in ("created", "waiting"))
    assert (job["endTime"] is not None) == job["isFinished"]
    assert (job["stage"] == "done") == job["isFinished"]
    if job["result"]["error"] is not None:
        check(job["result"]["error"], ERROR, "$.result.error")
    for step in job["result"]["steps"]:
        check(step, STEP, "$.result.steps")
    assert job["runId"] == (f"{job['parentRunId']}.{job['id']}" if job["parentRunId"] else job["id"])
    order = [STAGES.index(stage) for stage in job["stageTimestamps"]]
    assert order == sorted(order), job["stageTimestamps"]

"""A job for Keboola's clients: every key is always present, and an empty object is `{}`."""

from collections.abc import Mapping
from typing import Any, Final

from lockside.web.keboola.words import (
    BACKEND_CONTAINER,
    BACKEND_CONTEXT,
    MADE_WITH,
    MADE_WITH_NAME,
    RUN_ID,
    Components,
    branch_out,
    label_of,
)

Json = dict[str, Any]
_SECONDS: Final = len("2022-01-24T22:41:10")
SHOWN: Final = [
    *("id", "runId", "project", "principal", "labels", "status", "desiredStatus", "mode", "component"),
    *("config", "configRowIds", "configData", "configVersion", "tag", "branchId", "createdTime", "startTime"),
    *("endTime", "delayedStartTime", "durationSeconds", "result", "usageData", "isFinished", "type"),
    *("variableValuesId", "variableValuesData", "backend", "behavior", "parallelism"),
    *("onlyOrchestrationTaskIds", "previousJobId"),
]
"""The fields of a job that are needed for the view: no others are requested from the daemon."""


def job_view(job: Mapping[str, Any], components: Components, base_url: str) -> Json:
    """Convert a wire job to a Job of the Queue API."""
    labels: Mapping[str, str] = job.get("labels") or {}
    rows = job.get("configRowIds") or []
    return {
        "id": job["id"],
        **_runs(job, labels),
        "project": job["project"],
        "token": token_view(job, labels),
        "status": job["status"],
        "desiredStatus": job["desiredStatus"],
        "mode": "debug" if job["mode"] == "debug" else "run",
        "component": components.shown(job["component"]),
        "config": job.get("config"),
        "configRow": rows[0] if len(rows) == 1 else None,
        "configRowIds": rows,
        "configData": job.get("configData") or {},
        "tag": job.get("tag"),
        "createdTime": time_view(job["createdTime"]),
        "startTime": time_view(job.get("startTime")),
        "endTime": time_view(job.get("endTime")),
        "delayedStartTime": time_view(job.get("delayedStartTime")),
        "durationSeconds": int(job.get("durationSeconds") or 0) if job["isFinished"] else 0,
        "result": _result(job),
        "usageData": job.get("usageData") or [],
        "isFinished": job["isFinished"],
        "url": f"{base_url}/jobs/{job['id']}",
        "branchId": branch_out(job.get("branchId")),
        "variableValuesId": job.get("variableValuesId"),
        "variableValuesData": {"values": (job.get("variableValuesData") or {}).get("values") or []},
        "backend": _backend(job, labels),
        "executor": labels.get(label_of("executor")),
        "metrics": _metrics(job),
        "behavior": {"onError": (job.get("behavior") or {}).get("onError")},
        "parallelism": None if job.get("parallelism") is None else str(job["parallelism"]),
        "type": _type(job["type"], labels),
        **{name: labels.get(label_of(name)) for name in _ORCHESTRATION},
        "onlyOrchestrationTaskIds": job.get("onlyOrchestrationTaskIds") or None,
        "previousJobId": job.get("previousJobId"),
    }


_ORCHESTRATION: Final = ("orchestrationJobId", "orchestrationTaskId", "orchestrationPhaseId")


_TYPES: Final = ("standard", "container", "phaseContainer", "orchestrationContainer", "retryContainer")


def _type(own: str, labels: Mapping[str, str]) -> str:
    """Return the type in the request if it is valid, else the job's own."""
    given = labels.get(label_of("type"))
    return given if given in _TYPES else own


def time_view(text: str | None) -> str | None:
    """Convert a wire timestamp to whole seconds."""
    return None if text is None else f"{text[:_SECONDS]}+00:00"


def token_view(job: Mapping[str, Any], labels: Mapping[str, str]) -> Json:
    """Return the token that created the job through this API, else its user."""
    principal = job.get("principal") or {}
    return {
        "id": labels.get(MADE_WITH) or str(principal.get("uid", "")),
        "description": labels.get(MADE_WITH_NAME) or str(principal.get("user", "")),
    }


def run_id(job: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return the run id: ours, preceded by that of a foreign caller."""
    return ".".join(filter(None, (labels.get(RUN_ID), job["runId"])))


def _runs(job: Mapping[str, Any], labels: Mapping[str, str]) -> Json:
    whole = run_id(job, labels)
    return {"runId": whole, "parentRunId": whole.rpartition(".")[0]}


def _result(job: Mapping[str, Any]) -> Json:
    result = job.get("result") or {}
    artifacts = result.get("artifacts") or {}
    version = result.get("configVersion") or job.get("configVersion")
    return {
        "message": result.get("message") or "",
        "configVersion": None if version is None else str(version),
        "images": result.get("images") or [],
        "input": {"tables": (result.get("input") or {}).get("tables") or []},
        "output": {"tables": (result.get("output") or {}).get("tables") or []},
        "artifacts": {
            "uploaded": [*(artifacts.get("files") or []), *(artifacts.get("stages") or [])],
            "downloaded": [],
        },
        "error": result.get("error"),
    }


def _backend(job: Mapping[str, Any], labels: Mapping[str, str]) -> Json:
    found = {
        "type": (job.get("backend") or {}).get("type"),
        "context": labels.get(BACKEND_CONTEXT),
        "containerType": labels.get(BACKEND_CONTAINER),
    }
    return {name: value for name, value in found.items() if value is not None}


def _metrics(job: Mapping[str, Any]) -> Json:
    result = job.get("result") or {}
    return {
        "storage": {
            "inputTablesBytesSum": _bytes(result.get("input")),
            "outputTablesBytesSum": _bytes(result.get("output")),
        },
        "backend": {"size": (job.get("backend") or {}).get("type")},
    }


def _bytes(mapped: Any) -> int:
    return sum(int(table.get("sizeBytes") or 0) for table in (mapped or {}).get("tables") or [])

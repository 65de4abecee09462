"""A client of the Queue API that checks every answer against Keboola's own description."""

import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import yaml

from e2e.wire import Message

DOCUMENT = Path(__file__).parent / "data" / "keboola-queue-api-1.3.8.yml"
"""Keboola's own description of its API (MIT licence)."""


def described() -> Message:
    """Return the description, corrected where its own prose and the real API differ from it."""
    document: Message = yaml.safe_load(DOCUMENT.read_text())
    job = document["components"]["schemas"]["Job"]["properties"]
    job["branchId"]["nullable"] = True  # "jobs from the main branch will have branchId = null"
    plan = document["paths"]["/orchestration-rerun-plan/{jobId}"]["get"]["responses"]["200"]
    tasks = plan["content"]["application/json"]["schema"]["properties"]["matchedTasks"]["items"]
    tasks["properties"]["status"] = {"type": "string", "nullable": True}  # "nullable" stands in an allOf
    job["result"]["properties"]["configVersion"] = {"type": "string", "nullable": True}
    return document


def plain(schema: Any) -> Any:
    """Convert an OpenAPI 3.0 schema to JSON Schema, which has no `nullable`."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: plain(value) for name, value in schema.items() if name not in ("nullable", "example")}
    if schema.get("nullable"):
        return {"anyOf": [made, {"type": "null"}]}
    return made


OPENAPI = described()


class Client:
    """A client of the queue that checks its answers against the description."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def get(self, path: str, **params: Any) -> Any:
        return self.checked("get", path, self.http.get(path, params=params), 200)

    def create(self, **body: Any) -> Message:
        answer = self.http.post("/jobs", json=body)
        job: Message = self.checked("post", "/jobs", answer, 201)
        return job

    def kill(self, job_id: str) -> Message:
        job: Message = self.checked(
            "post", f"/jobs/{job_id}/kill", self.http.post(f"/jobs/{job_id}/kill"), 202
        )
        return job

    def refused(self, answer: httpx.Response, status: int) -> Message:
        body: Message = answer.json()
        assert (answer.status_code, body["code"], body["status"]) == (status, status, "error"), body
        assert body["exceptionId"]
        assert body["context"].keys() == {"errorCode", "path"}
        self._validate({"$ref": "#/components/schemas/Error"}, body)
        return body

    def checked(self, verb: str, path: str, answer: httpx.Response, status: int) -> Any:
        """Return the body of an answer after checking it against the description."""
        assert answer.status_code == status, answer.text
        body = answer.json()
        name = re.sub(r"/\d+(?=/|$)", "/{jobId}", path)
        if name in OPENAPI["paths"]:
            said = OPENAPI["paths"][name][verb]["responses"][str(status)]
            self._validate(said["content"]["application/json"]["schema"], body)
        return body

    def _validate(self, schema: Message, body: Any) -> None:
        whole = plain({**schema, "components": OPENAPI["components"]})
        validator = jsonschema_rs.Draft7Validator(whole)
        assert [f"{list(one.instance_path)} {one.message[:200]}" for one in validator.iter_errors(body)] == []

"""Errors in the form of Keboola; its clients retry from status 500 on."""

import secrets
from typing import Any, Final

import msgspec
from starlette.responses import JSONResponse, Response

from lockside.errors import LocksideError

_STATUS: Final = {
    "not_found": 404,
    "forbidden": 403,
    "conflict": 409,
    "limit": 429,
    "internal": 500,
    "unavailable": 503,
    "timeout": 503,
    "not_reachable": 503,
    "connection_lost": 503,
}


class Answer(JSONResponse):
    """An answer of the Queue API."""

    def render(self, content: Any) -> bytes:
        """Encode the content as JSON."""
        return msgspec.json.encode(content)


class Problem(Exception):
    """An error for a request; `kind` is ours, `path` the invalid field."""

    def __init__(self, status: int, message: str, kind: str, path: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.path = path

    def answer(self) -> Response:
        """Return the error as an answer."""
        body: dict[str, Any] = {
            "error": self.message,
            "code": self.status,
            "status": "error",
            "exceptionId": f"lockside-{secrets.token_hex(8)}",
            "context": {"errorCode": self.kind, "path": self.path},
        }
        headers = {"Retry-After": "5"} if self.status == 503 else {}
        return Answer(body, self.status, headers=headers)


def problem_of(error: LocksideError) -> Problem:
    """Convert an error of the daemon; kinds that are not listed are the request's fault."""
    return Problem(_STATUS.get(error.kind, 400), error.message, error.kind, error.path)


def bad(message: str, path: str | None = None) -> Problem:
    """Return the error of an invalid request."""
    return Problem(400, message, "invalid", path)


def no_token() -> Problem:
    """Return the error of a missing or invalid token."""
    return Problem(401, "Invalid access token", "unauthorized")


def no_job(job_id: str) -> Problem:
    """Return the error of a job that does not exist in the token's project."""
    return Problem(404, f'Job "{job_id}" not found', "not_found", "$.id")

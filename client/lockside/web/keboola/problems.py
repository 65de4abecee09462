"""Errors as clients of Keboola read them; they try again from 500 on."""

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
        """Write it as JSON."""
        return msgspec.json.encode(content)


class Problem(Exception):
    """A request that is answered with an error; `kind` is ours, `path` the field at fault."""

    def __init__(self, status: int, message: str, kind: str, path: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.path = path

    def answer(self) -> Response:
        """The answer."""
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
    """What the daemon refused; whatever is not listed is the request's fault."""
    return Problem(_STATUS.get(error.kind, 400), error.message, error.kind, error.path)


def bad(message: str, path: str | None = None) -> Problem:
    """A request that is not as it should be."""
    return Problem(400, message, "invalid", path)


def no_token() -> Problem:
    """No token, or one that is none."""
    return Problem(401, "Invalid access token", "unauthorized")


def no_job(job_id: str) -> Problem:
    """A job that does not exist in the token's project."""
    return Problem(404, f'Job "{job_id}" not found', "not_found", "$.id")

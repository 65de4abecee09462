"""`tester`: tests one external condition and prints the finding in a line.

The test is JSON in the environment. Exit code 0 is met, 1 not yet met, 2 cannot be met. Standard library
only; it runs as the job's user.
"""

import http.client
import json
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import urlsplit

VARIABLE = "LOCKSIDE_TEST"
WELL, NOT_YET, HOPELESS = 0, 1, 2
HOPELESS_CODES = frozenset({401, 403, 404, 410})


class Found(NamedTuple):
    """The result of a test, and a line that describes it."""

    code: int
    message: str


def main() -> int:
    """Run the test and return the exit code."""
    order = json.loads(os.environ[VARIABLE])
    try:
        found = test(order)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        found = Found(NOT_YET, f"{type(problem).__name__}: {problem}")
    print(found.message, flush=True)
    return found.code


def test(order: Mapping[str, Any]) -> Found:
    """Run the given test. Raises OSError, HTTPException or ValueError if it fails."""
    timeout_seconds = order["timeoutSeconds"]
    if order.get("http"):
        return _http(order["http"], timeout_seconds)
    if order.get("tcp"):
        place = order["tcp"]["host"], order["tcp"]["port"]
        with closing(socket.create_connection(place, timeout_seconds)):
            return Found(WELL, "connected")
    if order.get("file"):
        return _file(order["file"])
    return _disk(order["disk"])


def _http(asked: Mapping[str, Any], timeout_seconds: float) -> Found:
    parts = urlsplit(asked["url"])
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with closing(kind(parts.hostname or "", parts.port, timeout=timeout_seconds)) as connection:
        connection.request(asked["method"], path, headers={"User-Agent": "lockside"})
        status = connection.getresponse().status
    wanted = asked["status"] or range(200, 300)
    if status in wanted:
        return Found(WELL, f"HTTP {status}")
    return Found(HOPELESS if status in HOPELESS_CODES else NOT_YET, f"HTTP {status}")


def _file(asked: Mapping[str, Any]) -> Found:
    try:
        os.lstat(asked["path"])
    except (FileNotFoundError, NotADirectoryError):
        return Found(WELL if asked["absent"] else NOT_YET, f"{asked['path']} does not exist")
    return Found(NOT_YET if asked["absent"] else WELL, f"{asked['path']} exists")


def _disk(asked: Mapping[str, Any]) -> Found:
    disk = os.statvfs(asked["path"])
    free_bytes = disk.f_bavail * disk.f_frsize
    return Found(WELL if free_bytes >= asked["freeBytes"] else NOT_YET, f"{free_bytes} bytes are free")


if __name__ == "__main__":
    sys.exit(main())

"""Runs `lockside-web` as a process of its own beside a real daemon."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from e2e.harness import Daemon
from e2e.processes import PLAIN

_TOLD = re.compile(r"lockside-web: (listen|keboola) at (\S+)")
PROGRAM = [sys.executable, "-m", "lockside.web.main"]


@dataclass
class Web:
    """The process, with the addresses on which it listens."""

    process: subprocess.Popen[str]
    listen: str
    keboola: str = ""
    invitation: str = ""

    @property
    def refusals(self) -> list[str]:
        """Return the refusals in its log; ends the server."""
        self.process.terminate()
        assert self.process.stderr is not None
        return [line for line in self.process.stderr.read().splitlines() if line[:3].isdecimal()]

    def client(self, **more: Any) -> httpx.Client:
        """A client as a monitor or a browser uses it."""
        return httpx.Client(base_url=f"http://{self.listen}", **more)

    def queue(self, token: str = "", **more: Any) -> httpx.Client:
        """A client of the queue."""
        headers = {"X-StorageApi-Token": token} if token else {}
        return httpx.Client(base_url=f"http://{self.keboola}", headers=headers, timeout=30, **more)


@contextmanager
def serving(daemon: Daemon, **settings: str) -> Iterator[Web]:
    """Serve on free ports; the settings are variables without their prefix."""
    usual = {"LISTEN": "127.0.0.1:0", "KEBOOLA": "127.0.0.1:0"}
    variables = {f"LOCKSIDE_WEB__{name}": value for name, value in (usual | settings).items()}
    environment = {**PLAIN, **variables, "LOCKSIDE_SOCKET": str(daemon.socket)}
    with subprocess.Popen(PROGRAM, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            web = Web(process, _address(process.stderr.readline()))
            if variables["LOCKSIDE_WEB__KEBOOLA"]:
                web.keboola = _address(process.stderr.readline())
            if variables.get("LOCKSIDE_WEB__AUTH", "local") == "local" and not web.listen.startswith("/"):
                web.invitation = process.stderr.readline().split()[4]
            yield web
        finally:
            process.terminate()
            process.wait(timeout=20)


def _address(line: str) -> str:
    found = _TOLD.match(line)
    assert found, line
    return found[2]


def refused(**settings: str) -> str:
    """Return the message of a server that refuses to start."""
    variables = {f"LOCKSIDE_WEB__{name}": value for name, value in settings.items()}
    ran = subprocess.run(PROGRAM, env={**PLAIN, **variables}, capture_output=True, text=True, check=False)
    assert ran.returncode == 2, ran
    return ran.stderr

"""Other users of the machine, who talk to the daemon from their own processes."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon, running
from e2e.processes import PLAIN
from e2e.wire import Message

PROJECT = Path(__file__).parent.parent.parent
READ = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile("rb")
answers = []
for n, (method, params) in enumerate(json.loads(sys.argv[2])):
    s.sendall(json.dumps({"jsonrpc": "2.0", "id": n, "method": method, "params": params}).encode() + b"\\n")
    answers.append(json.loads(f.readline()))
print(json.dumps(answers))
"""
"""Sends requests to the daemon and prints the answers; needs no package of this project."""

ANNA, BERT = 64001, 64002
"""User ids that belong to no account."""

VIEWERS, OPERATORS, ADMINS = 64101, 64102, 64103
"""Groups that the daemon of `used_by_groups` has in its settings."""


@contextmanager
def used_by_groups(**more: str) -> Iterator[Daemon]:
    """A daemon that everybody can reach and in which the group decides the role."""
    settings = {
        "LOCKSIDE_ACCESS__VIEWER_GROUPS": str(VIEWERS),
        "LOCKSIDE_ACCESS__OPERATOR_GROUPS": str(OPERATORS),
        "LOCKSIDE_ACCESS__ADMIN_GROUPS": str(ADMINS),
        "LOCKSIDE_ACCESS__DEFAULT_ROLE": "none",
        "LOCKSIDE_DAEMON__SOCKET_GROUP": "nogroup",
    }
    with running(**settings | more) as one:
        one.state_dir.chmod(0o711)
        one.socket.chmod(0o666)
        yield one


class Person:
    """One of these users."""

    def __init__(self, daemon: Daemon, uid: int, gid: int, groups: str = "") -> None:
        self.uid = uid
        more = [f"--groups={groups}"] if groups else ["--clear-groups"]
        self._become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", *more]
        self._socket = str(daemon.socket)

    def ask(self, *calls: tuple[str, Message]) -> list[Message]:
        arguments = [*self._become, sys.executable, "-I", "-c", READ, self._socket, json.dumps(calls)]
        said = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        answers: list[Message] = json.loads(said)
        return answers

    def call(self, method: str, **params: Any) -> Any:
        (answer,) = self.ask((method, params))
        return answer.get("result")

    def kind(self, method: str, **params: Any) -> str:
        """Return the kind of the error, or `fine`."""
        (answer,) = self.ask((method, params))
        return answer["error"]["data"]["kind"] if "error" in answer else "fine"

    def shell(self, text: str) -> str:
        """Return what a shell of this user prints, whatever its exit code."""
        return subprocess.run(
            [*self._become, "sh", "-c", text], capture_output=True, text=True, check=False, cwd="/"
        ).stdout


def become(uid: int) -> list[str]:
    """Return the prefix of a command that runs it as another user."""
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


def python() -> str:
    """Return a Python of this version that others can execute; the tests' own may be in root's home."""
    return shutil.which(f"python{sysconfig.get_python_version()}", path=PLAIN["PATH"]) or sys.executable


class TheirDaemon(Daemon):
    """A daemon of an ordinary user, in a folder of that user."""

    def __init__(self, folder: Path, uid: int, **settings: str) -> None:
        places = (sysconfig.get_path("purelib"), PROJECT / "daemon", PROJECT / "client")
        for place in places:
            if subprocess.run([*become(uid), "test", "-r", place, "-a", "-x", place], check=False).returncode:
                pytest.skip(f"other users cannot read {place}")
        super().__init__(folder, PYTHONPATH=":".join(map(str, places)), **settings)
        self.program = [python(), "-m", "locksided"]
        self._uid = uid

    def start(self, *arguments: str, before: list[str] | None = None) -> "Daemon":
        os.chown(self.folder, self._uid, self._uid)
        return super().start(*arguments, before=[*(before or []), *become(self._uid)])

    def spawn(self, *arguments: str, before: list[str] | None = None, **more: str) -> subprocess.Popen[bytes]:
        (self.folder / "ready").chmod(0o666)
        return super().spawn(*arguments, before=before, **more)

"""`backup` and `restore`: copy the database while the daemon runs, and restore it while none runs."""

from __future__ import annotations

import os
import shlex
import subprocess
from contextlib import suppress

from lockside.cli import exits, times
from lockside.cli.daemon.own_daemon import program
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session
from lockside.errors import LocksideError


def backup(session: Session, parsed: Parsed) -> int:
    path = parsed.text("file")
    answer = session.call("daemon.backup", path=os.path.abspath(path) if path else None)
    text = f"{answer['path']} ({times.size(answer['sizeBytes'])})"
    if answer.get("keyIds"):
        text += f"\nIt does not contain the keys of its secrets: {', '.join(answer['keyIds'])}."
    where = ["--state-dir", folder] if (folder := _state_dir(session)) else []
    return session.out.result(
        answer, text, f"Restore with: {shlex.join(['lockside', 'restore', *where, answer['path']])}"
    )


def restore(session: Session, parsed: Parsed) -> int:
    session.out.flush()
    is_named = parsed.text("socket") or os.environ.get("LOCKSIDE_SOCKET")
    # A socket at a usual path belongs to the usual folder, and may be systemd's, which would start a daemon.
    folder = parsed.text("state_dir") or (_state_dir(session) if is_named else "")
    command = [*program(), "--restore", os.path.abspath(parsed.required("file"))]
    if folder:
        command += ["--state-dir", os.path.abspath(folder)]
    return exits.DONE if subprocess.run(command, check=False).returncode == 0 else exits.FAILED


def _state_dir(session: Session) -> str:
    """Return the state folder of the running daemon, if any."""
    with suppress(LocksideError):
        return str(session.call("daemon.status").get("stateDir") or "")
    return ""

"""`backup` and `restore`: a copy of the database while the daemon works, and back while none does."""

from __future__ import annotations

import os
import subprocess

from lockside.cli import exits, times
from lockside.cli.daemon.own_daemon import program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session


def backup(session: Session, parsed: Parsed) -> int:
    """Write a copy of the daemon's database."""
    path = parsed.text("file")
    answer = session.call("daemon.backup", path=os.path.abspath(path) if path else None)
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"{answer['path']} ({times.size(answer['sizeBytes'])})")
        session.out.hint(f"Back with: lockside restore {answer['path']}")
    return exits.DONE


def restore(session: Session, parsed: Parsed) -> int:
    """Have the daemon's program put a backup in the place of the database."""
    session.out.flush()
    folder = parsed.text("state_dir")
    command = [*program(), "--restore", os.path.abspath(parsed.required("file"))]
    if folder:
        command += ["--state-dir", os.path.abspath(folder)]
    return exits.DONE if subprocess.run(command, check=False).returncode == 0 else exits.FAILED

"""`web`: the web server, for the user. It is a separate program, whose libraries are an extra."""

from __future__ import annotations

from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def web(session: Session, parsed: Parsed) -> int:
    """Replace this process by that program."""
    import os
    import sys

    settings = {
        "LOCKSIDE_WEB__AUTH": "local",
        "LOCKSIDE_WEB__PROJECT": str(session.engine.project or "default"),
    }
    if parsed.text("listen"):
        settings["LOCKSIDE_WEB__LISTEN"] = parsed.required("listen")
    session.call("daemon.health")  # fail early without a daemon
    program = [sys.executable, "-m", "lockside.web.main", "--socket", session.link.path()]
    os.execve(program[0], program, os.environ | settings)  # noqa: S606 - no shell is used

"""`web`: the web server, for oneself. It is a program of its own, whose libraries are an extra."""

from __future__ import annotations

from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def web(session: Session, parsed: Parsed) -> int:
    """Become that program."""
    import os
    import sys

    settings = {
        "LOCKSIDE_WEB__AUTH": "local",
        "LOCKSIDE_WEB__PROJECT": str(session.engine.project or "default"),
    }
    if parsed.text("listen"):
        settings["LOCKSIDE_WEB__LISTEN"] = parsed.required("listen")
    session.call("daemon.health")  # without a daemon there is nothing to show
    program = [sys.executable, "-m", "lockside.web.main", "--socket", session.link.path()]
    os.execve(program[0], program, os.environ | settings)  # noqa: S606 - no shell is wanted

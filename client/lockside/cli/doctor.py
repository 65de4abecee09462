"""`doctor`: what is wrong, since when, and what to do.

Local checks work without a daemon; the daemon adds its own.

Every check answers with one finding: fine, odd or wrong, a sentence, and a remedy.
"""

from __future__ import annotations

import os
import stat
import sys

from lockside import __version__
from lockside.cli import exits
from lockside.errors import LocksideError, NotReachable
from lockside.paths import MACHINE_SOCKETS, socket_candidates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session

    Json = dict[str, Any]

_MARKS = {"ok": ("ok   ", "green"), "warning": ("odd  ", "yellow"), "error": ("wrong", "red")}


def doctor(session: Session, parsed: Parsed) -> int:
    """Look for what is wrong; the exit code is 1 when something is."""
    findings = [_python(), *_sockets(session)]
    findings += _daemon(session, parsed)
    if session.out.as_json:
        session.out.json({"findings": findings})
    else:
        for finding in findings:
            _tell(session, finding)
    wrong = [finding for finding in findings if finding["level"] == "error"]
    return exits.FAILED if wrong else exits.DONE


def _finding(level: str, check: str, message: str, remedy: str = "") -> Json:
    return {"level": level, "check": check, "message": message, "remedy": remedy}


def _python() -> Json:
    version = ".".join(map(str, sys.version_info[:3]))
    return _finding("ok", "client", f"lockside {__version__} on Python {version}")


def _sockets(session: Session) -> list[Json]:
    """Look at the socket files, as a stranger would see them."""
    found = []
    for path in socket_candidates(session.socket):
        try:
            state = os.stat(path)
        except OSError:
            continue
        found.append(_socket(path, state))
    return found or [
        _finding("warning", "socket", "there is no socket at " + ", ".join(socket_candidates(session.socket)))
    ]


def _socket(path: str, state: os.stat_result) -> Json:
    mode = stat.S_IMODE(state.st_mode)
    if not stat.S_ISSOCK(state.st_mode):
        return _finding("error", "socket", f"{path} is no socket", "Move it away and start the daemon again.")
    if mode & 0o007:
        remedy = "Set [daemon] socket_mode to 0600, or 0660 with socket_group, and restart the daemon."
        return _finding("error", "socket", f"everybody may open {path} (mode {mode:04o})", remedy)
    return _finding("ok", "socket", f"{path} (mode {mode:04o}, owner {_user(state.st_uid)})")


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _daemon(session: Session, parsed: Parsed) -> list[Json]:
    """Ask the daemon for its own checks, or look at its state folder from outside when it is away."""
    try:
        status = session.call("daemon.status")
        return [_versions(status), *_keepers(status), *_daemon_checks(session)]
    except NotReachable as error:
        return [_finding("error", "daemon", error.message, error.remedy), *_offline(parsed)]
    except LocksideError as error:
        return [_finding("error", "daemon", error.message, error.remedy)]


def _keepers(status: Json) -> list[Json]:
    """Tell of the keepers that answer; those that do not are among the daemon's own checks."""
    found = []
    keeper = status["keeper"]
    if keeper["isConnected"] and keeper.get("isOutdated"):
        text = f"pid {keeper['pid']} runs the code of another release of lockside and takes new jobs"
        remedy = (
            "It is replaced when the daemon starts while nothing runs, or at once if a second socket is set."
        )
        found.append(_finding("warning", "keeper", text, remedy))
    elif keeper["isConnected"]:
        found.append(_finding("ok", "keeper", f"pid {keeper['pid']} takes new jobs"))
    for former in status.get("formerKeepers", ()):
        if former["isConnected"]:
            text = f"pid {former['pid']}, of another release, keeps {former['runs']} and leaves with the last"
            found.append(_finding("ok", "keeper", text))
    return found


def _versions(status: Json) -> Json:
    theirs = status.get("version")
    if theirs != __version__:
        remedy = "Restart the daemon after an upgrade: `systemctl restart lockside`; jobs go on."
        return _finding(
            "warning", "daemon", f"the daemon is version {theirs}, this client {__version__}", remedy
        )
    return _finding("ok", "daemon", f"version {theirs} answers, pid {status.get('pid')}")


def _daemon_checks(session: Session) -> list[Json]:
    found = [
        _finding("error", str(each["kind"]), str(each["message"]), str(each.get("repair") or ""))
        for each in session.call("daemon.check")["problems"]
    ]
    return found or [_finding("ok", "state", "the daemon finds nothing wrong with itself")]


def _offline(parsed: Parsed) -> list[Json]:
    """Look at the state folder of a daemon that does not answer."""
    folders = [parsed.text("state_dir")] if parsed.text("state_dir") else _state_folders()
    return [finding for folder in folders if folder and os.path.isdir(folder) for finding in _folder(folder)]


def _state_folders() -> list[str]:
    sockets = [path for path in socket_candidates() if not path.startswith("/run/")]
    return [os.path.dirname(path) for path in [*sockets, MACHINE_SOCKETS[1]]][:1]


def _folder(folder: str) -> list[Json]:
    mode = stat.S_IMODE(os.stat(folder).st_mode)
    found = []
    if mode & 0o022:
        found.append(_finding("error", "state", f"others may write to {folder}", f"chmod go-w {folder}"))
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if free < 100 * 1000 * 1000:
        found.append(
            _finding("error", "disk", f"only {free // 1000000} MB are free for {folder}", "Make room there.")
        )
    return [*found, *_database(os.path.join(folder, "lockside.db"))]


def _database(path: str) -> list[Json]:
    """Check a database whose daemon is away, without writing to it."""
    import sqlite3

    if not os.path.exists(path):
        return []
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            answer = connection.execute("PRAGMA quick_check(5)").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return [
            _finding(
                "error", "database", f"{path}: {error}", "Restore the newest file of the folder `backups`."
            )
        ]
    if answer == [("ok",)]:
        return [_finding("ok", "database", f"{path} is sound")]
    faults = "; ".join(str(row[0]) for row in answer)
    return [
        _finding("error", "database", f"{path}: {faults}", "Restore the newest file of the folder `backups`.")
    ]


def _tell(session: Session, finding: Json) -> None:
    out = session.out
    mark, colour = _MARKS[finding["level"]]
    out.line(f"{out.paint(colour, mark)}  {finding['check']:<9} {finding['message']}")
    if finding["remedy"] and finding["level"] != "ok":
        out.line(f"{'':<17}{finding['remedy']}")

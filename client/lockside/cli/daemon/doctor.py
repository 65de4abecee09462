"""`doctor`: what is wrong, since when, and what to do; with `--fix` it makes the repairs. Every check returns
a finding: a level, a sentence, and a remedy. The daemon checks and repairs itself; if it does not answer, its
state folder is checked from outside.
"""

from __future__ import annotations

import sys

from lockside import __version__
from lockside.cli import exits, times
from lockside.cli.daemon.doctor_checks import Finding, look_at, look_at_sockets, mend, state_folders
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.storage.changes import adopt
from lockside.errors import LocksideError, NotReachable

_MARKS = {"ok": ("ok   ", "green"), "warning": ("odd  ", "yellow"), "error": ("wrong", "red")}


def doctor(session: Session, parsed: Parsed) -> int:
    if parsed.many("adopt"):
        return adopt(session, parsed)
    fix = parsed.flag("fix")
    findings = [_python(), *_daemon(session, parsed, fix=fix)]
    if not session.out.is_given({"findings": [finding.view() for finding in findings]}):
        for finding in findings:
            _tell(session, finding)
        if not fix and any(finding.can_fix for finding in findings):
            session.out.line("`lockside doctor --fix` makes the repairs that are marked with (--fix).")
    wrong = [one for one in findings if one.level == "error" and not one.is_fixed]
    return exits.FAILED if wrong else exits.DONE


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("ok", "client", f"lockside {__version__} on Python {version}")


def _daemon(session: Session, parsed: Parsed, *, fix: bool) -> list[Finding]:
    """Return the daemon's own findings, or check its state folder from outside if it does not answer."""
    try:
        status = session.call("daemon.status")
        told = [_versions(status), *_keepers(status)]
        return [*look_at_sockets(session.link.socket), *told, *_daemon_checks(session, fix=fix)]
    except NotReachable as error:
        named = parsed.text("state_dir")
        folders = [named] if named else state_folders(session.link.socket)
        found = [
            *look_at_sockets(session.link.socket),
            Finding("error", "daemon", error.message, error.remedy),
        ]
        for folder in folders:
            found += look_at(folder)
        return [mend(finding) for finding in found] if fix else found
    except LocksideError as error:
        return [
            *look_at_sockets(session.link.socket),
            Finding("error", "daemon", error.message, error.remedy),
        ]


def _keepers(status: Json) -> list[Finding]:
    """Return findings about keepers that answer; the daemon's checks report the others."""
    found = []
    keeper = status["keeper"]
    if keeper["isConnected"] and keeper.get("isOutdated"):
        text = f"pid {keeper['pid']} runs the code of another release of lockside and takes new jobs"
        remedy = (
            "It is replaced when the daemon starts while nothing runs, or at once if a second socket is set."
        )
        found.append(Finding("warning", "keeper", text, remedy))
    elif keeper["isConnected"]:
        found.append(Finding("ok", "keeper", f"pid {keeper['pid']} takes new jobs"))
    for former in status.get("formerKeepers", ()):
        if former["isConnected"]:
            text = f"pid {former['pid']}, of another release, keeps {former['runs']} and leaves with the last"
            found.append(Finding("ok", "keeper", text))
    return found


def _versions(status: Json) -> Finding:
    theirs = status.get("version")
    if theirs != __version__:
        remedy = "Restart the daemon after an upgrade: `systemctl restart lockside`; jobs go on."
        return Finding(
            "warning", "daemon", f"the daemon is version {theirs}, this client {__version__}", remedy
        )
    return Finding("ok", "daemon", f"version {theirs} answers, pid {status.get('pid')}")


def _daemon_checks(session: Session, *, fix: bool) -> list[Finding]:
    problems = session.call("daemon.check", fix=True if fix else None)["problems"]
    found = [_finding(problem) for problem in problems]
    return found or [Finding("ok", "state", "the daemon finds nothing wrong with itself")]


def _finding(problem: Json) -> Finding:
    return Finding(
        "error",
        str(problem["kind"]),
        str(problem["message"]),
        str(problem.get("repair") or ""),
        since=problem.get("since"),
        can_fix=bool(problem.get("canFix")),
        is_fixed=bool(problem.get("isFixed")),
    )


def _tell(session: Session, finding: Finding) -> None:
    out = session.out
    mark, colour = ("fixed", "green") if finding.is_fixed else _MARKS[finding.level]
    since = f" Since {times.local(finding.since, times.now())}." if finding.since else ""
    out.line(f"{out.paint(colour, mark)}  {finding.check:<14} {finding.message}{since}", hang=22)
    if finding.remedy and finding.level != "ok":
        done = "" if finding.is_fixed else " (--fix)" if finding.can_fix else ""
        out.line(f"{'':<22}{finding.remedy}{done}", hang=22)

"""`status`, `drain`, `undrain`, `metrics`: the daemon as a whole, for the person on call."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.jobs import COLOURS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session

    Json = dict[str, Any]

_RUNNING = ["processing", "terminating"]


def status(session: Session, _: Parsed) -> int:
    """Say how the daemon is."""
    found = session.call("daemon.status")
    out = session.out
    if out.as_json:
        out.json(found)
        return exits.DONE
    out.line(f"{out.paint('bold', 'lockside')} {found['version']}, pid {found['pid']}, up {_up(found)}")
    out.line(f"  socket   {session.connection.path}")
    out.line(f"  store    {_store(session, found['store'])}")
    out.line(f"  keeper   {_keeper(session, found['keeper'])}")
    if found["isDraining"]:
        drained = " and nothing runs any more" if found["isDrained"] else ""
        out.line(
            "  "
            + out.paint("yellow", f"draining: no job starts{drained}; `lockside undrain` lets them go on")
        )
    out.line(f"  jobs     {_counts(session, found['counts'])}")
    for pool in found["pools"]:
        out.line(f"  pool     {_pool(session, pool)}")
    return exits.DONE


def _up(found: Json) -> str:
    return times.span(float(found["uptimeSeconds"]))


def _store(session: Session, store: Json) -> str:
    """Say whether the database can be written; else what is wrong and what to do."""
    if store["isWritable"]:
        size = f", {times.size(store['sizeBytes'])}" if store.get("sizeBytes") else ""
        return session.out.paint("green", "ok") + size
    cause = store.get("cause") or "it cannot be written"
    return session.out.paint(
        "red", f"{cause}; jobs that run go on, new ones are refused. See `lockside doctor`"
    )


def _keeper(session: Session, keeper: Json) -> str:
    if keeper["isConnected"]:
        by = f", stops jobs by {keeper['killsBy']}" if keeper.get("killsBy") else ""
        return (
            session.out.paint("green", "ok")
            + f", pid {keeper['pid']}, {_counted(keeper['runs'], 'process tree')}{by}"
        )
    cause = keeper.get("cause") or "it cannot be reached"
    return session.out.paint("red", f"{cause}; no job can start. See `lockside doctor`")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _counts(session: Session, counts: Json) -> str:
    listed = [
        session.out.paint(COLOURS.get(word, ""), f"{count} {word}") for word, count in counts.items() if count
    ]
    return ", ".join(listed) or "none yet"


def _pool(session: Session, pool: Json) -> str:
    paused = session.out.paint("yellow", ", paused") if pool["isPaused"] else ""
    return (
        f"{pool['id']}: {pool['running']} of {pool['slots']} slots in use, {pool['queued']} in line{paused}"
    )


def drain(session: Session, parsed: Parsed) -> int:
    """Start no more jobs; with --wait come back when nothing runs any more."""
    session.call("daemon.drain")
    session.out.line("draining: no job starts any more; what runs goes on")
    if parsed.flag("wait"):
        from lockside.cli.following import wait_for

        while running := session.call(
            "job.list", status=_RUNNING, type="standard", limit=1000, fields=["id"]
        )["jobs"]:
            wait_for(session, [str(job["id"]) for job in running])
        session.out.line("drained: nothing runs")
    session.out.hint("  next: lockside undrain")
    return exits.DONE


def undrain(session: Session, _: Parsed) -> int:
    """Start jobs again."""
    session.call("daemon.undrain")
    session.out.line("jobs start again")
    return exits.DONE


def metrics(session: Session, _: Parsed) -> int:
    """Print the daemon's metrics."""
    answer = session.call("daemon.metrics")
    session.out.line(str(answer if isinstance(answer, str) else answer["text"]).rstrip("\n"))
    return exits.DONE

"""`status`: an overview of the daemon. Problems come first: since when, the consequences, what to do."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe
from lockside.cli.session import Asks, Json, Session
from lockside.cli.terminal.output import one_line, wrapped

RECENT_SECONDS = 86400
_KEEPER_STARTS_SECONDS = 5
_SHOWN = [*describe.NAMING, "type", "creator", "startTime", "limits", "status", "durationSeconds", "attempt"]
_SHOWN += ["parentRunId", "isFinished", "createdTime", "reasons"]


class Trouble:
    """An error (`red`) or a warning (`yellow`): what it is, its consequences, and the command to type."""

    def __init__(self, colour: str, what: str, follows: str, do: str) -> None:
        self.colour = colour
        self.what = what
        self.follows = follows
        self.do = do


def status(session: Session, parsed: Parsed) -> int:
    if parsed.flag("check"):
        return _check(session)
    found = session.call("daemon.status")
    if session.out.is_given(found):
        return exits.DONE
    troubles = troubles_of(session, found)
    _verdict(session, found, troubles)
    _facts(session, found)
    return exits.DONE


def _check(session: Session) -> int:
    """Print whether jobs can be accepted and started; the exit code says so, too."""
    health = session.call("daemon.health")
    if not session.out.is_given(health):
        for line in health["causes"] or [health["status"]]:
            session.out.line(line)
    return exits.FAILED if health["causes"] else exits.DONE


def _verdict(session: Session, found: Json, troubles: list[Trouble]) -> None:
    out = session.out
    up = times.span(float(found["uptimeSeconds"]))
    name = f"{out.paint('bold', 'lockside')} {found['version']}"
    if not troubles:
        out.line(f"{name} is {out.paint('green', 'well')}; up {up}, pid {found['pid']}")
    else:
        count = "1 thing needs" if len(troubles) == 1 else f"{len(troubles)} things need"
        colour = "red" if any(trouble.colour == "red" for trouble in troubles) else "yellow"
        out.line(f"{name}: {out.paint(colour, count + ' a look')}; up {up}, pid {found['pid']}")
    for trouble in troubles:
        sign = "✗" if trouble.colour == "red" else "!"
        out.line(f"  {out.paint(trouble.colour, f'{sign} {one_line(trouble.what)}')}")
        for line in wrapped(one_line(trouble.follows), out.width if out.terminal else 10_000, " " * 6):
            out.line(line)
        out.line(f"      do: {trouble.do}")
    if troubles:
        out.line()


def troubles_of(session: Asks, found: Json) -> list[Trouble]:
    """Return errors and warnings, the most severe first."""
    failures = _failures(session) if found["counts"].get("error") else []
    return standing_troubles(session, found) + failures


def standing_troubles(session: Asks, found: Json) -> list[Trouble]:
    """Return errors and warnings about the daemon itself, without failed jobs."""
    counts = found["counts"]
    waiting = sum(counts.get(word, 0) for word in describe.NOT_STARTED)
    troubles = []
    if not found["store"]["isWritable"]:
        troubles.append(_store(session, found["store"], waiting))
    if not found["keeper"]["isConnected"] and not _has_just_begun(found):
        troubles.append(_keeper(session, found["keeper"], waiting))
    if any(not keeper["isConnected"] for keeper in found.get("formerKeepers", ())):
        what = "a keeper of another release is alive and does not answer"
        troubles.append(Trouble("red", what, "The state of its jobs is not known yet.", "lockside doctor"))
    if found["isDraining"]:
        troubles.append(_drain(found, waiting))
    troubles += [_pool(pool) for pool in found["pools"] if pool["isPaused"] and pool["queued"]]
    return troubles


def _store(session: Asks, store: Json, waiting: int) -> Trouble:
    what = f"the database cannot be written: {store.get('cause') or 'no cause is known'}"
    follows = f"New jobs are refused and {_wait(waiting)}; running jobs go on, and nothing is lost."
    since = _since(session, "store_unavailable") if waiting else ""
    return Trouble(
        "red", what + since, follows, store.get("remedy") or "make room on its disk, then: lockside doctor"
    )


def _keeper(session: Asks, keeper: Json, waiting: int) -> Trouble:
    what = f"the keeper, which starts jobs, cannot be reached{_cause(keeper)}"
    follows = f"No job can start and {_wait(waiting)}; running jobs go on."
    since = _since(session, "no_executor") if waiting else ""
    return Trouble("red", what + since, follows, "lockside doctor")


def _has_just_begun(found: Json) -> bool:
    """Return whether the daemon's keeper may still be starting."""
    return bool(found["uptimeSeconds"] < _KEEPER_STARTS_SECONDS)


def _wait(count: int) -> str:
    return {0: "no job waits", 1: "1 job waits"}.get(count, f"{count:,} jobs wait")


def _cause(keeper: Json) -> str:
    return f": {keeper['cause']}" if keeper.get("cause") else ""


def _since(session: Asks, kind: str) -> str:
    """Return since when jobs have waited for a reason of this kind."""
    found = session.call(
        "job.list", status=list(describe.NOT_STARTED), order="asc", limit=1, fields=["reasons"]
    )
    for job in found["jobs"]:
        for reason in job.get("reasons") or ():
            if reason["kind"] == kind:
                return f", since {_when(reason['since'])}"
    return ""


def _when(text: str) -> str:
    now = times.now()
    return f"{times.local(text, now)} ({times.ago(text, now)})"


def _drain(found: Json, waiting: int) -> Trouble:
    drain = found.get("drain") or {}
    by = f", since {_when(drain['since'])}, by {drain['by']}" if drain else ""
    runs = "No job runs" if found["isDrained"] else "Running jobs go on"
    return Trouble(
        "yellow",
        f"no job starts: the daemon is being drained{by}",
        f"{runs}; {_wait(waiting)}.",
        "lockside undrain",
    )


def _pool(pool: Json) -> Trouble:
    waits = _wait(pool["queued"])
    if not pool.get("pausedBy") and pool.get("slots") == 0:
        do = f"lockside pool put {pool['id']} --slots N"
        return Trouble("yellow", f"pool {pool['id']} has no slots", f"{waits} for it.", do)
    since = f", since {_when(pool['pausedTime'])}" if pool.get("pausedTime") else ""
    by = f", by {pool['pausedBy']}" if pool.get("pausedBy") else ""
    comment = f" The comment: {pool['comment']}" if pool.get("comment") else ""
    return Trouble(
        "yellow",
        f"pool {pool['id']} is paused{since}{by}",
        f"{waits} for it.{comment}",
        f"lockside pool resume {pool['id']}",
    )


def _failures(session: Asks) -> list[Trouble]:
    """Return a warning about jobs that failed within a day, without those that are part of another."""
    found = session.call(
        "job.list",
        **describe.OPEN_FAILURES,
        finishedFrom=times.wire_ago(RECENT_SECONDS),
        orderBy="endTime",
        limit=1,
        count=True,
        fields=[*_SHOWN, "endTime", "result"],
    )
    total = found.get("total") or len(found["jobs"])
    if not total:
        return []
    newest = found["jobs"][0]
    what = f"{_count(total, 'job')} failed within a day"
    follows = f"The newest, {_when(newest['endTime'])}: {describe.called(newest)}: {describe.detail(newest)}"
    return [Trouble("yellow", what, follows, "lockside ls --failed --since 24h")]


def _count(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _facts(session: Session, found: Json) -> None:
    out = session.out
    rows = [("jobs", _jobs(session, found["counts"]))]
    rows += [
        ("pool" if not place else "", _slots(session, pool)) for place, pool in enumerate(found["pools"])
    ]
    rows += [("store", _store_text(found)), ("keeper", _keeper_text(found))]
    rows += [("", _former_keeper_text(keeper)) for keeper in found.get("formerKeepers", ())]
    rows.append(("socket", session.link.path()))
    for name, value in rows:
        out.line(f"  {out.paint('dim', f'{name:<8}')}{value}", hang=10)


def _jobs(session: Session, counts: Json) -> str:
    """Format the number of all jobs by status; for errors say whether all were retried or acknowledged."""
    listed = []
    for word, count in counts.items():
        if count:
            said = f"{count} {word}" + (_if_none_open(session) if word == "error" else "")
            listed.append(session.out.paint(describe.COLOURS.get(word, ""), said))
    return ", ".join(listed) or "none yet"


def _if_none_open(session: Session) -> str:
    is_open = session.call("job.list", **describe.OPEN_FAILURES, limit=1, fields=["id"])["jobs"]
    return "" if is_open else " (retried with success or acknowledged)"


def _slots(session: Session, pool: Json) -> str:
    paused = session.out.paint("yellow", ", paused") if pool["isPaused"] else ""
    taken = pool.get("slotsTaken", pool["running"])
    there = f", {count} in the queue of {pool['executor']}" if (count := pool.get("engineQueued")) else ""
    return f"{pool['id']}: {taken} of {pool['slots']} slots in use, {pool['queued']} queued{there}{paused}"


def _store_text(found: Json) -> str:
    store = found["store"]
    size = f", {times.size(store['sizeBytes'])}" if store.get("sizeBytes") else ""
    where = f" in {found['stateDir']}" if found.get("stateDir") else ""
    return ("can be written" if store["isWritable"] else "cannot be written") + size + where


def _keeper_text(found: Json) -> str:
    keeper = found["keeper"]
    if not keeper["isConnected"]:
        return "is being started" if _has_just_begun(found) else "cannot be reached"
    by = f", stops jobs by {keeper['killsBy']}" if keeper.get("killsBy") else ""
    return f"pid {keeper['pid']}, {_count(keeper['runs'], 'process tree')}{by}"


def _former_keeper_text(keeper: Json) -> str:
    """Return the state of a keeper of another release."""
    if not keeper["isConnected"]:
        return "another one is alive and does not answer"
    kept = _count(keeper["runs"], "process tree")
    return f"of another release: pid {keeper['pid']}, {kept}; it leaves with the last one"

"""`schedule`: next moments, their outcomes, pauses, runs by hand and backfills."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

from lockside.cli import exits
from lockside.cli.catalog import schedule_times
from lockside.cli.files.parse import stem
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell
from lockside.kinds import SCHEDULE

_COLOURS = {
    "active": "green",
    "paused": "yellow",
    "disabled": "dim",
    "finished": "dim",
    "broken": "red",
    "fired": "green",
    "merged": "",
    "skipped": "dim",
    "missed": "red",
    "failed": "red",
    "success": "green",
    "warning": "yellow",
    "error": "red",
}
_MISSED_DAYS = 7


def ls(session: Session, parsed: Parsed) -> int:
    """List schedules: the next and the last run, how it ended, and missed moments of 7 days."""
    status = [parsed.text("status")] if parsed.text("status") else []
    found = session.call("schedule.list", status=status)
    headings = ("SCHEDULE", "STATUS", "NEXT", "LAST", "END", "MISSED", "")
    none = "No schedules yet.\n  next: lockside schedule put FILE · lockside apply DIR"
    return session.out.listed(found, "schedules", headings, partial(_listed, session), none)


def _listed(session: Session, each: Json) -> list[Cell]:
    where = schedule_times.rules(each.get("timezone"))
    last = (each.get("executions") or [{}])[0]
    end = ""
    if last.get("jobId"):
        end = session.call("job.get", id=last["jobId"], fields=["status"])["status"]
    return [
        each["id"],
        _painted(each["status"]),
        schedule_times.shown(each.get("nextMoment"), where),
        schedule_times.shown(last.get("executionTime"), where),
        _painted(end),
        _missed(session, each),
        each.get("says"),
    ]


def _missed(session: Session, each: Json) -> Cell:
    """Return how many moments of the last days were missed or failed; empty for none."""
    since = _now() - timedelta(days=_MISSED_DAYS)
    asked = {"id": each["id"], "from": _wire(since), "outcomes": ["missed", "failed"]}
    counts = [row["count"] for row in session.call("schedule.ledger", **asked)["rows"]]
    if not counts:
        return ""
    return ("many" if None in counts else str(sum(counts)), "red")


def upcoming(session: Session, parsed: Parsed) -> int:
    """List the next moments of a stored schedule, or of a file, which needs no daemon."""
    word, count = parsed.required("id_file"), parsed.number("count") or 10
    if os.path.exists(word):
        name, found = _of_file(session, word, count)
    elif "/" in word or word.endswith((".toml", ".json")):
        raise UsageError(f"there is no file {word}.", "schedule next")
    else:
        found = session.call("schedule.next", id=word, count=count)
        name = session.call("schedule.get", id=word).get("timezone")
    if session.out.is_given(found):
        return exits.DONE
    says = found["says"]
    session.out.hint(says if name in says else f"{says} ({name})")
    rows = [[f"{one['wall'].replace('T', ' ')}{one['utcOffset']}", one["note"]] for one in found["moments"]]
    session.out.table(("MOMENT", ""), rows)
    return exits.DONE


def _of_file(session: Session, file: str, count: float) -> tuple[str, Json]:
    """Return the zone and the next moments of a file."""
    from lockside.calendar.preview import preview
    from lockside.documents.times import time_us

    item = SCHEDULE.read(SCHEDULE, file, (stem(file),))
    for fault in item.faults[1:]:
        session.say_aside(str(fault))
    if item.faults:
        raise UsageError(str(item.faults[0]), "schedule next")
    spec = item.document()
    return spec.zone_name, preview(spec, time_us(_wire(_now())), int(count))


def run(session: Session, parsed: Parsed) -> int:
    """Create a job of a schedule now."""
    name = parsed.required("id")
    moment = _time(session, name, parsed.text("moment"), "schedule run")
    job = session.call("schedule.run", id=name, moment=moment)
    return session.out.result(job, f"{name} (job {job.get('id')}): {job.get('status')}")


def pause(session: Session, parsed: Parsed) -> int:
    """Pause a schedule: it creates no jobs until it is resumed."""
    name = parsed.required("id")
    until = _time(session, name, parsed.text("until"), "schedule pause")
    answer = session.call("schedule.pause", id=name, comment=parsed.text("message"), untilTime=until)
    end = "" if until is None else f" until {schedule_times.shown(until, _zone_of(answer))}"
    return session.out.result(answer, f"schedule {name} is paused{end}")


def resume(session: Session, parsed: Parsed) -> int:
    """Let a paused schedule fire again."""
    name = parsed.required("id")
    answer = session.call("schedule.resume", id=name, catchUp=parsed.text("catch_up"))
    following = schedule_times.shown(answer.get("nextMoment"), _zone_of(answer))
    return session.out.result(answer, f"schedule {name} is {answer['status']}; next: {following or 'never'}")


def backfill(session: Session, parsed: Parsed) -> int:
    """Create jobs for past moments that have no successful one."""
    name, is_plan = parsed.required("id"), parsed.flag("plan")
    asked = {"from": parsed.required("from"), "to": parsed.required("to"), "again": parsed.flag("again")}
    answer = session.call("schedule.backfill", id=name, **asked, dryRun=is_plan)
    if session.out.is_given(answer):
        return exits.DONE
    where = _zone_of(session.call("schedule.get", id=name))
    for one in answer["jobs"]:
        session.out.line(f"{schedule_times.shown(one['moment'], where)}  {one['job'] or 'would run'}")
    for one in answer["left"]:
        session.out.hint(f"{schedule_times.shown(one['moment'], where)}  skipped: {one['because']}")
    count = len(answer["jobs"])
    created = f" created by {answer['backfill']}" if answer["backfill"] else ""
    session.out.line(f"{count} job{'s' if count != 1 else ''}{created}")
    return exits.DONE


def stop_backfill(session: Session, parsed: Parsed) -> int:
    """Terminate the unfinished jobs of a backfill."""
    name = parsed.required("backfill")
    answer = session.call("schedule.stopBackfill", backfill=name)
    count = len(answer["jobs"])
    return session.out.result(answer, f"{count} job{'s' if count != 1 else ''} of {name} terminated")


def ledger(session: Session, parsed: Parsed) -> int:
    """List the outcomes of a schedule's moments, newest first."""
    name = parsed.required("id")
    since = _time(session, name, parsed.text("since"), "schedule ledger")
    outcomes = ["missed", "failed"] if parsed.flag("missed") else []
    asked = {"from": since, "outcomes": outcomes, "limit": parsed.number("limit") or 50}
    found = session.call("schedule.ledger", id=name, **asked)["rows"]
    if session.out.is_given({"rows": found}):
        return exits.DONE
    if not found:
        session.out.hint("No such moments.")
        return exits.DONE
    where = _zone_of(session.call("schedule.get", id=name))
    rows = [_row(each, where) for each in found]
    session.out.table(("MOMENT", "UNTIL", "COUNT", "OUTCOME", "CAUSE", "JOB", "END", ""), rows)
    return exits.DONE


def _row(each: Json, where: tzinfo) -> list[Cell]:
    is_one = each["moment"] == each["lastMoment"]
    return [
        schedule_times.shown(each["moment"], where),
        "" if is_one else schedule_times.shown(each["lastMoment"], where),
        "many" if each["count"] is None else each["count"],
        _painted(each["outcome"]),
        each["cause"],
        each["job"],
        _painted(each["jobStatus"] or ""),
        (each["error"] or {}).get("message"),
    ]


def _painted(word: str) -> Cell:
    return word, _COLOURS.get(word, "")


def _time(session: Session, name: str, text: str | None, command: str) -> str | None:
    """Parse a time in the schedule's zone."""
    if text is None:
        return None
    where = _zone_of(session.call("schedule.get", id=name))
    try:
        return schedule_times.moment(text, where, _now())
    except ValueError as problem:
        raise UsageError(str(problem), command) from None


def _zone_of(schedule: Json) -> tzinfo:
    return schedule_times.rules(schedule.get("timezone"))


def _now() -> datetime:
    return datetime.now(UTC)


def _wire(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

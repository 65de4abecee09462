"""`events`: past events, and new ones live, also across a restart of the daemon."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.session import LOST, each

_EVENTS = 50
_EVENT_PAGE = 5000


def events(session: Session, parsed: Parsed) -> int:
    job = parsed.text("job")
    filters: Json = {"kinds": parsed.many("kind") or None, "job": session.job_id(job) if job else None}
    after = None if parsed.number("after") is None else int(parsed.number("after") or 0)
    if parsed.flag("follow"):
        return _follow_events(session, filters, after)
    limit = int(parsed.number("limit") or _EVENTS)
    if after is None:
        found = _latest_events(session, filters, limit)
    else:
        found = session.call("event.list", **filters, after=after, limit=limit)["events"]
    for event in found:
        _print_event(session, event)
    return exits.DONE


def _latest_events(session: Session, filters: Json, limit: int) -> list[Json]:
    """Return the last events: by their numbers without filters, else by reading the whole history."""
    from collections import deque

    after = 0
    if not any(filters.values()):
        begun = session.call("event.subscribe")
        session.call("event.unsubscribe", subscription=begun["subscription"])
        after = max(0, begun["cursor"] - limit)
    kept: deque[Json] = deque(maxlen=limit)
    for page in each(session.engine.pages("event.list", filters | {"after": after, "limit": _EVENT_PAGE})):
        kept.extend(page["events"])
    return list(kept)


def _follow_events(session: Session, filters: Json, after: int | None) -> int:
    """Print events as they happen; after a lost connection it continues after the last one printed."""
    try:
        for event in each(session.engine.events(after, filters)):
            if event["kind"] == LOST:
                lost = event["data"]
                session.say_aside(f"events {lost['from']} to {lost['to']} are no longer kept.")
            else:
                _print_event(session, event)
    except KeyboardInterrupt:
        pass
    return exits.DONE


def _data(event: Json, for_people: bool) -> str:
    """Format the data of an event; for people a change of status is shown as a transition."""
    data = {name: value for name, value in (event.get("data") or {}).items() if value is not None}
    if for_people and event.get("kind") == "job.status":
        cause = str(data.get("cause") or "").replace("_", " ")
        return f"{data.get('from')} → {data.get('to')}" + (f", by {cause}" if cause else "")
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in data.items()}
    return ", ".join(f"{name} {text}" for name, text in texts.items())


def _print_event(session: Session, event: Json) -> None:
    out = session.out
    if out.as_json:
        out.json_line(event)
        return
    data = _data(event, out.terminal)
    if not out.terminal:
        out.line(
            "\t".join(str(event.get(name) or "") for name in ("seq", "time", "kind", "job")) + "\t" + data
        )
    else:
        when = times.local(event.get("time"), datetime.now(UTC))
        about = f"job {event['job']}  " if event.get("job") else ""
        out.line(f"{out.paint('dim', when)}  {out.paint('cyan', str(event['kind']))}  {about}{data}")
    out.flush()

"""The text of a notification as a mail. Pure; it uses the standard library alone, as couriers do."""

from collections.abc import Iterator, Mapping
from typing import Any

Body = Mapping[str, Any]

SUBJECT_LENGTH = 150
_MEMBERS = (
    ("message", "message"),
    ("component", "component.id"),
    ("configuration", "configuration.id"),
    ("run", "runId"),
    ("started", "startTime"),
    ("ended", "endTime"),
    ("user", "principal.user"),
    ("pool", "pool"),
    ("page", "url"),
)


def subject(body: Body) -> str:
    """Return the subject on one line, without characters that could start another header."""
    text = f"{body['data']['count']} notifications" if "events" in body["data"] else _headline(body)
    return " ".join("".join(c if c.isprintable() else " " for c in f"lockside: {text}").split())[
        :SUBJECT_LENGTH
    ]


def text(body: Body) -> str:
    """Return the text of the mail."""
    data = body["data"]
    if "events" not in data:
        return "\n".join(_paragraph(body)) + "\n"
    lines = [f"{one['timestamp']}  {_headline(one)}" for one in data["events"]]
    more = data["count"] - len(lines)
    return "\n".join([*lines, *([f"and {more} more"] if more else [])]) + "\n"


def _headline(body: Body) -> str:
    job, data = body["data"].get("job"), body["data"]
    if isinstance(job, Mapping):
        return f"{body['type']}: job {job['id']}" + (f" ({job['name']})" if job.get("name") else "")
    about = data.get("subscription") or data.get("schedule") or data.get("trigger")
    return f"{body['type']}: {about['id']}" if about else str(body["type"])


def _paragraph(body: Body) -> Iterator[str]:
    yield _headline(body)
    yield str(body["timestamp"])
    job = body["data"].get("job")
    for name, path in _MEMBERS if isinstance(job, Mapping) else ():
        value: Any = job
        for step in path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            yield f"{name}: {value}"

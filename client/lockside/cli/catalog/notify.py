"""`notify`: tests and deliveries of subscriptions."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell

_SHOWN = 50


def test(session: Session, parsed: Parsed) -> int:
    """Send a test notification and print the outcome."""
    answer = session.call("notification.test", id=parsed.required("subscription"))
    code = answer["statusCode"]
    why = answer["error"] or (None if code is None else f"status {code}")
    session.out.result(answer, f"{answer['status']} in {answer['seconds']:g} s{f': {why}' if why else ''}")
    return exits.DONE if answer["status"] == "delivered" else exits.FAILED


def deliveries(session: Session, parsed: Parsed) -> int:
    """List deliveries."""
    job = parsed.text("job")
    answer = session.call(
        "notification.deliveries",
        subscription=parsed.text("subscription"),
        job=session.job_id(job) if job else None,
        status=["dead"] if parsed.flag("dead") else None,
        limit=int(parsed.number("limit") or _SHOWN),
    )
    if not answer["deliveries"] and not session.out.as_json:
        session.say_aside("there is no such delivery.")
    headings = ("DELIVERY", "TO", "EVENT", "JOB", "STATUS", "ATTEMPTS", "")
    return session.out.listed(answer, "deliveries", headings, _row)


def _row(one: Json) -> list[Cell]:
    attempts = one["attempts"]
    last = attempts[-1]["error"] if attempts else None
    to = one["subscription"] or _where(one)
    return [one["id"], to, one["event"], one.get("job"), one["status"], len(attempts), last]


def _where(one: Json) -> str:
    """Return the recipient of a job's own notification."""
    recipient = one["recipient"]
    return recipient["url"] or ", ".join(recipient["address"] or [recipient["channel"]])


def redeliver(session: Session, parsed: Parsed) -> int:
    """Send deliveries again."""
    delivery, subscription = parsed.text("delivery"), parsed.text("to")
    if (delivery is None) == (subscription is None):
        raise UsageError("name a delivery, or a subscription with --to.", "notify redeliver")
    since = times.wire_since(parsed.text("since"), "notify redeliver")
    asked: Json = {"id": delivery, "subscription": subscription, "from": since}
    answer = session.call("notification.redeliver", **asked)
    return session.out.result(answer, f"sent again: {answer['count']}")

"""`notify`: tests, deliveries and secrets of subscriptions."""

from __future__ import annotations

from lockside.cli import exits, times
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session

_SHOWN = 50


def test(session: Session, parsed: Parsed) -> int:
    """Send a test notification and tell what came of it."""
    name = parsed.required("subscription")
    answer = session.call("notification.test", id=name)
    is_delivered = answer["status"] == "delivered"
    code = answer["statusCode"]
    why = answer["error"] or (None if code is None else f"status {code}")
    _tell(session, answer, f"{answer['status']} in {answer['seconds']:g} s{f': {why}' if why else ''}")
    return exits.DONE if is_delivered else exits.FAILED


def deliveries(session: Session, parsed: Parsed) -> int:
    """List deliveries."""
    job = parsed.text("job")
    found = session.call(
        "notification.deliveries",
        subscription=parsed.text("subscription"),
        job=session.job_id(job) if job else None,
        status=["dead"] if parsed.flag("dead") else None,
        limit=int(parsed.number("limit") or _SHOWN),
    )["deliveries"]
    if session.out.as_json:
        session.out.json({"deliveries": found})
        return exits.DONE
    if not found:
        session.say_aside("there is no such delivery.")
    session.out.table(
        ("DELIVERY", "TO", "EVENT", "JOB", "STATUS", "ATTEMPTS", ""), [_row(one) for one in found]
    )
    return exits.DONE


def _row(one: Json) -> list[str]:
    attempts = one["attempts"]
    last = attempts[-1]["error"] if attempts else None
    return [
        *(one["id"], one["subscription"] or _where(one), one["event"], one.get("job") or ""),
        *(one["status"], str(len(attempts)), last or ""),
    ]


def _where(one: Json) -> str:
    """Where a job of its own wants something told."""
    recipient = one["recipient"]
    return recipient["url"] or ", ".join(recipient["address"] or ())


def redeliver(session: Session, parsed: Parsed) -> int:
    """Send something again."""
    delivery, subscription = parsed.text("delivery"), parsed.text("to")
    if (delivery is None) == (subscription is None):
        raise UsageError("name a delivery, or a subscription with --to.", "notify redeliver")
    since = times.wire_since(parsed.text("since"), "notify redeliver")
    asked: Json = {"id": delivery, "subscription": subscription, "from": since}
    answer = session.call("notification.redeliver", **asked)
    return _tell(session, answer, f"sent again: {answer['count']}")


def cancel(session: Session, parsed: Parsed) -> int:
    """Give up a delivery."""
    name = parsed.required("delivery")
    return _tell(session, session.call("notification.cancel", id=name), f"delivery {name} is cancelled")


def rotate(session: Session, parsed: Parsed) -> int:
    """Replace a secret."""
    answer = session.call("notification.rotate", id=parsed.required("subscription"))
    return _tell(session, answer, str(answer.get("secret")))


def _tell(session: Session, answer: Json, text: str) -> int:
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(text)
    return exits.DONE

"""Reasons on the wire: the core's explanation with the wire's names, ids as strings and times as text."""

from typing import Any

from locksided import clock
from locksided.core.model import Reason, ReasonKind
from locksided.runner.locking import wire_lock_key

_IDS = ("holders", "running", "jobs")


def reason_view(reason: Reason) -> dict[str, Any]:
    """One reason as the wire has it."""
    details = dict(reason.details)
    for name in _IDS:
        if name in details:
            details[name] = [str(job_id) for job_id in details[name]]
    if "container" in details:
        details["container"] = str(details["container"])
    if "lock_key" in details:
        details["lockKey"] = wire_lock_key(details.pop("lock_key"))
    if reason.kind is ReasonKind.START_TIME:
        details = {"at": clock.to_text(details["at_us"])}
    if reason.kind is ReasonKind.POOL_FULL and details["slots"] is None:
        details["slots"] = "infinity"
    if reason.via is not None:
        details["via"] = str(reason.via)
    return {
        "kind": reason.kind.value,
        "since": clock.to_text(reason.since_us),
        "message": reason.message,
        "unblock": reason.unblock,
        **details,
    }

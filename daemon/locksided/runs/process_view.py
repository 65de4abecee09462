"""What a job shows of its last process and of those that had to be stopped. Pure."""

from typing import Any

from locksided.clock import to_text
from locksided.keeper.messages import Outcome, to_wire


def process_of(outcome: Outcome) -> dict[str, Any]:
    """The job's `process` object; its times are texts as on the wire."""
    return {
        "startToken": outcome.token,
        "pid": outcome.pid,
        "exitCode": outcome.exit_code,
        "signal": outcome.signal,
        "userSeconds": outcome.user_seconds,
        "systemSeconds": outcome.system_seconds,
        "maxRssBytes": outcome.max_rss_bytes,
        "usageSource": outcome.usage_source,
        "spawnTime": to_text(outcome.spawn_time),
        "exitTime": to_text(outcome.exit_time),
    }


def kill_report_of(outcome: Outcome) -> dict[str, Any]:
    """The job's `killReport`; empty when nothing had to be stopped."""
    report = outcome.kill_report
    if report is None:
        return {}
    processes = [{**to_wire(process), "time": to_text(process.time)} for process in report.processes]
    omitted = {"omitted": report.omitted} if report.omitted else {}
    return {"proof": report.proof, "processes": processes, **omitted}

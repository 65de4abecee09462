"""Reports on the processes of a run, for the core and for the views of its job. Pure but for the clock."""

from typing import Any

from lockside.documents.enums import Stage
from locksided import clock
from locksided.clock import to_text
from locksided.core import inputs as i
from locksided.keeper.messages import Leftovers, Outcome, Remote, to_wire
from locksided.runs.folder import StartToken


def process_of(outcome: Outcome) -> dict[str, Any]:
    """Return the job's `process` object; its times are texts as on the wire."""
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
    """Return the job's `killReport`; empty if nothing had to be stopped."""
    report = outcome.kill_report
    if report is None:
        return {}
    processes = [{**to_wire(process), "time": to_text(process.time)} for process in report.processes]
    omitted = {"omitted": report.omitted} if report.omitted else {}
    return {"proof": report.proof, "processes": processes, **omitted}


def remote_told(message: Remote) -> i.RemoteTold:
    """Return the report of an executor's state of a remote run."""
    stage = message.state if message.state in (Stage.SUBMITTING, Stage.QUEUED) else None
    job_id = StartToken.parse(message.token).job_id
    return i.RemoteTold(job_id, message.token, message.remote, stage, message.message, message.reason)


def leader_ended(message: Leftovers) -> i.LeaderEnded:
    """Return the report of a program that has ended and left processes."""
    ended = Outcome(
        message.token,
        message.pid,
        exit_code=message.exit_code,
        signal=message.signal,
        spawn_time=message.spawn_time,
        exit_time=message.exit_time,
    )
    stop = message.stop_time
    process = {
        **process_of(ended),
        "leftovers": [to_wire(one) for one in message.processes],
        "leftoversStopTime": None if stop is None else clock.to_text(clock.seen_us(stop)),
    }
    exit_us = clock.seen_us(message.exit_time) if message.exit_time else clock.now_us()
    return i.LeaderEnded(StartToken.parse(message.token).job_id, message.token, exit_us, process)

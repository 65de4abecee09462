"""What keepers and executors tell of a run that goes on, as inputs of the core. Pure but for the clock."""

from lockside.documents.enums import Stage
from locksided import clock
from locksided.core import inputs as i
from locksided.keeper.messages import Leftovers, Outcome, Remote, to_wire
from locksided.runs.folder import StartToken
from locksided.runs.process_view import process_of


def told(message: Remote) -> i.RemoteTold:
    """The report of what an executor knows of a run elsewhere."""
    stage = message.state if message.state in (Stage.SUBMITTING, Stage.QUEUED) else None
    job_id = StartToken.parse(message.token).job_id
    return i.RemoteTold(job_id, message.token, message.remote, stage, message.message, message.reason)


def leader_ended(message: Leftovers) -> i.LeaderEnded:
    """The report of a program that has ended and left processes."""
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

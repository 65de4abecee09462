"""The statuses of all jobs of a tree at each moment, computed from the event history alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from e2e.harness import FINAL
from e2e.wire import Message, Wire


@dataclass(frozen=True)
class Change:
    """A status event, and all statuses after it. `last` is true for the last event of its transaction."""

    seq: int
    time: str
    job: str
    before: str
    after: str
    cause: str
    statuses: dict[str, str]


def timeline(wire: Wire, root: Message) -> list[Change]:
    """Return every change of status in the tree of a root job, in order."""
    statuses: dict[str, str] = {}
    changes = []
    for event in wire.events(runIdPrefix=root["runId"], kinds=["job.created", "job.status"]):
        data = event["data"]
        if event["kind"] == "job.created":
            statuses.setdefault(event["job"], "created")
            continue
        statuses[event["job"]] = data["to"]
        changes.append(
            Change(
                event["seq"],
                event["time"],
                event["job"],
                data["from"],
                data["to"],
                data["cause"],
                dict(statuses),
            )
        )
    return changes


def moments(changes: list[Change]) -> Iterator[Change]:
    """Return the last change of each moment: the result of one step of the daemon."""
    for change, following in zip(changes, [*changes[1:], None], strict=True):
        if following is None or following.time != change.time:
            yield change


def at_start(changes: list[Change], job_id: str) -> dict[str, str]:
    """Return all statuses after the step in which this job began to process."""
    begun = next(one for one in changes if one.job == job_id and one.after == "processing")
    return next(one.statuses for one in moments(changes) if one.seq >= begun.seq)


def at_end(changes: list[Change], job_id: str) -> Change:
    """Return the change that made this job final."""
    return next(one for one in changes if one.job == job_id and one.after in FINAL)


def children(wire: Wire, parent: Message | str) -> list[Message]:
    """Return the direct children of a job, in the order in which they were created."""
    run_id = parent if isinstance(parent, str) else parent["runId"]
    jobs: list[Message] = []
    cursor = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = wire.call("job.list", parentRunId=run_id, order="asc", limit=1000, **more)
        jobs += page["jobs"]
        cursor = page["nextCursor"]
        if cursor is None:
            return jobs

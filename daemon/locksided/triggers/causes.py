"""What triggers hear of: ends of jobs, versions of tables, files; and how it is kept for the next firing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lockside.documents.enums import Status
from lockside.documents.trigger import Condition, TriggerSpec
from locksided import clock
from locksided.store import triggers
from locksided.store.rows import EventRow, JobRow
from locksided.store.time_rows import CauseRow, MakerName
from locksided.store.transaction import Transaction
from locksided.triggers.standing import planned

DEFAULT_BRANCH = "default"
_NOTHING = dict.fromkeys(("table", "version", "job", "path", "sizeBytes", "status"))


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that happened, as the wire has it in `cause`, and which conditions it meets.

    `seq` is its event's, None for a file. `jobs` brought it about: a job and those above it.
    """

    seq: int | None
    cause: dict[str, Any]
    meets: Callable[[Condition], bool]
    jobs: Sequence[int] = ()


def job_ended(event: EventRow, job: JobRow) -> Heard:
    """Such a job ended."""
    cause = {"kind": "job", "job": str(job.id), "status": job.status, "time": clock.to_text(event.time_us)}
    return Heard(event.seq, _NOTHING | cause, partial(_meets_job, job), _lineage(job))


def table_changed(event: EventRow, job: JobRow | None) -> Heard:
    """A new version of a table became visible, which a job wrote."""
    table, version, branch = (event.data[name] for name in ("table", "version", "branchId"))
    writer = None if event.job_id is None else str(event.job_id)
    cause = {"kind": "table", "table": table, "version": version, "job": writer}

    def meets(condition: Condition) -> bool:
        return bool(condition.table == table) and (condition.branch_id or DEFAULT_BRANCH) == branch

    time = {"time": clock.to_text(event.time_us)}
    return Heard(event.seq, _NOTHING | cause | time, meets, () if job is None else _lineage(job))


def file_appeared(path: str, size_bytes: int, time_us: int, meets: Callable[[Condition], bool]) -> Heard:
    """A file has settled."""
    cause = {"kind": "file", "path": path, "sizeBytes": size_bytes, "time": clock.to_text(time_us)}
    return Heard(None, _NOTHING | cause, meets)


def keep(tx: Transaction, name: MakerName, spec: TriggerSpec, heard: Iterable[Heard]) -> None:
    """Keep what meets a condition of a trigger, and plan its next firing."""
    row = triggers.find(tx.connection, name)
    if row is None or row.is_disabled:
        return
    is_news = False
    for one in heard:
        met = [place for place, condition in enumerate(spec.on) if one.meets(condition)]
        told = triggers.above(tx.connection, one.jobs) if met and one.jobs else []
        if not met or any(above["id"] == name.id for above in told):
            continue  # the latter comes from a job of this trigger
        depth = max((above["depth"] for above in told), default=0)
        triggers.hear(tx, name, CauseRow(one.seq, clock.now_us(), met, one.cause, depth))
        is_news = True
    if is_news:
        planned(tx, row, spec)


def _lineage(job: JobRow) -> list[int]:
    return [int(part) for part in job.run_id.split(".")]


def _meets_job(job: JobRow, condition: Condition) -> bool:
    meant = condition.job
    return (
        meant is not None
        and job.component == meant.component
        and (meant.config is None or job.config == meant.config)
        and (meant.branch_id is None or (job.branch_id or DEFAULT_BRANCH) == meant.branch_id)
        and Status(job.status) in (condition.status or ())
    )

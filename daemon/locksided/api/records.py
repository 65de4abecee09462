"""The method `job.records`, and the choice of failed records for a retry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any

from lockside.documents.enums import JobType
from lockside.protocol.methods import output as o
from lockside.protocol.methods import output as t
from locksided import threads
from locksided.api.job_reads import job_row
from locksided.api.previous_run import results_of
from locksided.api.rights import check_may_act
from locksided.api.service import HandlerGroup, Service
from locksided.core.errors import Conflict, NotFound
from locksided.runs.as_account import Unusable, perform
from locksided.runs.safefs import NotPlain
from locksided.runs.specification import GivenRecords, RecordRun, read_specification
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.failed_records import records_of
from locksided.store.record_rows import RecordRow
from locksided.store.rows import JobRow

SHORT_READ = 10_000
"""Records after this line of a list are read in a process of its own."""


class NothingOpen(Conflict):
    """There is no open record for a retry."""


class RecordMethods(HandlerGroup):
    """`job.records`."""

    @handler
    async def records(self, call: Call, params: o.JobRecords) -> t.RecordPage:
        row = await job_row(self._service, self._service.job_id(params.id))
        check_may_act(self._service, call.principal, row)
        rows = await known_records(self._service, row)
        wanted = [one for one in rows if not params.open or one.standing == "open"]
        shown: list[t.FailedRecord] = []
        for _, group in groupby(
            _cut(wanted, params.offset, params.limit), lambda one: (one.job_id, one.path)
        ):
            runs = list(group)
            found = await self._read(runs)
            shown += found
            if len(found) < count_of(runs):
                break  # the page is full
        return t.RecordPage(
            records=shown,
            total=count_of(rows),
            open=count_of(one for one in rows if one.standing == "open"),
        )

    async def _read(self, runs: Sequence[RecordRow]) -> list[t.FailedRecord]:
        """Return the records of runs of one list, read as the job's user. Raises NotFound."""
        first = runs[0]
        folder, run_as = await self._service.runs.loader.folder_and_owner(first.job_id)
        argument = {"path": first.path, "runs": [(one.line, one.count) for one in runs]}
        is_long = runs[-1].line > SHORT_READ
        read = partial(perform, folder.root, "page_of_records", argument, run_as, is_long=is_long)
        try:
            found = await threads.run_for(None if run_as is None else run_as.uid, read)
        except (FileNotFoundError, NotPlain, Unusable):
            text = f"The list {first.path} of job {first.job_id} is no longer as the job left it."
            raise NotFound(text, path="$.id") from None
        of_each = [(one, number) for one in runs for number in range(one.number, one.number + one.count)]
        return [_shown(*place, body) for place, body in zip(of_each, found["records"], strict=False)]


def _shown(run: RecordRow, number: int, body: Mapping[str, Any]) -> t.FailedRecord:
    fields = {name: body.get(name) for name in ("input", "id", "message", "code")}
    resolved_by = str(run.given_to) if run.standing == "resolved" else None
    return t.FailedRecord(
        number=number,
        record=body["record"],
        job=str(run.job_id),
        row=run.row or None,
        resolved_by=resolved_by,
        **fields,
    )


def count_of(runs: Iterable[RecordRow]) -> int:
    """Return the number of records."""
    return sum(one.count for one in runs)


def _cut(runs: Sequence[RecordRow], offset: int, limit: int) -> Iterator[RecordRow]:
    """Yield at most `limit` records, starting at an offset."""
    for run in runs:
        part = run.cut(min(offset, run.count), min(offset + limit, run.count))
        offset = max(offset - run.count, 0)
        limit -= part.count
        if part.count:
            yield part


async def known_records(service: Service, row: JobRow) -> Sequence[RecordRow]:
    """Return the failed records of a job, of its descendants, and of their retries."""
    return await service.store.read(partial(records_of, row.id))


async def open_records_of(
    service: Service, row: JobRow, numbers: Sequence[int] = (), replaced: Iterable[str] = ()
) -> Sequence[RecordRow]:
    """Return the open records for a retry, all or those with these numbers. Raises Conflict.

    `replaced` are the numbers of records that the caller changed, which must be among them.
    """
    runs = [one for one in await known_records(service, row) if one.standing == "open"]
    if not runs:
        raise NothingOpen(
            f"Job {row.id} has no failed record that is open. `job.records` lists those that are kept.",
            path="$.id",
        )
    chosen = _chosen(runs, numbers) if numbers else runs
    for number in replaced:
        _run_with(chosen, int(number) if number.isdecimal() else 0, f"$.replace.{number}")
    return chosen


def _chosen(runs: Sequence[RecordRow], numbers: Sequence[int]) -> Sequence[RecordRow]:
    chosen: list[RecordRow] = []
    places = {number: place for place, number in enumerate(numbers)}
    for number in sorted(places):
        run = _run_with(runs, number, f"$.numbers[{places[number]}]")
        last = chosen[-1] if chosen else None
        if last is not None and run.number <= last.number and last.number + last.count == number:
            chosen[-1] = replace(last, count=last.count + 1)
        else:
            chosen.append(run.cut(number - run.number, number - run.number + 1))
    return chosen


def _run_with(runs: Sequence[RecordRow], number: int, path: str) -> RecordRow:
    found = next((run for run in runs if run.number <= number < run.number + run.count), None)
    if found is None:
        raise Conflict(f"{path}: no failed record that is open has this number.", path=path)
    return found


async def given_records(
    service: Service, first: JobRow, chosen: Sequence[RecordRow], replace: Mapping[str, dict[str, Any]]
) -> GivenRecords:
    """Return the description of the records that a retry gets; `first` is the first run."""
    since = {
        str(table["name"]): str(table["changedSince"])
        async for result in results_of(service, first)
        for table in (result.get("input") or {}).get("tables", [])
        if table.get("changedSince")
    }
    runs = [
        RecordRun(
            path=f"{service.runs.loader.places.work_path(run.job_id)}/{run.path}",
            row=run.row or None,
            line=run.line,
            count=run.count,
            number=run.number,
        )
        for run in chosen
    ]
    return GivenRecords(runs=runs, replace=dict(replace), since=since)


async def jobs_with_records(service: Service, row: JobRow) -> list[JobRow]:
    """Return the jobs, among a job and its descendants, with records for a retry."""
    found: dict[int, JobRow] = {}
    for run in await known_records(service, row):
        if run.standing == "open":
            job = await _first_run(service, run)
            found[job.id] = job
    return list(found.values())


async def _is_part(service: Service, job: JobRow) -> bool:
    """Return whether a job is a part of a split job."""
    specs = await service.store.specs([job.spec_hash or ""])
    return read_specification(specs[job.spec_hash or ""]).part is not None


async def _first_run(service: Service, run: RecordRow) -> JobRow:
    job = await job_row(service, run.job_id)
    while await _is_part(service, job):
        job = await job_row(service, job.parent_id or 0)
    if run.retry_id is not None:
        retry = await job_row(service, run.retry_id)
        if retry.type in (JobType.STANDARD, JobType.RETRY):
            return await job_row(service, retry.retry_of_id or retry.id)
    container = None if job.relation != "strong" else await job_row(service, job.parent_id or 0)
    return container if container is not None and container.type == JobType.RETRY else job

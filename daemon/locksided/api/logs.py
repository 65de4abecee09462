"""`job.log` and `job.report`: what a job writes, read from any frame on, and what it says of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
from anyio import to_thread

from lockside.protocol import params as p
from locksided.actors.broker import Changes
from locksided.api.reading import job_row
from locksided.api.rights import check_may_act
from locksided.api.service import Service
from locksided.core import inputs as i
from locksided.core.errors import NotFound
from locksided.core.model import JobType
from locksided.core.transitions import FINAL
from locksided.joblog.reader import Gap, Item, Page, read_page
from locksided.joblog.view import STREAMS, wire_frame
from locksided.runner.logranges import LogRange
from locksided.server.calls import Call
from locksided.store.rows import JobRow

_BEYOND_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Part:
    """What was read of a log; after a complete one nothing more will come.

    `more_from` is the frame that tells of more: beyond all of them while the row has not begun.
    """

    items: tuple[Item, ...]
    next_offset: int
    is_complete: bool
    more_from: int


def part_of(page: Page, wanted: LogRange, *, is_final: bool) -> Part:
    """Of a page what lies in the range; behind its end there is nothing to wait for."""
    items = tuple(item for item in page.items if _first(item) in wanted)
    if wanted.end is not None and (page.at_end or page.next_offset >= wanted.end):
        return Part(items, min(page.next_offset, wanted.end), is_complete=True, more_from=page.next_offset)
    return Part(items, page.next_offset, is_final and page.at_end, page.next_offset)


def _first(item: Item) -> int:
    return item.from_seq if isinstance(item, Gap) else item.seq


def _is_meant(row: JobRow, child: JobRow, row_id: str | None) -> bool:
    match JobType(row.type):
        case JobType.CONTAINER:
            return child.relation == "strong" and row_id is not None and child.creator_id == row_id
        case JobType.RETRY:
            return child.relation == "strong"
        case _:
            return False


class LogMethods:
    """`job.log`, `job.report`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handlers(self) -> dict[str, Callable[[Call, Any], Any]]:
        """Each method's handler."""
        return {"job.log": self.log, "job.report": self.report}

    async def log(self, _call: Call, params: p.JobLog) -> dict[str, Any]:
        """Frames from `offset` on, of the job or of one row; with `waitSeconds` held until there are some.

        A row of a container is a job of its own, and a retried job's log is that of its last attempt.
        """
        row, only = await self._meant(self._service.job_id(params.id), params.row)
        with self._service.broker.changes_of([row.id]) as changes:
            row = await job_row(self._service, row.id)
            page = await self._read(row, only, params)
            with anyio.move_on_after(params.wait_seconds):
                while not page.items and not page.is_complete:
                    await self._more(row, page.more_from, changes)
                    row = await job_row(self._service, row.id)
                    page = await self._read(row, only, params)
        return {
            "frames": [wire_frame(item, raw=params.raw) for item in page.items],
            "nextOffset": page.next_offset,
            "isComplete": page.is_complete,
        }

    async def _meant(self, job_id: int, row_id: str | None) -> tuple[JobRow, str | None]:
        """The job whose log is meant, and which of its rows alone."""
        row = await job_row(self._service, job_id)
        while row.type != JobType.STANDARD:
            children = await self._service.store.children(row.id)
            found = [child for child in children if _is_meant(row, child, row_id)]
            if not found:
                if row_id is not None and row.type == JobType.CONTAINER:
                    raise NotFound(f"Job {row.id} runs no row {row_id!r}.", path="$.row")
                break
            row_id = None if row.type == JobType.CONTAINER else row_id
            row = found[-1]
        return row, row_id

    async def _read(self, row: JobRow, only: str | None, params: p.JobLog) -> Part:
        folder = str(self._service.state_dir.log(row.id))
        stream = None if params.stream is None else STREAMS[params.stream.value]
        is_final = row.status in FINAL
        wanted: LogRange | None = LogRange(0, None)
        if only is not None:
            wanted = await self._service.workshop.frames_of_row(row.id, only)
        if wanted is None:
            return Part((), params.offset, is_final, _BEYOND_ALL)

        def read() -> Page:
            return read_page(folder, max(params.offset, wanted.begin), limit=params.limit, stream=stream)

        return part_of(await to_thread.run_sync(read), wanted, is_final=is_final)

    async def _more(self, row: JobRow, offset: int, changes: Changes) -> None:
        """Wait until the log may have grown past `offset`, or something happened to the job."""
        async with anyio.create_task_group() as tasks:

            async def changed() -> None:
                await changes.take()
                tasks.cancel_scope.cancel()

            tasks.start_soon(changed)
            if row.start_token is not None:
                await self._service.executors.grown(row.start_token, offset)
                tasks.cancel_scope.cancel()

    async def report(self, _call: Call, params: p.JobReport) -> dict[str, Any]:
        """What a running job says of its progress; its token proves that it is the job."""
        job_id = params.token.partition("-")[0]
        row = await self._service.store.job_row(int(job_id)) if job_id.isdecimal() else None
        if row is None or row.start_token != params.token:
            raise NotFound("No running job has this token.", path="$.token")
        check_may_act(self._service, _call.principal, row)
        await self._service.scheduler.ask(i.Progressed(row.id, params.token, params.progress, params.message))
        return {"job": str(row.id)}

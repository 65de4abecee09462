"""`job.log` and `job.report`: what a job writes, read from any frame on, and what it says of itself."""

from collections.abc import Callable
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
from locksided.core.transitions import FINAL
from locksided.joblog.reader import Page, read_page
from locksided.joblog.view import STREAMS, wire_frame
from locksided.server.calls import Call
from locksided.store.rows import JobRow


class LogMethods:
    """`job.log`, `job.report`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handlers(self) -> dict[str, Callable[[Call, Any], Any]]:
        """Each method's handler."""
        return {"job.log": self.log, "job.report": self.report}

    async def log(self, _call: Call, params: p.JobLog) -> dict[str, Any]:
        """Frames from `offset` on. With `waitSeconds` it is held until there are some."""
        job_id = self._service.job_id(params.id)
        with self._service.broker.changes_of([job_id]) as changes:
            row = await job_row(self._service, job_id)
            page = await self._read(row, params)
            with anyio.move_on_after(params.wait_seconds):
                while not page.items and row.status not in FINAL:
                    await self._more(row, page.next_offset, changes)
                    row = await job_row(self._service, job_id)
                    page = await self._read(row, params)
        return {
            "frames": [wire_frame(item, raw=params.raw) for item in page.items],
            "nextOffset": page.next_offset,
            "isComplete": row.status in FINAL and page.at_end,
        }

    async def _read(self, row: JobRow, params: p.JobLog) -> Page:
        folder = str(self._service.state_dir.log(row.id))
        stream = None if params.stream is None else STREAMS[params.stream.value]

        def read() -> Page:
            return read_page(folder, params.offset, limit=params.limit, stream=stream)

        return await to_thread.run_sync(read)

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

"""`job.log` and `job.report`: a job's output, read from any frame on, and its own progress reports.

The log of a retried job consists of its attempts' logs in order: frame numbers continue from one to the next.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio

from lockside.documents.enums import JobType
from lockside.documents.times import time_text
from lockside.protocol.methods import output as p
from lockside.protocol.words import Role
from locksided import clock, threads
from locksided.actors.broker import Changes
from locksided.api.job_reads import job_row
from locksided.api.paging import listed
from locksided.api.rights import check_may_act
from locksided.api.service import HandlerGroup, Service
from locksided.core import inputs as i
from locksided.core.errors import NotFound
from locksided.core.transitions import FINAL
from locksided.joblog.reader import Gap, Item, Page, read_page
from locksided.keeper.gelf.messages import CAMOUFLAGED
from locksided.keeper.log.format import GELF, MARK, STDERR, STDOUT, Frame, read_gelf, read_mark
from locksided.runs.log_ranges import LogRange
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.paging import Slice
from locksided.store.rows import JobRow

STREAMS = {"stdout": STDOUT, "stderr": STDERR, "gelf": GELF}
_STEP = {"step": int, "total": int, "row": str, "kind": str, "component": str, "operation": str}
_NAMES = {number: name for name, number in STREAMS.items()}


def wire_frame(item: Item, *, raw: bool, for_admin: bool = False) -> dict[str, Any]:
    """Return one frame in wire form; a mark has no text, but says which step begins.

    Bytes that are not UTF-8 become U+FFFD in `text`; with `raw` everything is in `data`. Content for admins
    is shown only to admins.
    """
    time = time_text(item.time_us)
    if isinstance(item, Gap):
        dropped = {"bytes": item.size_bytes, "fromSeq": item.from_seq, "toSeq": item.to_seq}
        return {"seq": item.from_seq, "time": time, "stream": None, "dropped": dropped}
    frame = {"seq": item.seq, "time": time, "stream": _NAMES.get(item.stream)}
    if item.stream == MARK:
        return {**frame, "step": _step(read_mark(item.payload) or {})}
    payload = item.payload
    if item.stream == GELF and (message := read_gelf(payload)) is not None:
        is_shown = for_admin or not message.for_admins
        frame |= {"level": message.level, "fields": message.fields if is_shown else {}}
        payload = message.text.removesuffix(b"\n") if is_shown else CAMOUFLAGED.encode()
    if raw:
        return {**frame, "data": b64encode(payload).decode()}
    return {**frame, "text": payload.decode("utf-8", "replace")}


def _step(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a mark; a job with access to its log's folder may have written anything there."""
    return {name: value if type(value := said.get(name)) is kind else None for name, kind in _STEP.items()}


_BEYOND_ALL = 2**62


@dataclass(frozen=True, slots=True)
class LogSource:
    """The job whose log has a frame: `before` is the number of frames in earlier attempts, `behind` that of
    its own frames if another attempt follows.

    `only` is one of several rows. The log is complete when job `judge_id` is final.
    """

    job_id: int
    only: str | None
    before: int
    behind: int | None
    judge_id: int


@dataclass(frozen=True, slots=True)
class LogPart:
    """Frames read from a source, counted from the source's first frame.

    `at_end` says that this source will have no more; `more_from` is the frame to wait for.
    """

    items: tuple[Item, ...]
    next_offset: int
    at_end: bool
    more_from: int


def part_of(page: Page, wanted: LogRange, *, is_final: bool) -> LogPart:
    """Return the part of a page in the range; after the range's end there is nothing to wait for."""
    items = tuple(item for item in page.items if _first(item) in wanted)
    if wanted.end is not None and (page.at_end or page.next_offset >= wanted.end):
        return LogPart(items, min(page.next_offset, wanted.end), at_end=True, more_from=_BEYOND_ALL)
    return LogPart(items, page.next_offset, is_final and page.at_end, page.next_offset)


def _first(item: Item) -> int:
    return item.from_seq if isinstance(item, Gap) else item.seq


def _without_first_mark(part: LogPart, begin: int) -> LogPart:
    """Return a row's log without the mark of its own beginning, which is redundant for one row."""
    first = part.items[0] if part.items else None
    is_mark = isinstance(first, Frame) and first.stream == MARK and first.seq == begin
    return replace(part, items=part.items[1:]) if is_mark else part


def _answer(
    source: LogSource,
    part: LogPart,
    line_bytes: int,
    shown: Callable[[Item], dict[str, Any]],
    *,
    is_over: bool,
) -> dict[str, Any]:
    """Return the frames that fit into a line, and where to continue."""
    found = Slice(list(part.items), False, lambda _: "")
    view = listed("frames", found, lambda item: _behind(shown(item), source.before), line_bytes)
    left = part.items[len(view["frames"]) :]
    offset = source.before + (_first(left[0]) if left else part.next_offset)
    return {"frames": view["frames"], "nextOffset": offset, "isComplete": is_over and not left}


def _behind(frame: dict[str, Any], before: int) -> dict[str, Any]:
    """Return a frame with its number after those of earlier attempts."""
    frame = {**frame, "seq": frame["seq"] + before}
    if "dropped" in frame:
        gap = frame["dropped"]
        frame["dropped"] = {**gap, "fromSeq": gap["fromSeq"] + before, "toSeq": gap["toSeq"] + before}
    return frame


class LogMethods(HandlerGroup):
    """`job.log`, `job.report`."""

    @handler
    async def log(self, call: Call, params: p.JobLog) -> dict[str, Any]:
        job_id, offset = self._service.job_id(params.id), params.offset
        if params.tail is not None:
            offset = max(offset, await self._length(job_id, params.row) - params.tail)
        until_us = clock.boot_us() + round(params.wait_seconds * clock.SECOND_US)
        while True:
            source = await source_of(self._service, job_id, params.row, offset)
            with self._service.broker.changes_of([source.job_id]) as changes:
                row = await job_row(self._service, source.job_id)
                judge = row
                if source.judge_id != source.job_id:
                    judge = await job_row(self._service, source.judge_id)
                async with call.connection.turn():
                    part = await self._read(row, source, params, offset)
                is_over = part.at_end and (judge is row or (source.behind is None and judge.status in FINAL))
                if part.items or is_over:
                    return self._page(call, source, part, params, is_over=is_over)
                if part.at_end and row.status in FINAL:
                    offset = source.before + (source.behind or part.next_offset)
                    continue  # another attempt continues the log
                with clock.move_on_after((until_us - clock.boot_us()) / clock.SECOND_US) as waiting:
                    await self._more(row, part.more_from, changes)
                if waiting.cancelled_caught:
                    return self._page(call, source, part, params, is_over=False)

    async def _length(self, job_id: int, row_id: str | None) -> int:
        """Return the number of frames so far."""
        source = await source_of(self._service, job_id, row_id, _BEYOND_ALL)
        length = await self._service.runs.log_length(source.job_id)
        if source.only is not None:
            wanted = await self._service.runs.log_range_of_row(source.job_id, source.only)
            length = length if wanted is None or wanted.end is None else min(length, wanted.end)
        return source.before + length

    def _page(
        self, call: Call, source: LogSource, part: LogPart, params: p.JobLog, *, is_over: bool
    ) -> dict[str, Any]:
        shown = partial(wire_frame, raw=params.raw, for_admin=call.principal.role is Role.ADMIN)
        return _answer(source, part, self._service.line_bytes, shown, is_over=is_over)

    async def _read(self, row: JobRow, source: LogSource, params: p.JobLog, offset: int) -> LogPart:
        folder = self._service.runs.loader.folder(row.id).log
        stream = None if params.stream is None else STREAMS[params.stream.value]
        is_final, begin = row.status in FINAL, max(offset - source.before, 0)
        wanted: LogRange | None = LogRange(0, None)
        if source.only is not None:
            wanted = await self._service.runs.log_range_of_row(row.id, source.only)
        if wanted is None:
            return LogPart((), begin, is_final, _BEYOND_ALL)

        def read() -> Page:
            return read_page(
                folder, max(begin, wanted.begin), limit=params.limit, stream=stream, level=params.level
            )

        part = part_of(await threads.run_sync(read), wanted, is_final=is_final)
        return part if source.only is None else _without_first_mark(part, wanted.begin)

    async def _more(self, row: JobRow, offset: int, changes: Changes) -> None:
        """Wait until the log may have grown past `offset`, or the job changed."""
        async with anyio.create_task_group() as tasks:

            async def changed() -> None:
                await changes.take()
                tasks.cancel_scope.cancel()

            tasks.start_soon(changed)
            if row.start_token is not None:
                await self._service.backend.log_grown(row.start_token, offset)
                tasks.cancel_scope.cancel()

    @handler
    async def report(self, _call: Call, params: p.JobReport) -> dict[str, Any]:
        job_id = self._service.job_id(params.token.partition("-")[0], "$.token")
        row = await self._service.store.job_row(job_id)
        if row is None or row.start_token != params.token:
            raise NotFound("No running job has this token.", path="$.token")
        check_may_act(self._service, _call.principal, row)
        await self._service.scheduler.ask(i.Progressed(row.id, params.token, params.progress, params.message))
        return {"job": str(row.id)}


async def source_of(service: Service, job_id: int, row_id: str | None, offset: int) -> LogSource:
    """Return the source of frame `offset` of a job's or row's log. Raises NotFound for an unknown row."""
    row = await job_row(service, job_id)
    if row.type == JobType.CONTAINER and row_id is not None:
        row, row_id = await _child_of_row(service, row, row_id), None
    if row.type == JobType.RETRY:
        return await _attempt(service, row, row_id, offset)
    return LogSource(row.id, row_id, 0, None, row.id)


async def _child_of_row(service: Service, row: JobRow, row_id: str) -> JobRow:
    for child in await service.store.parts(row.id):
        if child.creator_id == row_id:
            return child
    raise NotFound(f"Job {row.id} runs no row {row_id!r}.", path="$.row")


async def _attempt(service: Service, row: JobRow, row_id: str | None, offset: int) -> LogSource:
    attempts = await service.store.parts(row.id)
    if not attempts:  # it has not started and has no output
        return LogSource(row.id, row_id, 0, None, row.id)
    before = 0
    for attempt in attempts[:-1]:
        length = await service.runs.log_length(attempt.id)
        if offset < before + length:
            return LogSource(attempt.id, row_id, before, length, row.id)
        before += length
    return LogSource(attempts[-1].id, row_id, before, None, row.id)

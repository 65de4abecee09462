"""The log of a job: its end beside the job, all of it page by page, and as a file."""

from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from lockside.cli.jobs.log_lines import LineMaker, LogLine, last_state
from lockside.cli.terminal.sanitize import shown_log
from lockside.log_text import bytes_of
from lockside.web.pages.desk import Desk

Json = dict[str, Any]

TAIL_LINES: Final = 60
TAIL_FRAMES: Final = 300
PAGE_FRAMES: Final = 500
MOST_CHARACTERS: Final = 64 * 1024
LONGEST_LINE: Final = 4_000


def shown_line(line: LogLine) -> Json:
    """A line as pages and streams show it; a very long one is cut."""
    text = shown_log(last_state(line.text), coloured=False)
    if len(text) > LONGEST_LINE:
        text = f"{text[:LONGEST_LINE]} … and {len(text) - LONGEST_LINE:,} characters more"
    return {"seq": line.frame["seq"], "time": line.time, "stream": line.stream or "mark", "text": text}


def last_of(lines: list[Json], most: int) -> list[Json]:
    """The last lines that have no more than so many characters together."""
    room = MOST_CHARACTERS
    for place in range(len(lines) - 1, -1, -1):
        room -= len(lines[place]["text"]) + 1
        if room < 0 or len(lines) - place > most:
            return lines[place + 1 :]
    return lines


async def log_tail(desk: Desk, job: str | None) -> Json:
    """The last lines of a job so far, and the frame behind them."""
    if job is None:
        return {"job": None, "lines": [], "rest": "", "next": 0, "is_whole": True, "is_over": True}
    page = await desk.call("job.log", id=job, tail=TAIL_FRAMES)
    maker = LineMaker(job)
    made = [line for frame in page["frames"] for line in maker.take(frame)]
    rest, after = "", page["nextOffset"]
    begun = None if page["isComplete"] else maker.unfinished_from()
    if begun is not None and all(line.frame["seq"] < begun for line in made):
        rest, after = maker.unfinished()[-LONGEST_LINE:], begun  # whoever goes on gets the line as a whole
    else:
        made += maker.rest()
    lines = [shown_line(line) for line in made]
    shown = last_of(lines, TAIL_LINES)
    starts = page["frames"][0]["seq"] if page["frames"] else 0
    return {
        "job": job,
        "lines": shown,
        "rest": shown_log(rest, coloured=False),
        "next": after,
        "is_whole": not starts and len(shown) == len(lines),
        "is_over": page["isComplete"],
    }


def _lines(job: str, page: Json) -> list[Json]:
    maker = LineMaker(job)
    made = [line for frame in page["frames"] for line in maker.take(frame)]
    return [shown_line(line) for line in (*made, *maker.rest())]


async def log(desk: Desk) -> Response:
    """The page `/jobs/ID/log`."""
    query = desk.request.query_params
    job = await desk.call("job.get", id=desk.request.path_params["id"])
    offset = int(query["offset"]) if query.get("offset", "").isdecimal() else 0
    stream = query.get("stream") or None
    page = await desk.call(
        "job.log", id=job["id"], offset=offset, limit=PAGE_FRAMES, stream=stream, row=query.get("row") or None
    )
    return desk.page(
        "log.html",
        job=job,
        lines=_lines(job["id"], page),
        offset=offset,
        earlier=max(offset - PAGE_FRAMES, 0),
        later=page["nextOffset"] if len(page["frames"]) and page["nextOffset"] > offset else None,
        is_complete=page["isComplete"],
        stream=stream,
    )


async def download(desk: Desk) -> Response:
    """The whole log so far, byte for byte."""
    job = await desk.call("job.get", id=desk.request.path_params["id"], fields=["id"])

    async def parts() -> AsyncIterator[bytes]:
        offset = 0
        while True:
            page = await desk.call("job.log", id=job["id"], offset=offset, raw=True)
            yield b"".join(bytes_of(frame) for frame in page["frames"] if "data" in frame)
            if page["nextOffset"] == offset:
                return
            offset = page["nextOffset"]

    headers = {"Content-Disposition": f'attachment; filename="job-{job["id"]}.log"'}
    return StreamingResponse(parts(), media_type="application/octet-stream", headers=headers)

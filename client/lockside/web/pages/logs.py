"""The log of a job: its end on the job's page, its pages, the lines found by a search, and as a file."""

from collections import Counter
from collections.abc import AsyncIterator
from operator import itemgetter
from time import monotonic
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from lockside.cli import times
from lockside.cli.jobs.log_lines import LineMaker, LogLine, last_state
from lockside.cli.terminal.sanitize import shown_log
from lockside.errors import InvalidParams
from lockside.log_text import bytes_of
from lockside.web.pages.desk import Desk

Json = dict[str, Any]
Place = tuple[int, int]
"""A frame, and the index of a line among those that begin in it."""
Placed = tuple[Place, LogLine]
Most = tuple[int, int]

FRAMES: Final = (4, 300)
"""The numbers of frames requested: first few, because one has up to 64 KiB, then many."""
MOST_CHARACTERS: Final = 64 * 1024
WHOLE_PAGE: Final = (MOST_CHARACTERS, MOST_CHARACTERS)
TAIL: Final = (60, 16 * 1024)
"""The most lines and characters: on a page of a log, and of the end on the job's page."""
LONGEST_LINE: Final = 4_000
SEARCHED_FRAMES: Final = 1000
SEARCH_SECONDS: Final = 5.0
MOST_FOUND: Final = 200
LONGEST_NUMBER: Final = 15
_LINE_CHARACTERS: Final = 40
"""The size of a line on a page beside its text."""


def shown_line(line: LogLine) -> Json:
    """Return a line for pages and streams; a very long one is cut."""
    text = shown_log(last_state(line.text), coloured=False)
    if len(text) > LONGEST_LINE:
        text = f"{text[:LONGEST_LINE]} … and {len(text) - LONGEST_LINE:,} characters more"
    return {"seq": line.frame["seq"], "time": line.time, "stream": line.stream or "mark", "text": text}


def last_of(lines: list[Json], most: int) -> list[Json]:
    """Return the last lines that have at most so many characters together."""
    room = MOST_CHARACTERS
    for place in range(len(lines) - 1, -1, -1):
        room -= len(lines[place]["text"]) + 1
        if room < 0 or len(lines) - place > most:
            return lines[place + 1 :]
    return lines


def _place(text: str | None) -> Place | None:
    """Return the place named in a URL: `17`, or `17.300` for a line inside a frame."""
    seq, _, line = (text or "").partition(".")
    if not seq.isdecimal() or len(seq) > LONGEST_NUMBER or len(line) > LONGEST_NUMBER:
        return None
    return int(seq), int(line) if line.isdecimal() else 0


def _named(place: Place) -> str:
    return f"{place[0]}.{place[1]}" if place[1] else str(place[0])


def _placed(job: str, page: Json, *, is_all: bool) -> tuple[list[Placed], Place]:
    """Return the lines of a page with places, and the place after them; `is_all`: unfinished ones, too."""
    maker, counts, placed = LineMaker(job), Counter[int](), list[Placed]()

    def put(line: LogLine) -> None:
        seq = int(line.frame["seq"])
        placed.append(((seq, counts[seq]), line))
        counts[seq] += 1

    for frame in page["frames"]:
        for line in maker.take(frame):
            put(line)
    begun = None if is_all else maker.unfinished_from()
    for line in maker.rest() if is_all else ():
        put(line)
    placed.sort(key=itemgetter(0))
    return placed, (int(page["nextOffset"]), 0) if begun is None else (begun, counts[begun])


def _fitting(placed: list[Placed], room: int = MOST_CHARACTERS) -> int:
    """Return how many of the lines have at most so many characters together; at least one."""
    for count, (_, line) in enumerate(placed):
        room -= min(len(line.text), LONGEST_LINE) + _LINE_CHARACTERS
        if room < 0:
            return max(count, 1)
    return len(placed)


def _shown(placed: list[Placed]) -> list[Json]:
    """Return the lines for the page; the first of each frame and of the page can be linked to."""
    lines = [shown_line(line) for _, line in placed]
    for count, (place, _) in enumerate(placed):
        if not count or not place[1]:
            lines[count]["at"] = _named(place)
    return lines


async def log_tail(desk: Desk, job: str | None) -> Json:
    """Return the last lines of a job so far, and the frame after them."""
    if job is None:
        return {"job": None, "lines": [], "rest": "", "next": 0, "earlier": None, "is_over": True}
    return {"job": job, **await _end(desk, job, {}, TAIL)}


def _so_far(job: str, page: Json) -> tuple[list[LogLine], str, int]:
    """Return the lines of a page, the unfinished last line, and the frame from which to read it again."""
    maker = LineMaker(job)
    made = [line for frame in page["frames"] for line in maker.take(frame)]
    begun = None if page["isComplete"] else maker.unfinished_from()
    if begun is not None and all(line.frame["seq"] < begun for line in made):
        return made, shown_log(maker.unfinished()[-LONGEST_LINE:], coloured=False), begun
    return [*made, *maker.rest()], "", page["nextOffset"]


def _size(page: Json) -> int:
    """Return the size of the text after the first frame, which may only lead to the wanted lines."""
    return sum(len(frame.get("text", "")) for frame in page["frames"][1:])


async def _last_frames(desk: Desk, job: str, filters: Json, before: int | None = None) -> Json:
    """Return the last frames, or those up to one: enough to fill a page, if there are so many."""
    page: Json = {}
    for count in FRAMES:
        begin = 0 if before is None else max(before + 1 - count, 0)
        part = {"tail": count} if before is None else {"offset": begin, "limit": count}
        page = await desk.call("job.log", id=job, **part, **filters)
        if _size(page) > MOST_CHARACTERS or (before is not None and not begin):
            break
    return page


async def log(desk: Desk) -> Response:
    """Return the page `/jobs/ID/log`: its end, the lines before or after a place, or those found."""
    query = desk.query
    job = await desk.call("job.get", id=desk.request.path_params["id"])
    filters = {name: query.get(name) or None for name in ("stream", "row")}
    begin, before, fault = _place(query.get("offset")), _place(query.get("to")), None
    try:
        if query.get("since"):
            begin = (await _frame_at(desk, job["id"], query["since"]), 0)
    except InvalidParams as problem:
        fault = problem
    if query.get("search"):
        shown = await _found(desk, job["id"], query["search"], begin[0] if begin else 0, filters)
    elif begin is not None:
        shown = await _behind(desk, job["id"], begin, filters)
    elif before is not None:
        shown = await _before(desk, job["id"], before, filters)
    else:
        shown = await _end(desk, job["id"], filters)
    return desk.page("log.html", 400 if fault else 200, job=job, log=shown, fault=fault, **filters)


async def _behind(desk: Desk, job: str, begin: Place, filters: Json) -> Json:
    """Return a page of lines from a place, read from a frame earlier, whose last line may continue."""
    page: Json = {}
    for most in FRAMES:
        page = await desk.call("job.log", id=job, offset=max(begin[0] - 1, 0), limit=most, **filters)
        if len(page["frames"]) < most or _size(page) > MOST_CHARACTERS:
            break
    placed, after = _placed(job, page, is_all=page["isComplete"])
    placed = [one for one in placed if one[0] >= begin]
    count = _fitting(placed)
    is_over = page["isComplete"] and count == len(placed)
    later = placed[count][0] if count < len(placed) else max(after, begin)
    if not placed and later == begin and page["nextOffset"] > begin[0]:
        later = (page["nextOffset"], 0)  # all of it belongs to one long line
    has_later = not is_over and (count < len(placed) or later != begin)
    return {
        "lines": _shown(placed[:count]),
        "earlier": _named(begin) if begin > (0, 0) else None,
        "later": _named(later) if has_later else None,
        "is_over": is_over,
    }


async def _before(desk: Desk, job: str, end: Place, filters: Json) -> Json:
    """Return a page of lines that ends before a place."""
    page = await _last_frames(desk, job, filters, before=end[0])
    placed, _ = _placed(job, page, is_all=True)
    lines, earlier = _last_page(page, [one for one in placed if one[0] < end])
    return {"lines": lines, "earlier": earlier, "later": _named(end), "is_over": False}


async def _end(desk: Desk, job: str, filters: Json, most: Most = WHOLE_PAGE) -> Json:
    """Return the last lines so far, and what to follow; `next` is the frame after them."""
    page = await _last_frames(desk, job, filters)
    _, rest, after = _so_far(job, page)
    placed, _ = _placed(job, page, is_all=not rest)
    lines, earlier = _last_page(page, placed, most)
    more = {"rest": rest, "next": after, "is_over": page["isComplete"], "is_end": True}
    return {"lines": lines, "earlier": earlier, "later": None} | more


def _last_page(page: Json, placed: list[Placed], most: Most = WHOLE_PAGE) -> tuple[list[Json], str | None]:
    """Return the last lines that fit, and where they begin unless that is the log's beginning.

    The first frame read may begin inside a line, so its lines are left to the previous page.
    """
    first = page["frames"][0]["seq"] if page["frames"] else 0
    whole = [one for one in placed if one[0][0] > first] if first else placed
    kept = whole or placed
    shown = kept[len(kept) - min(_fitting(kept[::-1], most[1]), most[0]) :]
    begin = shown[0][0] if shown else (first, 0)
    return _shown(shown), _named(begin) if begin > (0, 0) else None


async def _frame_at(desk: Desk, job: str, text: str) -> int:
    """Return the first frame written at a time or later. Raises InvalidParams."""
    try:
        at = times.wire(times.since(text.strip(), times.now()))
    except ValueError as problem:
        raise InvalidParams(str(problem), data={"path": "$.since"}) from None
    last = await desk.call("job.log", id=job, tail=1)
    low, high = 0, int(last["nextOffset"])
    while low < high:
        middle = (low + high) // 2
        frames = (await desk.call("job.log", id=job, offset=middle, limit=1))["frames"]
        if frames and frames[0]["time"] < at:
            low = max(middle, int(frames[0]["seq"])) + 1
        else:
            high = middle
    return low


async def _found(desk: Desk, job: str, text: str, begin: int, filters: Json) -> Json:
    """Return the lines that contain a text, ignoring case; a long log is searched in pieces."""
    maker, counts, wanted, found = LineMaker(job), Counter[int](), text.casefold(), list[Json]()
    until, offset, is_over = monotonic() + SEARCH_SECONDS, begin, False
    while len(found) < MOST_FOUND and monotonic() < until and not is_over:
        page = await desk.call("job.log", id=job, offset=offset, limit=SEARCHED_FRAMES, **filters)
        made = [line for frame in page["frames"] for line in maker.take(frame)]
        is_over = page["isComplete"] or page["nextOffset"] == offset
        made += maker.rest() if is_over else ()
        for line in made:
            seq = int(line.frame["seq"])
            if wanted in line.text.casefold():
                found.append(shown_line(line) | {"at": _named((seq, counts[seq]))})
            counts[seq] += 1
        offset = page["nextOffset"]
    later = None if is_over else max(maker.unfinished_from() or offset, begin + 1)
    return {"lines": found, "later": later, "is_over": is_over, "search": text}


async def download(desk: Desk) -> Response:
    """Return the whole log so far, byte for byte."""
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

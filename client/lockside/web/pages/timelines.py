"""When a job and all below it waited and ran: a chart and its figures, for all the time or a part."""

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from lockside.cli import times
from lockside.cli.jobs import describe
from lockside.cli.jobs.history import WAIT_KINDS, waits
from lockside.cli.jobs.row_times import rows_of
from lockside.cli.jobs.timeline import Bar, Timeline
from lockside.web.pages.desk import Asking, Desk
from lockside.web.pages.overview import BRIEF

Json = dict[str, Any]

MOST_BARS: Final = 150
MOST_WAITS: Final = 20
"""The number of jobs, those that waited longest, whose reasons are shown."""
_NOTABLE_WAIT_SECONDS: Final = 0.5
_LEAST_SECONDS: Final = 0.001
_FIELDS: Final = [
    *(*BRIEF, "queueSeconds", "reasons", "lockKey", "dependsOn", "delayedStartTime", "relation", "needs"),
    *("stageTimestamps", "configVersion", "configRowIds", "branchId", "uuid"),
]


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a timeline that is shown, in seconds from its zero."""

    begin: float
    end: float

    @classmethod
    def read(cls, asked: tuple[str | None, str | None], whole: float) -> "Window":
        """Return the part given in the URL, else all of it."""
        begin = min(max(_seconds(asked[0], 0.0), 0.0), whole)
        end = min(max(_seconds(asked[1], whole), 0.0), whole)
        return cls(begin, end) if end - begin >= _LEAST_SECONDS else cls(0.0, whole)

    def percent(self, at: float) -> float:
        """Return the position of a time, from 0 to 100."""
        return round(min(max((at - self.begin) / (self.end - self.begin), 0.0), 1.0) * 100, 2)

    def moved(self, by: float, scale: float, whole: float) -> Json | None:
        """Return the query of this part shifted by a share of its length, or scaled; None if equal."""
        length = min((self.end - self.begin) * scale, whole)
        begin = self.begin + (self.end - self.begin) * (by + (1 - scale) / 2)
        begin = min(max(begin, 0.0), whole - length)
        if (begin, begin + length) == (self.begin, self.end):
            return None
        return {"from": f"{begin:.3f}", "to": f"{begin + length:.3f}"}


def _seconds(text: str | None, usual: float) -> float:
    try:
        return float(text or usual)
    except ValueError:
        return usual


async def timeline(desk: Desk) -> Response:
    """Return the page `/jobs/ID/timeline`."""
    root = await desk.call("job.get", id=desk.request.path_params["id"])
    found = await desk.call(
        "job.list",
        runIdPrefix=root["runId"],
        order="asc",
        limit=MOST_BARS,
        count=True,
        fields=_FIELDS,
        expand=["configData"],
    )
    rows = await desk.told(rows_of, root) if len(found["jobs"]) == 1 else []
    drawn = Timeline(found["jobs"] or [root], times.now(), rows)
    window = Window.read((desk.query.get("from"), desk.query.get("to")), drawn.seconds)
    bars = [bar for bar in drawn.bars if bar.end >= window.begin and bar.created <= window.end]
    return desk.page(
        "timeline.html",
        job=root,
        drawn=drawn,
        window=window,
        left_out=found["total"] - len(found["jobs"]),
        bars=[(bar, len(bar.lines) // 3, _shape(window, bar)) for bar in bars],
        ticks=[(window.percent(at), text) for at, text in drawn.ticks(6, window.begin, window.end)],
        waits=await desk.told(_waits, found["jobs"]),
        zooms=_zooms(window, drawn.seconds),
    )


def _zooms(window: Window, whole: float) -> list[tuple[str, Json]]:
    moves = {
        "Zoom in": window.moved(0, 0.5, whole),
        "Zoom out": window.moved(0, 2, whole),
        "Earlier": window.moved(-0.5, 1, whole),
        "Later": window.moved(0.5, 1, whole),
        "All": None if window == Window(0.0, whole) else {"from": None, "to": None},
    }
    return [(word, query) for word, query in moves.items() if query]


def _shape(window: Window, bar: Bar) -> Json:
    """Return the positions of the waiting and the running of a bar, from 0 to 100."""
    created, end = window.percent(bar.created), window.percent(bar.end)
    begin = end if bar.begin is None else window.percent(bar.begin)
    return {
        "created": created,
        "waited": round(begin - created, 2),
        "begin": begin,
        "ran": round(end - begin, 2),
    }


def _waits(asking: Asking, found: list[Json]) -> dict[str, list[str]]:
    """Return the reasons of the jobs that waited longest, in sentences."""
    notable = [job for job in found if float(job.get("queueSeconds") or 0) >= _NOTABLE_WAIT_SECONDS]
    notable.sort(key=lambda job: -float(job["queueSeconds"]))
    sentences = {job["id"]: [describe.detail(job)] for job in found if job["status"] in describe.NOT_STARTED}
    for job in notable[:MOST_WAITS]:
        if job["id"] not in sentences:
            events = asking.call("event.list", job=job["id"], kinds=WAIT_KINDS, limit=100)["events"]
            sentences[job["id"]] = waits(asking, job, events)
    return sentences

"""A job's log as it is printed: frame after frame, stdout and stderr told apart.

Which job is others' business.
"""

from __future__ import annotations

import sys

from lockside.cli.screen import shown_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from lockside.cli.session import Session

    Json = dict[str, Any]

FOLLOW_SECONDS = 25
_PAGE = 500


def frames(
    session: Session, job: str, follow: bool, stream: str | None = None, row: str | None = None
) -> Iterator[Json]:
    """Read a job's frames in order; with `follow`, wait for more until the log is complete."""
    offset = 0
    while True:
        page = session.call_patiently(
            "job.log",
            id=job,
            row=row,
            offset=offset,
            limit=_PAGE,
            stream=stream,
            waitSeconds=FOLLOW_SECONDS if follow else None,
        )
        yield from page["frames"]
        moved = page["nextOffset"] != offset
        offset = page["nextOffset"]
        if page["isComplete"] and not (page["frames"] and moved):
            return
        if not follow and not moved:
            return


class FramePrinter:
    """Prints frames: on a terminal stderr is coloured, elsewhere each stream goes to its own."""

    def __init__(self, session: Session, show_times: bool = False) -> None:
        self._out = session.out
        self._show_times = show_times
        self._at_line_start = {"stdout": True, "stderr": True}

    def show(self, frame: Json) -> None:
        """Print one frame."""
        if self._out.as_json:
            self._out.json_line(frame)
        elif frame.get("dropped"):
            self._dropped(frame["dropped"])
        else:
            self._text(frame)
        self._out.flush()

    def _text(self, frame: Json) -> None:
        stream = str(frame["stream"])
        text = str(frame.get("text") or "")
        target = sys.stderr if stream == "stderr" and not self._out.terminal else sys.stdout
        if target.isatty():
            text = shown_log(text, coloured=self._out.coloured)
        if self._show_times:
            text = self._timed(stream, text, str(frame["time"]))
        if self._out.terminal and stream == "stderr":
            text = "".join(self._coloured(line) for line in text.splitlines(keepends=True))
        target.write(text)
        target.flush()

    def _coloured(self, line: str) -> str:
        body = line.rstrip("\r\n")
        return self._out.paint("yellow", body) + line[len(body) :]

    def _timed(self, stream: str, text: str, time: str) -> str:
        """Put the time before every line that begins in this frame."""
        from lockside.cli.times import parsed

        stamp = f"{parsed(time).astimezone():%H:%M:%S.%f}"[:-3] + "  " if self._out.terminal else time + " "
        lines = text.splitlines(keepends=True)
        starts = [self._at_line_start[stream], *[True] * len(lines)]
        self._at_line_start[stream] = text.endswith("\n")
        return "".join((stamp if fresh else "") + line for line, fresh in zip(lines, starts, strict=False))

    def _dropped(self, dropped: Json) -> None:
        from lockside.cli.times import size

        self._out.line(
            self._out.paint("dim", f"[... {size(dropped['bytes'])} of the log were dropped here ...]")
        )


def last_lines(session: Session, job: str, count: int, stream: str | None = None) -> list[str]:
    """Give the last lines of a job's log so far."""
    from collections import deque

    kept: deque[str] = deque(maxlen=count)
    unfinished = {"stdout": "", "stderr": ""}
    for frame in frames(session, job, follow=False, stream=stream):
        if frame.get("dropped"):
            continue
        name = str(frame["stream"])
        lines = (unfinished[name] + str(frame.get("text") or "")).split("\n")
        unfinished[name] = lines.pop()
        kept.extend(lines)
    kept.extend(rest for rest in unfinished.values() if rest)
    return list(kept)

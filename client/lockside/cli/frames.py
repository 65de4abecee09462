"""A job's log frame by frame, as the daemon gives it, and printed as it is: one job, nothing left out.

Lines of several jobs, searched or timed, are the business of `loglines`.
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
    session: Session,
    job: str,
    follow: bool,
    stream: str | None = None,
    row: str | None = None,
    places: dict[str, int] | None = None,
) -> Iterator[Json]:
    """Read a job's frames in order; with `follow`, wait for more until the log is complete.

    `places` gets, under the job, the offset from which to go on.
    """
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
        if places is not None:
            places[job] = offset
        if page["isComplete"] and not (page["frames"] and moved):
            return
        if not follow and not moved:
            return


class FramePrinter:
    """Prints frames: on a terminal stderr is coloured, elsewhere each stream goes to its own as it is."""

    def __init__(self, session: Session) -> None:
        self._out = session.out

    def show(self, frame: Json) -> None:
        """Print one frame."""
        if self._out.as_json:
            self._out.json_line(frame)
        elif frame.get("dropped"):
            self._out.line(self._out.paint("dim", dropped(frame)))
        else:
            self._text(frame)
        self._out.flush()

    def _text(self, frame: Json) -> None:
        text = str(frame.get("text") or "")
        is_stderr = frame["stream"] == "stderr"
        target = sys.stderr if is_stderr and not self._out.terminal else sys.stdout
        if target.isatty():
            text = shown_log(text, coloured=self._out.coloured)
        if self._out.terminal and is_stderr:
            text = "".join(self._coloured(line) for line in text.splitlines(keepends=True))
        target.write(text)
        target.flush()

    def _coloured(self, line: str) -> str:
        body = line.rstrip("\n")
        return self._out.paint("yellow", body) + line[len(body) :]


def dropped(frame: Json) -> str:
    """Say how much of a log is missing here."""
    from lockside.cli.times import size

    return f"[... {size(frame['dropped']['bytes'])} of the log were dropped here ...]"

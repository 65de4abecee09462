"""Reads and prints a single job's log frame by frame, unchanged. Lines of several jobs, filtered or with
times, are in `log_lines`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Output
from lockside.cli.terminal.sanitize import shown_log
from lockside.log_text import bytes_of, text_of
from lockside.session import each


def frames(
    session: Session,
    job: str,
    follow: bool,
    stream: str | None = None,
    row: str | None = None,
    places: dict[str, int] | None = None,
    *,
    level: int | None = None,
    raw: bool = False,
) -> Iterator[Json]:
    """Read a job's frames in order; with `follow`, wait for more until the log is complete.

    `places` gets, under the job's id, the offset of the next frame. With `raw` frames have bytes in base64.
    """
    asked = {"stream": stream, "row": row, "level": level, "raw": raw or None}
    for page in each(session.engine.log(job, follow=follow, **asked)):
        yield from page["frames"]
        if places is not None:
            places[job] = page["nextOffset"]


def gets_bytes(out: Output) -> bool:
    """Return whether a log is printed byte for byte: to a file or a pipe."""
    return not out.as_json and not out.on_screen


class FramePrinter:
    """Prints the frames of one job for programs: unchanged to stdout and stderr, or as JSON."""

    def __init__(self, session: Session) -> None:
        self._out = session.out

    def show(self, frame: Json) -> None:
        """Print one frame."""
        if self._out.as_json:
            self._out.json_line(frame)
        elif (said := aside(frame)) is not None:
            self._out.line(said)
        else:
            target = sys.stdout if frame["stream"] == "stdout" else sys.stderr
            if "data" in frame and frame["stream"] != "gelf":
                target.buffer.write(bytes_of(frame))
                target.flush()
                return
            text = text_of(frame)
            # With --plain the output may still be a terminal.
            target.write(shown_log(text, coloured=False) if target.isatty() else text)
            target.flush()
        self._out.flush()


def aside(frame: Json) -> str | None:
    """Return the text of a frame without output: the size of a gap, or the step that begins."""
    if frame.get("dropped"):
        from lockside.cli.times import size

        return f"[... {size(frame['dropped']['bytes'])} of the log were dropped here ...]"
    if frame.get("step"):
        return f"[{step_name(frame['step'])}]"
    return None


def step_name(step: Json) -> str:
    """Return the name of a step: its number, its row and what it runs."""
    of = f" of {step['total']}" if step.get("total") else ""
    row = f"row {step['row']}, " if step.get("row") else ""
    what = step.get("operation") or f"{step.get('kind')} {step.get('component')}"
    return f"step {step.get('step')}{of}: {row}{what}"

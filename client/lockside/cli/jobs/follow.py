"""`run --follow`: the live log, progress and children, then the result."""

from __future__ import annotations

from time import monotonic

from lockside.cli import times
from lockside.cli.jobs import describe, job_tree
from lockside.cli.jobs.job_stream import JobStream
from lockside.cli.jobs.log_frames import FramePrinter, gets_bytes
from lockside.cli.jobs.log_lines import LineMaker, LinePrinter, last_state
from lockside.cli.jobs.wait import detached, exit_code, hint_after_failure, print_ends
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Spans, terminal_height
from lockside.cli.terminal.region import Region
from lockside.cli.terminal.sanitize import shown_log

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = 24
_TICK_SECONDS = 0.5


def follow_to_the_end(session: Session, created: list[Json], *, logs: bool = True) -> int:
    """Show the progress of jobs and, with `logs`, their output, then how they ended."""
    ids = [str(job["id"]) for job in created]
    view = _View(session, created, logs)
    try:
        ended = view.show()
    except KeyboardInterrupt:
        view.leave()
        return detached(session, ids, "logs -f" if logs else "wait")
    if session.out.as_json:
        for job in ended:
            session.out.json_line(job)
    elif session.out.terminal:
        _tell_result(session, ended, view.followed)
    hint_after_failure(session, ended)
    return exit_code(ended)


class _View:
    """The log lines of jobs and, on a terminal, the state of the jobs below them."""

    def __init__(self, session: Session, created: list[Json], logs: bool) -> None:
        self._out = session.out
        wholes = any(job.get("type") in describe.CONTAINERS for job in created)
        self._many = len(created) > 1 or wholes
        self._region = Region(session.out)
        if session.out.terminal:
            session.aside = self._region.above
        self._printer = LinePrinter(session.out, write=self._region.above)
        self._as_it_is = not (self._many or session.out.terminal)
        self.followed = JobStream(
            session,
            created,
            children=wholes,
            news=session.out.terminal,
            logs=logs,
            raw=self._as_it_is and gets_bytes(session.out),
        )
        self._makers: dict[str, LineMaker] = {}
        self._session = session

    def show(self) -> list[Json]:
        """Show everything until the jobs have ended; returns the ended jobs."""
        if self._out.terminal and not self._many:
            self._out.line(
                self._out.paint("dim", describe.called(self.followed.jobs[self.followed.roots[0]]))
            )
        self._draw()
        for job, frames in self.followed.steps(_TICK_SECONDS if self._out.terminal else None):
            if job is not None and frames:
                self._write(job, frames)
            self._draw()
        for maker in self._makers.values():
            self._printer.show(maker.rest())
        self.leave()
        return self.followed.ended

    def leave(self) -> None:
        """Remove the drawn region."""
        self._region.clear()
        self._session.aside = None

    def _write(self, job: Json, frames: list[Json]) -> None:
        if self._as_it_is:
            for frame in frames:
                FramePrinter(self._session).show(frame)
            return
        number = str(job["id"])
        if self._many:
            known = self.followed.jobs.values()
            self._printer.name(one for one in known if one.get("type") not in describe.CONTAINERS)
        maker = self._makers.setdefault(number, LineMaker(number))
        self._printer.show(line for frame in frames for line in maker.take(frame))

    def _draw(self) -> None:
        if not self._out.terminal:
            return
        width = self._out.width - 1
        unfinished = [
            shown_log(last_state(maker.unfinished()), coloured=False) for maker in self._makers.values()
        ]
        spans: list[Spans] = [[(text, "dim")] for text in unfinished if text]
        spans += self._tree() if self._many else [_status_line(self.followed.jobs[self.followed.roots[0]])]
        self._region.draw([self._out.spans(line, width) for line in spans])

    def _tree(self) -> list[Spans]:
        """Return the jobs as a tree; if it is too long, only running and failed jobs."""
        rows = list(job_tree.tree_rows(self.followed.jobs.values()))
        room = max(4, terminal_height() // 2)
        if len(rows) > room:
            rows = [
                row for row in rows if row[1]["status"] not in {*describe.GOOD_ENDS, *describe.NOT_STARTED}
            ]
        hidden = len(self.followed.jobs) - len(rows[:room])
        lines = [tree_line(lines, job) for lines, job in rows[:room]]
        if hidden:
            ended = sum(bool(job.get("isFinished")) for job in self.followed.jobs.values())
            lines.append([(f"… {ended} of {len(self.followed.jobs)} jobs have ended", "dim")])
        return lines


def _status_line(job: Json) -> Spans:
    """Return the current state of one job in a line: a spinner, its progress, its duration."""
    if job["status"] in describe.NOT_STARTED:
        return [("○ ", "yellow"), (f"{describe.called(job)} waits", ""), (_reason_text(job), "dim")]
    sign = _SPINNER[int(monotonic() / _TICK_SECONDS) % len(_SPINNER)]
    spans: list[tuple[str, str]] = [(f"{sign} ", "cyan")]
    share = job.get("progress")
    if share is not None:
        spans += [(describe.bar(share, _BAR), "cyan"), (f" {share:4.0%}  ", "bold")]
    spans.append(
        (
            describe.first_line(str(job.get("message") or ""))
            or str(job.get("stage") or job["status"]).replace("_", " "),
            "",
        )
    )
    spans.append((f"  {_running_time(job)}", "dim"))
    return spans


def _reason_text(job: Json) -> str:
    reasons = job.get("reasons") or []
    return f": {describe.detail(job)}" if reasons else ""


def _running_time(job: Json) -> str:
    begun = job.get("startTime")
    return times.span((times.now() - times.parsed(begun)).total_seconds()) if begun else ""


def tree_line(lines: str, job: Json, wide: int = 0) -> Spans:
    """Return one job of a tree in a line: its state, its name, its progress or how it ended."""
    word, colour = describe.status(job)
    name = job_tree.label(job, bool(lines))
    spans = [(lines, "dim"), (describe.SYMBOLS.get(word, "?") + " ", colour)]
    spans += [
        (f"{name:<{wide}}", "bold" if not lines else ""),
        (f" ({job['id']})", "dim"),
        (f"  {word}", colour),
    ]
    if job.get("startTime"):
        took = describe.took(job, times.now()) if job.get("isFinished") else _running_time(job)
        spans.append((f"  {took}", "dim"))
    share = job.get("progress")
    if share is not None and not job.get("isFinished"):
        spans += [("  " + describe.bar(share, 10), "cyan"), (f" {share:4.0%}", "")]
    detail = "" if word in {"success", "processing"} else describe.detail(job)
    return [*spans, (f"  {detail}", "dim")] if detail else spans


def _tell_result(session: Session, ended: list[Json], followed: JobStream) -> None:
    out = session.out
    if any(job.get("type") in describe.CONTAINERS for job in ended):
        for lines, job in job_tree.tree_rows(followed.jobs.values()):
            out.line(out.spans(tree_line(lines, job), out.width - 1))
    if len(ended) > 1:
        print_ends(session, ended)
        return
    for job in ended:
        word, colour = describe.status(job)
        out.line(f"{describe.called(job)}: {out.paint(colour, describe.ending(job))}")
        said = [describe.stage_line(job) if job.get("type") not in describe.CONTAINERS else ""]
        code = describe.exit_code_of(job)
        if code is not None and word in describe.GOOD_ENDS:
            said.append(f"exit code {code}")
        if any(said):
            out.line(out.paint("dim", "  " + " · ".join(part for part in said if part)))

"""The live view: the table of jobs, the pools and failures beside it, and actions on jobs."""

from __future__ import annotations

import select
import sys
from threading import Thread
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.events import Resize
from textual.widgets import DataTable, Footer, Static

from lockside.cli import times
from lockside.cli.jobs import describe
from lockside.cli.terminal.output import one_line
from lockside.cli.top import rows
from lockside.cli.top.feed import NOTHING, Feed, Snapshot
from lockside.cli.top.screens import LogScreen, Question, TextScreen, command_output
from lockside.cli.top.table import JobTable
from lockside.cli.top.usage import Sampler, Usage
from lockside.errors import LocksideError

Json = dict[str, Any]

TICK_SECONDS = 1.0
_OF_A_JOB = {"log", "explain", "story", "steer", "kill", "failures", "keys"}
_WIDE = 120
_SIDE = 36
_FAILURES_BELOW = 8
_BOX, _BOX_EDGES = 104, 8
_NAMED = 6
_KEYS = {
    "↑ ↓": "select a job; the selection stays with it, also when it ends",
    "enter": "its log, as it is written",
    "w, e": "why it waits",
    "s": "its history",
    "h, r": "hold it before it starts, release it",
    "k, delete": "kill it, after a confirmation that shows the effect",
    "f": "show failures of a day, or live jobs again",
    "esc, q": "back; from the table: leave",
}


class Top(App[None]):
    """The live view. Events update it; once a second only the times and figures of running jobs change."""

    TITLE = "lockside top"
    CSS_PATH = "top.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "log", "log", priority=True),
        Binding("w,e", "explain", "why"),
        Binding("s", "story", "story"),
        Binding("h", "steer('job.hold', 'held back')", "hold"),
        Binding("r", "steer('job.release', 'released')", "release"),
        Binding("k,delete", "kill", "kill"),
        Binding("f", "failures", "failures"),
        Binding("question_mark,f1", "keys", "help", key_display="?"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, socket: str | None, project: str | None) -> None:
        super().__init__()
        self.socket = socket
        self.project = project
        self._feed = Feed(socket, project, self._changed)
        self._sampler = Sampler()
        self._usage: dict[str, Usage] = {}
        self._snapshot = NOTHING
        self._only_failures = False

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Static(id="pools-line")
        with Horizontal(id="body"):
            yield JobTable(id="jobs")
            with VerticalScroll(id="side", can_focus=False):
                yield Static(id="pools")
                yield Static(id="failures")
        yield Static(id="nothing")
        yield Static(id="selected")
        yield Footer()

    def on_mount(self) -> None:
        """Start the feed and the clocks."""
        self._redraw()
        self.run_worker(self._feed.run())
        self.set_interval(TICK_SECONDS, self._tick)
        Thread(target=self._leave_with_the_terminal, daemon=True).start()

    def _leave_with_the_terminal(self) -> None:
        """Exit when the terminal is gone: only its controlled processes are sent a signal."""
        if not sys.stdin.isatty():
            return
        terminal = select.poll()
        terminal.register(sys.stdin.fileno(), 0)
        terminal.poll()
        self.call_from_thread(self.exit)

    async def on_unmount(self) -> None:
        """Close all connections."""
        await self._feed.close()

    def on_resize(self, _: Resize) -> None:
        """Update the layout."""
        self.set_class(self.size.width >= _WIDE, "wide")
        self._redraw()

    def _changed(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._usage = self._sampler.sample(snapshot.running)
        self._redraw()

    def _tick(self) -> None:
        """Update the times and figures shown, without asking the daemon."""
        self._snapshot = self._feed.snapshot
        if self._snapshot.running or self._snapshot.waiting:
            self._usage = self._sampler.sample(self._snapshot.running)
            self._redraw()

    # -- drawing ------------------------------------------------------------------------------------------

    @property
    def _table(self) -> JobTable:
        return self.screen_stack[0].query_one("#jobs", JobTable)

    @property
    def _is_composed(self) -> bool:
        """Whether the view can be drawn: not while it is being composed or removed."""
        return bool(self.screen_stack) and bool(self.screen_stack[0].query("#selected"))

    def _redraw(self) -> None:
        if not self._is_composed:
            return
        main = self.screen_stack[0]
        width = self.size.width
        status = self._snapshot.status
        main.query_one("#head", Static).update(rows.head(self._snapshot, width))
        found = status.get("pools") or []
        main.query_one("#pools-line", Static).update(rows.pools_in_a_line(found, width - 2))
        if self.has_class("wide"):
            self._draw_side(found)
        self._draw_jobs()
        self._draw_selected()

    def _draw_side(self, pools: list[Json]) -> None:
        main = self.screen_stack[0]
        inner = _SIDE - 4
        text = Text("pools\n\n", "grey62")
        text.append_text(Text("\n").join([rows.pool(one, inner) for one in pools]))
        main.query_one("#pools", Static).update(text)
        text = Text("failed within a day (f selects)\n\n", "grey62")
        now = times.now()
        failed = [rows.failure(job, now, inner) for job in self._snapshot.failed[:20]]
        text.append_text(Text("\n").join(failed) if failed else Text("nothing", "green"))
        main.query_one("#failures", Static).update(text)

    def _draw_jobs(self) -> None:
        listed = self._listed()
        self._draw_empty(listed)
        room = self.size.width - (_SIDE if self.has_class("wide") else 0) - 1
        self._table.show_jobs(listed, self._usage, room)

    def _listed(self) -> list[rows.Row]:
        """Return the jobs of the table: live jobs, and below them recent failures unless they are at the
        side.
        """
        if self._only_failures:
            return [rows.Row("", job) for job in self._snapshot.failed]
        below = [] if self.has_class("wide") else self._snapshot.failed[:_FAILURES_BELOW]
        live = rows.in_trees([*self._snapshot.running, *self._snapshot.waiting])
        return self._with_selected([*live, *(rows.Row("", job) for job in below)])

    def _with_selected(self, listed: list[rows.Row]) -> list[rows.Row]:
        """Keep the selected job in its place after its end: the next key must not affect another job."""
        before, known = self._table.selected, self._snapshot.selected
        if before is None or any(row.job["id"] == before["id"] for row in listed):
            return listed
        job = known if known is not None and known["id"] == before["id"] else before
        place = min(self._table.cursor_row, len(listed))
        return [*listed[:place], rows.Row("", job), *listed[place:]]

    def action_failures(self) -> None:
        """Toggle between failures and live jobs."""
        self._only_failures = not self._only_failures
        self._table.clear()
        self._redraw()

    def on_data_table_row_highlighted(self, _: DataTable.RowHighlighted) -> None:
        """Show the job under the cursor, and follow it."""
        if self._is_composed:
            job = self._table.selected
            self._feed.selected = None if job is None else str(job["id"])
            self._draw_selected()

    def _draw_selected(self) -> None:
        job = self._table.selected
        text = rows.selected(job, self.size.width) if job is not None else Text()
        self.screen_stack[0].query_one("#selected", Static).update(text)

    def _draw_empty(self, listed: list[rows.Row]) -> None:
        is_empty = not listed and bool(self._snapshot.status)
        self.set_class(is_empty, "empty")
        if is_empty:
            what = (
                "Nothing failed within a day." if self._only_failures else "Nothing runs and nothing waits."
            )
            text = Text(what + "\n\n", "bold", justify="center")
            text.append("Start something in another terminal:\n\n", "grey70")
            text.append("lockside run -- sleep 60\nlockside run COMPONENT/CONFIG", "cyan")
            self.screen_stack[0].query_one("#nothing", Static).update(text)

    def action_keys(self) -> None:
        """Show the keys."""
        text = Text()
        for key, meaning in _KEYS.items():
            text.append(f"{key:<12}", "bold").append(f"{meaning}\n")
        self.push_screen(TextScreen("the keys of lockside top", text))

    # -- doing --------------------------------------------------------------------------------------------

    def _selected(self) -> Json | None:
        return self._table.selected if len(self.screen_stack) == 1 else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enable the keys of this screen only on this screen."""
        return len(self.screen_stack) <= 1 or action not in _OF_A_JOB

    def action_log(self) -> None:
        """Show the log of the selected job; for a container, which has none, its history."""
        job = self._selected()
        if job is None:
            return
        if job.get("type") in describe.CONTAINERS and job.get("type") != "retryContainer":
            self.action_story()
        else:
            self.push_screen(LogScreen(job, self._feed))

    def action_explain(self) -> None:
        """Show why the selected job waits."""
        self._tell("lockside.cli.jobs.why:why", "why")

    def action_story(self) -> None:
        """Show the history of the selected job."""
        self._tell("lockside.cli.jobs.show:show", "show")

    def _tell(self, what: str, command: str) -> None:
        job = self._selected()
        if job is None:
            return
        number, width = str(job["id"]), min(_BOX, int(self.size.width * 0.9)) - _BOX_EDGES

        def work() -> None:
            text = command_output(what, number, self.socket, self.project, width)
            title = f"lockside {command} {number}"
            self.call_from_thread(self.push_screen, TextScreen(title, text))

        self.run_worker(work, thread=True)

    async def action_steer(self, method: str, done: str) -> None:
        """Hold or release the selected job."""
        job = self._selected()
        if job is not None:
            await self._act(job, method, done)

    async def _act(self, job: Json, method: str, done: str) -> None:
        try:
            await self._feed.call(method, id=job["id"])
        except LocksideError as error:
            self._refused(job, error)
        else:
            self.notify(f"{describe.called(job)} is {done}.", timeout=3, markup=False)

    def _refused(self, job: Json, error: LocksideError) -> None:
        said = f"{describe.called(job)}: {one_line(error.message)}"
        self.notify(said, severity="error", timeout=6, markup=False)

    def action_kill(self) -> None:
        """Stop the selected job, after a confirmation that shows the effect."""
        job = self._selected()
        if job is not None:
            self.run_worker(self._ask_and_kill(job))

    async def _ask_and_kill(self, job: Json) -> None:
        try:
            effect = await self._feed.call("job.terminate", id=job["id"], dryRun=True)
        except LocksideError as error:
            self._refused(job, error)
            return
        if await self.push_screen_wait(Question(f"Kill {describe.called(job)}?", self._effect(effect))):
            await self._act(job, "job.terminate", "being stopped")

    def _effect(self, effect: Json) -> Text:
        """Return what a kill would do."""
        text, shown = Text(), self._table.jobs
        words = {
            "stopped": "stops",
            "cancelled": "cancels",
            "freed": "frees the lock",
            "started": "lets start",
        }
        for name, word in words.items():
            listed = [one_line(str(each)) for each in effect.get(name) or ()]
            if name != "freed":
                listed = [describe.called(shown[each]) if each in shown else f"job {each}" for each in listed]
            if listed:
                more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
                text.append(f"It {word} {', '.join(listed[:_NAMED])}{more}.\n")
        return text if text.plain else Text("It changes nothing: it has ended already.\n")

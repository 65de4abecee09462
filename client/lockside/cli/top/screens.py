"""The screens over the live view: a job's live log, a text, and a confirmation of a kill."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, RichLog, Static

from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe
from lockside.cli.jobs.log_lines import LineMaker, LogLine, last_state
from lockside.cli.session import Session
from lockside.cli.terminal.output import Output
from lockside.cli.terminal.sanitize import plain
from lockside.cli.top.feed import Feed
from lockside.errors import LocksideError


class _Screen(io.StringIO):
    """A stream that is treated as a terminal."""

    def isatty(self) -> bool:
        """Return True, to enable colours."""
        return True


def command_output(what: str, job: str, socket: str | None, project: str | None, width: int) -> Text:
    """Return the output of the command `what` (`module:function`) for a job, or its error. It blocks."""
    stream = _Screen()
    module, _, name = what.partition(":")
    with Session(Parsed(None, {"socket": socket, "project": project, "job": job})) as session:
        session.out = Output(as_json=False, plain=False, stream=stream, width=width)
        try:
            getattr(import_module(module), name)(session, Parsed(None, {"job": job}))
        except LocksideError as error:
            return Text(error.message, "red")
    return Text.from_ansi(stream.getvalue())


Json = dict[str, Any]

_KEPT_LINES = 5_000


class LogScreen(Screen[None]):
    """A job's log, which stays at its end until the user scrolls up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,left", "app.pop_screen", "back"),
        Binding("end,G", "end", "to the end"),
        Binding("home,g", "home", "to the beginning"),
    ]

    def __init__(self, job: Json, feed: Feed) -> None:
        super().__init__()
        self._job = job
        self._feed = feed
        self._maker = LineMaker(str(job["id"]))

    def compose(self) -> ComposeResult:
        yield Static(Text(f" {describe.called(self._job)}", "bold"), id="head")
        yield RichLog(id="log", wrap=True, max_lines=_KEPT_LINES, min_width=20)
        yield Static(Text(" …", "grey62"), id="foot")
        yield Footer()

    def on_mount(self) -> None:
        """Start to read."""
        self.query_one("#log").focus()
        self.run_worker(self._read())

    async def _read(self) -> None:
        log, foot = self.query_one("#log", RichLog), self.query_one("#foot", Static)
        try:
            async for frames in self._feed.log(str(self._job["id"])):
                lines = [line for frame in frames for line in self._maker.take(frame)]
                self._write(log, lines)
                foot.update(Text(" the job continues; new lines appear automatically", "grey62"))
            self._write(log, list(self._maker.rest()))
            job = await self._feed.call("job.get", id=self._job["id"])
            word = str(job["status"])
            said = describe.ending(job) if job["isFinished"] else word
            foot.update(Text(f" {said}", describe.COLOURS.get(word, "").replace("dim", "grey62")))
            if not log.lines:
                log.write(Text("It wrote nothing.", "grey62"))
        except LocksideError as error:
            foot.update(Text(f" {error.message}", "red"))

    def _write(self, log: RichLog, lines: list[LogLine]) -> None:
        """Write lines at once; at most as many as are kept."""
        if lines:
            text = Text("\n").join([_shown(line) for line in lines[-_KEPT_LINES:]])
            log.write(text, scroll_end=log.is_vertical_scroll_end)

    def action_end(self) -> None:
        """Go to the end, and stay there."""
        self.query_one("#log", RichLog).scroll_end(animate=False)

    def action_home(self) -> None:
        """Go to the beginning."""
        self.query_one("#log", RichLog).scroll_home(animate=False)


def _shown(line: LogLine) -> Text:
    """Sanitize a line, keep its own colours, and mark stderr."""
    style = {"stderr": "yellow", None: "grey62"}.get(line.stream, "")
    if "\x1b[" in line.text:
        text = Text.from_ansi(last_state(line.text), style=style)
        text.plain = plain(text.plain)
        return text
    return Text(plain(last_state(line.text)), style)


class TextScreen(ModalScreen[None]):
    """A text over the view; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,left", "app.pop_screen", "close")]

    def __init__(self, title: str, text: Text) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(Text(self._title, "bold"), id="title")
            with VerticalScroll(id="text"):
                yield Static(self._text)
            yield Static(Text("esc closes", "grey62"), id="keys")

    def on_mount(self) -> None:
        """Focus the text, so that keys scroll it."""
        self.query_one("#text").focus()


class Question(ModalScreen[bool]):
    """A confirmation by y or n; nothing is done without y."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, title: str, text: Text) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="box", classes="question"):
            yield Static(Text(self._title, "bold"), id="title")
            yield Static(self._text, id="text")
            yield Static(Text("y  yes, do it      n  no, leave it", "bold"), id="keys")

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)

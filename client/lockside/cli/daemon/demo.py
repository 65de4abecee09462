"""`demo`: a real pipeline on its own daemon; a waiting job with its reason, a survived crash. All its output
comes from the daemon or the machine at that moment; nothing is simulated.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

from lockside.cli import exits, times
from lockside.cli.catalog.apply import apply_folder
from lockside.cli.catalog.plan_text import title
from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS
from lockside.cli.daemon.own_daemon import OwnDaemon
from lockside.cli.files.folder import read_folder
from lockside.cli.grammar import Parsed, parse
from lockside.cli.jobs import describe
from lockside.cli.jobs.log_frames import frames
from lockside.cli.jobs.wait import wait_for
from lockside.cli.session import Json, Session
from lockside.cli.storage import tables
from lockside.cli.storage.sql import sql
from lockside.cli.storage.undo import undo
from lockside.errors import LocksideError
from lockside.paths import example_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.files.folder import Folder

AIRPORTS, COUNTRIES = "in.c-airports.airports", "out.c-airports.countries"
_COLUMNS = "country, airports, with_iata, highest, highest_ft"
QUERY = f'SELECT {_COLUMNS} FROM "{COUNTRIES}" ORDER BY airports DESC LIMIT 5'  # noqa: S608 - a constant


def has_tables(session: Session) -> bool:
    """Return whether tables are enabled in the daemon."""
    found: Json = session.call("storage.status")
    return bool(found["backend"] == "lake")


def without_tables(found: Folder) -> None:
    """Remove the mappings from the pipeline: its steps then pass files in a folder."""
    for item in found.kinds["configs"].values():
        item.body["configuration"].pop("storage", None)


def show_tables(session: Session, loaded: str, typed: Callable[[str], None]) -> None:
    """Show a table's rows and history, and the result of a query; `typed` shows each command. The last job
    that `loaded` is undone first.
    """
    asked: list[tuple[Callable[[Session, Parsed], int], list[str]]] = [
        (undo, ["undo", loaded]),
        (tables.preview, ["table", "preview", COUNTRIES, "-n", "3"]),
        (tables.history, ["table", "history", AIRPORTS]),
        (sql, ["sql", QUERY]),
    ]
    for command, words in asked:
        typed(" ".join(f"'{word}'" if " " in word else word for word in words))
        if command(session, parse(COMMANDS, GLOBAL_OPTIONS, words)) != 0:
            raise LocksideError(f"`lockside {words[0]}` failed.")


PACE_SECONDS = "4"
AWAY_SECONDS = 1.0
WAIT_SECONDS = 60
_LIVE_LINES = 4


def demo(session: Session, parsed: Parsed) -> int:
    folder = os.path.abspath(parsed.text("dir") or tempfile.mkdtemp(prefix="lockside-demo-"))
    result = os.path.join(folder, "result")
    daemon = OwnDaemon(folder, {"LOCKSIDE_STORAGE__ROOT": os.path.join(result, "tables")})
    session.link.socket = daemon.socket
    story = _Story(session, daemon, result)
    began = time.monotonic()
    try:
        story.tell()
    except KeyboardInterrupt:
        story.say("\nStopped; the demo's daemon and jobs go with it.")
        return exits.INTERRUPTED
    finally:
        session.link.disconnect()
        daemon.put_away()
        shutil.rmtree(daemon.state_dir, ignore_errors=True)
    story.end(time.monotonic() - began)
    return exits.DONE


class _Story:
    """The demo's chapters, in order; `result` is the folder that stays."""

    def __init__(self, session: Session, daemon: OwnDaemon, result: str) -> None:
        self._session = session
        self._daemon = daemon
        self._result = result
        self._chapter = 0
        self._has_tables = False

    def tell(self) -> None:
        """Show all chapters."""
        self._begin()
        first, second = self._two_jobs_of_one_configuration()
        self._watch(first)
        transform, load = self._the_rest_of_the_pipeline(second)
        self._crash(second)
        self._watch(transform)
        self._finish([second, transform, load])
        if self._has_tables:
            self._head("The tables that the steps handed on: a load undone, their history, a query")
            show_tables(self._session, second, self._typed)

    def say(self, text: str) -> None:
        """Print a text immediately."""
        self._session.out.line(text)
        self._session.out.flush()

    def _head(self, text: str) -> None:
        self._chapter += 1
        self.say("\n" + self._session.out.paint("bold", f"{self._chapter}. {text}"))

    def _typed(self, command: str) -> None:
        """Print the command that is run."""
        self.say(self._session.out.paint("dim", "   $ lockside " + command))

    def _begin(self) -> None:
        self._head("A daemon of its own, and a pipeline: extract, transform, load")
        os.makedirs(self._result, exist_ok=True)
        self._daemon.start()
        state_dir = self._daemon.state_dir
        self.say(f"   locksided runs with pid {self._daemon.pid}; it keeps its state in {state_dir}")
        self.say(f"   RESULT={self._result}")
        example = example_folder()
        found = read_folder(example)
        if found.faults:
            raise LocksideError("; ".join(map(str, found.faults)))
        self._has_tables = has_tables(self._session)
        if not self._has_tables:
            without_tables(found)
        self._typed(f"apply {example}")
        for change in apply_folder(self._session, found)["changes"]:
            self.say(f"   + {title(change)}")

    def _run(self, config: str, pace: str | None = None, after: str | None = None) -> str:
        """Create a job as `lockside run` does, and return its id."""
        component, _, name = config.partition("/")
        values = {"folder": self._result} | ({"pace": pace} if pace else {})
        request: Json = {
            "component": component,
            "config": name,
            "variableValuesData": {
                "values": [{"name": key, "value": value} for key, value in values.items()]
            },
            "dependsOn": [{"job": after, "when": "success"}] if after else None,
        }
        options = "".join(f" --set {key}={value}" for key, value in values.items())
        options = options.replace(self._result, "$RESULT") + (f" --depends {after}" if after else "")
        self._typed(f"run {config}{options}")
        job = self._session.call("job.create", **request)
        word, colour = describe.status(job)
        self.say(f"   job {job['id']} - {self._session.out.paint(colour, word)}")
        return str(job["id"])

    def _two_jobs_of_one_configuration(self) -> tuple[str, str]:
        self._head("Two jobs of one configuration, at once: they may not race, so one waits")
        first = self._run("airports.extract/daily", PACE_SECONDS)
        # Wait for its first line: then it is running.
        self._session.call("job.log", id=first, waitSeconds=WAIT_SECONDS)
        second = self._run("airports.extract/daily", PACE_SECONDS)
        self._why(second)
        return first, second

    def _why(self, number: str) -> None:
        self._typed(f"why {number}")
        for reason in self._session.call("job.explain", id=number)["reasons"]:
            self.say(f"   {self._session.out.paint('yellow', reason['kind'])}: {reason['message']}")
            self.say(f"   what clears it: {reason['unblock']}")

    def _watch(self, number: str) -> None:
        """Show a job's log live."""
        self._head(f"The log of job {number}, live")
        self._typed(f"logs -f {number}")
        for frame in frames(self._session, number, follow=True):
            self._show(frame)
        ended = wait_for(self._session, [number])[0]
        self.say(f"   job {number}: {describe.ending(ended)}")

    def _the_rest_of_the_pipeline(self, extract: str) -> tuple[str, str]:
        self._head("The next in line starts by itself; the next steps of the pipeline wait for it")
        word, colour = describe.status(self._session.call("job.get", id=extract))
        self.say(f"   job {extract} - {self._session.out.paint(colour, word)}")
        transform = self._run("airports.transform/daily", after=extract)
        load = self._run("airports.load/daily", after=transform)
        self._why(load)
        return transform, load

    def _crash(self, number: str) -> None:
        self._head(f"The daemon crashes while job {number} runs")
        self._see_some_lines(number)
        job = self._session.call("job.get", id=number)
        process = int(job["process"]["pid"])
        self.say(f"   job {number} is process {process}: {describe.progress(job).strip()}")
        pid = self._daemon.pid
        self._session.link.disconnect()
        self.say(self._session.out.paint("dim", f"   $ kill -9 {pid}"))
        self._daemon.kill()
        gone = times.wire(datetime.now(UTC))
        time.sleep(AWAY_SECONDS)  # A crash is noticed late: no daemon runs during this time.
        self.say(
            f"   the daemon is gone; process {process} {'runs on' if _is_alive(process) else 'is gone, too'}"
        )
        self._come_back(number, gone)

    def _see_some_lines(self, number: str) -> None:
        seen = 0
        for frame in frames(self._session, number, follow=True):
            seen += str(frame.get("text") or "").count("\n")
            if seen >= _LIVE_LINES:
                return

    def _come_back(self, number: str, gone: str) -> None:
        self._daemon.start()
        back = times.wire(datetime.now(UTC))
        job = self._session.call("job.get", id=number)
        self.say(
            f"   a new daemon, pid {self._daemon.pid}, finds job {number} {job['status']} "
            f"as process {job['process']['pid']}; without a daemon it wrote"
        )
        for frame in frames(self._session, number, follow=False):
            if gone < frame["time"] < back:
                self._show(frame)
        ended = wait_for(self._session, [number])[0]
        self.say(f"   job {number}: {describe.ending(ended)}; it was started {_times(ended['starts'])}")

    def _show(self, frame: Json) -> None:
        for line in str(frame.get("text") or "").splitlines():
            self.say(self._session.out.paint("dim", "   | ") + line)

    def _finish(self, numbers: list[str]) -> None:
        self._head("All of them, to the end")
        self._typed("wait " + " ".join(numbers))
        ended = wait_for(self._session, numbers)
        for job in ended:
            word, colour = describe.status(job)
            painted = self._session.out.paint(colour, word)
            how = f"{painted}  {describe.detail(job)}".rstrip()
            self.say(f"   job {job['id']:>2}  {describe.title(job):<26}  {how}")
        failed = [job for job in ended if job["status"] not in describe.GOOD_ENDS]
        if failed:
            raise LocksideError(
                f"Job {failed[0]['id']} failed: {describe.ending(failed[0])}.", remedy=self._daemon.log
            )

    def end(self, seconds: float) -> None:
        """Show the result, unless a query showed it, and its path."""
        database = os.path.join(self._result, "airports.sqlite")
        if self._has_tables:
            self.say(
                f"\nThe database: {database}\nThe tables, for DuckDB, Polars and Spark: {self._result}/tables"
            )
        else:
            self._head("The result")
            self.say(f"   {database}")
            for line in _result_lines(database):
                self.say("   " + line)
        self.say(f"\nThat took {seconds:.0f} s. The daemon and its keeper are stopped; the result stays.")
        self._session.out.hint(
            "Next: start `locksided`, then `lockside run -- echo hello` and `lockside --help`."
        )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _result_lines(path: str) -> list[str]:
    """Query the database that the pipeline created."""
    columns = "country, airports, with_iata, highest_ft, highest"
    query = f"SELECT {columns} FROM countries ORDER BY airports DESC LIMIT 5"  # noqa: S608 - columns are above
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = database.execute(query).fetchall()
        total = database.execute("SELECT count(*) FROM airports").fetchone()[0]
    finally:
        database.close()
    head = f"{'country':<9}{'airports':>8}{'with IATA':>11}   highest"
    lines = [f"{row[0]:<9}{row[1]:>8,}{row[2]:>11,}   {row[4]}, {row[3]:,} ft" for row in rows]
    return [f"{total:,} airports; the five countries with the most:", head, *lines]

"""Figures of tables through the daemon: the cost of a job with tables, many loads, many tables."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from bench.bare import command_seconds
from bench.figure import Figure, at_most, percentile, rounds
from bench.place import Scale, pids, rss_megabytes, running, short_folder
from bench.tables import make_csv
from e2e.harness import LAKE, Daemon, python
from e2e.lake import published, writes
from e2e.wire import Wire, put_component, put_config
from lockside.documents.times import time_us
from steps.lake import BUCKET, Lake

SELECT_1 = [*python("import duckdb; duckdb.connect().execute('select 1').fetchall()")]
COPY = """
import os, pathlib, shutil
data = pathlib.Path(os.environ["KBC_DATADIR"])
source = next((data / "in/tables").glob("*.csv"), None)
text = source.read_text() if source else "n\\n" + "".join(f"{n}\\n" for n in range(10))
(data / "out/tables/y.csv").write_text(text)
"""


def figures(scale: Scale) -> Iterator[Figure]:
    with running(scale, **LAKE) as daemon, Wire(daemon.socket) as wire:
        yield from small_job(scale, wire)
        yield from side_by_side(scale, daemon, wire)
        yield publication(scale, daemon, wire)
        yield from many_tables(scale, daemon)
    yield from many_loads(scale)


def job_seconds(wire: Wire, config: str) -> float:
    begin = time.monotonic()
    job = wire.done(wire.create("bench.copy", config=config))
    assert job["status"] == "success", job["message"]
    return time.monotonic() - begin


def small_job(scale: Scale, wire: Wire) -> Iterator[Figure]:
    """Run a job with one input table of ten rows and one output table."""
    wire.done(writes(wire, {"x.csv": "n\n" + "1\n" * 10}, output={"default_bucket": "in.c-small"}))
    put_component(
        wire, "bench.copy", command=python(COPY), stagingStorage={"input": "none", "output": "none"}
    )
    put_config(wire, "bench.copy", "without", configuration={})
    without = percentile([job_seconds(wire, "without") for _ in range(scale.of(20, 1))], 0.5)
    put_component(wire, "bench.copy", command=python(COPY))
    storage = {
        "input": {"tables": [{"source": "in.c-small.x", "destination": "x.csv"}]},
        "output": {"tables": [{"source": "y.csv", "destination": "out.c-small.y"}]},
    }
    put_config(wire, "bench.copy", "with", configuration={"storage": storage})
    bare, seconds = rounds(
        scale.of(20, 1), lambda: command_seconds(SELECT_1, 2) * 2, lambda: job_seconds(wire, "with")
    )
    name = "a job with a small table in and one out"
    yield Figure(name, seconds, "s", without + bare, "without storage + 2 select 1", at_most(1.5))


def side_by_side(scale: Scale, daemon: Daemon, wire: Wire) -> Iterator[Figure]:
    """Measure two jobs that load a table each, one after the other and in parallel."""
    path = daemon.folder / "rows.csv"
    make_csv(path, 0, scale.of(1_000_000, 200))
    text = f"import os, shutil; shutil.copy({str(path)!r}, os.environ['KBC_DATADIR'] + '/out/tables/x.csv')"
    put_component(wire, "bench.copy", command=python(text))
    for name in ("one", "two"):
        storage = {"output": {"default_bucket": f"in.c-{name}"}}
        put_config(wire, "bench.copy", name, configuration={"storage": storage})

    def in_turn() -> float:
        return job_seconds(wire, "one") + job_seconds(wire, "two")

    def at_once() -> float:
        begin = time.monotonic()
        jobs = [wire.create("bench.copy", config=name) for name in ("one", "two")]
        assert {wire.done(job)["status"] for job in jobs} == {"success"}
        return time.monotonic() - begin

    bare, seconds = rounds(scale.rounds, in_turn, at_once)
    yield Figure("two tables by two jobs", seconds, "s", bare, "one after the other", at_most(0.65))


def publication(scale: Scale, daemon: Daemon, wire: Wire) -> Figure:
    """Measure the time from the final status of a job with many tables to the last published table."""
    count = scale.of(100, 3)
    tables = {f"t{number}.csv": "n\n1\n" for number in range(count)}
    job = wire.done(writes(wire, tables, "many", output={"default_bucket": "in.c-many"}))
    for number in range(count):
        published(wire, daemon, f"in.c-many.t{number}", 0)
    events = wire.call("event.list", kinds=["table.published"], limit=1000)["events"]
    seconds = [(time_us(one["time"]) - time_us(job["endTime"])) / 1e6 for one in events[-count:]]
    each = percentile(seconds, 0.99) / count * 1000
    return Figure(f"publication of {count} tables, for each", each, "ms", target=at_most(50, "value"))


def many_tables(scale: Scale, daemon: Daemon) -> Iterator[Figure]:
    """Measure the cost of unused tables for the daemon."""
    daemon.stop()
    daemon.start()
    before, _ = _used(scale, daemon)
    daemon.stop()
    count = _make_tables(daemon.state_dir, scale.of(10_000, 20))
    daemon.start()
    after, took = _used(scale, daemon)
    more = after - before
    yield Figure(f"{count} tables, memory at rest", more, "MB more", target=at_most(10, "value"))
    yield Figure("storage.table.list, p99", percentile(took, 0.99) * 1000, "ms", target=at_most(20, "value"))


def _used(scale: Scale, daemon: Daemon) -> tuple[float, list[float]]:
    """Return the daemon's memory after the same few calls, and the seconds of each list."""
    took = []
    with Wire(daemon.socket) as line:
        line.call("storage.status")
        for _ in range(scale.of(200, 3)):
            begin = time.monotonic()
            line.call("storage.table.list", limit=100)
            took.append(time.monotonic() - begin)
    return rss_megabytes(pids(daemon)[0]), took


def _make_tables(state_dir: Path, count: int) -> int:
    """Create many tables like an existing one."""
    with closing(sqlite3.connect(state_dir / "lockside.db")) as database, database:
        row = dict(_named(database, "tables"))
        version = dict(_named(database, "table_versions"))
        serial = 10**9
        for number in range(count):
            name = f"in.c-lots.t{number}"
            table = {**row, "number": 10**6 + number, "id": name, "key": f"default/default/{name}", "head": 0}
            first = {**version, "number": 10**6 + number, "version": 0, "serial": serial + number}
            for into, values in (("tables", table), ("table_versions", first)):
                marks = ", ".join(f":{column}" for column in values)
                database.execute(f"INSERT INTO {into} ({', '.join(values)}) VALUES ({marks})", values)
            log = state_dir / "lake/default/default/in.c-lots" / f"t{number}" / "_delta_log"
            log.mkdir(parents=True)
            (log / f"{0:020d}.json").touch()
    return count


def _named(database: sqlite3.Connection, table: str) -> Iterator[tuple[str, Any]]:
    found = database.execute(f"SELECT * FROM {table} LIMIT 1")
    return zip((column[0] for column in found.description), found.fetchone(), strict=True)


def many_loads(scale: Scale) -> Iterator[Figure]:
    """Measure small loads with a key into one table: the last hundred beside an early hundred."""
    count, some = scale.of(10_000, 30), scale.of(100, 10)
    entry = {"source": "x.csv", "destination": f"{BUCKET}.x", "primary_key": ["n"], "incremental": True}
    with short_folder(scale) as folder:
        lake = Lake(folder / "l")
        took = []
        for number in range(count):
            text = "n,m\n" + "".join(f"{number * 10 + one},a\n" for one in range(10))
            begin = time.monotonic()
            lake.load({"x.csv": text}, entry)
            took.append(time.monotonic() - begin)
        early, late = sum(took[some : 2 * some]) / some, sum(took[-some:]) / some
        name = f"loads up to the {count}th of ten rows with a key, each"
        yield Figure(name, late * 1000, "ms", early * 1000, f"from the {some}th on", at_most(1.5))
        yield from opened(scale, lake)


def opened(scale: Scale, lake: Lake) -> Iterator[Figure]:
    """Measure the effect on readers of such a table."""
    text = "n,m\n" + "".join(f"{n},{m}\n" for n, m in lake.rows())
    lake.load({"fresh.csv": text}, {"source": "fresh.csv", "destination": f"{BUCKET}.fresh"}, names=["fresh"])
    seconds, bare = rounds(
        max(scale.rounds, 3),
        lambda: _open_seconds(lake.folder()),
        lambda: _open_seconds(lake.folder("fresh")),
    )
    yield Figure("opening it with delta-rs", seconds * 1000, "ms", bare * 1000, "a fresh table", at_most(3))
    files = len(DeltaTable(lake.folder()).file_uris())
    yield Figure("its live files", files, "files", target=at_most(200, "value"))


def _open_seconds(path: Path) -> float:
    begin = time.monotonic()
    DeltaTable(path).file_uris()
    return time.monotonic() - begin

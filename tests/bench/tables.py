"""Storage steps beside DuckDB for the same work: each is a process, measured from start to end."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from bench.figure import Figure, at_most, percentile, rounds
from bench.place import Scale, short_folder
from steps.lake import BUCKET, Lake

PROGRAM = [sys.executable, "-I", "-m", "locksided.steps.lake"]
TEXTS = ", ".join(f"md5((i * 31 + {n})::VARCHAR)[:10] AS c{n}" for n in range(1, 14))
SYNC = "import os; f = os.open({path!r}, os.O_RDONLY); os.fsync(f)"
MEMORY_BYTES = 512 * 2**20


def query(sql: str) -> None:
    duckdb.connect().execute(sql)


def make_csv(path: Path, first: int, count: int, step: int = 1) -> None:
    """Write a file with 14 texts in each row: the key, and 13 random-looking ones."""
    rows = (
        f"SELECT i::VARCHAR AS id, {TEXTS} FROM (SELECT ({first} + {step} * r) AS i FROM range({count}) t(r))"
    )
    query(f"COPY ({rows}) TO '{path}' (FORMAT csv, HEADER)")


def bare(*statements: str, sync: Path | None = None) -> float:
    """Return the seconds that Python with DuckDB takes for these statements."""
    lines = ["import duckdb", "c = duckdb.connect()", *(f"c.execute({one!r})" for one in statements)]
    lines += [SYNC.format(path=str(sync))] if sync is not None else []
    return timed([sys.executable, "-c", "\n".join(lines)])


def timed(command: list[str]) -> float:
    return run(command)[0]


def run(command: list[str]) -> tuple[float, int]:
    """Return the seconds until the end of a program, and its maximum memory."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as output:
        program = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, usage = os.wait4(program.pid, 0)
        took = time.monotonic() - begin
        program.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        assert program.returncode == 0, output.read().decode()
    return took, usage.ru_maxrss * 1024


class Steps:
    """A lake in a folder, and its steps as processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = Lake(folder / "l")
        self.csv = folder / "rows.csv"
        self.engine = {"memory_bytes": 2**30}
        self.peak_bytes = 0
        self.result: dict[str, Any] = {}

    def run(self, operation: str, order: dict[str, Any]) -> float:
        """Return the seconds that the step takes; its result is in `result`."""
        place = self.folder / "order"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / "order.json").write_text(json.dumps({"engine": self.engine, **order}))
        took, self.peak_bytes = run([*PROGRAM, operation, str(place)])
        self.result = json.loads((place / "result.json").read_bytes())
        return took

    def load(self, name: str, *, is_kept: bool = True, **more: Any) -> float:
        """Load the file into a table, which changes only if the load is kept."""
        source = self.lake.base / "data/out/tables" / f"{name}.csv"
        if not source.exists():
            os.link(self.csv, source)
        entry = {"source": f"{name}.csv", "destination": f"{BUCKET}.{name}", **more}
        order = self.lake.order({"tables": [entry]}, [name])
        if not is_kept:
            table = order["tables"][0]
            order["tables"] = [{**table, "staged": {}}]
        took = self.run("output", order)
        source.unlink()
        for commit in self.result["commits"] if is_kept else ():
            self.lake.ratify(commit)
        return took

    def table(self, name: str) -> dict[str, Any]:
        """Return the description of a table for a step that reads it."""
        known = self.lake.tables[f"default/default/{BUCKET}.{name}"]
        return {"key": "", "folder": f"default/default/{BUCKET}/{name}", "branch": "default", **known}

    def export(self, name: str, **more: Any) -> float:
        data = self.folder / "job"
        shutil.rmtree(data, ignore_errors=True)
        (data / "in/tables").mkdir(parents=True)
        entry = {"source": f"{BUCKET}.{name}", "destination": "x.csv", **more}
        read = {"entries": [entry], "branch": "default", **self.reading(name, data)}
        return self.run("input", read)

    def reading(self, name: str, data: Path) -> dict[str, Any]:
        return {
            "tables": [self.table(name)],
            "since": [None],
            "told": [[]],
            "sources": [self.table(name)],
            "table": self.table(name),
            "folders": {"data": str(data), "tmp": str(self.folder / "l/tmp")},
            "root": str(self.lake.base / "lake"),
            "timeUs": self.lake.now_us,
        }

    def preview(self, name: str) -> float:
        entry = {"source": f"{BUCKET}.{name}", "limit": 100}
        return self.run("preview", {"entry": entry, **self.reading(name, self.folder)})

    def parts(self, name: str) -> str:
        return f"read_parquet({DeltaTable(self.lake.folder(name)).file_uris()!r})"


def figures(scale: Scale) -> Iterator[Figure]:
    with short_folder(scale) as folder:
        steps = Steps(folder)
        count = scale.of(1_000_000, 200)
        make_csv(steps.csv, 0, count)
        yield from loads(scale, steps, count)
        yield from exports(scale, steps)
        yield from upserts(scale, steps, count)
    with short_folder(scale) as folder:
        yield from large(scale, Steps(folder))


def loads(scale: Scale, steps: Steps, count: int) -> Iterator[Figure]:
    out = steps.folder / "bare.parquet"
    read = f"SELECT * FROM read_csv('{steps.csv}', header=true, all_varchar=true)"
    keyed = f"{read} QUALIFY row_number() OVER (PARTITION BY id) = 1"
    for name, key, sql, bound in (("plain", [], read, 1.6), ("keyed", ["id"], keyed, 1.4)):

        def beside(sql: str = sql) -> float:
            return bare(f"COPY ({sql}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)", sync=out)

        def ours(name: str = name, key: list[str] = key) -> float:
            return steps.load(name, primary_key=key)

        bare_seconds, seconds = rounds(scale.rounds, beside, ours)
        with_key = " with a key" if key else ""
        yield Figure(
            f"full load of {count} rows{with_key}", seconds, "s", bare_seconds, "DuckDB", at_most(bound)
        )


def exports(scale: Scale, steps: Steps) -> Iterator[Figure]:
    out = steps.folder / "bare.csv"
    seconds, bare_seconds = rounds(
        scale.rounds,
        lambda: steps.export("plain"),
        lambda: bare(f"COPY (SELECT * FROM {steps.parts('plain')}) TO '{out}' (FORMAT csv, HEADER)"),
    )
    yield Figure("export to CSV", seconds, "s", bare_seconds, "DuckDB COPY", at_most(1.4))


def upserts(scale: Scale, steps: Steps, count: int) -> Iterator[Figure]:
    """Measure upserts with keys in all files, then with keys in one file out of ten."""
    changed, files = scale.of(10_000, 20), 10
    for number in range(files):
        make_csv(steps.csv, number * count // files, count // files)
        steps.load("tenth", primary_key=["id"], incremental=True, deduplication_strategy="insert")
    for title, first, step, bound in (
        ("keys everywhere", 0, count // changed, 1.5),
        ("in 1 of 10 files", count // 2, 1, 0.5),
    ):
        make_csv(steps.csv, first, changed, step)
        text = steps.csv.read_text().replace("\n", "x\n").replace("c13x\n", "c13\n", 1)
        steps.csv.write_text(text)  # the last text of each row differs
        out = steps.folder / "bare.parquet"
        new = f"SELECT * FROM read_csv('{steps.csv}', header=true, all_varchar=true)"
        old = f"SELECT * EXCLUDE (_timestamp) FROM {steps.parts('tenth')}"
        sql = f"COPY (SELECT * FROM ({old}) ANTI JOIN ({new}) USING (id) UNION ALL {new}) TO '{out}'"
        seconds, bare_seconds = rounds(
            scale.rounds,
            lambda: steps.load("tenth", is_kept=False, primary_key=["id"], incremental=True),
            lambda sql=sql, out=out: bare(f"{sql} (FORMAT parquet, COMPRESSION zstd)", sync=out),
        )
        name = f"upsert of {changed} rows, {title}"
        yield Figure(name, seconds, "s", bare_seconds, "DuckDB", at_most(bound))


def large(scale: Scale, steps: Steps) -> Iterator[Figure]:
    """Measure ten million rows: memory, and operations that cost no more than with few rows."""
    peaks, steps.engine = {}, {"memory_bytes": MEMORY_BYTES}
    for name, count in (("few", 10_000), ("some", 1_000_000), ("many", 10_000_000)):
        make_csv(steps.csv, 0, scale.of(count, 200))
        steps.load(name, primary_key=["id"])
        peaks["load", name] = steps.peak_bytes
    make_csv(steps.csv, 0, scale.of(10_000, 20), 7)
    for name in ("some", "many"):
        steps.load(name, is_kept=False, primary_key=["id"], incremental=True)
        peaks["upsert", name] = steps.peak_bytes
    for title in ("load", "upsert"):
        name = f"peak memory, {title} of {scale.of(10_000_000, 200)} rows"
        peak, some = peaks[title, "many"] / 2**20, peaks[title, "some"] / 2**20
        yield Figure(name, peak, "MB", MEMORY_BYTES / 2**20, "memory_bytes", at_most(1))
        yield Figure(f"{name}, again", peak, "MB", some, "a tenth of them", at_most(1.2))
    previews, few = previewed(steps, scale.rounds, "many", "few")
    yield Figure("preview of many rows", previews * 1000, "ms", few * 1000, "few rows", at_most(1.2))
    scan = f"SELECT * FROM {steps.parts('few')} LIMIT 100"
    bare_seconds = percentile([bare(scan) for _ in range(scale.rounds)], 0.5)
    yield Figure("preview", few * 1000, "ms", bare_seconds * 1000, "DuckDB limit 100", at_most(2))
    seconds, few = rounds(
        scale.rounds,
        lambda: steps.export("many", file_type="parquet"),
        lambda: steps.export("few", file_type="parquet"),
    )
    yield Figure("export as parquet", seconds, "s", few, "few rows", at_most(1.5))


def previewed(steps: Steps, count: int, *names: str) -> list[float]:
    calls: list[Callable[[], float]] = [lambda name=name: steps.preview(name) for name in names]
    return rounds(max(count, 3), *calls)

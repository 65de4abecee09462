"""A table of all types, with versions, checkpoints, merges, restores and cleaning: all readers see the same.

The readers are lockside's own, Polars, and DuckDB with the files that delta-rs names. The short form always
runs; LOCKSIDE_TEST_LONG=1 makes 12 tables of 300 versions, and LOCKSIDE_TEST_SEED repeats a run.
"""

import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from campaign.figures import LONG
from locksided.steps.lake import checkpoints, deltalog, merging, restore
from locksided.steps.lake.engine import rows_of
from locksided.steps.lake.loading import Target, existing_rows
from locksided.tables.names import version_of_checkpoint
from locksided.tables.orders import TableOrder
from steps.lake import BUCKET, Lake
from steps.test_upkeep import vacuumed

TABLES, VERSIONS, EVERY, MANY = (12, 300, 50, 64) if LONG else (1, 22, 8, 12)
KINDS: dict[str, tuple[str, pl.DataType, Callable[[int], str]]] = {
    "id": ("INTEGER", pl.Int64(), lambda n: str(n)),
    "s": ("STRING", pl.String(), lambda n: f'"ü ""{n}"",\n{n}"'),
    "i": ("INTEGER", pl.Int64(), lambda n: "" if n % 3 else str(-(2**62) - n)),
    "n": ("NUMERIC", pl.Decimal(38, 9), lambda n: f"{n}.000000001"),
    "f": ("FLOAT", pl.Float64(), lambda n: "" if n % 5 else f"{n}e-300"),
    "b": ("BOOLEAN", pl.Boolean(), lambda n: ("true", "false", "")[n % 3]),
    "d": ("DATE", pl.Date(), lambda n: f"1{n % 10}00-02-28"),
    "t": (
        "TIMESTAMP",
        pl.Datetime("us", "UTC"),
        lambda n: f"2026-01-{1 + n % 28:02} 10:00:00.{n % 10**6:06}",
    ),
}
SCHEMA = [{"name": name, "data_type": {"base": {"type": kind}}} for name, (kind, _, _) in KINDS.items()]


def text(numbers: range, random: Random, more: str) -> str:
    rows = [
        [make(n if name == "id" else random.randrange(10**6)) for name, (*_, make) in KINDS.items()]
        for n in numbers
    ]
    return "".join(",".join(row) + more + "\n" for row in [[*KINDS], *rows])


def change(lake: Lake, name: str, random: Random, version: int) -> None:
    """Write the next version: rows are added, repeated or removed, or an older version is restored."""
    begin = random.randrange(200)
    entry: dict[str, Any] = {"source": "x.csv", "destination": f"{BUCKET}.{name}", "incremental": True}
    match random.randrange(12) if version > 3 else 0:
        case 0 | 1:
            entry["incremental"] = version > 0
        case 2:
            rule = {"where_filters": [{"column": "b", "values_from_set": ["true"]}]}
            entry["delete_where"] = [rule]
        case 3:
            order = lake.order({}, [name])
            wanted = random.randrange(max(0, version - 20), version)
            order["parameters"] = {"tables": [{"id": entry["destination"], "version": wanted}]}
            lake.ratify(restore.restore(order)["commits"][0])
            return
    key = [] if version else ["id"]
    schema = [{**one, "primary_key": one["name"] in key} for one in SCHEMA]
    given = {"x.csv": text(range(begin, begin + 10), random, ",more" if version > VERSIONS // 2 else "")}
    manifest = {
        "schema": [*schema, *([{"name": "more"}] if version > VERSIONS // 2 else [])],
        "has_header": True,
    }
    lake.load(
        {**given, "x.csv.manifest": manifest}, entry, names=[name], output={"table_modifications": "all"}
    )


def asked(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return rows_of(connection, query)


def ours(lake: Lake, name: str, version: int) -> list[tuple[Any, ...]]:
    known = lake.tables[f"default/default/{BUCKET}.{name}"]
    table = TableOrder(id=known["id"], key="", folder="", version=version)
    files = deltalog.read_whole(lake.folder(name), table)
    columns = files.columns()
    target = Target(order=table, folder=lake.folder(name), files=files, columns=columns, key=[], time_us=0)
    with duckdb.connect() as connection:
        found = rows_of(connection, f"SELECT * EXCLUDE (_file) FROM {existing_rows(connection, target)}")
    assert len(found) == files.rows_count
    return sorted(found, key=str)


@pytest.mark.parametrize("number", range(TABLES))
def test_all_readers_see_the_same_rows_and_types_in_every_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY", EVERY)
    monkeypatch.setattr(merging, "MANY", MANY)
    seed = int(os.environ.get("LOCKSIDE_TEST_SEED", "20261130")) + number
    print(f"LOCKSIDE_TEST_SEED={seed - number}")
    random, lake, name = Random(seed), Lake(tmp_path), "x"
    head = -1
    while head < VERSIONS:
        change(lake, name, random, head + 1)
        head = lake.tables[f"default/default/{BUCKET}.{name}"]["version"]
        if head % (2 * EVERY) == 0:
            vacuumed(lake, 31, oldest=max(0, head - 30))
    path, uri = lake.folder(name), str(lake.folder(name))
    for version in sorted({head, head - 1, head - 5, head - 12}):
        frame, table = pl.read_delta(uri, version=version), DeltaTable(path, version=version)
        expected = {column: kind for column, (_, kind, _) in KINDS.items()}
        assert {column: frame.schema[column] for column in KINDS} == expected
        assert table.version() == version
        listed = ", ".join(f'"{column}"' for column in frame.columns)
        by_duckdb = asked(f"SELECT {listed} FROM read_parquet({table.file_uris()!r}, union_by_name = true)")
        rows = sorted(frame.rows(), key=str)
        assert len(rows) == len(ours(lake, name, version)) == frame["id"].n_unique(), "the key is unique"
        assert set(rows) == set(by_duckdb) == set(ours(lake, name, version))
    log = path / "_delta_log"
    points = [one for entry in os.listdir(log) if (one := version_of_checkpoint(entry)) is not None]
    assert max(points) >= head - EVERY - 1
    for point in points:
        removed = asked(f"SELECT count(remove) FROM '{log}/{point:020d}.checkpoint.parquet'")
        assert removed == [(0,)], "what is gone is in no checkpoint"

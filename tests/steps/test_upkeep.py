"""Automatic maintenance by a load: small files are merged, and the log gets checkpoints."""

import json
import time
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from locksided.steps.lake import checkpoints, deltalog, merging, restore, vacuum
from locksided.tables.orders import TableOrder
from steps.lake import BUCKET, Lake

APPENDED = {"source": "x.csv", "destination": f"{BUCKET}.x", "incremental": True}


LIMITS = (merging.MANY, checkpoints.EVERY)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake that merges 13 files and makes a checkpoint every 10 versions."""
    monkeypatch.setattr(merging, "MANY", 13)
    monkeypatch.setattr(checkpoints, "EVERY", 10)
    return Lake(tmp_path)


def append(lake: Lake, numbers: range) -> None:
    for number in numbers:
        lake.load({"x.csv": f"n\n{number}\n"}, APPENDED)


def head(lake: Lake, version: int | None = None) -> TableOrder:
    known = lake.tables[f"default/default/{BUCKET}.x"]
    at = known["version"] if version is None else version
    return TableOrder(id=known["id"], key="", folder="", version=at)


def names(lake: Lake) -> list[str]:
    return sorted(path.name for path in (lake.folder() / "_delta_log").iterdir())


def test_many_small_files_are_merged_in_a_separate_version(lake: Lake) -> None:
    assert LIMITS == (64, 50)
    append(lake, range(12))
    assert head(lake).version == 11
    append(lake, range(12, 13))
    assert head(lake).version == 13
    entry = [json.loads(line) for line in (lake.folder() / "_delta_log" / f"{13:020d}.json").open()]
    assert entry[0]["commitInfo"]["operation"] == "OPTIMIZE"
    changes = [action for line in entry for kind, action in line.items() if kind in ("add", "remove")]
    assert not any(action["dataChange"] for action in changes)
    assert len(deltalog.read(lake.folder(), head(lake)).adds) == 1
    assert sorted(int(n) for (n,) in lake.rows()) == list(range(13))
    serials = [one["version"] for line in entry for kind, one in line.items() if kind == "txn"]
    assert serials == [lake.serial + 1]


def test_a_merge_preserves_the_timestamp_of_each_row(lake: Lake) -> None:
    append(lake, range(12))
    before = dict(pl.read_delta(str(lake.folder())).rows())
    append(lake, range(12, 13))
    after = dict(pl.read_delta(str(lake.folder())).rows())
    assert {n: after[n] for n in before} == before


def test_readers_start_from_a_checkpoint(lake: Lake) -> None:
    append(lake, range(12))
    assert f"{9:020d}.checkpoint.parquet" in names(lake)
    for entry in range(10):
        (lake.folder() / "_delta_log" / f"{entry:020d}.json").unlink()
    for version in (9, 10, 11):
        expected = {str(n) for n in range(version + 1)}
        table = DeltaTable(lake.folder(), version=version)
        assert set(pl.read_delta(str(lake.folder()), version=version)["n"]) == expected
        assert len(deltalog.read(lake.folder(), head(lake, version)).adds) == version + 1
        rows = duckdb.sql(f"SELECT n FROM read_parquet({table.file_uris()!r})").fetchall()
        assert {n for (n,) in rows} == expected
    assert not [path for path in (lake.folder() / "_lockside").iterdir() if path.name != "staged"]


def test_a_checkpoint_contains_only_published_versions(lake: Lake) -> None:
    append(lake, range(9))
    known = lake.tables[f"default/default/{BUCKET}.x"]
    result = _staged_only(lake)
    known |= {"version": 9, "staged": {9: result["commits"][0]["staged"]}}
    lake.write({"x.csv": "n\n10\n"})
    _load(lake, known)
    assert "checkpoint" not in " ".join(names(lake))


def _staged_only(lake: Lake) -> dict[str, Any]:
    lake.write({"x.csv": "n\n9\n"})
    return _load(lake, lake.tables[f"default/default/{BUCKET}.x"])


def _load(lake: Lake, known: dict[str, Any]) -> dict[str, Any]:
    from locksided.steps.lake import output

    order = lake.order({"tables": [APPENDED]}, ["x"])
    order["tables"] = [{**order["tables"][0], **known}]
    return output.store(order)


def test_a_version_is_restored_with_its_own_key(lake: Lake) -> None:
    must = {"name": "n", "nullable": False}
    lake.load({"x.csv": "1,a\n1,b\n", "x.csv.manifest": {"schema": [must, {"name": "m"}]}})
    lake.load({"x.csv": "n,m\n1,a\n"}, {"source": "x.csv", "primary_key": ["n"]})
    order = lake.order({}, ["x"])
    order["parameters"] = {"tables": [{"version": 0}]}
    (commit,) = restore.restore(order)["commits"]
    assert "primaryKey" not in commit["definition"] or commit["definition"]["primaryKey"] == []
    assert commit["definition"]["columns"] == [must, {"name": "m"}]


def test_a_version_before_a_merge_can_be_restored(lake: Lake) -> None:
    append(lake, range(13))
    order = lake.order({}, ["x"])
    order["parameters"] = {"tables": [{"id": f"{BUCKET}.x", "branch": "default", "version": 9}]}
    (commit,) = restore.restore(order)["commits"]
    lake.ratify(commit)
    assert sorted(int(n) for (n,) in lake.rows()) == list(range(10))
    last = (lake.folder() / "_delta_log" / f"{commit['version']:020d}.json").open()
    adds = [action["add"] for action in map(json.loads, last) if "add" in action]
    assert all(add["dataChange"] for add in adds)


def test_a_version_no_longer_kept_is_named(lake: Lake) -> None:
    append(lake, range(3))
    order = TableOrder(id="in.c-main.x", key="", folder="", version=1, oldest=2)
    with pytest.raises(Exception, match=r'Version 1 of table "in.c-main.x" is no longer kept\.'):
        deltalog.read(lake.folder(), order)


def test_a_version_that_never_existed_is_not_reported_as_damage(lake: Lake) -> None:
    append(lake, range(3))
    order = TableOrder(id="in.c-main.x", key="", folder="", version=9, newest=3)
    with pytest.raises(Exception, match=r'Table "in.c-main.x" has no version 9: its newest is 3\.'):
        deltalog.read(lake.folder(), order)


def vacuumed(lake: Lake, days: float, **more: Any) -> str:
    """Return the message of a vacuum this many days later."""
    known = lake.tables[f"default/default/{BUCKET}.x"]
    table = {"key": "", "folder": f"default/default/{BUCKET}/x", **known, **more, "definition": None}
    order = {
        "root": str(lake.base / "lake"),
        "timeUs": int((time.time() + days * 86_400) * 1e6),
        "parameters": {"dryRun": False},
        "tables": [table],
        "buckets": [],
        "trash": [],
        "files": [],
    }
    return str(vacuum.vacuum(order)["message"])


def test_log_entries_that_no_kept_version_needs_are_deleted(lake: Lake) -> None:
    append(lake, range(24))
    assert vacuumed(lake, 29, oldest=15).startswith("13 files")  # the merged files
    assert len(names(lake)) == 25 + 3
    assert vacuumed(lake, 31, oldest=15).startswith("9 files")
    assert names(lake)[0] == f"{9:020d}.checkpoint.parquet"
    for version in (15, 18, 19, 24):  # version 13 is the merge
        assert set(pl.read_delta(str(lake.folder()), version=version)["n"]) == {
            str(n) for n in range(version)
        }
    append(lake, range(24, 26))
    assert len(lake.rows()) == 26
    assert vacuumed(lake, 31, oldest=19).startswith("11 files")
    assert names(lake)[0] == f"{19:020d}.checkpoint.parquet"
    assert len(lake.rows()) == 26


def test_files_less_than_a_day_old_are_kept(lake: Lake) -> None:
    append(lake, range(3))
    (lake.folder() / "part-9-0-new.parquet").write_bytes(b"half")
    assert vacuumed(lake, 0.9, oldest=2).startswith("0 files")
    assert vacuumed(lake, 1.1, oldest=2).startswith("1 files")

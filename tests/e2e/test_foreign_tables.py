"""Only lockside is meant to write to the lake: commits of other programs are noticed, and none is lost."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from e2e.harness import LAKE, Daemon, running
from e2e.lake import folder, published, rows, writes
from e2e.wire import Message, Refusal, Wire, of, wait_until

pytestmark = pytest.mark.real_processes


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running(**LAKE) as one:
        yield one


def loads(wire: Wire, bucket: str, number: int) -> Message:
    output = {"default_bucket": f"in.c-{bucket}"}
    return wire.done(writes(wire, {"a.csv": f"n\n{number}\n"}, bucket, output=output))


def written_by_polars(path: Path, number: str) -> None:
    frame = pl.DataFrame({"n": [number]}).with_columns(
        pl.lit(None, pl.Datetime("us", "UTC")).alias("_timestamp")
    )
    frame.write_delta(str(path), mode="append")


def health(wire: Wire, table: str) -> Any:
    return wire.call("storage.table.get", id=table)["health"]


def test_a_table_that_another_program_wrote_to_can_be_read_but_not_written(
    wire: Wire, daemon: Daemon
) -> None:
    loads(wire, "foreign", 1)
    path = published(wire, daemon, "in.c-foreign.a", 0)
    written_by_polars(path, "9")
    (found,) = wire.call("storage.status")["foreign"]
    assert of(found, "table", "version") == ("in.c-foreign.a", 1)
    assert health(wire, "in.c-foreign.a") == "foreign"
    told = [event["data"]["table"] for event in wire.events(None, kinds=["table.foreign"])]
    assert told.count("in.c-foreign.a") == 1
    assert wire.call("storage.preview", table="in.c-foreign.a")["rows"] == [["1"]]
    job = loads(wire, "foreign", 2)
    assert job["status"] == "error"
    assert 'Table "in.c-foreign.a" is foreign: version 1 was written by another program.' in job["message"]
    assert rows(path) == [("1",), ("9",)]


def test_a_load_detects_a_foreign_commit(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "found", 1)
    written_by_polars(published(wire, daemon, "in.c-found.a", 0), "9")
    assert loads(wire, "found", 2)["status"] == "error"
    assert health(wire, "in.c-found.a") == "foreign"


def test_a_foreign_commit_that_races_a_publication_is_kept_and_ours_is_read(
    wire: Wire, daemon: Daemon
) -> None:
    loads(wire, "race", 1)
    path = published(wire, daemon, "in.c-race.a", 0)
    output = {"default_bucket": "in.c-race"}
    racing = writes(wire, {"a.csv": "n\n" + "2\n" * 300_000}, "race", output=output)
    wait_until(wire, racing, lambda job: job["stage"] == "output_mapping")
    wire.call("job.pause", id=racing["id"])
    written_by_polars(path, "9")
    wire.call("job.resume", id=racing["id"])
    assert wire.done(racing)["status"] == "success"
    (found,) = (one for one in wire.call("storage.status")["foreign"] if one["table"] == "in.c-race.a")
    assert found["version"] == 1
    assert wire.call("storage.table.get", id="in.c-race.a")["rowsCount"] == 300_000
    assert wire.call("storage.preview", table="in.c-race.a", limit=1)["rows"] == [["2"]]
    assert sorted(pl.read_delta(str(path))["n"]) == ["1", "9"]


def test_a_start_detects_foreign_commits_made_meanwhile(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh(**LAKE)
    wire = daemon.wire()
    for bucket in ("one", "two"):
        loads(wire, bucket, 1)
    one, two = (published(wire, daemon, f"in.c-{bucket}.a", 0) for bucket in ("one", "two"))
    daemon.kill()
    written_by_polars(one, "9")
    entry = two / "_delta_log" / f"{0:020d}.json"
    kept = entry.read_bytes()
    entry.unlink()
    wire = daemon.start().wire()
    wire.call("storage.status")
    assert health(wire, "in.c-one.a") == "foreign"
    assert health(wire, "in.c-two.a") == "damaged"
    job = loads(wire, "two", 2)
    assert 'Table "in.c-two.a" is damaged: version 0 is missing in its log.' in job["message"]
    entry.write_bytes(kept)
    assert loads(wire, "two", 2)["status"] == "success"
    assert health(wire, "in.c-two.a") == "good"
    assert rows(published(wire, daemon, "in.c-two.a", 1)) == [("2",)]
    assert folder(daemon, "in.c-two.a") == two


def test_a_foreign_commit_can_be_adopted(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "adopted", 1)
    path = published(wire, daemon, "in.c-adopted.a", 0)
    for number in ("8", "9"):
        written_by_polars(path, number)
    problems = wire.call("daemon.check")["problems"]
    assert "foreign_table" in [
        one["kind"] for one in problems if one["details"].get("table") == "in.c-adopted.a"
    ]
    job = wire.done(wire.call("storage.table.adopt", id="in.c-adopted.a"))
    assert job["status"] == "success", job["message"]
    table = wire.call("storage.table.get", id="in.c-adopted.a")
    assert of(table, "version", "rowsCount", "health") == (2, 3, "good")
    history = wire.call("storage.table.history", id="in.c-adopted.a")["versions"]
    assert [of(one, "version", "foreign", "published") for one in history] == [
        (2, True, True),
        (1, True, True),
        (0, False, True),
    ]
    since = wire.call("storage.preview", table="in.c-adopted.a", changedSince="-1 days")["rows"]
    assert sorted(since) == [["1"], ["8"], ["9"]]
    output = {"tables": [{"source": "a.csv", "destination": "in.c-adopted.a", "incremental": True}]}
    assert wire.done(writes(wire, {"a.csv": "n\n2\n"}, "adopted", output=output))["status"] == "success"
    assert rows(published(wire, daemon, "in.c-adopted.a", 3)) == [("1",), ("2",), ("8",), ("9",)]
    restored = wire.done(wire.call("storage.table.restore", id="in.c-adopted.a", version=0))
    assert restored["status"] == "success", restored["message"]
    assert rows(published(wire, daemon, "in.c-adopted.a", 4)) == [("1",)]


def test_a_version_can_be_restored_over_a_foreign_commit(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "over", 1)
    loads(wire, "over", 2)
    path = published(wire, daemon, "in.c-over.a", 1)
    asked = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": [], "writerFeatures": []}
    written_by_polars(path, "9")
    (path / "_delta_log" / f"{3:020d}.json").write_text(json.dumps({"protocol": asked}) + "\n")
    wire.call("storage.status")
    refused = wire.done(wire.call("storage.table.adopt", id="in.c-over.a"))
    assert "it requires more than reader version 1 and writer version 2" in refused["message"]
    job = wire.done(wire.call("storage.table.restore", id="in.c-over.a", version=1))
    assert job["status"] == "success", job["message"]
    assert rows(published(wire, daemon, "in.c-over.a", 4)) == [("2",)]
    assert health(wire, "in.c-over.a") == "good"
    history = wire.call("storage.table.history", id="in.c-over.a")["versions"]
    assert [of(one, "version", "foreign") for one in history] == [
        (4, False),
        (3, True),
        (2, True),
        (1, False),
        (0, False),
    ]
    assert loads(wire, "over", 5)["status"] == "success"
    assert rows(published(wire, daemon, "in.c-over.a", 5)) == [("5",)]


def test_a_missing_or_truncated_data_file_is_named_and_nothing_else_is_lost(
    wire: Wire, daemon: Daemon
) -> None:
    for number in (1, 2):
        loads(wire, "torn", number)
    path = published(wire, daemon, "in.c-torn.a", 1)
    newest = max(path.glob("*.parquet"), key=lambda one: one.stat().st_mtime_ns)
    content = newest.read_bytes()
    newest.chmod(0o600)
    newest.write_bytes(content[:10])
    said = f'Table "in.c-torn.a" is damaged: {newest.name} has 10 bytes instead of {len(content)}. '
    offered = "Version 0 is the newest undamaged one: restore it."
    assert said + offered in str(wire.refused("storage.preview", table="in.c-torn.a"))
    newest.unlink()
    job = loads(wire, "torn", 3)
    assert f"{newest.name} is missing. {offered}" in job["message"]
    restored = wire.done(wire.call("storage.table.restore", id="in.c-torn.a", version=0))
    assert restored["status"] == "success", restored["message"]
    assert loads(wire, "torn", 4)["status"] == "success"
    assert rows(published(wire, daemon, "in.c-torn.a", 3)) == [("4",)]


def test_a_foreign_commit_that_lockside_could_not_write_is_not_adopted(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "odd", 1)
    path = published(wire, daemon, "in.c-odd.a", 0)
    protocol = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7}}
    (path / "_delta_log" / f"{1:020d}.json").write_text(json.dumps(protocol) + "\n")
    job = wire.done(wire.call("storage.table.adopt", id="in.c-odd.a"))
    assert job["status"] == "error"
    assert job["message"].endswith("it requires more than reader version 1 and writer version 2.")
    assert health(wire, "in.c-odd.a") == "foreign"


def test_adopting_without_a_foreign_commit_is_refused(wire: Wire) -> None:
    loads(wire, "own", 1)
    with pytest.raises(Refusal) as refusal:
        wire.call("storage.table.adopt", id="in.c-own.a")
    assert refusal.value.kind == "conflict"

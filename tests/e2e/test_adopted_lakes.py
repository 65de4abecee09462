"""Tables that are in a lake but not in the database, after an older one was restored or from another lake."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.harness import LAKE, Daemon
from e2e.lake import folder, published, rows, writes
from e2e.test_restore import backed_up, restored
from e2e.wire import Wire, of
from lockside.cli.main import main

pytestmark = pytest.mark.real_processes
KEYED = {"source": "a.csv", "primary_key": ["n"], "incremental": True}


def loads(wire: Wire, table: str, number: int) -> None:
    output = {"tables": [{**KEYED, "destination": table}]}
    job = wire.done(writes(wire, {"a.csv": f"n,v\n{number},x\n"}, output=output))
    assert job["status"] == "success", job["message"]


def stored(wire: Wire, place: Path) -> int:
    (place / "f.txt").write_text("f")
    job = wire.done(wire.call("storage.file.put", path=str(place / "f.txt")))
    return int(job["result"]["output"]["files"][0]["id"])


def wait_for_adoption(wire: Wire, jobs: int) -> None:
    """Wait until this many jobs of the daemon itself have adopted tables."""
    wire.call("daemon.undrain")
    number = wire.call("event.subscribe", kinds=["job.status"])["subscription"]
    while True:
        found = wire.call("job.list", component="lockside.storage")["jobs"]
        made = [job for job in found if job["creator"]["type"] == "daemon" and job["isFinished"]]
        if len(made) >= jobs:
            assert {job["status"] for job in made} == {"success"}, [job["message"] for job in made]
            break
        wire.notice()
    wire.call("event.unsubscribe", subscription=number)


def test_tables_written_after_the_backup_are_adopted_automatically(
    fresh: Callable[..., Daemon], place: Path
) -> None:
    daemon = fresh(**LAKE)
    with daemon.wire() as wire:
        loads(wire, "in.c-lake.old", 1)
        backup = backed_up(wire, place)
        loads(wire, "in.c-lake.old", 2)
        loads(wire, "in.c-lake.new", 5)
        loads(wire, "in.c-lake.new", 6)
        published(wire, daemon, "in.c-lake.new", 1)
        published(wire, daemon, "in.c-lake.old", 1)
        last = wire.call("storage.table.history", id="in.c-lake.new")["versions"][0]["serial"]
        file_id = stored(wire, place)
    daemon.stop()
    restored(daemon, backup)
    with daemon.start().wire() as wire:
        wait_for_adoption(wire, 2)
        assert stored(wire, place) > file_id
        for table, values in (("old", ["1", "2"]), ("new", ["5", "6"])):
            one = wire.call("storage.table.get", id=f"in.c-lake.{table}")
            assert of(one, "version", "primaryKey", "rowsCount", "health") == (1, ["n"], 2, "good")
            found = wire.call("storage.preview", table=f"in.c-lake.{table}")["rows"]
            assert sorted(row[0] for row in found) == values
        history = wire.call("storage.table.history", id="in.c-lake.new")["versions"]
        assert [of(one, "version", "rowsCount", "foreign") for one in history] == [
            (1, 2, False),
            (0, 1, False),
        ]
        loads(wire, "in.c-lake.new", 6)
        loads(wire, "in.c-lake.new", 7)
        newest = wire.call("storage.table.history", id="in.c-lake.new")["versions"][0]
        assert newest["version"] == 2
        assert newest["serial"] > last
        assert len(rows(published(wire, daemon, "in.c-lake.new", 2))) == 3


def test_a_table_of_another_lake_is_adopted_on_request(fresh: Callable[..., Daemon]) -> None:
    first, second = fresh(**LAKE), fresh(**LAKE)
    with first.wire() as wire:
        loads(wire, "in.c-moved.a", 1)
        loads(wire, "in.c-moved.a", 2)
        loads(wire, "in.c-moved.b", 1)
        published(wire, first, "in.c-moved.a", 1)
        published(wire, first, "in.c-moved.b", 0)
    with second.wire() as wire:
        assert wire.refused("storage.table.adopt", id="in.c-moved.a").kind == "not_found"
        shutil.copytree(folder(first, "in.c-moved.a").parent, folder(second, "in.c-moved.a").parent)
        found = wire.call("storage.status")["foreign"]
        assert [of(one, "table", "version") for one in found] == [("in.c-moved.a", 1), ("in.c-moved.b", 0)]
        assert wire.refused("storage.table.get", id="in.c-moved.a").kind == "not_found"
        assert main(["--socket", str(second.socket), "doctor", "--adopt", "all"]) == 0
        assert wire.call("storage.status")["foreign"] == []
        one = wire.call("storage.table.get", id="in.c-moved.a")
        assert of(one, "version", "primaryKey", "rowsCount", "health") == (1, ["n"], 2, "good")
        assert [bucket["id"] for bucket in wire.call("storage.bucket.list")["buckets"]] == ["in.c-moved"]
        loads(wire, "in.c-moved.a", 3)
        assert len(rows(published(wire, second, "in.c-moved.a", 2))) == 3

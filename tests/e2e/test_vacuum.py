"""Table data that is no longer kept is deleted once a day, but nothing that anybody may still read."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from e2e.harness import LAKE, Daemon, running
from e2e.lake import folder, published, rows, writes
from e2e.signs import Gate
from e2e.wire import Message, Refusal, Wire, of, put_component, put_config, until_running

pytestmark = pytest.mark.real_processes

KEEPING = {
    "LOCKSIDE_STORAGE__KEEP_VERSIONS": "2",
    "LOCKSIDE_STORAGE__KEEP_DAYS": "0.00001",
    "LOCKSIDE_STORAGE__TRASH_DAYS": "1",
}
LATER = (datetime.now(UTC) + timedelta(days=40)).isoformat()
"""A time of the daemon's clock at which all files are old."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running("--test-clock", LATER, **LAKE, **KEEPING) as one:
        yield one


def loads(wire: Wire, bucket: str, numbers: range) -> Message:
    """Load the table `a` of a bucket in full, one row for each number."""
    output = {"default_bucket": f"in.c-{bucket}"}
    for number in numbers:
        job = wire.done(writes(wire, {"a.csv": f"n\n{number}\n"}, bucket, output=output))
        wire.call("clock.advance", seconds=10)
    return job


def files(path: Path) -> list[str]:
    return sorted(one.name for one in path.glob("*.parquet"))


def vacuumed(wire: Wire, *tables: str, **more: bool) -> Message:
    (job,) = wire.call("storage.vacuum", tables=list(tables), **more)["jobs"]
    return wire.done(job)


def test_files_of_versions_no_longer_kept_are_deleted(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "old", range(4))
    path = published(wire, daemon, "in.c-old.a", 3)
    assert len(files(path)) == 4
    dry = vacuumed(wire, "in.c-old.a", dryRun=True)
    assert dry["status"] == "success", dry["message"]
    assert dry["message"].startswith("2 files of ")
    assert len(files(path)) == 4
    done = vacuumed(wire, "in.c-old.a")
    assert done["status"] == "success", done["message"]
    assert done["message"].endswith(" bytes were removed.")
    assert len(files(path)) == 2
    assert rows(path) == [("3",)]
    table = wire.call("storage.table.get", id="in.c-old.a")
    assert of(table, "version", "oldestVersion") == (3, 2)
    assert wire.call("storage.preview", table="in.c-old.a", version=2)["rows"] == [["2"]]
    with pytest.raises(Refusal, match=r'Version 1 of table "in.c-old.a" is no longer kept\.'):
        wire.call("storage.preview", table="in.c-old.a", version=1)
    failed = wire.done(wire.call("storage.table.restore", id="in.c-old.a", version=1))
    assert failed["message"] == 'Version 1 of table "in.c-old.a" is no longer kept.'


def test_versions_pinned_by_a_live_job_are_kept(wire: Wire, daemon: Daemon, tmp_path: Path) -> None:
    loads(wire, "pinned", range(1))
    gate = Gate(tmp_path)
    put_component(wire, "acme.slow", command=["sh", "-c", gate.text])
    storage = {"input": {"tables": [{"source": "in.c-pinned.a"}]}}
    put_config(wire, "acme.slow", "one", configuration={"storage": storage})
    reader = wire.create("acme.slow", config="one")
    until_running(wire, reader)
    loads(wire, "pinned", range(1, 5))
    path = published(wire, daemon, "in.c-pinned.a", 4)
    assert vacuumed(wire, "in.c-pinned.a")["status"] == "success"
    assert len(files(path)) == 5
    gate.open()
    assert wire.done(reader)["status"] == "success"
    assert vacuumed(wire, "in.c-pinned.a")["status"] == "success"
    assert len(files(path)) == 2


def test_leftovers_are_deleted_and_staged_commits_are_kept(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "left", range(2))
    path = published(wire, daemon, "in.c-left.a", 1)
    obstacle = path / "_delta_log" / f"{2:020d}.json"
    obstacle.mkdir()
    loads(wire, "left", range(2, 3))
    (path / "part-9-0-leftover.parquet").write_bytes(b"half")
    (path / "_lockside/staged/leftover.json").write_bytes(b"half")
    obstacle.rmdir()
    vacuumed(wire, "in.c-left.a")
    assert not [name for name in files(path) if "leftover" in name]
    assert not (path / "_lockside/staged/leftover.json").exists()
    assert wire.call("storage.preview", table="in.c-left.a")["rows"] == [["2"]]


def test_the_daemon_vacuums_once_a_day_and_empties_the_trash(wire: Wire, daemon: Daemon) -> None:
    bad = loads(wire, "trash", range(1))
    loads(wire, "daily", range(4))
    wire.done(wire.call("job.undo", id=bad["id"]))
    path = published(wire, daemon, "in.c-daily.a", 3)
    trash = folder(daemon, "in.c-trash.a").parent / ".trash"
    loads(wire, "trash", range(1, 2))  # the first one's folder makes way
    assert [one.name.partition(".")[0] for one in trash.iterdir()] == ["a"]
    wire.call("clock.advance", seconds=2 * 86_400)
    jobs = wire.call("job.list", creator="daemon")["jobs"]
    for job in jobs:
        assert of(wire.done(job), "status", "component") == ("success", "lockside.storage")
    assert jobs[0]["creator"]["type"] == "daemon"
    assert len(files(path)) == 2
    assert not list(trash.iterdir())


def test_a_table_that_another_program_wrote_to_is_left_alone(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "foreign", range(4))
    path = published(wire, daemon, "in.c-foreign.a", 3)
    foreign = path / "_delta_log" / f"{4:020d}.json"
    foreign.write_text("{}\n")
    job = vacuumed(wire, "in.c-foreign.a")
    assert job["status"] == "warning"
    assert "another program wrote" in wire.text(job)
    assert len(files(path)) == 4
    foreign.unlink()

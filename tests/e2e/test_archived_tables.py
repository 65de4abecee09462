"""How archiving affects the tables of the same job."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import LAKE, Daemon, running
from e2e.lake import published, rows, writes
from e2e.test_archives import whole
from e2e.test_chunks import cut
from e2e.test_systems import put_system
from e2e.test_write_always import exists
from e2e.wire import Wire, of, wait_until

pytestmark = pytest.mark.real_processes


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(**LAKE, LOCKSIDE_STAGING__ATTEMPTS="1") as one:
        yield one


def test_tables_are_archived_before_they_are_stored(wire: Wire, daemon: Daemon, place: Path) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    archive = {"path": "one", "include": ["tables"]}
    output = {"tables": [{"source": "t.csv", "destination": "out.c-kept.t"}]}
    job = wire.done(writes(wire, {"t.csv": "g\n1\n"}, output=output, request={"archive": archive}))
    assert job["status"] == "success", job["message"]
    assert [one["operation"] for one in job["result"]["steps"]] == [None, "archive", "output"]
    assert [one["path"] for one in whole(place / "one")["files"]] == ["out/tables/t.csv"]
    assert rows(published(wire, daemon, "out.c-kept.t", 0)) == [("1",)]


@pytest.mark.parametrize("on_failure", ["error", "warning"])
def test_a_failed_archive_prevents_the_tables_or_is_a_warning(
    wire: Wire, daemon: Daemon, place: Path, on_failure: str
) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    (place / "one").write_text("a file where the folder would be")
    table = f"out.c-failed.{on_failure}"
    output = {"tables": [{"source": "t.csv", "destination": table}]}
    request = {"archive": {"path": "one", "onFailure": on_failure}}
    job = wire.done(writes(wire, {"t.csv": "g\n1\n"}, output=output, request=request))
    assert job["status"] == on_failure
    assert "could not be archived" in job["message"]
    assert exists(wire, table) is (on_failure == "warning")


def test_no_table_is_locked_while_a_job_is_archived(wire: Wire, daemon: Daemon) -> None:
    output = {"tables": [{"source": "t.csv", "destination": "out.c-free.t", "incremental": True}]}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        put_system(wire, "silent", f"ftp://127.0.0.1:{silent.getsockname()[1]}/", isWritable=True)
        request = {"archive": {"system": "silent", "onFailure": "warning"}}
        first = writes(wire, {"t.csv": "g\n1\n"}, output=output, request=request)
        connected, _ = silent.accept()
        wait_until(wire, first, lambda seen: seen["stage"] == "archiving")
        assert wire.done(writes(wire, {"t.csv": "g\n2\n"}, "two", output=output))["status"] == "success"
        connected.close()
    assert of(wire.done(first), "status") == ("warning",)
    assert rows(published(wire, daemon, "out.c-free.t", 1)) == [("1",), ("2",)]


def test_the_assembled_output_of_a_job_in_chunks_is_archived(wire: Wire, place: Path) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    archive = {"path": "all", "include": ["tables", "files"]}
    job = wire.done(cut(wire, "kept", 25, {"chunkRows": 10}, request={"archive": archive}))
    assert job["status"] == "success", job["message"]
    paths = [one["path"] for one in whole(place / "all")["files"]]
    assert [path for path in paths if path.startswith("out/files/")] == [
        f"out/files/{number:06d}_note" for number in (1, 2, 3)
    ]
    assert any(path.startswith("out/tables/y.csv/") for path in paths)

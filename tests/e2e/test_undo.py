"""A wrong job is undone by one call: tables and states together, in one transaction."""

from collections.abc import Callable, Iterator
from typing import Any

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


def loads(wire: Wire, bucket: str, number: int, *names: str, **more: Any) -> Message:
    """Run a job that gives tables of a bucket one row with a number, and saves the number as its state."""
    tables = {f"{name}.csv": f"n\n{number}\n" for name in names}
    return wire.done(
        writes(wire, tables, bucket, output={"default_bucket": f"in.c-{bucket}"}, state={"n": number}, **more)
    )


def state(wire: Wire, config: str) -> dict[str, Any]:
    found: dict[str, Any] = wire.call("state.get", component="acme.writer", config=config)["state"]
    return found


def test_tables_and_state_of_a_job_are_reverted_together(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "undo", 1, "a", "b")
    bad = loads(wire, "undo", 2, "a", "b", "new")
    undoing = wire.done(wire.call("job.undo", id=bad["id"]))
    assert undoing["status"] == "success", undoing["message"]
    assert wire.get(bad["id"])["undoneBy"] == undoing["id"]
    assert state(wire, "undo") == {"n": 1}
    for name in "ab":
        assert rows(published(wire, daemon, f"in.c-undo.{name}", 2)) == [("1",)]
        newest, *_ = wire.call("storage.table.history", id=f"in.c-undo.{name}")["versions"]
        assert of(newest, "operation", "job") == ("RESTORE", undoing["id"])
    with pytest.raises(Refusal) as refusal:
        wire.call("storage.table.get", id="in.c-undo.new")
    assert refusal.value.kind == "not_found"
    with pytest.raises(Refusal) as refusal:
        wire.call("job.undo", id=bad["id"])
    assert refusal.value.kind == "conflict"
    assert undoing["id"] in str(refusal.value)


def test_undoing_an_undo_restores_everything(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "redo", 1, "a")
    bad = loads(wire, "redo", 2, "a")
    undoing = wire.done(wire.call("job.undo", id=bad["id"]))
    again = wire.done(wire.call("job.undo", id=undoing["id"]))
    assert again["status"] == "success", again["message"]
    assert rows(published(wire, daemon, "in.c-redo.a", 3)) == [("2",)]
    assert state(wire, "redo") == {"n": 2}


def test_later_changes_by_another_job_are_named_and_nothing_is_undone(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "later", 1, "a", "b")
    bad = loads(wire, "later", 2, "a", "b")
    later = loads(wire, "later", 3, "a")
    with pytest.raises(Refusal) as refusal:
        wire.call("job.undo", id=bad["id"])
    assert refusal.value.kind == "conflict"
    assert f"Table in.c-later.a was changed since by job {later['id']}." in str(refusal.value)
    assert "in.c-later.b" not in str(refusal.value)
    plan = wire.call("job.undo", id=bad["id"], dryRun=True)
    assert {table["id"]: (table["toVersion"], table["laterJobs"]) for table in plan["tables"]} == {
        "in.c-later.a": (0, [later["id"]]),
        "in.c-later.b": (0, []),
    }
    assert [of(one, "toVersion", "laterJobs") for one in plan["states"]] == [(1, [later["id"]])]
    picked = wire.done(wire.call("job.undo", id=bad["id"], tables=["in.c-later.b"]))
    assert picked["status"] == "success", picked["message"]
    assert rows(published(wire, daemon, "in.c-later.b", 2)) == [("1",)]
    assert rows(published(wire, daemon, "in.c-later.a", 2)) == [("3",)]
    assert state(wire, "later") == {"n": 3}


def test_force_also_reverts_later_changes(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "force", 1, "a")
    bad = loads(wire, "force", 2, "a")
    loads(wire, "force", 3, "a")
    undoing = wire.done(wire.call("job.undo", id=bad["id"], force=True))
    assert undoing["status"] == "success", undoing["message"]
    assert rows(published(wire, daemon, "in.c-force.a", 3)) == [("1",)]
    assert state(wire, "force") == {"n": 1}


def test_changes_made_while_an_undo_waits_are_not_lost(wire: Wire, daemon: Daemon) -> None:
    loads(wire, "race", 1, "a")
    bad = loads(wire, "race", 2, "a")
    output = {"default_bucket": "in.c-race"}
    writer = writes(wire, {"a.csv": "n\n" + "3\n" * 300_000}, "racer", output=output)
    wait_until(wire, writer, lambda job: job["stage"] == "output_mapping")
    wire.call("job.pause", id=writer["id"])
    undoing = wire.call("job.undo", id=bad["id"])
    wire.call("job.resume", id=writer["id"])
    assert wire.done(writer)["status"] == "success"
    undone = wire.done(undoing)
    assert of(undone, "status", "message") == (
        "error",
        "Tables were changed meanwhile: in.c-race.a. Nothing was undone.",
    )
    assert wire.get(bad["id"])["undoneBy"] is None
    assert state(wire, "race") == {"n": 2}


def test_a_job_that_changed_only_its_state_can_be_undone(wire: Wire) -> None:
    loads(wire, "stateful", 1)
    bad = loads(wire, "stateful", 2)
    undoing = wire.done(wire.call("job.undo", id=bad["id"]))
    assert undoing["status"] == "success", undoing["message"]
    assert state(wire, "stateful") == {"n": 1}


def test_the_name_of_a_table_in_the_trash_can_be_reused(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh(**LAKE)
    wire = daemon.wire()
    bad = loads(wire, "trash", 1, "a")
    published(wire, daemon, "in.c-trash.a", 0)
    undoing = wire.done(wire.call("job.undo", id=bad["id"]))
    (dropped,) = wire.events(undoing, kinds=["table.dropped"])
    assert dropped["data"]["table"] == "in.c-trash.a"
    loads(wire, "trash", 2, "a")
    assert rows(published(wire, daemon, "in.c-trash.a", 0)) == [("2",)]
    (trashed,) = (folder(daemon, "in.c-trash.a").parent / ".trash").iterdir()
    assert rows(trashed) == [("1",)]


def test_a_job_that_changed_nothing_cannot_be_undone(wire: Wire) -> None:
    job = wire.done(writes(wire, {}, "nothing"))
    with pytest.raises(Refusal) as refusal:
        wire.call("job.undo", id=job["id"])
    assert refusal.value.kind == "conflict"


@pytest.mark.parametrize("way", ["request", "configuration", "task"])
def test_only_the_methods_create_jobs_that_undo_or_vacuum(wire: Wire, way: str) -> None:
    """The method checks that the caller may act on the job, and which versions are kept."""
    for operation, method in (("undo", "job.undo"), ("vacuum", "storage.vacuum")):
        parameters = {"operation": operation, "job": "1", "force": True, "tables": [], "states": []}
        body = {"parameters": parameters}
        request: dict[str, Any] = {"component": "lockside.storage", "configData": body}
        if way == "configuration":
            wire.call("config.put", component="lockside.storage", config=operation, configuration=body)
            request = {"component": "lockside.storage", "config": operation}
        if way == "task":
            flow = {"phases": [{"id": "p"}], "tasks": [{"id": "t", "phase": "p", "task": request}]}
            request = {"component": "lockside.orchestrator", "configData": flow}
        refusal = wire.refused("job.create", **request)
        assert (refusal.kind, method in refusal.error["message"]) == ("forbidden", True)

"""Tables are changed by methods: each change is a job, in one commit."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from e2e.harness import LAKE, Daemon, running
from e2e.lake import published, rows, writes
from e2e.wire import Message, Wire, of

pytestmark = pytest.mark.real_processes


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running(**LAKE) as one:
        yield one


def done(wire: Wire, method: str, **params: Any) -> Message:
    job = wire.done(wire.call(f"storage.table.{method}", id="in.c-changed.x", **params))
    assert job["status"] == "success", job["message"]
    return job


def test_a_table_can_be_changed_step_by_step_and_restored(wire: Wire, daemon: Daemon) -> None:
    output = {"default_bucket": "in.c-changed"}
    wire.done(writes(wire, {"x.csv": "id,n\n1,1\n2,2\n3,3\n"}, output=output))
    done(wire, "setPrimaryKey", primaryKey=["id"])
    rule = {"where_filters": [{"column": "id", "values_from_set": ["2"]}]}
    deleting = done(wire, "deleteRows", delete_where=[rule])
    done(wire, "alter", addColumns=[{"name": "note"}], types={"n": {"type": "INTEGER"}})
    path = published(wire, daemon, "in.c-changed.x", 3)
    assert sorted(pl.read_delta(str(path)).drop("_timestamp").rows()) == [("1", 1, None), ("3", 3, None)]
    table = wire.call("storage.table.get", id="in.c-changed.x")
    assert of(table, "primaryKey", "columns", "rowsCount", "isTyped") == (
        ["id"],
        ["id", "n", "note"],
        2,
        True,
    )
    history = wire.call("storage.table.history", id="in.c-changed.x")["versions"]
    assert [one["operation"] for one in history] == ["ALTER", "DELETE", "SET PRIMARY KEY", "WRITE"]
    undone = wire.done(wire.call("job.undo", id=deleting["id"], force=True))
    assert undone["status"] == "success", undone["message"]
    assert rows(published(wire, daemon, "in.c-changed.x", 4)) == [("1", "1"), ("2", "2"), ("3", "3")]

"""A job that is resubmitted pinned reads the same versions as the first run, whatever was written since."""

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import writes
from e2e.wire import Message, Refusal, Wire, put_component, put_config

pytestmark = pytest.mark.real_processes

READER = """
import hashlib, os, pathlib
for path in sorted(pathlib.Path(os.environ["KBC_DATADIR"], "in/tables").glob("*.csv")):
    print(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), flush=True)
"""
KEEPING = {"LOCKSIDE_STORAGE__KEEP_VERSIONS": "1", "LOCKSIDE_STORAGE__KEEP_DAYS": "0.0000001"}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running(**LAKE, **KEEPING) as one:
        yield one


def loads(wire: Wire, bucket: str, number: int) -> None:
    output = {"default_bucket": f"in.c-{bucket}"}
    job = wire.done(writes(wire, {"a.csv": f"n\n{number}\n"}, bucket, output=output))
    assert job["status"] == "success", job["message"]


def reads(wire: Wire, bucket: str, **more: Any) -> Message:
    put_component(wire, "acme.reader", command=python(READER))
    storage = {"input": {"tables": [{"source": f"in.c-{bucket}.a", "destination": "a.csv"}]}}
    put_config(wire, "acme.reader", bucket, configuration={"storage": storage}, **more)
    return wire.done(wire.create("acme.reader", config=bucket))


def test_the_inputs_are_identical_byte_by_byte(wire: Wire) -> None:
    loads(wire, "equal", 1)
    first = reads(wire, "equal")
    loads(wire, "equal", 2)
    again = wire.done(wire.call("job.resubmit", id=first["id"], pinned=True))
    assert again["status"] == "success", again["message"]
    assert wire.text(again) == wire.text(first)
    now = wire.done(wire.call("job.resubmit", id=first["id"]))
    assert wire.text(now) != wire.text(first)
    assert [table["version"] for table in again["result"]["input"]["tables"]] == [0]


def test_all_rows_of_a_container_read_the_same(wire: Wire) -> None:
    loads(wire, "rows", 1)
    put_component(wire, "acme.reader", command=python(READER))
    rows = [{"id": name, "configuration": {}} for name in ("r1", "r2")]
    first = reads(wire, "rows", rows=rows)
    loads(wire, "rows", 2)
    again = wire.done(wire.call("job.resubmit", id=first["id"], pinned=True))
    assert wire.text(again) == wire.text(first)


def test_a_version_still_to_be_read_is_kept_and_a_missing_one_is_named(wire: Wire) -> None:
    loads(wire, "gone", 1)
    first = reads(wire, "gone")
    loads(wire, "gone", 2)
    held = wire.call("job.resubmit", id=first["id"], pinned=True, **{"with": {"hold": True}})
    (job,) = wire.call("storage.vacuum", tables=["in.c-gone.a"])["jobs"]
    wire.done(job)
    wire.call("job.release", id=held["id"])
    assert wire.text(wire.done(held)) == wire.text(first)
    wire.call("storage.vacuum", tables=["in.c-gone.a"])
    with pytest.raises(Refusal, match=r"version 0 of in.c-gone.a") as refusal:
        wire.call("job.resubmit", id=first["id"], pinned=True)
    assert refusal.value.kind == "conflict"

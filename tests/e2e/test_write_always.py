"""Outputs marked `write_always` are stored even when the job fails, and no other output is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import published, rows, writes
from e2e.signs import Ear
from e2e.wire import Refusal, Wire, of, put_component, put_config, wait_until

pytestmark = pytest.mark.real_processes

OUTPUT = {
    "tables": [
        {"source": "log.csv", "destination": "out.c-always.log", "write_always": True, "incremental": True},
        {"source": "x.csv", "destination": "out.c-always.x"},
        {"source": "none.csv", "destination": "out.c-always.none", "write_always": True},
    ]
}
FILES = {"log.csv": "line\nbroke\n", "x.csv": "id\n1\n"}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(**LAKE) as one:
        yield one


def exists(wire: Wire, table: str) -> bool:
    try:
        return bool(wire.call("storage.table.get", id=table))
    except Refusal:
        return False


def test_the_write_always_tables_of_a_failed_component_are_stored(wire: Wire, daemon: Daemon) -> None:
    job = wire.done(writes(wire, FILES, output=OUTPUT, state={"n": 1}, code=2))
    assert (job["status"], job["result"]["error"]["exitCode"]) == ("error", 2)
    (table,) = job["result"]["output"]["tables"]
    assert of(table, "id", "stored", "writeAlways", "rowsInserted") == ("out.c-always.log", True, True, 1)
    assert rows(published(wire, daemon, "out.c-always.log", 0)) == [("broke",)]
    assert not exists(wire, "out.c-always.x")
    with pytest.raises(Refusal):
        wire.call("state.get", component="acme.writer", config="one", version=1)
    (version,) = wire.call("storage.table.history", id="out.c-always.log")["versions"]
    assert version["job"] == job["id"]
    left = Path(job["workPath"]) / "data/out/tables"
    assert sorted(path.name for path in left.iterdir()) == ["x.csv"]


def test_a_failed_output_step_runs_again_for_write_always_tables_alone(wire: Wire, daemon: Daemon) -> None:
    output = {"default_bucket": "out.c-again", "tables": [{"source": "log.csv", "write_always": True}]}
    job = wire.done(writes(wire, {**FILES, "x.csv": "id\n1,2\n"}, output=output))
    error = job["result"]["error"]
    assert error["message"].startswith('Failed to load table "out.c-again.x": "x.csv" line 2')
    assert [one["operation"] for one in job["result"]["steps"]] == [None, "output", "output"]
    assert rows(published(wire, daemon, "out.c-again.log", 0)) == [("broke",)]
    assert not exists(wire, "out.c-again.x")


def test_a_failure_to_store_write_always_tables_is_added_to_the_message(wire: Wire) -> None:
    output = {"default_bucket": "out.c-bad"}
    manifests = {"log.csv": {"write_always": True}}
    job = wire.done(writes(wire, {"log.csv": ""}, output=output, manifests=manifests, code=1))
    said = job["result"]["message"].splitlines()
    assert said[-1] == 'Failed to load table "out.c-bad.log": File "log.csv" is empty, a header is expected.'
    assert job["result"]["error"]["exitCode"] == 1
    assert not exists(wire, "out.c-bad.log")


def test_rows_that_ran_before_the_failed_one_store_their_write_always_tables(
    wire: Wire, daemon: Daemon
) -> None:
    body = (
        "import os, pathlib, sys; data = pathlib.Path(os.environ['KBC_DATADIR']);"
        "row = os.environ['KBC_CONFIGROWID'];"
        "(data / 'out/tables/log.csv').write_text(f'row\\n{row}\\n'); sys.exit(row == 'b')"
    )
    put_component(wire, "acme.rows", command=python(body))
    mapping = {"source": "log.csv", "destination": "out.c-rows.log", "write_always": True}
    storage = {"output": {"tables": [{**mapping, "incremental": True}]}}
    listed: list[dict[str, Any]] = [{"id": name, "configuration": {"storage": storage}} for name in "abc"]
    put_config(wire, "acme.rows", "one", configuration={}, rows=listed)
    job = wire.done(wire.create("acme.rows", config="one"))
    assert job["message"].endswith("Rows that did not run: c.")
    assert rows(published(wire, daemon, "out.c-rows.log", 0)) == [("a",), ("b",)]


def test_a_terminated_job_stores_no_write_always_tables(wire: Wire, ear: Ear) -> None:
    body = (
        "import os, pathlib, time; data = pathlib.Path(os.environ['KBC_DATADIR']);"
        f"(data / 'out/tables/log.csv').write_text('a'); open({str(ear.path)!r}, 'w').write('up\\n');"
        "time.sleep(600)"
    )
    put_component(wire, "acme.long", command=python(body))
    storage = {"output": {"default_bucket": "out.c-stopped", "tables": OUTPUT["tables"][:1]}}
    put_config(wire, "acme.long", "one", configuration={"storage": storage})
    job = wire.create("acme.long", config="one")
    assert ear.hear() == "up"
    wire.call("job.terminate", id=job["id"])
    ended = wire.done(job)
    assert ended["status"] == "terminated"
    assert len(ended["result"]["steps"]) == 1


def test_write_always_tables_are_stored_once_whichever_process_is_killed(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh(**LAKE)
    wire = daemon.wire()
    job = writes(wire, {**FILES, "log.csv": "line\n" + "broke\n" * 300_000}, output=OUTPUT, code=1)
    wait_until(wire, job, lambda one: one["stage"] == "output_mapping")
    daemon.kill_keeper()
    daemon.kill()
    wire = daemon.start().wire()
    ended = wire.done(job)
    assert ended["status"] == "error"
    assert ended["result"]["output"]["tables"][0]["rowsCount"] == 300_000
    assert wire.call("storage.table.get", id="out.c-always.log")["version"] == 0

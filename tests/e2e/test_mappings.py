"""Mappings beyond whole tables: rejected rows, adaptive inputs, branches, filters, manifests."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import READER, WRITER, folder, reads, writes
from e2e.signs import Gate
from e2e.wire import (
    Message,
    Refusal,
    Wire,
    of,
    put_component,
    put_config,
)

pytestmark = pytest.mark.real_processes


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running(**LAKE) as one:
        yield one


def test_rejected_rows_count_as_failed_records_and_are_judged_as_such(wire: Wire) -> None:
    schema = [{"name": "n", "data_type": {"base": {"type": "INTEGER"}}}]
    manifests = {"x.csv": {"schema": schema, "has_header": True}}
    mapping = {"source": "x.csv", "destination": "in.c-rejects.x", "on_bad_rows": "reject"}
    given = {"output": {"tables": [mapping]}, "manifests": manifests}
    job = wire.done(writes(wire, {"x.csv": "n\n1\nx\n"}, **given))
    assert job["status"] == "success", job["message"]
    assert job["result"]["counts"]["error"] == 1
    (table,) = job["result"]["output"]["tables"]
    assert of(table, "rowsInserted", "rowsRejected") == (1, 1)
    listed = job["result"]["artifacts"]["failedRecords"]
    assert of(listed, "path", "count") == ("data/artifacts/out/failed_records.jsonl", 1)
    assert '"x"' in (Path(job["workPath"]) / listed["path"]).read_text()
    strict = wire.done(writes(wire, {"x.csv": "n\n2\nx\n"}, **given, request={"onRecordErrors": "error"}))
    assert of(strict, "status", "message") == ("error", "1 records failed.")
    warned = wire.done(writes(wire, {"x.csv": "n\n3\nx\n"}, **given, request={"onRecordErrors": "warning"}))
    assert warned["status"] == "warning"
    assert wire.call("storage.preview", table="in.c-rejects.x")["rows"] == [["3"]]


REPORTER = """
import json, os, subprocess
data = os.environ["KBC_DATADIR"]
def say(**line):
    os.write(int(os.environ["LOCKSIDE_PROGRESS_FD"]), (json.dumps(line) + "\\n").encode())
say(outputs=[{"name": "x.csv", "recordsCount": 7, "progress": 0.5}, {"name": "y.csv", "progress": 1}])
say(outputs=[{"name": "x.csv", "progress": 0.7}], counts={"success": 7})
open(data + "out/tables/x.csv", "w").write("a b,c\\n1,2\\n")
subprocess.run(json.load(open(data + "config.json"))["parameters"]["gate"], shell=True, check=True)
"""


def test_a_running_job_shows_what_it_reported_of_its_outputs(wire: Wire, gate: Gate) -> None:
    put_component(wire, "acme.reporter", command=python(REPORTER), type="extractor")
    mapping = {"tables": [{"source": "x.csv", "destination": "in.c-reported.x"}]}
    job = wire.create(
        "acme.reporter", configData={"parameters": {"gate": gate.text}, "storage": {"output": mapping}}
    )
    number = wire.call("event.subscribe", kinds=["job.progress"])["subscription"]
    while len(tables := wire.get(job["id"])["result"]["output"]["tables"]) < 2 or tables[0]["progress"] < 0.7:
        wire.notice()
    wire.call("event.unsubscribe", subscription=number)
    assert of(tables[0], "name", "recordsCount", "progress", "stored") == ("x.csv", 7, 0.7, False)
    assert of(tables[1], "name", "progress", "stored") == ("y.csv", 0.99, False)
    gate.open()
    stored, reported = wire.done(job)["result"]["output"]["tables"]
    assert of(stored, "id", "stored", "progress", "recordsCount") == ("in.c-reported.x", True, 1.0, 1)
    made_by = {"component": "acme.reporter", "type": "extractor", "columns": ["a_b", "c"]}
    assert of(stored, "producedBy", "sizeBytes", "path") == (made_by, 10, None)
    assert of(reported, "name", "stored") == ("y.csv", False)


def appends(wire: Wire, text: str, table: str = "in.c-adapt.x", **more: object) -> Message:
    mapping = {"source": "x.csv", "destination": table, "primary_key": ["n"], "incremental": True}
    job = wire.done(writes(wire, {"x.csv": text}, "source", output={"tables": [{**mapping, **more}]}))
    assert job["status"] == "success", job["message"]
    return job


def test_an_adaptive_input_contains_the_changes_since_the_last_successful_run(wire: Wire) -> None:
    entry = [{"source": "in.c-adapt.x", "destination": "x.csv", "changed_since": "adaptive"}]

    def seen(*, code: int = 0) -> list[str]:
        reader = READER + f"\nraise SystemExit({code})"
        put_component(wire, "acme.adaptive", command=python(reader))
        put_config(wire, "acme.adaptive", "one", configuration={"storage": {"input": {"tables": entry}}})
        job = wire.done(wire.create("acme.adaptive", config="one"))
        (line,) = [line for line in wire.text(job).splitlines() if line.startswith("x.csv")]
        return sorted(line.removeprefix("x.csv ").strip("[]").replace("'", "").split(", ")[1:])

    appends(wire, "n,v\n1,a\n2,b\n")
    assert seen() == ["1,a", "2,b"]
    assert seen() == []
    appends(wire, "n,v\n2,c\n3,d\n")
    assert seen(code=1) == ["2,c", "3,d"]
    appends(wire, "n,v\n4,e\n")
    assert seen() == ["2,c", "3,d", "4,e"]
    (kept,) = wire.call("state.get", component="acme.adaptive", config="one")["storage"]["input"]["tables"]
    assert of(kept, "source", "version") == ("in.c-adapt.x", 2)
    wire.done(wire.call("storage.table.restore", id="in.c-adapt.x", version=0))
    assert seen() == ["1,a", "2,b"]
    assert seen() == []
    wire.call("state.reset", component="acme.adaptive", config="one", part="component")
    assert seen() == []
    wire.call("state.reset", component="acme.adaptive", config="one", part="storage")
    assert seen() == ["1,a", "2,b"]


def test_undoing_a_job_makes_its_adaptive_inputs_come_again(wire: Wire) -> None:
    appends(wire, "n,v\n1,a\n", "in.c-again.x")
    entry = {"source": "in.c-again.x", "destination": "x.csv", "changed_since": "adaptive"}
    copier = (
        "import os, shutil\nd = os.environ['KBC_DATADIR']\n"
        "shutil.copy(d + 'in/tables/x.csv', d + 'out/tables/x.csv')"
    )
    put_component(wire, "acme.copier", command=python(copier))
    output = {"tables": [{"source": "x.csv", "destination": "out.c-again.x", "incremental": True}]}
    configuration = {"storage": {"input": {"tables": [entry]}, "output": output}}
    put_config(wire, "acme.copier", "one", configuration=configuration)

    def copied() -> tuple[str, list[list[str]]]:
        job = wire.done(wire.create("acme.copier", config="one"))
        assert job["status"] == "success", job["message"]
        return job["id"], sorted(wire.call("storage.preview", table="out.c-again.x")["rows"])

    copied()
    appends(wire, "n,v\n2,b\n", "in.c-again.x")
    second, found = copied()
    assert found == [["1", "a"], ["2", "b"]]
    undone = wire.done(wire.call("job.undo", id=second))
    assert undone["status"] == "success", undone["message"]
    assert copied()[1] == [["1", "a"], ["2", "b"]]


@pytest.mark.parametrize("text", ["soon", "2 days", "-2 years"])
def test_an_invalid_time_is_refused(wire: Wire, text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        reads(wire, [{"source": "in.c-read.x", "changed_since": text}])
    assert refusal.value.data["path"].endswith(".storage.input.tables[0].changed_since")
    mapping = {"source": "x.csv", "delete_where": [{"changed_until": text}]}
    with pytest.raises(Refusal) as refusal:
        writes(wire, {}, output={"tables": [mapping]})
    assert refusal.value.data["path"].endswith(".storage.output.tables[0].delete_where[0].changed_until")


def test_a_table_of_a_branch_starts_as_that_of_the_default_branch(wire: Wire, daemon: Daemon) -> None:
    appends(wire, "n,v\n1,a\n2,b\n", "in.c-forked.x")
    wire.call("branch.create", branch={"id": "dev"})
    parameters = {"tables": {"x.csv": "n,v\n2,z\n3,c\n"}}
    mapping = {"source": "x.csv", "destination": "in.c-forked.x", "incremental": True}
    configuration = {"parameters": parameters, "storage": {"output": {"tables": [mapping]}}}
    put_config(wire, "acme.writer", "forked", configuration=configuration, branchId="dev")
    job = wire.done(wire.create("acme.writer", config="forked", branchId="dev"))
    assert job["status"] == "success", job["message"]
    (table,) = job["result"]["output"]["tables"]
    assert of(table, "isNew", "rowsInserted", "rowsUpdated", "rowsCount") == (True, 1, 1, 3)
    found = wire.call("storage.preview", table="in.c-forked.x", branchId="dev")["rows"]
    assert sorted(found) == [["1", "a"], ["2", "z"], ["3", "c"]]
    assert sorted(wire.call("storage.preview", table="in.c-forked.x")["rows"]) == [["1", "a"], ["2", "b"]]
    again = wire.done(wire.create("acme.writer", config="forked", branchId="dev"))
    assert of(again["result"]["output"]["tables"][0], "version", "rowsUnchanged") == (0, 2)


def test_the_tables_of_a_deleted_branch_go_to_the_trash(wire: Wire, daemon: Daemon) -> None:
    wire.call("branch.create", branch={"id": "over"})
    put_component(wire, "acme.writer", command=python(WRITER))
    output = {"files": [{"source": "f", "tags": ["over"]}], "default_bucket": "in.c-over"}
    body = {"parameters": {"tables": {"x.csv": "n\n1\n"}, "files": {"f": ""}}, "storage": {"output": output}}
    put_config(wire, "acme.writer", "over", configuration=body, branchId="over")
    job = wire.done(wire.create("acme.writer", config="over", branchId="over"))
    assert job["status"] == "success", job["message"]
    wire.call("branch.delete", id="over")
    assert wire.refused("storage.table.get", id="in.c-over.x", branchId="over").kind == "not_found"
    assert wire.refused("storage.file.list", branchId="over").kind == "not_found"
    (event,) = [
        one["data"] for one in wire.events(None, kinds=["table.dropped"]) if one["data"]["branchId"] == "over"
    ]
    assert event["table"] == "in.c-over.x"
    wire.call("branch.create", branch={"id": "over"})
    again = wire.done(wire.create("acme.writer", configData=body, branchId="over"))
    assert again["result"]["output"]["tables"][0]["version"] == 0, again["message"]
    (trashed,) = (folder(daemon, "in.c-over.x", "over").parent / ".trash").iterdir()
    assert trashed.name.startswith("x.")


def test_tables_that_filters_reference_are_read_as_of_the_start(wire: Wire) -> None:
    appends(wire, "n,v\n1,a\n2,b\n", "in.c-filter.x")
    appends(wire, "n,v\n1,q\n", "in.c-filter.gone")
    values = {"bucket_id": "in.c-filter", "table": "gone", "column": "n"}
    rule = {"where_filters": [{"column": "n", "values_from_storage": values}]}
    appends(wire, "n,v\n5,e\n", "in.c-filter.x", delete_where=[rule])
    assert sorted(wire.call("storage.preview", table="in.c-filter.x")["rows"]) == [["2", "b"], ["5", "e"]]
    (newest, _) = wire.call("storage.table.history", id="in.c-filter.x")["versions"]
    assert newest["inputs"] == [{"table": "in.c-filter.gone", "version": 0, "branchId": "default"}]


def test_a_manifest_contains_the_metadata_of_the_table(wire: Wire) -> None:
    appends(
        wire, "n,v\n1,a\n", "in.c-manifest.x", description="all of it", metadata=[{"key": "k", "value": "w"}]
    )
    text = "import os\nprint(open(os.environ['KBC_DATADIR'] + 'in/tables/x.manifest').read())\n"
    put_component(wire, "acme.shows", command=python(text))
    tables = [{"source": "in.c-manifest.x", "destination": "x"}]
    put_config(wire, "acme.shows", "one", configuration={"storage": {"input": {"tables": tables}}})
    manifest = json.loads(wire.text(wire.done(wire.create("acme.shows", config="one"))))
    assert of(manifest, "description", "primary_key") == ("all of it", ["n"])
    assert ("acme.writer", "k", "w") in [of(one, "provider", "key", "value") for one in manifest["metadata"]]


def test_a_load_that_shrinks_a_table_too_much_fails_and_dependants_are_cancelled(wire: Wire) -> None:
    check = {"kind": "maxShrink", "value": 0.5}
    mapping = {"source": "x.csv", "destination": "in.c-gate.x", "checks": [check]}
    lines = "".join(f"{number}\n" for number in range(100))
    good = wire.done(writes(wire, {"x.csv": f"n\n{lines}"}, "gate", output={"tables": [mapping]}))
    assert good["status"] == "success", good["message"]
    bad = writes(wire, {"x.csv": "n\n" + "7\n" * 10}, "gate", output={"tables": [mapping]})
    entry = {"source": "in.c-gate.x", "destination": "x.csv"}
    dependant = reads(wire, [entry], dependsOn=[{"job": bad["id"]}])
    bad, dependant = wire.done(bad), wire.done(dependant)
    told = 'Failed to load table "in.c-gate.x": Check "maxShrink(0.5)" failed: of 100 rows 10 are left.'
    assert of(bad, "status", "message") == ("error", told)
    assert (bad["result"]["error"]["kind"], bad["result"]["error"]["type"]) == ("output", "user")
    assert dependant["status"] == "cancelled"
    table = wire.call("storage.table.get", id="in.c-gate.x")
    assert of(table, "version", "rowsCount") == (0, 100)

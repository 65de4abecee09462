"""Files that a job leaves in out/tables become tables that everybody can read, completely or not at all."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import READER, folder, log_of, published, reads, rows, writes
from e2e.signs import Gate
from e2e.wire import (
    Refusal,
    Wire,
    of,
    put_component,
    put_config,
    until_running,
    wait_until,
)

pytestmark = pytest.mark.real_processes


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running(**LAKE) as one:
        yield one


def test_a_file_becomes_a_table_that_others_read(wire: Wire, daemon: Daemon) -> None:
    output = {"tables": [{"source": "x.csv", "destination": "in.c-first.x"}]}
    job = wire.done(writes(wire, {"x.csv": "id,name\n1,a\n2,\n"}, output=output))
    assert job["status"] == "success", job["message"]
    (table,) = job["result"]["output"]["tables"]
    assert of(table, "id", "version", "isNew", "rowsCount", "path") == ("in.c-first.x", 0, True, 2, None)
    path = published(wire, daemon, "in.c-first.x", 0)
    assert rows(path) == [("1", "a"), ("2", "")]
    (entry,) = log_of(path)
    assert entry[0]["commitInfo"]["lockside"]["job"] == job["id"]
    assert job["stage"] == "done"
    assert not list((Path(job["workPath"]) / "data/out/tables").iterdir())
    assert "output_mapping" in job["stageTimestamps"]


def test_a_job_that_fails_changes_no_table(wire: Wire, daemon: Daemon) -> None:
    output = {"tables": [{"source": "x.csv", "destination": "in.c-fails.x"}]}
    wire.done(writes(wire, {"x.csv": "id\n1\n"}, output=output, state={"n": 1}))
    bad = wire.done(writes(wire, {"x.csv": "id\n2\n"}, output=output, state={"n": 2}, code=1))
    assert bad["status"] == "error"
    torn = wire.done(writes(wire, {"x.csv": "id\n2,3\n"}, output=output, state={"n": 3}))
    error = torn["result"]["error"]
    assert of(error, "type", "kind") == ("user", "output")
    assert error["message"].startswith('Failed to load table "in.c-fails.x": "x.csv" line 2: ')
    assert rows(published(wire, daemon, "in.c-fails.x", 0)) == [("1",)]
    assert wire.call("state.get", component="acme.writer", config="one")["state"] == {"n": 1}


def test_rows_of_known_keys_are_updated(wire: Wire, daemon: Daemon) -> None:
    mapping = {"source": "x.csv", "destination": "in.c-keys.x", "primary_key": ["id"], "incremental": True}
    output = {"tables": [mapping]}
    wire.done(writes(wire, {"x.csv": "id,name\n1,a\n2,b\n2,c\n"}, output=output))
    job = wire.done(writes(wire, {"x.csv": "id,name\n1,a\n2,d\n3,e\n"}, output=output))
    (table,) = job["result"]["output"]["tables"]
    counts = of(table, "recordsCount", "rowsInserted", "rowsUpdated", "rowsUnchanged", "rowsCount")
    assert counts == (3, 1, 1, 1, 3)
    assert rows(published(wire, daemon, "in.c-keys.x", 1)) == [("1", "a"), ("2", "d"), ("3", "e")]
    same = wire.done(writes(wire, {"x.csv": "id,name\n1,a\n"}, output=output))
    (table,) = same["result"]["output"]["tables"]
    assert of(table, "version", "rowsUnchanged") == (1, 1)


def test_several_tables_are_written_atomically(wire: Wire, daemon: Daemon) -> None:
    output = {"default_bucket": "out.c-many"}
    good = {"a.csv": "x\n1\n", "b.csv": "x\n1\n", "c.csv": "x\n1\n"}
    assert wire.done(writes(wire, good, output=output))["status"] == "success"
    bad = wire.done(writes(wire, {**good, "c.csv": ""}, output=output))
    assert bad["message"] == (
        'Failed to load table "out.c-many.c": File "c.csv" is empty, a header is expected.'
    )
    for name in "abc":
        path = published(wire, daemon, f"out.c-many.{name}", 0)
        assert len(log_of(path)) == 1


def test_a_job_without_tables_has_no_storage_step(wire: Wire) -> None:
    job = wire.done(writes(wire, {}, "none"))
    assert job["status"] == "success"
    events = [event["data"] for event in wire.events(job, kinds=["job.stage"])]
    assert [one["stage"] for one in events].count("output_mapping") == 1
    assert job["process"]["startToken"].endswith("-0")
    orphaned = wire.done(writes(wire, {}, "none", manifests={"y.csv": {}}))
    assert of(orphaned, "status", "message") == ("error", 'Found orphaned table manifest: "y.csv.manifest"')


def test_a_version_that_cannot_be_published_is_published_later(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh(**LAKE)
    wire = daemon.wire()
    output = {"default_bucket": "out.c-late"}
    wire.done(writes(wire, {"a.csv": "x\n1\n"}, output=output))
    path = published(wire, daemon, "out.c-late.a", 0)
    obstacle = path / "_delta_log" / f"{1:020d}.json"
    obstacle.mkdir()
    for text in ("x\n2\n", "x\n3\n"):
        job = wire.done(writes(wire, {"a.csv": text}, output=output))
        assert job["status"] == "success", job["message"]
    assert rows(path) == [("1",)]
    daemon.kill()
    obstacle.rmdir()
    wire = daemon.start().wire()
    assert rows(published(wire, daemon, "out.c-late.a", 2)) == [("3",)]
    assert not list((folder(daemon, "out.c-late.a") / "_lockside" / "staged").iterdir())


def test_a_job_waits_for_tables_that_another_job_is_writing(wire: Wire, daemon: Daemon) -> None:
    output = {"tables": [{"source": "x.csv", "destination": "in.c-shared.x"}]}
    first = writes(wire, {"x.csv": "n\n" + "1\n" * 300_000}, "first", output=output)
    wait_until(wire, first, lambda job: job["stage"] == "output_mapping")
    wire.call("job.pause", id=first["id"])
    second = writes(wire, {"x.csv": "n\n2\n", "y.csv": "n\n2\n"}, "second", output=output)
    wait_until(wire, second, lambda job: job["stage"] == "output_mapping")
    third = writes(wire, {"x.csv": "n\n3\n"}, "third", output=output)
    wait_until(wire, third, lambda job: job["stage"] == "output_mapping")
    (reason,) = wire.explain(second)
    assert of(reason, "kind", "tables", "holders", "ahead") == (
        "table_lock",
        ["in.c-shared.x"],
        [first["id"]],
        0,
    )
    assert wire.get(second["id"])["reasons"] == [reason]
    other = wire.done(writes(wire, {"z.csv": "n\n1\n"}, "other"))
    assert other["status"] == "success"
    wire.call("job.terminate", id=third["id"])
    assert wire.get(third["id"])["status"] == "terminated"
    wire.call("job.resume", id=first["id"])
    assert wire.done(first)["status"] == "success"
    assert wire.done(second)["status"] == "success"
    assert rows(published(wire, daemon, "in.c-shared.x", 1)) == [("2",)]


def test_a_job_reads_tables_as_files(wire: Wire) -> None:
    text = 'id,name\n1,a\n2,\n3,"x ""y"""\n'
    wire.done(writes(wire, {"x.csv": text}, output={"default_bucket": "in.c-read"}))
    source = {"source": "in.c-read.x"}
    job = wire.done(
        reads(
            wire,
            [
                {**source, "destination": "all.csv"},
                {**source, "destination": "few.csv", "columns": ["name"], "limit": 1},
                {**source, "destination": "some.csv", "where_column": "id", "where_values": ["1", "3"]},
                {
                    **source,
                    "destination": "other.csv",
                    "where_column": "id",
                    "where_values": [1],
                    "where_operator": "ne",
                },
                {**source, "destination": "none.csv", "changed_since": "2040-01-01"},
            ],
        )
    )
    assert job["status"] == "success", job["message"]
    assert wire.text(job).splitlines() == [
        """all.csv ['id,name', '1,a', '2,""', '3,"x ""y""\"']""",
        "few.csv ['name', 'a']",
        "none.csv ['id,name']",
        """other.csv ['id,name', '2,""', '3,"x ""y""\"']""",
        """some.csv ['id,name', '1,a', '3,"x ""y""\"']""",
    ]
    tables = {table["destination"]: table for table in job["result"]["input"]["tables"]}
    assert of(tables["all.csv"], "id", "version", "recordsCount") == ("in.c-read.x", 0, 3)


def test_a_table_that_does_not_exist_is_an_error_before_anything_runs(wire: Wire) -> None:
    job = wire.done(reads(wire, [{"source": "in.c-nowhere.t"}]))
    message = 'The table "t" was not found in the bucket "in.c-nowhere".'
    assert of(job, "status", "starts", "message") == ("error", 0, message)
    assert of(job["result"]["error"], "kind", "message") == ("input", message)


def test_a_mapping_of_a_wrong_form_is_refused_with_its_place(wire: Wire) -> None:
    with pytest.raises(Refusal) as refusal:
        reads(wire, [{"source": "in.c-read.x", "days": 1, "changed_since": "-1 day"}])
    assert refusal.value.data["path"].endswith(".storage.input.tables[0].days")
    assert 'Cannot set both parameters "days" and "changed_since".' in str(refusal.value)


def test_all_rows_of_a_job_read_the_tables_as_they_were_when_it_started(wire: Wire, gate: Gate) -> None:
    output = {"tables": [{"source": "x.csv", "destination": "in.c-pinned.x"}]}
    wire.done(writes(wire, {"x.csv": "n\n1\n"}, output=output))
    waiting = (
        READER.replace("import os", "import os, subprocess", 1)
        + f"\nsubprocess.run({gate.text!r}, shell=True)"
    )
    put_component(wire, "acme.slow", command=python(waiting))
    storage = {"input": {"tables": [{"source": "in.c-pinned.x"}]}}
    put_config(wire, "acme.slow", "one", configuration={"storage": storage}, rows=[{"id": "a"}, {"id": "b"}])
    job = wire.create("acme.slow", config="one")
    until_running(wire, job)
    wire.done(writes(wire, {"x.csv": "n\n2\n"}, output=output))
    gate.open()
    assert wire.done(job)["status"] == "success"
    assert wire.text(job).splitlines() == ["in.c-pinned.x ['n', '1']"] * 2


def test_a_dependant_sees_the_tables_of_the_job_that_it_depends_on(wire: Wire) -> None:
    output = {"tables": [{"source": "x.csv", "destination": "in.c-handed.x"}]}
    first = writes(wire, {"x.csv": "n\n7\n"}, output=output)
    second = reads(wire, [{"source": "in.c-handed.x"}], dependsOn=[{"job": first["id"]}])
    assert wire.done(second)["status"] == "success"
    assert wire.text(second) == "in.c-handed.x ['n', '7']\n"


def test_tables_can_be_listed_described_and_previewed(wire: Wire) -> None:
    output = {
        "tables": [
            {"source": "x.csv", "destination": "in.c-seen.x", "primary_key": ["id"], "incremental": True}
        ]
    }
    first = wire.done(writes(wire, {"x.csv": "id,name\n1,a\n2,\n"}, output=output))
    wire.done(writes(wire, {"x.csv": "id,name\n2,b\n3,c\n"}, output=output))
    table = wire.call("storage.table.get", id="in.c-seen.x")
    assert of(table, "primaryKey", "columns", "rowsCount", "version", "health") == (
        ["id"],
        ["id", "name"],
        3,
        1,
        "good",
    )
    assert wire.call("storage.table.get", id="in.c-seen.x", version=0)["rowsCount"] == 2
    listed = wire.call("storage.table.list", text="SEEN")["tables"]
    assert [one["id"] for one in listed] == ["in.c-seen.x"]
    versions = wire.call("storage.table.history", id="in.c-seen.x")["versions"]
    assert [of(one, "version", "rowsCount") for one in versions] == [(1, 3), (0, 2)]
    assert versions[1]["job"] == first["id"]
    assert of(versions[0], "rowsInserted", "rowsUpdated") == (1, 1)
    shown = wire.call("storage.preview", table="in.c-seen.x", whereColumn="id", whereValues=["3"])
    assert of(shown, "rows", "rowsCount", "isTruncated") == ([["3", "c"]], 3, True)
    old = wire.call("storage.preview", table="in.c-seen.x", version=0)
    assert sorted(old["rows"]) == [["1", "a"], ["2", ""]]
    for named in ({"job": first["id"]}, {"time": versions[1]["time"]}):
        assert wire.call("storage.preview", table="in.c-seen.x", **named)["version"] == 0
    assert len(wire.call("storage.preview", job=first["id"], name="x.csv")["rows"]) == 2
    snapshot = wire.call("storage.snapshot", tables=["in.c-seen.x"])
    (seen,) = snapshot["tables"]
    assert seen["version"] == 1
    assert len(duckdb.sql(f"SELECT id FROM read_parquet({seen['files']})").fetchall()) == 3
    assert of(wire.call("storage.status"), "backend", "foreign") == ("lake", [])


def test_missing_tables_are_named(wire: Wire) -> None:
    assert wire.refused("storage.table.get", id="in.c-none.x").kind == "not_found"
    refused = wire.refused("storage.preview", table="in.c-none.x")
    assert (refused.kind, refused.data["path"]) == ("not_found", "$.table")
    assert wire.refused("storage.table.get", id="x").data["path"] == "$.id"


def test_without_tables_the_methods_are_disabled_and_out_stays(fresh: Callable[..., Daemon]) -> None:
    wire = fresh(LOCKSIDE_STORAGE__BACKEND="local").wire()
    job = wire.done(writes(wire, {"x.csv": "id\n1\n"}, output={"default_bucket": "in.c-local"}))
    (table,) = job["result"]["output"]["tables"]
    assert table["path"] == "data/out/tables/x.csv"
    assert wire.refused("storage.table.list").kind == "disabled"


def test_the_command_line_lists_tables_and_queries_them(wire: Wire, daemon: Daemon) -> None:
    wire.done(writes(wire, {"x.csv": "id,n\n1,5\n2,7\n"}, output={"default_bucket": "in.c-cli"}))

    def lockside(*words: str) -> str:
        program = [sys.executable, "-m", "lockside.cli.main", "--socket", str(daemon.socket), "--plain"]
        done = subprocess.run([*program, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "in.c-cli.x" in lockside("table", "ls")
    assert "id" in lockside("table", "show", "in.c-cli.x")
    assert "WRITE" in lockside("table", "history", "in.c-cli.x")
    assert "7" in lockside("table", "preview", "in.c-cli.x")
    assert "success" in lockside("table", "restore", "in.c-cli.x", "--version", "0")
    assert "lake" in lockside("table", "status")
    assert lockside("sql", 'SELECT sum(n::int) AS s FROM "in.c-cli.x"').split() == ["12"]


def test_a_table_can_be_restored_to_an_earlier_version(wire: Wire, daemon: Daemon) -> None:
    output = {"tables": [{"source": "x.csv", "destination": "in.c-back.x"}]}
    wire.done(writes(wire, {"x.csv": "n\n1\n2\n"}, output=output))
    bad = wire.done(writes(wire, {"x.csv": "n,other\n9,9\n"}, output=output | {"table_modifications": "all"}))
    job = wire.done(wire.call("storage.table.restore", id="in.c-back.x", beforeJob=bad["id"]))
    assert of(job, "status", "component") == ("success", "lockside.storage"), job["message"]
    path = published(wire, daemon, "in.c-back.x", 2)
    assert rows(path) == [("1",), ("2",)]
    table = wire.call("storage.table.get", id="in.c-back.x")
    assert of(table, "columns", "rowsCount", "version") == (["n"], 2, 2)
    assert wire.done(writes(wire, {"x.csv": "n\n3\n"}, output=output))["status"] == "success"
    assert wire.refused("storage.table.restore", id="in.c-back.x", version=99).kind == "not_found"


def test_many_writers_of_one_table_lose_and_duplicate_nothing(wire: Wire, daemon: Daemon) -> None:
    mapping = {"source": "x.csv", "destination": "in.c-busy.x", "primary_key": ["id"], "incremental": True}
    jobs = []
    for turn in range(3):
        for writer in range(4):
            text = f"id,turn\nw{writer}-{turn},{turn}\nshared,{writer}-{turn}\n"
            jobs.append(writes(wire, {"x.csv": text}, f"busy-{writer}", output={"tables": [mapping]}))
    ended = [wire.done(job) for job in jobs]
    assert [job["status"] for job in ended] == ["success"] * 12, [job["message"] for job in ended]
    found = rows(published(wire, daemon, "in.c-busy.x", 11))
    keys = [key for key, _ in found]
    own = {f"w{writer}-{turn}" for writer in range(4) for turn in range(3)}
    assert sorted(keys) == sorted({*own, "shared"})
    assert len(log_of(folder(daemon, "in.c-busy.x"))) == 12


def test_a_snapshot_has_all_tables_of_a_job_or_none(wire: Wire) -> None:
    names = [f"in.c-moment.{name}" for name in "abc"]
    seen = set()
    for generation in range(3):
        tables = {f"{name}.csv": f"g\n{generation}\n" for name in "abc"}
        job = writes(wire, tables, output={"default_bucket": "in.c-moment"})
        while not wire.get(job["id"])["isFinished"]:
            if generation:
                snapshot = wire.call("storage.snapshot", tables=names)["tables"]
                seen.add(tuple(table["version"] for table in snapshot))
        assert wire.done(job)["status"] == "success"
    assert all(len(set(versions)) == 1 for versions in seen), seen


def test_of_two_jobs_that_create_one_bucket_in_different_capitals_the_second_is_an_error(
    wire: Wire, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    form = "columns={'a': 'VARCHAR'}, auto_detect=false, header=false"
    checks = [{"kind": "sql", "query": f"FROM read_csv('{gate}', {form}) WHERE a = 'bad'"}]
    mapping = {"default_bucket": "in.c-TWIN", "tables": [{"source": "x.csv", "checks": checks}]}
    slow = writes(wire, {"x.csv": "n\n1\n"}, output=mapping)
    with gate.open("w") as opened:
        fast = wire.done(
            writes(wire, {"y.csv": "n\n1\n"}, config="two", output={"default_bucket": "in.c-twin"})
        )
        assert fast["status"] == "success"
        opened.write("good\n")
    late = wire.done(slow)
    assert (late["status"], late["result"]["error"]["kind"]) == ("error", "output")
    assert [one["id"] for one in wire.call("storage.bucket.list", text="twin")["buckets"]] == ["in.c-twin"]

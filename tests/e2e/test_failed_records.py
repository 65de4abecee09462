"""Records that a component failed to process: listed, passed to retries, and settled at the root."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import folder, rows, writes
from e2e.wire import Message, Refusal, Wire, of, put_component, put_config

pytestmark = pytest.mark.real_processes

LOADER = """
import csv, json, os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
config = json.loads((data / "config.json").read_text())["parameters"]
tries = pathlib.Path(config["tries"])
run = len(tries.read_text()) + 1 if tries.exists() else 1
tries.write_text("x" * run)
good, bad = [], []
with open(data / "in/tables/x.csv", newline="") as file:
    reader = csv.DictReader(file)
    for one in reader:
        (bad if int(one["fails"]) >= run else good).append(one)
with open(data / "out/tables/done.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, reader.fieldnames)
    writer.writeheader()
    writer.writerows(good)
with open(data / "artifacts/out/failed_records.jsonl", "w") as file:
    for one in bad:
        told = {"input": "in/tables/x.csv", "record": one, "id": one["id"], "message": "No.", "code": "E1"}
        file.write(json.dumps(told | {"try": run}) + "\\n")
    file.write(config.get("rubbish", ""))
given = os.environ.get("LOCKSIDE_FAILED_RECORDS")
print(len(good) + len(bad), "records", reader.fieldnames, len(open(given).readlines()) if given else None)
print(sorted(path.name for path in (data / "in/tables").iterdir()))
if config.get("told", True):
    line = json.dumps({"counts": {"success": len(good), "error": len(bad), "ignored": 0}}) + "\\n"
    os.write(int(os.environ["LOCKSIDE_PROGRESS_FD"]), line.encode())
(data / "out/state.json").write_text(json.dumps({"run": run}))
raise SystemExit(config.get("code", 0))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running(**LAKE) as one:
        yield one


def fails(place: int) -> int:
    """Return in how many runs a record fails: 32 fail in one run, 5 in two, 3 in all."""
    return 0 if place >= 40 else 1 if place < 32 else 2 if place < 37 else 9


def loads(wire: Wire, place: Path, config: str, count: int = 1000, **more: Any) -> Message:
    """Run a job that loads records of which some fail."""
    text = "id,fails,note\n" + "".join(f'{n},{fails(n)},"a,{n}"\n' for n in range(count))
    bucket = f"in.c-{config}"
    source = writes(wire, {"x.csv": text, "y.csv": "n\n1\n"}, config, output={"default_bucket": bucket})
    assert wire.done(source)["status"] == "success"
    put_component(wire, "acme.loader", command=python(LOADER))
    request = more.pop("request", {})
    put_config(
        wire,
        "acme.loader",
        config,
        configuration={
            "parameters": {"tries": str(place / config), **more},
            "storage": {
                "input": {
                    "tables": [
                        {"source": f"{bucket}.x", "destination": "x.csv", "columns": ["fails", "id", "note"]},
                        {"source": f"{bucket}.y", "destination": "y.csv"},
                    ]
                },
                "output": {"tables": [{"source": "done.csv", "destination": f"out.c-{config}.done"}]},
            },
        },
    )
    return wire.done(wire.create("acme.loader", config=config, **request))


def again(wire: Wire, job: Message, **more: Any) -> Message:
    """Retry the failed records of a job."""
    return wire.done(wire.call("job.retry", id=job["id"], scope="failedRecords", **more))


def test_forty_of_a_thousand_records_are_retried_and_the_root_sums_up_the_counts(
    daemon: Daemon, wire: Wire, tmp_path: Path
) -> None:
    root = loads(wire, tmp_path, "thousand")
    assert of(root, "status", "retriable") == ("success", True), root["message"]
    assert root["result"]["counts"] == {"success": 960, "error": 40, "ignored": 0}
    kept = root["result"]["artifacts"]["failedRecords"]
    assert of(kept, "path", "count") == ("data/artifacts/out/failed_records.jsonl", 40)
    table = folder(daemon, "out.c-thousand.done")
    assert len(rows(table)) == 960
    listed = wire.call("job.records", id=root["id"], open=True, offset=35, limit=3)
    assert of(listed, "total", "open") == (40, 40)
    assert [of(one, "number", "input", "id", "message", "code", "job") for one in listed["records"]] == [
        (number, "in/tables/x.csv", str(number - 1), "No.", "E1", root["id"]) for number in (36, 37, 38)
    ]
    mended = {str(n + 1): {"id": str(n), "fails": 0, "note": 'an "ä"'} for n in range(37, 40)}
    writes_later = writes(wire, {"y.csv": "n\n2\n"}, "thousand", output={"default_bucket": "in.c-thousand"})
    assert wire.done(writes_later)["status"] == "success"

    first = again(wire, root, replace=mended)
    assert of(first, "status", "retryOfJobId", "retryScope") == ("success", root["id"], "failedRecords")
    assert wire.text(first).splitlines()[0] == "40 records ['fails', 'id', 'note'] 40"
    assert first["result"]["counts"] == {"success": 35, "error": 5, "ignored": 0}
    versions = {one["id"]: one["version"] for one in first["result"]["input"]["tables"]}
    assert versions == {"in.c-thousand.x": 0, "in.c-thousand.y": 0}, "as the first run read them"
    assert first["result"]["input"]["tables"][0]["recordsCount"] == 40
    assert len(rows(table)) == 995
    assert wire.get(root["id"])["retries"]["open"] == 5

    second = again(wire, first)
    assert wire.text(second).splitlines()[0] == "5 records ['fails', 'id', 'note'] 5"
    assert of(second, "status", "retriable", "retryOfJobId") == ("success", False, root["id"])
    stored = rows(table)
    assert sorted(int(row[1]) for row in stored) == list(range(1000))
    assert ("0", "39", 'an "ä"') in stored

    retries = wire.get(root["id"])["retries"]
    assert [one["id"] for one in retries["jobs"]] == [first["id"], second["id"]]
    assert (retries["counts"]["success"], retries["open"]) == (1000, 0)
    assert wire.get(root["id"])["retriable"] is False
    resolved = wire.call("job.records", id=root["id"], limit=1000)["records"]
    by = [one["resolvedBy"] for one in resolved]
    assert by == [first["id"]] * 40 + [second["id"]] * 5
    state = wire.call("state.get", component="acme.loader", config="thousand")
    assert state["state"] == {"run": 1}, "a retry of records saves no state"


def test_a_retry_without_open_records_or_of_records_already_in_retry_is_a_conflict(
    daemon: Daemon, wire: Wire, tmp_path: Path
) -> None:
    root = loads(wire, tmp_path, "chosen", 40)
    with pytest.raises(Refusal, match=r"no failed record that is open has this number") as refusal:
        again(wire, root, numbers=[3, 77])
    assert (refusal.value.kind, refusal.value.data["path"]) == ("conflict", "$.numbers[1]")
    with pytest.raises(Refusal, match="replace"):
        again(wire, root, numbers=[3], replace={"4": {}})
    wire.call("pool.pause", id="default")
    part = wire.call("job.retry", id=root["id"], scope="failedRecords", numbers=[2, 3, 5])
    assert wire.get(root["id"])["retries"]["open"] == 37
    rest = wire.call("job.retryAllFailed", id=root["id"], scope="failedRecords")["jobs"]
    with pytest.raises(Refusal, match="no failed record that is open"):
        again(wire, root)
    wire.call("pool.resume", id="default")
    assert wire.text(wire.done(part)).startswith("3 records")
    assert wire.text(wire.done(rest[0])).startswith("37 records")


def test_records_of_a_retry_that_failed_are_open_again(daemon: Daemon, wire: Wire, tmp_path: Path) -> None:
    root = loads(wire, tmp_path, "strict", 40, request={"onRecordErrors": "error"})
    assert of(root, "status", "retriable") == ("error", True)
    failed = again(wire, root)
    assert failed["status"] == "error", "8 of them fail in the second run too"
    assert wire.get(root["id"])["retries"]["open"] == 40
    same = wire.done(wire.call("job.retry", id=failed["id"]))
    assert same["retryScope"] == "failedRecords"
    assert wire.text(same).startswith("40 records")


def test_bad_lines_are_counted_and_left_out(daemon: Daemon, wire: Wire, tmp_path: Path) -> None:
    rubbish = 'no json\n[]\n{"record": 1}\n{"record": {}, "input": "in/../../x"}\n\n{"record": {"a": 1}}'
    root = loads(wire, tmp_path, "rubbish", 40, rubbish=rubbish, told=False)
    assert root["result"]["counts"]["error"] == 45, "no counts were reported: lines are counted"
    assert root["result"]["artifacts"]["failedRecords"]["count"] == 41
    listed = wire.call("job.records", id=root["id"], offset=40)
    assert listed["total"] == 41
    assert of(listed["records"][0], "input", "record", "message") == (None, {"a": 1}, None)


def test_a_full_retry_settles_all_earlier_failed_records(daemon: Daemon, wire: Wire, tmp_path: Path) -> None:
    root = loads(wire, tmp_path, "whole", 50)
    whole = wire.done(wire.call("job.retry", id=root["id"]))
    assert of(whole, "status", "retryScope") == ("success", "all")
    assert wire.get(root["id"])["retries"]["open"] == 8, "the records that the retry listed itself"
    assert wire.call("job.records", id=root["id"], open=True)["records"][0]["job"] == whole["id"]


def test_rejected_rows_are_listed_and_never_retried(daemon: Daemon, wire: Wire) -> None:
    columns = [{"name": "n", "data_type": {"base": {"type": "INTEGER"}}}]
    mapping = {"source": "r.csv", "destination": "in.c-rej.r", "schema": columns, "has_header": True}
    output = {"tables": [{**mapping, "on_bad_rows": "reject"}]}
    job = wire.done(writes(wire, {"r.csv": "n\n1\nx\n"}, "rej", output=output))
    assert of(job, "status", "retriable") == ("success", False), job["message"]
    listed = wire.call("job.records", id=job["id"])
    assert of(listed, "total", "open") == (1, 0)
    assert listed["records"][0]["code"] == "rejected"


ROWS = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
row, given = os.environ.get("KBC_CONFIGROWID", "-"), os.environ.get("LOCKSIDE_FAILED_RECORDS")
found = [json.loads(line)["record"]["of"] for line in open(given)] if given else []
print("row", row, found, flush=True)
if not given and row != "r1":
    (data / "artifacts/out/failed_records.jsonl").write_text(json.dumps({"record": {"of": row}}) + "\\n")
"""


@pytest.mark.parametrize("parallelism", [None, 2])
def test_each_row_gets_its_own_records_and_rows_without_records_do_not_run(
    daemon: Daemon, wire: Wire, parallelism: int | None
) -> None:
    put_component(wire, "acme.rows", command=python(ROWS))
    listed = [{"id": f"r{n}", "configuration": {}} for n in range(3)]
    put_config(wire, "acme.rows", "rows", configuration={}, rows=listed)
    root = wire.done(wire.create("acme.rows", config="rows", parallelism=parallelism))
    records = wire.call("job.records", id=root["id"])["records"]
    assert sorted(of(one, "number", "row") for one in records) in (
        [(1, "r0"), (2, "r2")],
        [(1, "r2"), (2, "r0")],
    )
    if parallelism:
        with pytest.raises(Refusal, match="is a container"):
            again(wire, root)
    retried = wire.call("job.retryAllFailed", id=root["id"], scope="failedRecords")["jobs"]
    texts = [line for job in retried for line in wire.text(wire.done(job)).splitlines() if line[0] == "r"]
    assert sorted(texts) == ["row r0 ['r0']", "row r2 ['r2']"]
    assert wire.call("job.records", id=root["id"])["open"] == 0
    assert wire.call("job.retryAllFailed", id=root["id"], scope="failedRecords")["jobs"] == []


def test_a_staged_csv_file_keeps_its_header_and_other_records_become_json_lines(
    daemon: Daemon, wire: Wire
) -> None:
    program = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
print(json.dumps(sorted((path.name, path.read_text()) for path in (data / "in/files").iterdir())), flush=True)
lines = [{"input": f"in/files/{name}", "record": {"b": 1, "a": None}} for name in ("x.csv", "y.txt", "z.csv")]
(data / "artifacts/out/failed_records.jsonl").write_text("\\n".join(map(json.dumps, lines)))
"""
    put_component(wire, "acme.staged", command=python(program))
    source = daemon.folder / "x.csv"
    source.write_text("a,b,c\n1,2,3\n")
    root = wire.done(wire.create("acme.staged", configData={}, inputs={"x.csv": source.as_uri()}))
    text = wire.text(again(wire, root))
    found = dict(json.loads(text[text.index("[[") : text.index("]]") + 2]))
    assert found.pop("failed_records.jsonl").count("\n") == 3
    assert found == {"x.csv": "a,b,c\n,1,\n", "y.txt": '{"b": 1, "a": null}\n', "z.csv": "b,a\n1,\n"}


PARQUET = """
import datetime, duckdb, json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
found = duckdb.sql(f"FROM '{data}/in/tables/x/*.parquet' ORDER BY id")
print(found.types, found.fetchall())
told = [
    {"input": f"in/tables/x{more}", "record": dict(zip(found.columns, row)), "id": str(row[0])}
    for row, more in zip(found.fetchall(), ("", "/part-0.parquet", ""))
]
lines = "\\n".join(json.dumps(one, default=str) for one in told)
(data / "artifacts/out/failed_records.jsonl").write_text(lines)
"""


def test_the_records_of_a_parquet_input_keep_their_types(wire: Wire) -> None:
    texts = 'id,note,at,price\n1,"",2026-01-31 08:00:00,1.50\n2,"a ""b""\n,",,2\n3,x,2026-02-01 08:00:00,\n'
    kinds = {"id": "INTEGER", "note": "STRING", "at": "TIMESTAMP", "price": "NUMERIC"}
    schema = [{"name": name, "data_type": {"base": {"type": kind}}} for name, kind in kinds.items()]
    table = {"source": "x.csv", "destination": "in.c-typed.x", "schema": schema, "has_header": True}
    assert (
        wire.done(writes(wire, {"x.csv": texts}, "typed", output={"tables": [table]}))["status"] == "success"
    )
    put_component(wire, "acme.typed", command=python(PARQUET))
    mapped = {"source": "in.c-typed.x", "destination": "x", "file_type": "parquet"}
    mapped |= {"where_column": "note", "where_operator": "ne", "where_values": ["{x}"]}
    data = {"storage": {"input": {"tables": [mapped]}}}
    root = wire.done(wire.create("acme.typed", configData=data))
    assert root["status"] == "success", root["message"]
    retry = again(wire, root)
    assert retry["status"] == "success", retry["message"]
    assert wire.text(retry).splitlines()[-1] == wire.text(root).splitlines()[-1]
    assert "BIGINT" in wire.text(retry)
    assert retry["result"]["input"]["tables"][0]["recordsCount"] == 3
    spoilt = again(wire, retry, replace={"4": {"id": "four"}})
    assert spoilt["status"] == "error"
    assert 'do not fit the types of table "in.c-typed.x"' in spoilt["message"]

"""One job is split into chunks that run as separate jobs, and its outputs are assembled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import folder, rows, writes
from e2e.timeline import children
from e2e.wire import Message, Refusal, Wire, of, put_component, put_config, wait_until

pytestmark = pytest.mark.real_processes

DOUBLER = """
import csv, json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
config = json.loads((data / "config.json").read_text())["parameters"]
chunk = os.environ.get("LOCKSIDE_CHUNK")
count = 0
source, into = data / "in/tables/x.csv", data / "out/tables/y.csv"
with open(source, newline="") as file, open(into, "w", newline="") as out:
    writer = csv.writer(out, lineterminator="\\n")
    for number, row in enumerate(csv.reader(file)):
        writer.writerow([*row, "double" if number == 0 else 2 * int(row[0])])
        count += number > 0
print("chunk", chunk, "of", os.environ.get("LOCKSIDE_CHUNKS"), "with", count, flush=True)
(data / "out/files/note").write_text(f"{chunk}")
line = json.dumps({"counts": {"success": count, "error": 0, "ignored": 0}}) + "\\n"
os.write(int(os.environ["LOCKSIDE_PROGRESS_FD"]), line.encode())
broken = pathlib.Path(config.get("broken", "/nonexistent"))
raise SystemExit(1 if broken.exists() and broken.read_text() == chunk else 0)
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running(**LAKE) as one:
        yield one


def cut(wire: Wire, config: str, count: int, partition: dict[str, Any], **more: Any) -> Message:
    """Create a job that doubles numbers, in chunks."""
    bucket = f"in.c-{config}"
    text = "n,text\n" + "".join(f'{n},"a\nb, {n}"\n' for n in range(count))
    source = writes(wire, {"x.csv": text}, config, output={"default_bucket": bucket})
    assert wire.done(source)["status"] == "success"
    put_component(wire, "acme.doubler", command=python(DOUBLER))
    request = more.pop("request", {})
    put_config(
        wire,
        "acme.doubler",
        config,
        configuration={
            "parameters": more,
            "storage": {
                "input": {"tables": [{"source": f"{bucket}.x", "destination": "x.csv"}]},
                "output": {"tables": [{"source": "y.csv", "destination": f"out.c-{config}.y"}]},
            },
        },
    )
    return wire.create("acme.doubler", config=config, partition=partition, **request)


def chunks_of(job: Message) -> list[tuple[int, str, str]]:
    return [of(one, "chunk", "action", "status") for one in job["result"]["chunks"]]


def test_a_table_is_split_by_rows_and_assembled_in_order(daemon: Daemon, wire: Wire) -> None:
    job = wire.done(cut(wire, "rows", 25, {"chunkRows": 10}))
    assert of(job, "type", "status", "progress") == ("container", "success", 1.0), str(job["result"]["error"])
    assert chunks_of(job) == [(n, "run", "success") for n in (1, 2, 3)]
    assert job["result"]["counts"] == {"success": 25, "error": 0, "ignored": 0}
    stages = list(job["stageTimestamps"])
    assert stages == sorted(stages, key=job["stageTimestamps"].__getitem__)
    assert {"partitioning", "running", "merging", "output_mapping", "cleaning_up", "done"} <= set(stages)
    phases = children(wire, job)
    assert [one["name"] for one in phases] == ["splitter", "chunks", "assembler"]
    table = rows(folder(daemon, "out.c-rows.y"))
    assert sorted(table, key=lambda row: int(row[0])) == [
        (str(n), f"a\nb, {n}", str(2 * n)) for n in range(25)
    ]
    texts = [wire.text({"id": one["job"]}).splitlines()[-1] for one in job["result"]["chunks"]]
    assert texts == ["chunk 1 of 3 with 10", "chunk 2 of 3 with 10", "chunk 3 of 3 with 5"]


def test_a_failed_chunk_fails_the_job_and_is_retried_alone(
    daemon: Daemon, wire: Wire, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("2")
    job = wire.done(cut(wire, "again", 50, {"chunks": 5}, broken=str(broken), request={"parallelism": 3}))
    assert of(job, "status", "retriable") == ("error", True)
    assert [status for _, _, status in chunks_of(job)] == ["success", "error", *["success"] * 3]
    assert children(wire, job)[2]["status"] == "cancelled", "the assembler"
    failed = job["result"]["chunks"][1]["job"]
    with pytest.raises(Refusal, match=r"is the chunk of a job that is cut: .*lockside retry --failed-chunks"):
        wire.call("job.retry", id=failed)
    broken.unlink()
    again = wire.done(wire.call("job.retry", id=job["id"], scope="failedChunks"))
    assert of(again, "status", "retryScope", "retryOfJobId") == ("success", "failedChunks", job["id"])
    actions = [action for _, action, _ in chunks_of(again)]
    assert actions == ["carry", "run", "carry", "carry", "carry"]
    assert again["result"]["counts"]["success"] == 50
    assert [one["name"] for one in children(wire, again)] == ["chunks", "assembler"]
    assert len(rows(folder(daemon, "out.c-again.y"))) == 50
    with pytest.raises(Refusal, match="ended well"):
        wire.call("job.retry", id=again["id"], scope="failedChunks")


def test_the_successful_chunks_are_merged_on_request(daemon: Daemon, wire: Wire, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("1")
    partition = {"chunkBytes": 100, "onChunkError": "merge"}
    job = wire.done(cut(wire, "merged", 30, partition, broken=str(broken)))
    assert job["status"] == "warning", job["message"]
    lost = job["result"]["chunks"][0]["counts"]["success"]
    assert 0 < lost < 30
    assert len(rows(folder(daemon, "out.c-merged.y"))) == 30 - lost
    broken.unlink()
    again = wire.done(wire.call("job.retry", id=job["id"], resume=True))
    assert of(again, "status", "retryScope") == ("success", "failedChunks")
    assert len(rows(folder(daemon, "out.c-merged.y"))) == 30


def test_an_input_without_records_creates_no_chunk_and_the_assembler_runs(daemon: Daemon, wire: Wire) -> None:
    job = wire.done(cut(wire, "none", 0, {"chunkRows": 10}, output="none"))
    assert of(job, "status", "progress") == ("error", None), "the mapped table is missing"
    assert "y.csv" in str(job["result"]["error"])
    assert job["result"]["chunks"] == []


def test_the_parallelism_limits_the_chunks_that_run_at_once(daemon: Daemon, wire: Wire) -> None:
    job = cut(wire, "two", 60, {"chunkRows": 10}, request={"parallelism": 2, "retry": {"maxAttempts": 2}})
    done = wire.done(job)
    assert done["status"] == "success", done["message"]
    phase = children(wire, done)[1]
    assert {one["type"] for one in children(wire, phase)} == {"retryContainer"}
    running: set[str] = set()
    most = 0
    chunks = {one["job"] for one in done["result"]["chunks"]}
    for event in wire.events(runIdPrefix=done["runId"], kinds=["job.status"]):
        if event["job"] in chunks:
            (running.add if event["data"]["to"] == "processing" else running.discard)(event["job"])
            most = max(most, len(running))
    assert most == 2


SPLITTER = """
import os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
for name in ("b", "a"):
    folder = data / "out/chunks" / name / "tables"
    folder.mkdir(parents=True)
    (folder / "x.csv").write_text(f"n,text\\n{len(name)},{name}\\n")
"""
ASSEMBLER = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
listed = json.loads((data / "in/chunks.json").read_text())
texts = [(data / f"in/chunks/{one['chunk']:06}/tables/y.csv").read_text().split()[1] for one in listed]
print(texts, [one["status"] for one in listed], json.loads((data / "config.json").read_text())["parameters"])
"""


def test_other_components_can_split_and_assemble(daemon: Daemon, wire: Wire) -> None:
    put_component(wire, "acme.splitter", command=python(SPLITTER))
    put_component(wire, "acme.assembler", command=python(ASSEMBLER))
    put_component(wire, "acme.doubler", command=python(DOUBLER))
    parts = {"splitter": {"component": "acme.splitter"}}
    parts["assembler"] = {"component": "acme.assembler", "parameters": {"a": 1}}
    job = wire.done(wire.create("acme.doubler", configData={"parameters": {}}, partition=parts))
    assert job["status"] == "success", str(job["result"]["error"])
    (last,) = children(wire, children(wire, job)[2])
    assert wire.text(last).splitlines()[-1] == "['1,a,2', '1,b,2'] ['success', 'success'] {'a': 1}"


@pytest.mark.parametrize(
    ("request_", "path", "told"),
    [
        ({"partition": {}}, "$.partition.chunkRows", "Give one of"),
        ({"partition": {"chunks": 2, "input": "/etc/passwd"}}, "$.partition.input", "path below in/"),
        ({"partition": {"chunks": 2, "input": "files/../../x"}}, "$.partition.input", "path below in/"),
        ({"partition": {"chunks": 2, "chunkRows": 3}}, "$.partition.chunkRows", "Give one of"),
        ({"partition": {"chunks": 2}, "mode": "debug"}, "$.partition", "mode debug"),
        ({"partition": {"chunks": 2}, "config": "many"}, "$.partition", "2 rows would run"),
        (
            {"partition": {"splitter": {"component": "acme.none"}}},
            "$.partition.splitter.component",
            "no component",
        ),
    ],
)
def test_a_job_that_cannot_be_split_is_refused(
    daemon: Daemon, wire: Wire, request_: dict[str, Any], path: str, told: str
) -> None:
    put_component(wire, "acme.doubler", command=python(DOUBLER))
    put_config(
        wire, "acme.doubler", "many", configuration={}, rows=[{"id": n, "configuration": {}} for n in "ab"]
    )
    with pytest.raises(Refusal, match=told) as refusal:
        wire.create("acme.doubler", **({"configData": {}} if "config" not in request_ else {}), **request_)
    assert refusal.value.data["path"] == path


def test_the_position_of_an_adaptive_input_is_saved_when_the_job_is_assembled(
    daemon: Daemon, wire: Wire, tmp_path: Path
) -> None:
    put_component(wire, "acme.doubler", command=python(DOUBLER))
    broken = tmp_path / "broken"
    source = {"source": "in.c-since.x", "destination": "x.csv", "changed_since": "adaptive"}
    into = {"source": "y.csv", "destination": "out.c-since.y", "incremental": True}
    storage = {"input": {"tables": [source]}, "output": {"tables": [into]}}
    runtime = {"partition": {"chunks": 2}}
    body = {"parameters": {"broken": str(broken)}, "storage": storage, "runtime": runtime}
    put_config(wire, "acme.doubler", "since", configuration=body)

    def loads(*numbers: int) -> None:
        text = "n,text\n" + "".join(f"{n},t\n" for n in numbers)
        table = {"source": "x.csv", "destination": "in.c-since.x", "incremental": True}
        assert (
            wire.done(writes(wire, {"x.csv": text}, "since", output={"tables": [table]}))["status"]
            == "success"
        )

    def counted() -> tuple[str, int]:
        job = wire.done(wire.create("acme.doubler", config="since"))
        return job["status"], job["result"]["counts"]["success"]

    loads(1, 2, 3)
    broken.write_text("1")
    assert counted()[0] == "error"
    broken.unlink()
    loads(4)
    assert counted() == ("success", 4), "the failed run saved no position"
    loads(5, 6)
    assert counted() == ("success", 2)
    assert len(rows(folder(daemon, "out.c-since.y"))) == 6


def test_a_daemon_that_dies_between_splitter_and_chunks_changes_nothing() -> None:
    with running(**LAKE) as daemon:
        wire = daemon.wire()
        job = cut(wire, "killed", 40, {"chunks": 4}, request={"parallelism": 2})
        for stage in ("partitioning", "running"):
            wait_until(wire, job, lambda view, stage=stage: view["stage"] == stage)
            daemon.kill()
            wire = daemon.start().wire()
        done = wire.done(job)
        assert done["status"] == "success", str(done["result"]["error"])
        assert chunks_of(done) == [(n, "run", "success") for n in range(1, 5)]
        table = rows(folder(daemon, "out.c-killed.y"))
        assert sorted(int(row[0]) for row in table) == list(range(40))

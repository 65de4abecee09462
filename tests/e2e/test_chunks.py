"""One job is cut into chunks that run as jobs of their own, and put together again."""

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import folder, rows, writes
from e2e.timeline import children
from e2e.wire import Message, Wire, of, put_component, put_config

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
    """A job that doubles numbers, in chunks."""
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


def test_a_table_is_cut_by_rows_and_put_together_in_order(daemon: Daemon, wire: Wire) -> None:
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

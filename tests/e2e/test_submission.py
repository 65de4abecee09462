"""A submission of a science gateway runs here unchanged except for mapped names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from e2e.harness import Daemon, python, running
from e2e.receiving import Receiver
from e2e.test_archives import whole
from e2e.test_systems import put_system
from e2e.wire import of, put_component
from steps.fileserver import FileServer, serving

APPLICATION = """
import json, os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
given = sorted(str(path.relative_to(data / "in/files")) for path in (data / "in/files").rglob("*.csv"))
(data / "out/files/seen.json").write_text(json.dumps(given))
parameters = json.loads((data / "config.json").read_text())["parameters"]
sys.exit(parameters.get("code", 0))
"""
SCHEMA = {"type": "object", "properties": {"code": {"type": "integer"}}, "additionalProperties": False}


@pytest.fixture
def web() -> Iterator[FileServer]:
    with serving(FileServer(b"a\n")) as files:
        yield files


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with running(LOCKSIDE_NOTIFICATIONS__ALLOW="127.0.0.0/8") as one:
        yield one


@pytest.mark.parametrize(("code", "status"), [(0, "success"), (3, "error")])
def test_a_submission_with_inputs_archive_and_notifications_runs(
    code: int, status: str, daemon: Daemon, receiver: Receiver, web: FileServer, place: Path
) -> None:
    wire = daemon.wire()
    (place / "ann/input").mkdir(parents=True)
    for name in ("one.csv", "two.csv"):
        (place / "ann/input" / name).write_text(name)
    put_system(wire, "data.storage", str(place), isWritable=True)
    put_component(
        wire, "pyplot-0.1.0", command=python(APPLICATION), defaultSystem="data.storage", schema=SCHEMA
    )
    query = "s=${JOB_STATUS}&n=${JOB_NAME}&p=${JOB_ARCHIVE_PATH}&u=${JOB_ARCHIVE_URL}&e=${JOB_ERROR}"
    submission: dict[str, Any] = {
        "name": "pyplot-test",
        "component": "pyplot-0.1.0",
        "configData": {"parameters": {"code": code}},
        "limits": {"memoryBytes": "1.5GB", "timeoutSeconds": "02:30:00", "cpus": 1, "nodes": 1},
        "inputs": {
            "dataset.csv": "ann/input/one.csv",
            "parts": ["ann/input/two.csv", web.url("/three.csv"), (place / "ann/input/one.csv").as_uri()],
        },
        "archive": {"path": "ann/jobs/${JOB_ID}", "system": "data.storage", "onError": True},
        "notifications": [
            {"event": "*", "persistent": True, "url": f"http://127.0.0.1:{receiver.port}/all?{query}"},
            {"event": "FAILED", "url": f"http://127.0.0.1:{receiver.port}/failed?{query}"},
        ],
    }
    job = wire.done(wire.call("job.create", **submission))
    assert of(job, "status", "name") == (status, "pyplot-test")
    assert of(job["limits"], "memoryBytes", "timeoutSeconds") == (1_500_000_000, 9000.0)
    folder = place / "ann/jobs" / job["id"]
    assert whole(folder)["job"] == job["id"]
    assert (folder / "out/files/seen.json").read_text() == (
        '["dataset.csv", "parts/one.csv", "parts/three.csv", "parts/two.csv"]'
    )
    stages = [name for name in job["stageTimestamps"] if name in ("input_mapping", "running", "archiving")]
    assert sorted(stages, key=job["stageTimestamps"].__getitem__) == ["input_mapping", "running", "archiving"]
    posts = [receiver.take() for _ in range(3 if code else 2)]
    told = [parse_qs(urlsplit(post.path).query) for post in posts if post.path.startswith("/all")]
    last = next(one for one in told if one["s"] == [status])
    assert of(last, "n", "p", "u") == (["pyplot-test"], [f"ann/jobs/{job['id']}"], [folder.as_uri()])
    assert any(post.path.startswith("/failed") for post in posts) is bool(code)

"""Archives of jobs: what is kept where, whoever dies meanwhile."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from e2e.harness import python
from e2e.test_systems import put_system
from e2e.wire import Wire, of, put_component

WRITES = """
import os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
row = os.environ.get("KBC_CONFIGROWID", "")
(data / "out/files/deep").mkdir()
(data / "out/files/report.txt").write_text("report " + row)
(data / "out/files/deep/a b.bin").write_bytes(bytes(range(256)) * 1000)
(data / "out/files/link").symlink_to("/etc/hostname")
(data / "out/tables/t.csv").write_text("a\\n1\\n")
(data / "artifacts/out/model.bin").write_text("model")
print("said", row, flush=True)
"""


def run(wire: Wire, archive: dict[str, Any], **request: Any) -> dict[str, Any]:
    put_component(wire, "acme.writer", command=python(WRITES))
    done: dict[str, Any] = wire.done(wire.create("acme.writer", configData={}, archive=archive, **request))
    return done


def whole(folder: Path) -> dict[str, Any]:
    """The list of an archive, whose files are all there as it says."""
    listed: dict[str, Any] = json.loads((folder / "lockside-archive.json").read_text())
    for one in listed["files"]:
        content = (folder / one["path"]).read_bytes()
        assert (len(content), sha256(content).hexdigest()) == (one["sizeBytes"], one["sha256"])
    found = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
    assert found == {"lockside-archive.json", *(one["path"] for one in listed["files"])}
    return listed


def test_a_job_is_archived_as_its_component_left_it(wire: Wire, place: Path) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    job = run(wire, {"path": ""})
    assert job["status"] == "success", job["message"]
    listed = whole(place / job["id"])
    assert of(listed, "job", "uuid") == of(job, "id", "uuid")
    assert [one["path"] for one in listed["files"]] == [
        *("out/files/report.txt", "out/files/deep/a b.bin", "artifacts/out/model.bin", "log.txt"),
    ]
    assert (place / job["id"] / "log.txt").read_text() == "said \n"
    told = job["result"]["artifacts"]["archive"]
    assert of(told, "system", "path", "files") == ("archive", job["id"], 4)
    assert told["uri"] == (place / job["id"]).as_uri()
    assert told["sizeBytes"] == sum(one["sizeBytes"] for one in listed["files"])
    assert job["result"]["artifacts"]["files"]
    assert list(job["stageTimestamps"]).index("archiving") < list(job["stageTimestamps"]).index("cleaning_up")

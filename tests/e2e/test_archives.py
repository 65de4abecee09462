"""Archives of jobs: what is stored where, whichever process dies meanwhile."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon, python
from e2e.test_systems import put_system
from e2e.wire import Wire, of, put_component, put_config

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
    """Return the list of an archive after checking that all of its files are there as it says."""
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


def test_each_row_is_archived_separately(wire: Wire, place: Path) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    put_component(wire, "acme.writer", command=python(WRITES))
    runtime = {"archive": {"path": "${CONFIG}/${DATE}/${JOB_ID}", "include": ["files", "tables"]}}
    rows = [{"id": "r1"}, {"id": "r2"}]
    put_config(wire, "acme.writer", "daily", configuration={"runtime": runtime}, rows=rows)
    job = wire.done(wire.create("acme.writer", config="daily"))
    assert job["status"] == "success", job["message"]
    folder = place / job["result"]["artifacts"]["archive"]["path"]
    assert folder.relative_to(place).parts == ("daily", job["createdTime"][:10], job["id"])
    assert {one["path"] for one in whole(folder)["files"]} == {
        f"{row}/out/{name}"
        for row in ("r1", "r2")
        for name in ("files/report.txt", "files/deep/a b.bin", "tables/t.csv")
    }
    assert (folder / "r2/out/files/report.txt").read_text() == "report r2"


def test_an_empty_archive_and_debug_archive_nothing(wire: Wire, place: Path) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    put_component(wire, "acme.writer", command=python(WRITES))
    put_config(wire, "acme.writer", "kept", configuration={"runtime": {"archive": {"path": "kept"}}})
    for more in ({"archive": {}}, {"mode": "debug"}):
        job = wire.done(wire.create("acme.writer", config="kept", **more))
        assert job["status"] == "success", job["message"]
    assert not list(place.iterdir())
    assert wire.done(wire.create("acme.writer", config="kept"))["status"] == "success"
    assert whole(place / "kept")


@pytest.mark.parametrize(
    ("archive", "path", "told"),
    [
        ({"system": "nowhere"}, "$.archive.system", "There is no system 'nowhere'"),
        ({"system": "readable"}, "$.archive.system", "is not writable"),
        ({"system": "others"}, "$.archive.system", "for other users"),
        ({"path": "a/../../b"}, "$.archive.path", "must not leave"),
        ({"path": "${USER}"}, "$.archive.path", "${USER} is not a placeholder"),
        ({"pth": "a"}, "$.archive.pth", "did you mean `path`"),
    ],
)
def test_an_impossible_archive_is_refused(
    wire: Wire, place: Path, archive: dict[str, Any], path: str, told: str
) -> None:
    put_system(wire, "readable", str(place))
    put_system(wire, "others", str(place), isWritable=True, users=["nobody"])
    put_component(wire, "acme.writer", command=python(WRITES))
    refused = wire.refused("job.create", component="acme.writer", configData={}, archive=archive)
    assert refused.data["path"] == path
    assert told in refused.error["message"]


def test_a_refused_system_is_reported_with_its_path(wire: Wire) -> None:
    put_component(wire, "acme.writer", command=python(WRITES))
    put_config(wire, "acme.writer", "sent", configuration={"runtime": {"archive": {"system": "nowhere"}}})
    refused = wire.refused("job.create", component="acme.writer", config="sent")
    assert refused.data["path"] == "$.configuration.runtime.archive.system"
    inputs = [{"source": "system://nowhere/a.csv"}]
    data = {"runtime": {"inputs": inputs}}
    refused = wire.refused("job.create", component="acme.writer", configData=data)
    assert refused.data["path"] == "$.configData.runtime.inputs[0].source"


@pytest.mark.parametrize("on_failure", ["error", "warning"])
def test_the_archive_of_another_job_is_not_overwritten(wire: Wire, place: Path, on_failure: str) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    first = run(wire, {"path": "one"})
    second = run(wire, {"path": "one", "onFailure": on_failure})
    assert first["status"] == "success"
    assert second["status"] == on_failure
    assert second["message"].endswith(f"{(place / 'one').as_uri()} is the archive of another job.")
    assert whole(place / "one")["job"] == first["id"]
    if on_failure == "error":
        assert of(second["result"]["error"], "type", "kind") == ("user", "output")


def test_a_failed_component_is_archived_on_request(wire: Wire, place: Path) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    put_component(wire, "acme.failing", command=python(WRITES + "\nsys.exit('no luck')"))
    for archive in ({"path": "quiet"}, {"path": "told", "onError": True}):
        job = wire.done(wire.create("acme.failing", configData={}, archive=archive))
        assert (job["status"], job["result"]["error"]["message"]) == ("error", "no luck")
    assert not (place / "quiet").exists()
    assert (place / "told/log.txt").read_text() == "said \nno luck\n"
    assert whole(place / "told")["job"] == job["id"]
    assert job["result"]["artifacts"]["archive"]["path"] == "told"


def test_a_failed_archive_is_not_attempted_again_as_one_of_a_failure(wire: Wire, place: Path) -> None:
    put_system(wire, "archive", str(place / "missing"), isWritable=True)
    (place / "missing").write_text("a file, not a folder")
    job = run(wire, {"path": "one", "onError": True})
    assert job["status"] == "error"
    assert job["message"].count("could not be archived") == 1
    assert [step["operation"] for step in job["result"]["steps"]] == [None, "archive"]


def test_a_missing_system_fails_only_the_archive(wire: Wire, place: Path) -> None:
    put_system(wire, "fleeting", str(place), isWritable=True)
    put_component(wire, "acme.writer", command=python(WRITES))
    jobs = [
        wire.create("acme.writer", configData={}, hold=True, archive={"system": "fleeting", **more})
        for more in ({}, {"onFailure": "warning"})
    ]
    wire.call("system.delete", id="fleeting")
    for job, status in zip(jobs, ("error", "warning"), strict=True):
        wire.call("job.release", id=job["id"])
        done = wire.done(job)
        assert done["status"] == status
        assert "There is no system 'fleeting'" in done["message"]


def test_an_archive_continues_without_a_daemon_and_is_complete(
    daemon: Daemon, wire: Wire, place: Path
) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    os.mkfifo(place / "gate")
    body = f"{WRITES}\nopen({str(place / 'gate')!r}).read()"
    put_component(wire, "acme.waiting", command=python(body))
    job = wire.create("acme.waiting", configData={}, archive={"path": "one"})
    gate = (place / "gate").open("w")
    daemon.kill()
    gate.close()
    wire = daemon.start().wire()
    assert of(wire.done(job), "status", "starts") == ("success", 1)
    assert whole(place / "one")["job"] == job["id"]


def test_a_plain_command_can_be_archived(wire: Wire, place: Path) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    text = 'echo x > "$KBC_DATADIR/out/files/x"; echo said'
    job = wire.done(wire.shell(text, archive={"path": "one"}))
    assert job["status"] == "success", job["message"]
    assert [one["path"] for one in whole(place / "one")["files"]] == ["out/files/x", "log.txt"]
    failed = wire.done(wire.shell(f"{text}; exit 3", archive={"path": "two", "onError": True}))
    assert (failed["status"], whole(place / "two")["job"]) == ("error", failed["id"])
    assert (place / "two/log.txt").read_text() == "said\n"


def test_parallel_rows_are_archived_each_in_its_own_folder(wire: Wire, place: Path) -> None:
    put_system(wire, "archive", str(place), isWritable=True)
    put_component(wire, "acme.writer", command=python(WRITES))
    runtime = {"archive": {"path": "all"}, "parallelism": 2}
    rows = [{"id": "r1"}, {"id": "r2"}]
    put_config(wire, "acme.writer", "wide", configuration={"runtime": runtime}, rows=rows)
    job = wire.done(wire.create("acme.writer", config="wide"))
    assert job["status"] == "success", job["message"]
    assert [len(whole(place / "all" / row)["files"]) for row in ("r1", "r2")] == [4, 4]

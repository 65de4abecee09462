"""Inputs of jobs: fetched before the component starts, whichever process dies meanwhile."""

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon, python, short_folder
from e2e.wire import Wire, of, put_component, put_config, wait_until
from steps.davserver import dav_serving
from steps.fileserver import FileServer, serving

READS = """
import os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
for path in sorted((data / "in").rglob("*")):
    if path.is_file() and path.name != "state.json":
        print(path.relative_to(data), path.read_text(), flush=True)
        path.write_text("spoilt")
"""


@pytest.fixture
def web() -> Iterator[FileServer]:
    with serving(FileServer(b"a,b\n1,2\n")) as files:
        yield files


def run(wire: Wire, **request: Any) -> dict[str, Any]:
    put_component(wire, "acme.reader", command=python(READS))
    job: dict[str, Any] = wire.create("acme.reader", **request)
    return job


def test_a_component_finds_its_inputs(daemon: Daemon, wire: Wire, web: FileServer, place: Path) -> None:
    local = place / "here.csv"
    local.write_text("c\n")
    inputs = [{"source": web.url()}, {"source": local.as_uri(), "target": "in/tables/c.csv"}]
    job = wire.done(run(wire, inputs=inputs, configData={}))
    assert job["status"] == "success", job["message"]
    said = wire.text(job)
    assert "in/files/a.csv a,b\n1,2\n" in said
    assert "in/tables/c.csv c\n" in said
    first, second = job["result"]["input"]["files"]
    assert of(first, "source", "target", "sizeBytes") == (web.url(), "in/files/a.csv", 8)
    assert second["target"] == "in/tables/c.csv"
    assert "input_mapping" in job["stageTimestamps"]


def test_repeated_and_amended_jobs_have_the_same_inputs(wire: Wire, web: FileServer) -> None:
    held = run(wire, inputs=[{"source": web.url()}], configData={}, hold=True)
    amended = wire.call("job.amend", id=held["id"], **{"with": {"name": "again"}})
    wire.call("job.release", id=amended["id"])
    for job in (wire.done(amended), wire.done(wire.call("job.resubmit", id=amended["id"]))):
        assert (job["status"], job["inputs"][0]["source"]) == ("success", web.url())
        assert "in/files/a.csv a,b\n1,2\n" in wire.text(job)


def test_each_row_gets_its_own_copy_and_a_configuration_can_name_inputs(wire: Wire, web: FileServer) -> None:
    put_component(wire, "acme.reader", command=python(READS))
    configuration = {"runtime": {"inputs": {"parts": [web.url("/1.csv"), web.url("/2.csv")]}}}
    rows = [{"id": "r1"}, {"id": "r2"}]
    put_config(wire, "acme.reader", "daily", configuration=configuration, rows=rows)
    job = wire.done(wire.create("acme.reader", config="daily"))
    assert job["status"] == "success", job["message"]
    assert wire.text(job).count("in/files/parts/1.csv a,b\n1,2\n") == 2
    assert "spoilt" not in wire.text(job)


def test_staging_continues_without_a_daemon(daemon: Daemon, wire: Wire, web: FileServer) -> None:
    web.gate.clear()
    job = run(wire, inputs=[{"source": web.url()}], configData={})
    wait_until(wire, job, lambda seen: seen["stage"] == "input_mapping")
    daemon.kill()
    daemon.start().wire()
    daemon.kill()
    web.gate.set()
    wire = daemon.start().wire()
    assert of(wire.done(job), "status", "starts") == ("success", 1)
    assert len(web.asked) == 1


def test_an_input_that_cannot_be_fetched_fails_the_job_and_says_who_is_at_fault(
    wire: Wire, web: FileServer
) -> None:
    web.statuses = [404]
    job = wire.done(run(wire, inputs=[{"source": web.url("/a?key=s3cret")}], configData={}))
    error = job["result"]["error"]
    assert of(error, "type", "kind") == ("user", "input")
    assert error["message"] == f"{web.url('/a')} could not be fetched: the server answered 404 Not Found"


def test_a_stop_ends_a_transfer(wire: Wire, web: FileServer) -> None:
    web.gate.clear()
    job = run(wire, inputs=[{"source": web.url()}], configData={})
    wait_until(wire, job, lambda seen: seen["stage"] == "input_mapping")
    wire.call("job.terminate", id=job["id"])
    assert wire.done(job)["status"] == "terminated"
    web.gate.set()


def test_passwords_of_inputs_are_nowhere_in_plain(wire: Wire, daemon: Daemon, web: FileServer) -> None:
    inputs = [{"source": web.url(), "options": {"user": "ann", "#password": "s3cret-of-ann"}}]
    job = run(wire, inputs=inputs, configData={})
    assert wire.done(job)["status"] == "success"
    assert web.asked[0][1]["Authorization"].startswith("Basic ")
    assert "s3cret-of-ann" not in str(wire.get(job["id"]))
    with closing(sqlite3.connect(daemon.state_dir / "lockside.db")) as database:
        assert "s3cret-of-ann" not in "".join(database.iterdump())
    assert not [
        path for path in daemon.state_dir.rglob("*") if path.is_file() and b"s3cret-of" in path.read_bytes()
    ]


@pytest.mark.parametrize(
    ("inputs", "path", "told"),
    [
        ([{"source": "relative.csv"}], "$.inputs[0].source", "a path alone needs a `defaultSystem`"),
        ([{"source": "gopher://h/x"}], "$.inputs[0].source", "gopher: cannot be fetched"),
        ([{"source": "ftp://ann:pw@h/x"}], "$.inputs[0].source", "A password does not belong in a URI"),
        ([{"source": "http:///x"}], "$.inputs[0].source", "It names no host"),
        ([{"source": "file://h/x"}], "$.inputs[0].source", "by its absolute path"),
        ([{"source": "http://h/x", "target": "../x"}], "$.inputs[0].target", "not a relative path"),
        (
            [{"source": "http://h/x", "target": "in/files/../../x"}],
            "$.inputs[0].target",
            "not a relative path",
        ),
        ([{"source": "http://h/x", "target": "out/files/x"}], "$.inputs[0].target", "must be below in/files"),
        ([{"source": "http://h/"}], "$.inputs[0].target", "not a relative path"),
        (
            [{"source": "http://h/x"}, {"source": "http://g/x"}],
            "$.inputs[1].target",
            "goes to 'in/files/x', too",
        ),
        ([{"source": "http://h/x", "checksum": "sha1:00"}], "$.inputs[0].checksum", "sha256"),
        ([{"sourc": "http://h/x"}], "$.inputs[0].sourc", "did you mean `source`"),
        ({"a": "nothing"}, "$.inputs", "a path alone needs a `defaultSystem`"),
    ],
)
def test_impossible_inputs_are_refused_with_their_path(wire: Wire, inputs: Any, path: str, told: str) -> None:
    put_component(wire, "acme.reader", command=python(READS))
    refusal = wire.refused("job.create", component="acme.reader", configData={}, inputs=inputs)
    assert refusal.data["path"] == path
    assert told in refusal.error["message"]


def test_an_input_is_fetched_by_fsspec_with_a_secret_inside_an_option(
    daemon: Daemon, wire: Wire, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.csv").write_text("a,b\n1,2\n")
    with dav_serving(tmp_path, user="ann", password="s3cret") as dav:
        secret = base64.b64encode(b"ann:s3cret").decode()
        options = {"base_url": dav.url, "headers": {"#Authorization": f"Basic {secret}"}}
        inputs = [{"source": "webdav://files/a.csv", "options": options}]
        job = wire.done(wire.shell('cat "$KBC_DATADIR/in/files/a.csv"', inputs=inputs))
    assert job["status"] == "success", job["message"]
    assert wire.text(job).endswith("a,b\n1,2\n")
    assert secret not in str(wire.get(job["id"]))
    kept = [path for path in daemon.state_dir.rglob("*") if path.is_file()]
    assert not [path for path in kept if secret.encode() in path.read_bytes()]


def test_a_scheme_whose_package_is_missing_is_refused_with_install_instructions(wire: Wire) -> None:
    put_component(wire, "acme.reader", command=python(READS))
    inputs = [{"source": "oss://bucket/a.csv"}]
    refusal = wire.refused("job.create", component="acme.reader", configData={}, inputs=inputs)
    assert (refusal.data["kind"], refusal.data["path"]) == ("disabled", "$.inputs[0].source")
    assert "oss: needs `pip install 'lockside[fsspec]' ossfs`" in refusal.error["message"]


def test_a_plain_command_with_inputs_has_a_data_folder(wire: Wire, web: FileServer) -> None:
    text = 'cat "$KBC_DATADIR/in/files/a.csv"; echo made > "$KBC_DATADIR/out/files/made"'
    job = wire.done(wire.shell(text, inputs=[{"source": web.url()}]))
    assert job["status"] == "success", job["message"]
    assert wire.text(job).endswith("a,b\n1,2\n")
    assert [one["name"] for one in job["result"]["output"]["files"]] == ["made"]


def test_an_orchestration_accepts_no_inputs(wire: Wire) -> None:
    given = {"inputs": [{"source": "http://h/x"}], "archive": {"path": "x"}}
    body = {"phases": [], "tasks": []}
    for name, value in given.items():
        more = {name: value}
        refusal = wire.refused("job.create", component="lockside.orchestrator", configData=body, **more)
        assert (refusal.data["path"], "has no data folder" in refusal.error["message"]) == (f"$.{name}", True)


def test_settings_decide_which_networks_and_folders_are_allowed(web: FileServer) -> None:
    settings = {"LOCKSIDE_STAGING__NETWORKS": "public", "LOCKSIDE_STAGING__FILE_ROOTS": "/srv/data,/mnt"}
    with short_folder() as folder:
        daemon = Daemon(folder, **settings)
        try:
            wire = daemon.start().wire()
            for source in (web.url(), "file:///etc/hostname"):
                job = wire.done(run(wire, inputs=[{"source": source}], configData={}))
                assert "[staging]" in job["result"]["error"]["message"]
            assert not web.asked
        finally:
            daemon.end()

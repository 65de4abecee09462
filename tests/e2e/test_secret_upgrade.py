"""A database in which an earlier release stored plain secrets: they are encrypted, and all work continues."""

import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import Daemon, short_folder
from e2e.wire import Wire

PLAIN_DATABASE = Path(__file__).parent / "data" / "plain-secrets.db.xz"
"""Two projects, two branches, old and deleted versions, rows, states, variables, an orchestration, an
environment, a held job: each secret begins with `MARK`."""
MARK = b"old-pl4in-"


@pytest.fixture
def upgrading() -> Iterator[Daemon]:
    """A daemon, not yet started, on that database."""
    with short_folder() as folder:
        daemon = Daemon(folder)
        daemon.state_dir.mkdir(mode=0o700)
        (daemon.state_dir / "lockside.db").write_bytes(lzma.decompress(PLAIN_DATABASE.read_bytes()))
        yield daemon
        daemon.end()


def upgraded(daemon: Daemon) -> Wire:
    """A connection once everything is encrypted: requests of it are answered after that."""
    wire = daemon.start().wire()
    assert wire.call("secret.reencrypt") == {"values": 0}
    return wire


def files_with(mark: bytes, folder: Path) -> set[str]:
    """Return the files below a folder that contain these bytes."""
    return {path.name for path in folder.rglob("*") if path.is_file() and mark in path.read_bytes()}


def test_only_the_backup_that_doctor_names_still_contains_plain_secrets(upgrading: Daemon) -> None:
    wire = upgraded(upgrading)
    (backup,) = files_with(MARK, upgrading.state_dir)
    assert backup.startswith("lockside-schema4-")
    problems = [one for one in wire.call("daemon.check")["problems"] if one["kind"] == "plain_backup"]
    assert [backup in one["message"] for one in problems] == [True]
    (key,) = wire.call("secret.keys")["keys"]
    assert key["source"] == "state folder"
    assert key["values"] > 20
    assert MARK.decode() not in upgrading.stderr()


def test_the_stored_objects_work_as_before(upgrading: Daemon) -> None:
    wire = upgraded(upgrading)
    version = wire.call("config.get", component="acme.old", config="root")["version"]
    body = {"parameters": {"#state": "old-pl4in-state"}}
    again = wire.call("config.put", component="acme.old", config="root", configuration=body)
    assert again["version"] == version, "the same plain value is not a change"
    before = wire.call("state.get", component="acme.old", config="root")
    assert before["state"]["#cursor"].startswith("lockside:v1:config:")
    (held,) = wire.call("job.list", status=["created"])["jobs"]
    wire.call("job.release", id=held["id"])
    assert wire.done(held)["status"] == "success"
    assert wire.call("state.get", component="acme.old", config="root") == before, (
        "the same state is no change"
    )
    for job in wire.call("job.list", status=["success"])["jobs"]:
        assert wire.done(wire.call("job.resubmit", id=job["id"]))["status"] == "success"
    request = {
        "component": "acme.old",
        "configData": {"parameters": {"#request": "old-pl4in-request"}},
        "variableValuesData": {"values": [{"name": "#x", "value": "old-pl4in-value"}]},
        "deduplicationId": "once",
    }
    for project in ("default", "other"):
        assert wire.call("job.create", **request, project=project)["deduplicated"] is True
    other = {**request, "configData": {"parameters": {"#request": "another"}}}
    assert wire.refused("job.create", **other).kind == "conflict"


def test_a_database_without_a_secret_needs_no_key(place: Path) -> None:
    daemon = Daemon(place)
    try:
        wire = daemon.start().wire()
        wire.call("component.put", component={"id": "acme.plain", "command": ["true"]})
        assert wire.done(wire.create("acme.plain", deduplicationId="x"))["status"] == "success"
        assert not (daemon.state_dir / "secret.key").exists()
        assert wire.call("secret.keys") == {"keys": []}
    finally:
        daemon.end()

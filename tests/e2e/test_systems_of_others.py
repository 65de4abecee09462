"""Systems shared by several users of the machine: what each may do there, and as which user it is done."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, python
from e2e.people import ANNA, BERT, OPERATORS, VIEWERS, Person, used_by_groups
from e2e.test_archives import WRITES, whole
from e2e.test_systems import SECRET, put_system
from e2e.test_tables_of_others import others_can_run_us
from e2e.wire import Wire, of, put_component

pytestmark = [needs_root, pytest.mark.real_processes]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    if not others_can_run_us():
        pytest.skip(f"other users cannot execute {sys.executable}")
    with used_by_groups() as one:
        yield one


@pytest.fixture
def bert(daemon: Daemon) -> Person:
    return Person(daemon, BERT, OPERATORS)


def test_an_archive_is_written_as_the_user_of_the_job(daemon: Daemon, bert: Person, place: Path) -> None:
    wire: Wire = daemon.wire()
    place.chmod(0o711)
    for name, owner, mode in (("his", BERT, 0o700), ("ours", 0, 0o700)):
        (place / name).mkdir(mode=mode)
        (place / name).chmod(mode)
        os.chown(place / name, owner, owner)
        put_system(wire, name, str(place / name), isWritable=True)
    put_component(wire, "acme.writer", command=python(WRITES))
    jobs = [
        bert.call("job.create", component="acme.writer", configData={}, archive={"system": name, "path": "a"})
        for name in ("his", "ours")
    ]
    good, bad = map(wire.done, jobs)
    assert good["status"] == "success", good["message"]
    listed = whole(place / "his/a")
    assert {(place / "his/a" / one["path"]).stat().st_uid for one in listed["files"]} == {BERT}
    assert "log.txt" in [one["path"] for one in listed["files"]]
    assert (bad["status"], "Permission denied" in bad["message"]) == ("error", True)
    assert not list((place / "ours").iterdir())


def test_the_credentials_of_a_system_are_shown_to_admins_only(daemon: Daemon, bert: Person) -> None:
    wire = daemon.wire()
    put_system(wire, "shop", "ftp://h/", options={"user": "ann", "#password": SECRET}, users=[str(ANNA)])
    assert of(bert.call("system.get", id="shop"), "root", "options") == ("ftp://h/", {})
    assert wire.call("system.get", id="shop")["options"]["user"] == "ann"
    assert bert.kind("system.put", system={"id": "x", "type": "file", "root": "/srv"}) == "forbidden"
    assert bert.kind("system.check", id="shop") == "forbidden"
    assert Person(daemon, ANNA, VIEWERS).kind("system.check", id="shop") == "forbidden"


def test_members_of_a_group_can_use_the_systems_of_the_group(
    daemon: Daemon, bert: Person, place: Path
) -> None:
    wire = daemon.wire()
    place.chmod(0o755)
    (place / "a.csv").write_text("x\n")
    (place / "a.csv").chmod(0o644)
    put_component(wire, "acme.plain", command=["true"])
    request = {"component": "acme.plain", "configData": {}, "inputs": [{"source": "system://ours/a.csv"}]}
    put_system(wire, "ours", str(place), groups=[str(VIEWERS)])
    assert bert.kind("job.create", **request) == "forbidden"
    put_system(wire, "ours", str(place), groups=[str(OPERATORS)])
    job = wire.done(bert.call("job.create", **request))
    assert job["status"] == "success", job["message"]
    assert bert.call("system.check", id="ours")["entries"] == 1

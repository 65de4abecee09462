"""Systems: named locations from which jobs fetch, who may use them, and how they are checked."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon, python
from e2e.test_staging import READS
from e2e.wire import Wire, of, put_component
from steps.fileserver import FileServer, serving

SECRET = "s3cret-of-the-place"


@pytest.fixture
def web() -> Iterator[FileServer]:
    with serving(FileServer(b"a,b\n1,2\n")) as files:
        yield files


def put_system(wire: Wire, system: str, root: str, **more: Any) -> dict[str, Any]:
    kind = root.partition(":")[0] if "://" in root else "file"
    stored: dict[str, Any] = wire.call(
        "system.put", system={"id": system, "type": kind, "root": root, **more}
    )
    return stored


def run(wire: Wire, **request: Any) -> dict[str, Any]:
    put_component(wire, "acme.reader", command=python(READS), **request.pop("component", {}))
    done: dict[str, Any] = wire.done(wire.create("acme.reader", configData={}, **request))
    return done


def test_inputs_are_fetched_from_a_system_by_its_name(wire: Wire, web: FileServer, place: Path) -> None:
    put_system(wire, "shop", web.url("/deep/"), options={"user": "ann", "#password": SECRET})
    (place / "b c.csv").write_text("d\n")
    put_system(wire, "here", str(place))
    job = run(wire, inputs=[{"source": "system://shop/a.csv"}, {"source": "system://here/b%20c.csv"}])
    assert job["status"] == "success", job["message"]
    assert [of(one, "source", "target") for one in job["result"]["input"]["files"]] == [
        ("system://shop/a.csv", "in/files/a.csv"),
        ("system://here/b%20c.csv", "in/files/b c.csv"),
    ]
    assert web.asked[0][0] == "/deep/a.csv"
    assert web.asked[0][1]["Authorization"].startswith("Basic ")


def test_a_bare_path_refers_to_the_system_of_the_component(wire: Wire, place: Path) -> None:
    (place / "a b#1.csv").write_text("x\n")
    put_system(wire, "here", str(place))
    component = {"defaultSystem": "here"}
    job = run(wire, inputs={"one": "a b#1.csv", "more": ["a b#1.csv"]}, component=component)
    assert job["status"] == "success", job["message"]
    said = wire.text(job)
    assert "in/files/one x\n" in said
    assert "in/files/more/a b#1.csv x\n" in said


def test_no_path_can_leave_the_root_of_its_system(wire: Wire, place: Path) -> None:
    (place / "root").mkdir()
    (place / "secret.csv").write_text("x\n")
    (place / "root/link.csv").symlink_to(place / "secret.csv")
    put_system(wire, "here", str(place / "root"))
    job = run(wire, inputs=[{"source": "system://here/link.csv"}])
    assert job["result"]["error"]["message"].endswith("it is outside the root of its system")
    for source in ("system://here/../secret.csv", "system://here/%2e%2e/secret.csv"):
        refused = wire.refused("job.create", component="acme.reader", inputs=[{"source": source}])
        assert refused.data["path"] == "$.inputs[0].source"


@pytest.mark.parametrize(
    ("system", "kind", "told"),
    [
        ({"root": "/srv", "users": ["nobody"]}, "forbidden", "for other users"),
        ({"root": "/srv", "groups": ["nogroup"]}, "forbidden", "for other users"),
        (None, "not_found", "There is no system"),
    ],
)
def test_a_system_that_the_caller_cannot_use_is_refused_at_once(
    wire: Wire, system: dict[str, Any] | None, kind: str, told: str
) -> None:
    put_component(wire, "acme.reader", command=python(READS))
    if system is not None:
        wire.call("system.put", system={"id": "here", "type": "file", **system})
    inputs = [{"source": f"system://{'nowhere' if system is None else 'here'}/a.csv"}]
    refused = wire.refused("job.create", component="acme.reader", configData={}, inputs=inputs)
    assert (refused.data["kind"], refused.data["path"]) == (kind, "$.inputs[0].source")
    assert told in refused.error["message"]


def test_a_system_can_be_restricted_to_users_and_groups(wire: Wire, place: Path) -> None:
    (place / "a.csv").write_text("x\n")
    for rights in ({"users": [str(os.getuid())]}, {"users": ["nobody"], "groups": [str(os.getgid())]}):
        put_system(wire, "here", str(place), **rights)
        assert run(wire, inputs=[{"source": "system://here/a.csv"}])["status"] == "success"


def test_access_rights_are_checked_when_the_job_runs(wire: Wire, place: Path) -> None:
    put_system(wire, "here", str(place))
    put_component(wire, "acme.reader", command=python(READS))
    inputs = [{"source": "system://here/a.csv"}]
    job = wire.create("acme.reader", configData={}, inputs=inputs, hold=True)
    put_system(wire, "here", str(place), users=["nobody"])
    wire.call("job.release", id=job["id"])
    assert "for other users" in wire.done(job)["message"]


@pytest.mark.parametrize(
    ("system", "path"),
    [
        ({"type": "gopher", "root": "gopher://h"}, "$.system.type"),
        ({"type": "ftp", "root": "http://h"}, "$.system.root"),
        ({"type": "file", "root": "/a/../b"}, "$.system.root"),
        ({"type": "sftp", "root": "sftp://ann:pw@h/x"}, "$.system.root"),
        ({"type": "https", "root": "https://h/x", "isWritable": True}, "$.system.isWritable"),
    ],
)
def test_impossible_systems_are_refused(wire: Wire, system: dict[str, Any], path: str) -> None:
    assert wire.refused("system.put", system={"id": "bad", **system}).data["path"] == path


def test_secrets_of_systems_are_nowhere_in_plain(wire: Wire, daemon: Daemon, web: FileServer) -> None:
    put_system(wire, "shop", web.url("/"), options={"user": "ann", "#password": SECRET})
    assert run(wire, inputs=[{"source": "system://shop/a.csv"}])["status"] == "success"
    assert SECRET not in str(wire.call("system.get", id="shop"))
    assert not [
        path
        for path in daemon.state_dir.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]


def test_a_deleted_system_cannot_be_used(wire: Wire) -> None:
    put_system(wire, "here", "/srv")
    wire.call("system.delete", id="here")
    put_component(wire, "acme.reader", command=python(READS))
    inputs = [{"source": "system://here/a.csv"}]
    assert wire.refused("job.create", component="acme.reader", inputs=inputs).data["kind"] == "not_found"


def test_a_system_check_lists_and_writes(wire: Wire, web: FileServer, place: Path) -> None:
    (place / "a.csv").write_text("x\n")
    put_system(wire, "read", str(place))
    put_system(wire, "written", str(place), isWritable=True)
    put_system(wire, "asked", web.url("/deep/"))
    assert of(wire.call("system.check", id="read"), "entries", "isWritable") == (1, False)
    assert of(wire.call("system.check", id="written"), "entries", "isWritable") == (1, True)
    assert of(wire.call("system.check", id="asked"), "entries", "isWritable") == (None, False)
    assert [one.name for one in place.iterdir()] == ["a.csv"]


def test_a_system_check_reports_what_is_wrong(wire: Wire, place: Path) -> None:
    put_system(wire, "gone", str(place / "gone"))
    put_system(wire, "deaf", "ftp://127.0.0.1:1/")
    put_system(wire, "others", str(place), users=["nobody"])
    assert wire.refused("system.check", id="none").kind == "not_found"
    assert wire.refused("system.check", id="others").kind == "forbidden"
    for system, told in (("gone", "there is no such file"), ("deaf", "Connection refused")):
        refused = wire.refused("system.check", id=system)
        assert f"System {system!r} cannot be used: " in refused.error["message"]
        assert told in refused.error["message"]

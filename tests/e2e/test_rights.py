"""Who may do what, by credentials from the kernel: roles by Unix group, ownership, the users of jobs."""

import os
from collections.abc import Callable, Iterator

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon
from e2e.people import ADMINS, ANNA, BERT, OPERATORS, VIEWERS, Person, used_by_groups
from e2e.signs import Gate
from e2e.wire import Wire, of, put_component, put_config

pytestmark = needs_root

COMMAND = {"component": "lockside.command", "configData": {"parameters": {"command": ["id", "-un"]}}}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with used_by_groups() as one:
        yield one


def test_the_socket_has_its_group_and_mode_from_the_settings(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh(LOCKSIDE_DAEMON__SOCKET_GROUP="nogroup")
    found = daemon.socket.stat()
    assert oct(found.st_mode & 0o777) == "0o660"
    assert daemon.socket.group() == "nogroup"


def test_a_viewer_can_read_and_change_nothing(wire: Wire, viewer: Person) -> None:
    job = wire.done(wire.shell("true"))
    before = len(wire.events())
    for method, params in (
        ("job.get", {"id": job["id"]}),
        ("job.list", {}),
        ("daemon.status", {}),
        ("pool.list", {}),
    ):
        assert viewer.kind(method, **params) == "fine"
    for method, params in (
        ("job.create", COMMAND),
        ("job.terminate", {"id": job["id"]}),
        ("job.annotate", {"id": job["id"], "name": "x"}),
        ("config.put", {"component": "a", "config": "b"}),
        ("component.put", {"component": {"id": "a", "command": ["b"]}}),
        ("pool.pause", {"id": "default"}),
        ("daemon.drain", {}),
        ("job.purge", {"id": job["id"]}),
    ):
        assert viewer.kind(method, **params) == "forbidden", method
    assert len(wire.events()) == before


def test_a_user_without_a_role_sees_nothing(daemon: Daemon) -> None:
    stranger = Person(daemon, BERT, BERT)
    assert stranger.kind("job.list") == "forbidden"
    assert stranger.kind("daemon.status") == "forbidden"


def test_supplementary_groups_count(daemon: Daemon) -> None:
    assert Person(daemon, BERT, BERT, groups=str(VIEWERS)).kind("job.list") == "fine"
    assert (
        Person(daemon, BERT, BERT, groups=f"{VIEWERS},{ADMINS}").kind(
            "pool.put", pool={"id": "theirs", "slots": 1}
        )
        == "fine"
    )


def test_an_operator_can_only_act_on_own_jobs(wire: Wire, anna: Person, bert: Person) -> None:
    job = anna.call("job.create", **COMMAND, hold=True)
    assert of(job["principal"], "uid", "user", "gid") == (ANNA, str(ANNA), OPERATORS)
    for method, more in (
        ("job.terminate", {}),
        ("job.release", {}),
        ("job.hold", {}),
        ("job.annotate", {"name": "x"}),
        ("job.reprioritise", {"priority": 3}),
        ("job.hide", {}),
        ("job.acknowledge", {}),
        ("job.resubmit", {}),
    ):
        (answer,) = bert.ask((method, {"id": job["id"], **more}))
        assert answer["error"]["code"] == -32004, method
    assert bert.call("job.get", id=job["id"])["id"] == job["id"], "reading is allowed"
    assert anna.kind("job.annotate", id=job["id"], name="mine") == "fine"
    assert anna.kind("job.purge", id=job["id"]) == "forbidden"
    assert wire.call("job.annotate", id=job["id"], labels={"by": "root"})["name"] == "mine"
    assert anna.call("job.terminate", id=job["id"])["status"] == "cancelled"
    kinds = {(event["kind"], event["principal"]["uid"]) for event in wire.events(job) if event["principal"]}
    assert ("job.annotated", ANNA) in kinds
    assert ("job.annotated", 0) in kinds


def test_jobs_run_as_their_submitter(wire: Wire, anna: Person) -> None:
    job = anna.call(
        "job.create", component="lockside.command", configData={"parameters": {"command": ["id", "-u"]}}
    )
    ended = wire.done(job)
    assert ended["status"] == "success", ended["result"]
    assert wire.text(job) == f"{ANNA}\n"
    put_component(
        wire, "acme.whoami", shell="id -u; touch $KBC_DATADIR/out/files/x; cat $KBC_DATADIR/config.json"
    )
    job = anna.call("job.create", component="acme.whoami")
    ended = wire.done(job)
    assert ended["status"] == "success", ended["result"]
    assert wire.text(job).startswith(f"{ANNA}\n")
    folder = os.path.join(ended["workPath"], "data")
    assert os.stat(folder).st_uid == ANNA
    assert os.stat(folder).st_mode & 0o077 == 0


def test_a_child_belongs_to_the_owner_of_its_parent(
    wire: Wire, anna: Person, bert: Person, gate: Gate
) -> None:
    parent = anna.call(
        "job.create", component="lockside.command", configData={"parameters": {"shell": gate.text}}
    )
    assert bert.kind("job.create", **COMMAND, parentRunId=parent["runId"]) in ("forbidden", "conflict")
    child = anna.call("job.create", **COMMAND, hold=True, parentRunId=parent["runId"])
    assert child["principal"]["uid"] == ANNA
    assert anna.call("job.terminate", id=child["id"])["status"] == "cancelled"
    gate.open()
    assert wire.done(parent)["status"] == "success"


def test_deduplication_ids_are_separate_for_each_user(anna: Person, bert: Person) -> None:
    mine = anna.call("job.create", **COMMAND, hold=True, deduplicationId="same")
    theirs = bert.call("job.create", **COMMAND, hold=True, deduplicationId="same")
    assert mine["id"] != theirs["id"]
    for person, job in ((anna, mine), (bert, theirs)):
        person.call("job.terminate", id=job["id"])


def test_nobody_runs_a_command_that_another_user_wrote(wire: Wire, anna: Person, bert: Person) -> None:
    stored = {"component": "lockside.command", "config": "script"}
    configuration = {"parameters": {"command": ["id", "-u"]}}
    assert anna.kind("config.put", **stored, configuration=configuration) == "fine"
    assert bert.kind("job.create", **stored) == "forbidden"
    (refused,) = [wire.refused("job.create", **stored)]
    assert refused.kind == "forbidden"
    job = anna.call("job.create", **stored)
    assert wire.text(wire.done(job)) == f"{ANNA}\n"
    put_config(wire, "lockside.command", "script", configuration=configuration)
    job = bert.call("job.create", **stored)
    assert wire.text(wire.done(job)) == f"{BERT}\n", "an admin wrote it last: it runs as the submitter"


def test_only_an_admin_can_name_another_user(anna: Person, wire: Wire) -> None:
    assert (
        anna.kind("component.put", component={"id": "acme.root", "command": ["id"], "user": "root"})
        == "forbidden"
    )
    put_component(wire, "acme.asnobody", command=["id", "-un"], user="nobody")
    job = anna.call("job.create", component="acme.asnobody")
    assert wire.text(wire.done(job)) == "nobody\n"


def test_a_job_cannot_reach_the_folder_of_another_user(wire: Wire, anna: Person, gate: Gate) -> None:
    put_component(wire, "acme.keeps", shell=f"echo private > $KBC_DATADIR/out/files/x; {gate.text}")
    mine = wire.create("acme.keeps", configData={"parameters": {"#secret": "a secret value"}})
    path = wire.get(mine["id"])["workPath"]
    job = anna.call(
        "job.create",
        component="lockside.command",
        configData={
            "parameters": {
                "shell": f"cat {path}/data/config.json {path}/data/out/files/x {path}/log/* 2>&1; true"
            }
        },
    )
    said = wire.text(wire.done(job))
    assert "a secret value" not in said
    assert "private" not in said
    gate.open()
    wire.done(mine)

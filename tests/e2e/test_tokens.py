"""Delegates act as the users whom they serve, and any user can act with a token of their own."""

import os
import pwd
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.people import ADMINS, ANNA, BERT, OPERATORS, VIEWERS, Person, used_by_groups
from e2e.wire import Message, Wire

pytestmark = needs_root

USER = "daemon"
"""A user that exists on every machine."""
USER_UID = pwd.getpwnam(USER).pw_uid if os.geteuid() == 0 else 0
DELEGATE = 64009
RECIPIENT = {"channel": "webhook", "url": "https://hooks.example.com/x"}
COMMAND = {"component": "lockside.command", "configData": {"parameters": {"command": ["id", "-u"]}}}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    groups = f"{OPERATORS},{pwd.getpwnam(USER).pw_gid}"
    admins = f"{ADMINS},{pwd.getpwnam('bin').pw_gid}"
    with used_by_groups(
        LOCKSIDE_ACCESS__DELEGATES=str(DELEGATE),
        LOCKSIDE_ACCESS__OPERATOR_GROUPS=groups,
        LOCKSIDE_ACCESS__ADMIN_GROUPS=admins,
    ) as one:
        yield one


@pytest.fixture
def delegate(daemon: Daemon) -> Person:
    return Person(daemon, DELEGATE, DELEGATE)


def acting(person: Person, as_whom: Message, *calls: tuple[str, Message]) -> list[Message]:
    """Return the results of calls on a connection that acts as another user."""
    return person.ask(("session.actAs", as_whom), *calls)


def kinds(answers: list[Message]) -> list[str]:
    return [one["error"]["data"]["kind"] if "error" in one else "fine" for one in answers]


def token_of(person: Person, **more: Any) -> Message:
    made: Message = person.call("token.create", name="t", **more)
    return made


def test_a_delegate_makes_all_later_calls_as_the_user(wire: Wire, delegate: Person) -> None:
    told, made, again = acting(
        delegate, {"user": USER}, ("job.create", COMMAND), ("session.actAs", {"user": USER})
    )
    who = {"uid": USER_UID, "user": USER, "gid": pwd.getpwnam(USER).pw_gid, "via": str(DELEGATE)}
    assert (told["result"]["principal"], told["result"]["role"]) == (who, "operator")
    assert made["result"]["principal"] == who
    job = wire.done(made["result"])
    assert wire.text(job) == f"{USER_UID}\n"
    assert wire.events(job, kinds=["job.created"])[0]["principal"] == who
    assert kinds([again]) == ["conflict"]


def test_only_delegates_act_as_others(daemon: Daemon, anna: Person, delegate: Person) -> None:
    assert anna.kind("session.actAs", user=USER) == "forbidden"
    assert Wire(daemon.socket).refused("session.actAs", user=USER).kind == "forbidden", "not even root"
    assert delegate.kind("session.actAs", user="nobody-at-all") == "not_found"
    assert delegate.kind("session.actAs", user="root") == "forbidden", "its jobs would run as root"
    assert delegate.kind("session.actAs") == "invalid"


def test_a_delegate_that_acts_as_no_one_has_its_own_rights(delegate: Person) -> None:
    assert delegate.kind("job.list") == "forbidden"


def test_no_user_is_an_admin_through_a_delegate(daemon: Daemon, delegate: Person) -> None:
    admin = Person(daemon, BERT, BERT, groups=str(ADMINS))
    secret = token_of(admin)["secret"]
    told, listed = acting(delegate, {"token": secret}, ("job.list", {}))
    assert told["result"]["role"] == "none", "the user database lists no groups for this user"
    assert kinds([listed]) == ["forbidden"]
    told, created, drained = acting(delegate, {"user": "bin"}, ("job.list", {}), ("daemon.drain", {}))
    assert told["result"]["role"] == "operator"
    assert kinds([created, drained]) == ["fine", "forbidden"]
    told, drained, own = acting(admin, {"token": secret}, ("daemon.drain", {}), ("daemon.status", {}))
    assert told["result"]["role"] == "admin"
    assert kinds([drained, own]) == ["fine", "fine"]
    assert admin.kind("daemon.undrain") == "fine"


def test_a_token_gives_at_most_the_role_of_its_user(daemon: Daemon, wire: Wire, anna: Person) -> None:
    made = token_of(anna, role="viewer")
    assert made["secret"].startswith(f"lsk_{made['id']}_")
    assert len(made["secret"].rpartition(f"lsk_{made['id']}_")[2]) == 43
    told, listed, created = acting(anna, {"token": made["secret"]}, ("job.list", {}), ("job.create", COMMAND))
    assert told["result"]["role"] == "viewer"
    assert told["result"]["token"]["id"] == made["id"]
    assert "via" not in told["result"]["principal"]
    assert kinds([listed, created]) == ["fine", "forbidden"]
    assert anna.kind("token.create", name="t", role="admin") == "forbidden"
    assert anna.kind("token.create", name="t", user=USER) == "forbidden"
    assert Person(daemon, ANNA, VIEWERS).kind("session.actAs", token=made["secret"]) == "fine"


def test_only_delegates_can_use_a_token_of_another_user(wire: Wire, anna: Person, delegate: Person) -> None:
    secret = wire.call("token.create", name="t", user=USER, role="operator")["secret"]
    assert anna.kind("session.actAs", token=secret) == "forbidden"
    told, made = acting(delegate, {"token": secret}, ("job.create", {**COMMAND, "hold": True}))
    assert made["result"]["principal"]["user"] == USER
    assert told["result"]["principal"]["via"] == str(DELEGATE)
    wire.call("job.terminate", id=made["result"]["id"])


@pytest.mark.parametrize("secret", ["", "lsk_1_", "lsk_99_" + "a" * 43, "lsk_1_" + "a" * 43, "nothing"])
def test_an_invalid_token_is_refused(anna: Person, secret: str) -> None:
    token_of(anna)
    assert anna.kind("session.actAs", token=secret) == "not_found"


def test_a_token_sees_nothing_outside_its_project(wire: Wire, anna: Person) -> None:
    outside = wire.done(anna.call("job.create", **COMMAND))
    secret = token_of(anna, project="etl")["secret"]
    calls = [
        ("job.create", {**COMMAND, "hold": True}),
        ("job.list", {"project": "default"}),
        ("job.get", {"id": outside["uuid"]}),
        ("job.log", {"id": outside["id"]}),
        ("job.wait", {"ids": [outside["id"]]}),
        ("job.create", {**COMMAND, "dependsOn": [{"job": outside["id"]}]}),
        ("job.create", {**COMMAND, "parentRunId": outside["id"]}),
        ("job.resubmit", {"id": outside["id"]}),
        ("event.list", {"job": outside["id"]}),
    ]
    _, made, *others = acting(anna, {"token": secret}, *calls)
    assert made["result"]["project"]["id"] == "etl"
    assert kinds(others) == ["forbidden", *["not_found"] * 7]
    assert others[1]["error"]["data"]["path"] == "$.id"
    assert others[4]["error"]["data"]["path"] == "$.dependsOn[0].job"
    anna.call("job.terminate", id=made["result"]["id"])
    (_, changed) = acting(
        anna,
        {"token": secret},
        ("job.resubmit", {"id": made["result"]["id"], "with": {"dependsOn": [{"job": outside["id"]}]}}),
    )
    assert changed["error"]["data"]["path"] == "$.with.dependsOn[0].job"


def test_a_revoked_token_ends_its_connections(daemon: Daemon, wire: Wire) -> None:
    made = wire.call("token.create", name="t")
    with Wire(daemon.socket) as one, Wire(daemon.socket) as other:
        one.call("session.actAs", token=made["secret"])
        child = one.call("token.create", name="made with it")
        other.call("session.actAs", token=child["secret"])
        assert wire.call("token.revoke", id=made["id"]) == {"id": made["id"]}
        assert one.read() is None
        assert other.read() is None
        assert wire.refused("session.actAs", token=made["secret"]).kind == "not_found"
    assert wire.refused("token.revoke", id=made["id"]).kind == "not_found"
    told = [event["data"] for event in wire.events(kinds=["token.revoked"])]
    assert told[-1] == {"id": made["id"], "name": "t", "user": "root"}


def test_an_expired_token_ends_its_connections() -> None:
    with running("--test-clock", "2026-03-01T12:00:00Z") as daemon, Wire(daemon.socket) as wire:
        made = wire.call("token.create", name="t", expiresTime="2026-03-02T12:00:00Z")
        refused = wire.refused("token.create", name="t", expiresTime="2026-03-01T11:00:00Z")
        assert refused.data["path"] == "$.expiresTime"
        with Wire(daemon.socket) as one:
            told = one.call("session.actAs", token=made["secret"])
            assert told["token"]["expiresTime"] == "2026-03-02T12:00:00.000000Z"
            child = one.call("token.create", name="lives no longer")
            wire.call("clock.advance", seconds=86_399)
            one.call("job.list")
            wire.call("clock.advance", seconds=1)
            assert one.read() is None
        assert [token["isExpired"] for token in wire.call("token.list")["tokens"]] == [True, True]
        for secret in (made["secret"], child["secret"]):
            assert wire.refused("session.actAs", token=secret).kind == "not_found"


def test_only_admins_can_manage_tokens_of_other_users(wire: Wire, anna: Person, bert: Person) -> None:
    made = token_of(anna)
    assert made["id"] in [one["id"] for one in anna.call("token.list")["tokens"]]
    assert made["id"] in [one["id"] for one in wire.call("token.list")["tokens"]]
    assert made["id"] not in [one["id"] for one in bert.call("token.list")["tokens"]]
    assert bert.kind("token.revoke", id=made["id"]) == "forbidden"
    assert anna.kind("token.revoke", id=made["id"]) == "fine"


def test_a_token_secret_is_returned_once_and_stored_nowhere(daemon: Daemon, wire: Wire) -> None:
    made = wire.call("token.create", name="once", deduplicationId="d")
    again = wire.call("token.create", name="once", deduplicationId="d")
    assert again == {"id": made["id"], "deduplicated": True}
    stored = b"".join(path.read_bytes() for path in daemon.state_dir.glob("lockside.db*"))
    assert made["secret"].rpartition("_")[2].encode() not in stored


def test_every_event_caused_by_a_delegate_names_the_delegate(wire: Wire, delegate: Person) -> None:
    configured = {"component": "lockside.command", "config": "of-a-delegate"}
    job = {**COMMAND, "name": "of a delegate"}
    calls = [
        ("config.put", {**configured, "configuration": {"parameters": {"command": ["true"]}}}),
        ("config.put", {**configured, "configuration": {"parameters": {"command": ["false"]}}}),
        ("config.delete", configured),
        ("variables.put", {"variables": {"id": "of-a-delegate", "values": []}}),
        ("schedule.put", {"schedule": {"id": "dlg", "cronTab": ["30 2 * * *"], "job": job}}),
        ("schedule.pause", {"id": "dlg"}),
        ("schedule.resume", {"id": "dlg"}),
        ("trigger.put", {"trigger": {"id": "dlg", "on": [{"job": {"component": "a.b"}}], "job": job}}),
        ("trigger.pause", {"id": "dlg"}),
        ("notification.put", {"subscription": {"id": "dlg", "event": "job-failed", "recipient": RECIPIENT}}),
        ("notification.rotate", {"id": "dlg"}),
        ("catalog.apply", {"variables": [{"id": "applied", "values": []}]}),
        ("token.create", {"name": "of a delegate"}),
        ("job.create", {**job, "hold": True}),
    ]
    before = wire.events()[-1]["seq"]
    _, *answers = acting(delegate, {"user": USER}, *calls)
    assert kinds(answers) == ["fine"] * len(calls)
    made = answers[-1]["result"]["id"]
    steps = [
        ("job.annotate", {"id": made, "name": "x"}),
        ("job.reprioritise", {"id": made, "priority": 3}),
        ("job.hide", {"id": made}),
        ("job.terminate", {"id": made}),
        ("job.acknowledge", {"id": made}),
        ("job.resubmit", {"id": made}),
    ]
    _, *answers = acting(delegate, {"user": USER}, *steps)
    assert kinds(answers) == ["fine"] * len(steps)
    wire.done(answers[-1]["result"])
    told = [event for event in wire.events(after=before) if event["principal"]]
    assert len(told) >= len(calls) + len(steps)
    assert {event["principal"].get("via") for event in told} == {str(DELEGATE)}, told


def test_later_calls_wait_for_act_as_and_a_batch_cannot_contain_it(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        secret = wire.call("token.create", name="t", role="viewer")["secret"]
        act = {"jsonrpc": "2.0", "id": "a", "method": "session.actAs", "params": {"token": secret}}
        drain = {"jsonrpc": "2.0", "id": "b", "method": "daemon.drain", "params": {}}
        wire.send([act, drain | {"method": "pool.list"}])
        refused = {one["id"]: one.get("error") for one in wire.read()}
        assert refused["a"]["data"]["kind"] == "invalid"
        assert refused["b"] is None
        wire.send(act, drain)
        answers = [wire.read(), wire.read()]
        assert [one["id"] for one in answers] == ["a", "b"]
        assert answers[1]["error"]["data"]["kind"] == "forbidden"

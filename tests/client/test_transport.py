"""The blocking connection: answers, errors, notifications, and sockets that are hard to reach."""

import grp
import os
from pathlib import Path

import pytest

from client.fakedaemon import FakeDaemon, HangUp, Refusal
from lockside import errors, transport
from lockside.transport import Connection


def _refuse(code: int, **data: object) -> Refusal:
    return Refusal(code, "No.", **data)


def test_a_call_returns_the_result(daemon: FakeDaemon) -> None:
    daemon.answers["daemon.status"] = {"version": "1"}
    with Connection.open(daemon.path) as connection:
        assert connection.call("daemon.status", {"project": "p"}) == {"version": "1"}
    assert daemon.calls == [("daemon.status", {"project": "p"})]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-32001, errors.NotFound),
        (-32002, errors.Conflict),
        (-32003, errors.InvalidTransition),
        (-32004, errors.Forbidden),
        (-32005, errors.Disabled),
        (-32006, errors.Unavailable),
        (-32007, errors.LimitExceeded),
        (-32008, errors.TimedOut),
        (-32009, errors.ComponentFailed),
        (-32602, errors.InvalidParams),
        (-32603, errors.InternalError),
        (-32601, errors.UnknownMethod),
        (-32099, errors.LocksideError),
    ],
)
def test_each_kind_of_error_has_its_own_class(daemon: FakeDaemon, code: int, kind: type[Exception]) -> None:
    daemon.answers["job.get"] = lambda _: (_ for _ in ()).throw(_refuse(code, path="$.id"))
    with Connection.open(daemon.path) as connection, pytest.raises(errors.LocksideError) as caught:
        connection.call("job.get")
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.path) == (code, "$.id")


def test_the_codes_and_kinds_are_those_of_the_wire() -> None:
    from lockside.protocol.errors import KINDS

    for code, kind in KINDS.items():
        assert errors.from_wire({"code": code, "message": ""}).kind == kind.value


def test_notifications_between_answers_are_kept_in_order(daemon: FakeDaemon) -> None:
    daemon.answers["event.subscribe"] = {"cursor": 1}
    daemon.pushes["event.subscribe"] = [("event", {"n": 1}), ("event", {"n": 2})]
    with Connection.open(daemon.path) as connection:
        connection.call("event.subscribe")
        assert [connection.notification() for _ in range(2)] == [("event", {"n": 1}), ("event", {"n": 2})]


def test_a_daemon_that_hangs_up_during_a_call_is_a_lost_connection(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = lambda _: (_ for _ in ()).throw(HangUp)
    with Connection.open(daemon.path) as connection, pytest.raises(errors.ConnectionLost):
        connection.call("job.get")


def test_a_socket_whose_path_is_longer_than_an_address_is_reached(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with FakeDaemon(str(folder / "lockside.sock")) as far:
        far.answers["daemon.status"] = "here"
        with Connection.open(far.path) as connection:
            assert connection.call("daemon.status") == "here"


def test_without_a_daemon_the_error_names_the_places_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(errors.NotReachable) as caught:
        Connection.open()
    assert str(tmp_path / "nowhere" / "lockside" / "lockside.sock") in caught.value.message
    assert "lockside start" in caught.value.remedy


def test_a_stale_socket_is_distinguished_from_a_missing_one(tmp_path: Path, daemon: FakeDaemon) -> None:
    stale = tmp_path / "stale.sock"
    os.rename(daemon.path, stale)
    (tmp_path / "lockside.sock").touch()
    daemon.stop()
    with pytest.raises(errors.NotReachable, match=r"No daemon answers at .*stale\.sock"):
        Connection.open(str(stale))


def test_the_socket_named_in_the_environment_is_the_only_one_tried(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["daemon.status"] = "mine"
    monkeypatch.setenv("LOCKSIDE_SOCKET", daemon.path)
    with Connection.open() as connection:
        assert connection.call("daemon.status") == "mine"


def test_the_users_own_daemon_takes_precedence_over_that_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lockside.paths import socket_candidates

    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    assert socket_candidates() == [
        "/run/user/7/lockside/lockside.sock",
        str(tmp_path / "nowhere" / "lockside" / "lockside.sock"),
        "/run/lockside/lockside.sock",
        "/var/lib/lockside/lockside.sock",
    ]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert socket_candidates()[0] == "/run/lockside/lockside.sock"


def test_text_that_is_not_unicode_is_refused_before_it_is_sent(daemon: FakeDaemon) -> None:
    with Connection.open(daemon.path) as connection, pytest.raises(errors.InvalidParams, match="UTF-8"):
        connection.call("job.get", {"id": "\udc80"})
    assert daemon.calls == []


def test_a_user_who_may_not_open_the_socket_is_told_which_group_may(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(transport, "connect_unix", refuse)
    os.chmod(daemon.path, 0o660)
    with pytest.raises(errors.NotReachable, match="You may not open") as caught:
        Connection.open(daemon.path)
    assert f"`usermod -aG {grp.getgrgid(os.getgid()).gr_name} YOU`" in caught.value.remedy
    os.chmod(daemon.path, 0o600)
    with pytest.raises(errors.NotReachable) as caught:
        Connection.open(daemon.path)
    assert "socket_group" in caught.value.remedy

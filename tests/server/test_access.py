"""The kernel says who the caller is; the settings give that user and its groups a role."""

import grp
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog

from lockside.protocol.words import Role
from locksided.server import Access, ClientLimits, Server, listen
from locksided.server.peers import peer_of
from server.serving import OWN_ACCESS, TABLE, Handlers, request, running

STRANGER = 54321
GROUP = 54322
OTHER_GROUP = 54323


def access(**more: Any) -> Access:
    return Access(own_uid=1000, admin_gids=frozenset({1}), operator_gids=frozenset({2}), **more)


@pytest.mark.parametrize(
    ("uid", "gids", "role"),
    [
        (0, [], Role.ADMIN),
        (1000, [], Role.ADMIN),
        (5, [7, 1], Role.ADMIN),
        (5, [2, 1], Role.ADMIN),
        (5, [2], Role.OPERATOR),
        (5, [3], Role.VIEWER),
        (5, [], Role.NONE),
    ],
)
def test_the_highest_role_of_user_and_groups_holds(uid: int, gids: list[int], role: Role) -> None:
    assert access(viewer_gids=frozenset({3})).role_of(uid, gids) is role


def test_a_user_in_no_configured_group_gets_the_default_role() -> None:
    assert access(default_role=Role.VIEWER).role_of(5, []) is Role.VIEWER


def test_the_settings_name_groups_by_name_or_number() -> None:
    root = grp.getgrgid(0).gr_name
    made = Access.from_names(1000, admin=[root], viewer=["77"], default_role="operator")
    assert (made.admin_gids, made.viewer_gids) == ({0}, {77})
    assert made.default_role is Role.OPERATOR


@pytest.mark.parametrize("name", ["no-such-group", "4294967295", "9" * 5000, "²", "a\0b", ""])
def test_nobody_is_in_a_group_that_does_not_exist(name: str) -> None:
    assert Access.from_names(1000, operator=[name]).operator_gids == frozenset()


async def test_the_kernel_says_who_the_caller_is(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        who = (await client.call("who"))["result"]
        assert who["uid"] == os.getuid()
        assert set(who["groups"]) == {os.getgid(), *os.getgroups()}


@contextmanager
def another_user() -> Iterator[None]:
    """Become another user for a moment, with that user's group and one more."""
    groups = os.getgroups()
    os.setgroups([OTHER_GROUP])
    os.setegid(GROUP)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def test_groups_come_from_the_kernel_and_not_from_the_user_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getgrouplist", lambda *_: pytest.fail("asked the user database"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert set(peer_of(ours).groups) == {os.getgid(), *os.getgroups()}


async def answer_to_a_stranger(folder: Path, rights: Access, name: str) -> Any:
    """Return the answer to another user on a socket that belongs to that user's group."""
    server = Server(Handlers().table(), rights, ClientLimits(), structlog.get_logger(), methods=TABLE)
    folder.chmod(0o755)
    async with anyio.create_task_group() as tasks:
        await tasks.start(server.serve, [listen(folder / "s", gid=GROUP)])
        with another_user():
            stream = await anyio.connect_unix(folder / "s")
        async with stream:
            await stream.send(json.dumps(request(name)).encode() + b"\n")
            answer = json.loads(await stream.receive())
        server.stop()
    return answer


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """A folder whose parents everybody can enter, unlike those of pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


@needs_root
async def test_another_users_role_comes_from_a_supplementary_group(reachable_folder: Path) -> None:
    rights = Access(own_uid=0, operator_gids=frozenset({OTHER_GROUP}))
    answer = await answer_to_a_stranger(reachable_folder, rights, "who")
    assert answer["result"] == {"uid": STRANGER, "groups": [GROUP, OTHER_GROUP], "role": "operator"}


@needs_root
async def test_a_role_that_is_too_low_is_refused_with_who_can_help(reachable_folder: Path) -> None:
    answer = await answer_to_a_stranger(
        reachable_folder, Access(own_uid=0, default_role=Role.OPERATOR), "rule"
    )
    assert answer["error"]["code"] == -32004
    assert "[access]" in answer["error"]["message"]
    assert "admin" in answer["error"]["message"]


@needs_root
async def test_a_caller_without_any_role_may_do_nothing(reachable_folder: Path) -> None:
    answer = await answer_to_a_stranger(reachable_folder, Access(own_uid=0), "echo")
    assert answer["error"]["data"]["kind"] == "forbidden"


def test_the_daemons_own_user_is_an_admin() -> None:
    assert OWN_ACCESS.role_of(os.getuid(), []) is Role.ADMIN

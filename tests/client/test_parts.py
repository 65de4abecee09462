"""A long `catalog.apply` is sent in parts over one connection, by every client."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from client.children import Child
from client.fakedaemon import FakeDaemon, HangUp, in_turn
from e2e.harness import Daemon, running
from lockside import AsyncClient, Client
from lockside.errors import ConnectionLost, InvalidParams
from lockside.pages import PART_BYTES, cut

Json = dict[str, Any]

PLAN: Json = {"changes": [], "unchanged": 0, "plan": "p", "isApplied": True, "warnings": []}


def contents(count: int, size: int) -> Json:
    return {
        "pools": [],
        "components": [{"id": "c", "command": ["true"]}],
        "configs": [{"component": "c", "config": str(n), "name": "x" * size} for n in range(count)],
    }


def large(component: str, count: int = 8) -> Json:
    """More than a real daemon accepts in one request, in several parts."""
    body = {"parameters": {"text": "x" * (PART_BYTES // 2)}}
    configs = [{"component": component, "config": f"c{n}", "configuration": body} for n in range(count)]
    return {"components": [{"id": component, "command": ["true"]}], "configs": configs}


def test_a_short_apply_is_sent_in_one_call() -> None:
    asked = contents(10, 100)
    assert cut(asked) == ([], asked)


def test_contents_staged_already_are_not_split() -> None:
    asked = contents(10, PART_BYTES) | {"draft": "mine"}
    assert cut(asked) == ([], asked)


def test_a_long_apply_is_sent_in_parts_and_then_applied_as_one_draft() -> None:
    asked = contents(10, PART_BYTES // 4) | {"prune": True, "branchId": "dev"}
    parts, params = cut(asked)
    assert len(parts) == 4
    assert [one for part in parts for one in part.params.get("configs", [])] == asked["configs"]
    assert {(part.params["draft"], part.params["branchId"]) for part in parts} == {(params["draft"], "dev")}
    assert {name: params[name] for name in asked} == {
        "pools": [],
        "components": [],
        "configs": [],
        "prune": True,
        "branchId": "dev",
    }, "kinds that were given stay given: of them what is not named is pruned"


@pytest.mark.parametrize(("part", "place"), [(0, 2), (1, 5)])
def test_the_path_of_a_fault_counts_from_the_first_part(part: int, place: int) -> None:
    parts, _ = cut(contents(10, PART_BYTES // 4))
    error = InvalidParams("`configs[2].name`: It is too long", data={"path": "$.configs[2].name"})
    located = parts[part].located(error)
    assert located.message == str(located) == f"`configs[{place}].name`: It is too long"
    assert located.path == f"$.configs[{place}].name"


def lost_once(daemon: FakeDaemon) -> None:
    """Lose the connection at the second part."""
    daemon.answers["daemon.status"] = {}
    daemon.answers["catalog.stage"] = in_turn({}, HangUp(), {})
    daemon.answers["catalog.apply"] = PLAN


def check_sent_again(daemon: FakeDaemon) -> None:
    sent = daemon.params_of("catalog.stage")
    count = len(sent) - 2
    assert sent[:2] == sent[2:4]
    assert len({str(part) for part in sent}) == count > 2
    [applied] = daemon.params_of("catalog.apply")
    assert {part["draft"] for part in sent} == {applied["draft"]}


def test_all_parts_are_resent_after_a_lost_connection(daemon: FakeDaemon) -> None:
    lost_once(daemon)
    with Client(daemon.path) as client:
        client.catalog.apply(**large("c"))
    check_sent_again(daemon)


async def test_all_parts_are_resent_by_the_asyncio_client_too(daemon: FakeDaemon) -> None:
    lost_once(daemon)
    async with AsyncClient(daemon.path) as client:
        await client.catalog.apply(**large("c"))
    check_sent_again(daemon)


def test_an_abandoned_apply_in_parts_names_the_id_for_resending_it(
    daemon: FakeDaemon,
) -> None:
    daemon.answers |= {"catalog.stage": {}, "catalog.apply": in_turn(HangUp())}
    with Client(daemon.path, reconnect_seconds=0) as client, pytest.raises(ConnectionLost) as lost:
        client.catalog.apply(**large("c"))
    [applied] = daemon.params_of("catalog.apply")
    assert lost.value.data["deduplicationId"] == applied["deduplicationId"]


@pytest.fixture
def real() -> Iterator[Daemon]:
    with running() as daemon:
        yield daemon


def applied(client: Client, name: str) -> int:
    return len(client.catalog.apply(**large(name)).changes)


@pytest.mark.real_processes
def test_threads_and_forked_processes_apply_in_parts_at_once(real: Daemon) -> None:
    with Client(str(real.socket)) as client:
        client.daemon.status()
        with Child(lambda: applied(client, "forked")) as child, ThreadPoolExecutor(4) as threads:
            names = [f"c{n}" for n in range(4)]
            assert list(threads.map(lambda name: applied(client, name), names)) == [9] * 4
            assert child.result() == 9


@pytest.mark.real_processes
async def test_tasks_of_an_asyncio_client_apply_in_parts_at_once_beside_other_calls(real: Daemon) -> None:
    async with AsyncClient(str(real.socket)) as client:
        plans = [client.catalog.apply(**large(f"c{n}")) for n in range(4)]
        done, _ = await asyncio.gather(asyncio.gather(*plans), client.daemon.status())
        assert [len(plan.changes) for plan in done] == [9] * 4
        assert len((await client.config.list(fields=["name"])).configs) == 32


@pytest.mark.real_processes
async def test_an_apply_in_parts_survives_a_kill_of_the_daemon(real: Daemon) -> None:
    async with AsyncClient(str(real.socket)) as client:
        await client.daemon.status()
        await asyncio.to_thread(real.kill)
        applying = asyncio.create_task(client.catalog.apply(**large("c")))
        await asyncio.to_thread(real.start)
        assert len((await applying).changes) == 9

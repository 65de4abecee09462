"""One asyncio client in several event loops, threads and processes, and beyond the limits of a connection."""

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from client.children import Child
from client.fakedaemon import FakeDaemon, job
from e2e.harness import Daemon, running
from lockside import AsyncClient, Client, errors

pytestmark = pytest.mark.real_processes

SECONDS = 20.0
TRUE: dict[str, Any] = {"parameters": {"command": ["true"]}}


@pytest.fixture(scope="module")
def real() -> Iterator[Daemon]:
    """A real daemon with default limits."""
    with running() as daemon:
        yield daemon


@pytest.fixture
def numbered(daemon: FakeDaemon) -> FakeDaemon:
    """A fake daemon that answers `job.get` with the requested job."""
    daemon.serve_at_once = True
    daemon.answers["job.get"] = lambda params: job(params["id"])
    return daemon


async def numbers_of(client: AsyncClient, numbers: range) -> list[int]:
    found = await asyncio.gather(*(client.job.get(str(number)) for number in numbers))
    return [int(each.id) for each in found]


async def test_more_calls_than_a_connection_can_have_are_all_answered(real: Daemon) -> None:
    async with AsyncClient(str(real.socket)) as client:
        made = await asyncio.gather(
            *(client.job.create("lockside.command", config_data=TRUE, hold=True) for _ in range(600))
        )
    assert len({one.id for one in made}) == 600


async def test_more_waits_than_a_connection_can_have_leave_room_for_other_calls(real: Daemon) -> None:
    async with AsyncClient(str(real.socket)) as client:
        held = await client.job.create("lockside.command", config_data=TRUE, hold=True)
        waits = [asyncio.create_task(client.wait(held.id)) for _ in range(300)]
        logs = [asyncio.create_task(_log(client, held.id)) for _ in range(300)]
        assert (await client.daemon.status()).counts
        await client.job.release(held.id)
        assert {ended.status.value for ended in await asyncio.gather(*waits)} == {"success"}
        assert await asyncio.gather(*logs) == [0] * 300


async def _log(client: AsyncClient, number: str) -> int:
    return len([frame async for frame in client.log(number, follow=True)])


async def test_abandoned_waits_use_up_no_capacity(real: Daemon) -> None:
    async with AsyncClient(str(real.socket)) as client:
        held = await client.job.create("lockside.command", config_data=TRUE, hold=True)
        for _ in range(3):
            waits = [asyncio.create_task(client.wait(held.id)) for _ in range(300)]
            await client.daemon.status()
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)
        ending = asyncio.create_task(client.wait(held.id))
        await client.job.release(held.id)
        assert (await ending).is_finished


async def test_the_daemon_is_told_of_abandoned_waits(tmp_path: Path) -> None:
    asked, hung_up = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        asked.set()
        assert await reader.read() == b""
        hung_up.set()
        writer.close()

    path = str(tmp_path / "socket")
    async with await asyncio.start_unix_server(serve, path), asyncio.timeout(SECONDS):
        client = AsyncClient(path)
        waiting = asyncio.create_task(client.wait("42"))
        await asked.wait()
        waiting.cancel()
        await hung_up.wait()
        await client.close()


async def test_abandoned_calls_are_counted_until_they_are_answered(real: Daemon) -> None:
    async with AsyncClient(str(real.socket)) as client:
        for _ in range(5):
            asked = [asyncio.create_task(client.job.list(limit=1)) for _ in range(200)]
            await client.daemon.status()
            for one in asked:
                one.cancel()
            await asyncio.wait(asked)
        assert (await client.job.list(limit=1)).jobs is not None


def test_a_client_can_move_from_one_event_loop_to_the_next(numbered: FakeDaemon) -> None:
    client = AsyncClient(numbered.path, reconnect_seconds=0)
    for _ in range(3):
        assert asyncio.run(numbers_of(client, range(300))) == list(range(300))
    asyncio.run(client.close())


@pytest.mark.filterwarnings("ignore:unclosed transport", "ignore:loop is closed")
def test_an_event_loop_closed_without_cleanup_does_not_disturb_the_next_one(numbered: FakeDaemon) -> None:
    client = AsyncClient(numbered.path, reconnect_seconds=0)
    for _ in range(3):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(numbers_of(client, range(3))) == [0, 1, 2]
        loop.close()
    asyncio.run(client.close())
    gc.collect()


def test_event_loops_of_several_threads_can_share_a_client(numbered: FakeDaemon) -> None:
    client = AsyncClient(numbered.path, reconnect_seconds=0)

    def work(first: int) -> list[int]:
        return asyncio.run(numbers_of(client, range(first, first + 100)))

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(work, range(0, 600, 100)))
    assert [number for part in found for number in part] == list(range(600))


FORKED = """
import asyncio, gc, os, sys, threading
from lockside import AsyncClient

client = AsyncClient(sys.argv[1], reconnect_seconds=0)

async def ask(first):
    found = await asyncio.gather(*(client.job.get(str(number)) for number in range(first, first + 200)))
    assert [int(each.id) for each in found] == list(range(first, first + 200))

async def parent():
    await ask(0)
    waiting = asyncio.create_task(client.wait("42"))
    child = os.fork()
    if child == 0:
        return "child"
    await ask(200)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    await ask(400)
    assert (await waiting).id == "42"
    await client.close()

def child():
    global client
    CHILD
    os._exit(0)

async def main():
    if await parent() == "child":
        worker = threading.Thread(target=child)  # A thread in which no event loop runs.
        worker.start()
        worker.join()
        os._exit(1)

asyncio.run(main())
print("done")
"""


@pytest.mark.parametrize(
    "child",
    [
        "asyncio.run(ask(1000))",
        "asyncio.run(client.close())",
        "del client; [gc.collect() for _ in range(3)]",
        "asyncio.run(ask(1000)); asyncio.run(client.close()); del client; gc.collect()",
    ],
)
def test_a_parent_is_not_disturbed_whatever_its_forked_child_does(numbered: FakeDaemon, child: str) -> None:
    numbered.answers["job.wait"] = {"jobs": [job("42")]}
    code = [sys.executable, "-c", FORKED.replace("CHILD", child), numbered.path]
    ran = subprocess.run(code, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("done\n", "")


def test_a_child_forked_between_two_loops_has_its_own_connections(numbered: FakeDaemon) -> None:
    client = AsyncClient(numbered.path, reconnect_seconds=0)
    assert asyncio.run(numbers_of(client, range(3))) == [0, 1, 2]
    with Child(lambda: asyncio.run(numbers_of(client, range(300, 600)))) as child:
        assert asyncio.run(numbers_of(client, range(300))) == list(range(300))
        assert child.result() == list(range(300, 600))
    asyncio.run(client.close())


async def test_a_closed_client_says_so_and_ends_running_calls(numbered: FakeDaemon) -> None:
    arrived, gate = threading.Event(), threading.Event()
    numbered.answers["job.wait"] = lambda _: (arrived.set(), gate.wait(SECONDS), {"jobs": [job()]})[2]
    client = AsyncClient(numbered.path)
    waiting = asyncio.create_task(client.wait("42"))
    await asyncio.to_thread(arrived.wait, SECONDS)
    await client.close()
    await client.close()
    for use in (waiting, client.job.get("1"), anext(client.events())):
        with pytest.raises(errors.LocksideError, match="client is closed"):
            await use
    gate.set()


async def test_events_that_are_no_longer_read_end_with_their_connection(numbered: FakeDaemon) -> None:
    event = {"seq": 1, "time": "2026-01-31T08:00:00Z", "kind": "job.status"}
    numbered.serve_at_once = False
    numbered.answers["event.subscribe"] = {"subscription": "s", "cursor": 0}
    numbered.pushes["event.subscribe"] = [("event", {"subscription": "s", "events": [event]})]
    async with AsyncClient(numbered.path) as client:
        events = client.events()
        assert (await anext(events)).seq == 1
        await events.aclose()  # type: ignore[attr-defined]
        assert await numbers_of(client, range(2)) == [0, 1]


async def test_a_request_that_is_too_long_is_refused_and_its_neighbours_are_answered(real: Daemon) -> None:
    async with AsyncClient(str(real.socket)) as client, asyncio.timeout(SECONDS):
        held = await client.job.create("lockside.command", config_data=TRUE, hold=True)
        waiting = asyncio.create_task(client.wait(held.id))
        others = [asyncio.create_task(client.job.get(held.id)) for _ in range(50)]
        with pytest.raises(errors.LimitExceeded, match="A request has at most"):
            await client.job.create("lockside.command", config_data=TRUE | {"padding": "x" * 9_000_000})
        assert {found.id for found in await asyncio.gather(*others)} == {held.id}
        await client.job.release(held.id)
        assert (await waiting).is_finished


@pytest.mark.parametrize(("value", "said"), [("\udc80", "UTF-8"), (float("nan"), "JSON")])
async def test_values_that_are_not_json_are_refused_by_both_clients_alike(
    daemon: FakeDaemon, value: Any, said: str
) -> None:
    async with AsyncClient(daemon.path) as client:
        with pytest.raises(errors.InvalidParams, match=said):
            await client.job.create("a", config_data={"x": value})
    with Client(daemon.path) as blocking, pytest.raises(errors.InvalidParams, match=said):
        blocking.job.create("a", config_data={"x": value})
    assert daemon.calls == []

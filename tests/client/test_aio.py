"""The asyncio client: the same methods, many concurrent calls, and streams that survive restarts."""

import asyncio
import threading

import pytest

from client.fakedaemon import HANG_UP, FakeDaemon, HangUp, in_turn, job
from lockside import AsyncClient, Client, errors


async def test_many_calls_run_concurrently(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = lambda params: job(params["id"])
    async with AsyncClient(daemon.path) as client:
        found = await asyncio.gather(*(client.job.get(str(number)) for number in range(50)))
    assert [each.id for each in found] == [str(number) for number in range(50)]


async def test_an_error_reaches_its_own_caller_only(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = job()
    async with AsyncClient(daemon.path) as client:
        good, bad = await asyncio.gather(client.job.get("1"), client.job.hold("2"), return_exceptions=True)
    assert not isinstance(good, BaseException)
    assert isinstance(bad, errors.UnknownMethod)


async def test_a_call_lost_with_its_connection_is_resent_and_executed_once(daemon: FakeDaemon) -> None:
    daemon.answers["job.create"] = in_turn(HangUp(), job("7", "created"))
    async with AsyncClient(daemon.path) as client:
        assert (await client.job.create("a")).id == "7"
    first, second = daemon.params_of("job.create")
    assert first == second


async def test_a_cancelled_call_does_not_disturb_other_calls_of_the_connection(daemon: FakeDaemon) -> None:
    gate = threading.Event()
    daemon.answers["job.wait"] = lambda _: gate.wait() and {"jobs": [job()]}
    async with AsyncClient(daemon.path) as client:
        waiting = asyncio.create_task(client.wait("42"))
        while not daemon.calls:
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        daemon.answers["job.get"] = job("1")
        assert (await client.job.get("1")).id == "1"


async def test_events_arrive_once_and_in_order_over_a_restart(daemon: FakeDaemon) -> None:
    def events(*numbers: int) -> tuple[str, dict[str, object]]:
        listed = [{"seq": number, "time": "2026-01-31T08:00:00Z", "kind": "job.status"} for number in numbers]
        return "event", {"subscription": "s", "events": listed}

    def subscribe(params: dict[str, object]) -> dict[str, object]:
        daemon.pushes["event.subscribe"] = [events(2, 3)] if "after" in params else [events(1, 2), HANG_UP]
        return {"subscription": "s", "cursor": 0}

    daemon.answers["event.subscribe"] = subscribe
    seen = []
    async with AsyncClient(daemon.path) as client:
        async for event in client.events():
            seen.append(event.seq)
            if event.seq == 3:
                break
    assert seen == [1, 2, 3]


async def test_a_log_is_followed_to_its_end(daemon: FakeDaemon) -> None:
    frame = {"seq": 0, "time": "2026-01-31T08:00:00Z", "stream": "stdout", "text": "one\n"}
    end = {"frames": [], "nextOffset": 1, "isComplete": True}
    daemon.answers["job.log"] = in_turn({"frames": [frame], "nextOffset": 1, "isComplete": False}, end)
    async with AsyncClient(daemon.path) as client:
        assert [each.text async for each in client.log("42", follow=True)] == ["one\n"]


def test_both_clients_have_the_same_methods() -> None:
    public = {name for name in dir(Client) if not name.startswith("_")}
    assert public == {name for name in dir(AsyncClient) if not name.startswith("_")}

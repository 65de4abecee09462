"""How a connection ends, from either side, and what happens to the calls that are open then."""

import json
import time
from pathlib import Path

import anyio
import pytest
import structlog

from locksided.server import ClientLimits, Server, listen
from server.serving import OWN_ACCESS, TABLE, Handlers, notification, request, running


async def test_a_client_that_shuts_down_its_sending_side_still_gets_its_answers(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send(request("wait", "slow"), request("echo", "quick", value=1))
        client.shut_down_sending()
        assert (await client.answer())["id"] == "quick"
        served.handlers.gate.set()
        assert (await client.answer())["id"] == "slow"
        assert await client.is_at_end()


async def test_a_last_line_without_its_end_is_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send_raw(json.dumps(request("echo", value=1)).encode())
        client.shut_down_sending()
        assert (await client.answer())["result"] == 1
        assert await client.is_at_end()


async def test_a_truncated_request_is_a_parse_error(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send_raw(b'{"jsonrpc":"2.0","id":1,"meth')
        client.shut_down_sending()
        assert (await client.answer())["error"]["code"] == -32700


async def test_a_subscriber_that_shuts_down_its_sending_side_still_gets_events(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.call("subscribe")
        client.shut_down_sending()
        async with served.client() as neighbour:
            await neighbour.call("echo")
        [call] = served.handlers.calls
        assert call.connection.notify("event", {"number": 1})
        assert (await client.answer())["params"] == {"number": 1}


async def test_waits_of_a_disconnected_client_are_dropped_and_its_changes_are_done(tmp_path: Path) -> None:
    async with running(tmp_path) as served:
        async with served.client() as client:
            await client.send(request("wait"), request("change", name="kept"))
            await served.handlers.until_begun(2)
            [connection] = served.server.connections
        served.handlers.gate.set()
        await connection.closed.wait()
        assert served.handlers.changed == ["kept"]


async def test_a_wait_ends_with_its_client(tmp_path: Path) -> None:
    async with running(tmp_path) as served:
        async with served.client() as client:
            await client.send(request("wait"))
            await served.handlers.until_begun(1)
            client.shut_down_sending()
            [connection] = served.server.connections
        await connection.closed.wait()
        assert not served.handlers.gate.is_set()


async def test_a_client_that_vanishes_with_too_much_in_flight_is_noticed(tmp_path: Path) -> None:
    async with running(tmp_path, ClientLimits(in_flight=3)) as served:
        async with served.client() as client:
            await client.send(*(request("wait", number) for number in range(3)), notification("echo"))
            await served.handlers.until_begun(3)
            [connection] = served.server.connections
        await connection.closed.wait()


async def test_a_change_whose_sender_disconnects_is_still_done(tmp_path: Path) -> None:
    async with running(tmp_path) as served:
        served.handlers.gate.set()
        async with served.client() as client:
            await client.send(notification("change", name="sent"))
        await served.handlers.until_begun(1)
        for connection in list(served.server.connections):
            await connection.closed.wait()
        assert served.handlers.changed == ["sent"]


async def test_stopping_answers_open_waits_with_unavailable_within_two_seconds(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client, served.client() as other:
        await client.send([request("wait", 1), request("wait", 2)], request("wait", 3))
        await other.send(request("change", 4))
        await served.handlers.until_begun(4)
        before = time.monotonic()
        served.server.stop()
        answers = [await client.answer(), await client.answer()]
        flat = [part for answer in answers for part in (answer if isinstance(answer, list) else [answer])]
        assert {part["id"]: part["error"]["data"]["kind"] for part in flat} == dict.fromkeys(
            [1, 2, 3], "unavailable"
        )
        assert time.monotonic() - before < 1
        assert (await other.answer())["error"]["data"]["kind"] == "unavailable"
        assert await other.is_at_end()
        assert time.monotonic() - before < 2


async def test_stopping_lets_a_running_change_finish(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send(request("change", name="the last"))
        await served.handlers.until_begun(1)
        served.server.stop()
        served.handlers.gate.set()
        assert (await client.answer())["result"] == "the last"
        assert await client.is_at_end()


async def test_stopping_is_not_delayed_by_a_client_that_does_not_read(tmp_path: Path) -> None:
    before = time.monotonic()
    async with running(tmp_path) as served, served.client(receive_bytes=4096) as lazy:
        lazy.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await lazy.send(*(request("big", number, size=200_000) for number in range(20)))
        await served.handlers.until_begun(3)
        served.server.stop()
        await next(iter(served.server.connections)).closed.wait()
    assert time.monotonic() - before < 2.5


async def test_a_stopped_server_removes_its_socket_file(tmp_path: Path) -> None:
    async with running(tmp_path) as served:
        assert served.path.is_socket()
    assert not served.path.exists()


async def test_a_cancelled_server_answers_before_it_ends(tmp_path: Path) -> None:
    handlers = Handlers()
    server = Server(handlers.table(), OWN_ACCESS, ClientLimits(), structlog.get_logger(), methods=TABLE)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            await tasks.start(server.serve, [listen(tmp_path / "s")])
            stream = await anyio.connect_unix(tmp_path / "s")
            await stream.send(json.dumps(request("wait")).encode() + b"\n")
            await handlers.until_begun(1)
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                assert b'"unavailable"' in await stream.receive()
                await stream.aclose()
    assert server.connections == set()


@pytest.mark.parametrize("open_calls", [0, 1, 100])
async def test_every_task_ends_with_its_connection(tmp_path: Path, open_calls: int) -> None:
    async with running(tmp_path) as served:
        before = len(anyio.get_running_tasks())
        async with served.client() as client:
            await client.send(*(request("wait", number) for number in range(open_calls)))
            await client.send([request("echo", 1), request("echo", 2)], request("echo", "last"))
            for _ in range(2):
                await client.answer()
            connections = list(served.server.connections)
        for connection in connections:
            await connection.closed.wait()
        await anyio.wait_all_tasks_blocked()
        assert len(anyio.get_running_tasks()) == before

"""A client that does not read costs others neither memory nor time, and loses nothing when it reads."""

from pathlib import Path

from locksided.server import Call, ClientLimits
from server.serving import Running, request, running

ANSWER_BYTES = 100_000


async def subscribed_call(served: Running, client_answer: object) -> Call:
    assert client_answer == {"jsonrpc": "2.0", "id": 1, "result": "subscribed"}
    return served.handlers.calls[-1]


async def test_a_client_with_unread_answers_is_not_read_from_until_it_reads(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as served,
        served.client() as neighbour,
        served.client(receive_bytes=4096) as lazy,
    ):
        lazy.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(200):
            lazy.writer.write(b"%b\n" % _big(number))
        await served.handlers.until_begun(2**20 // ANSWER_BYTES)
        for _ in range(50):
            assert (await neighbour.call("echo", value=1))["result"] == 1
        assert served.handlers.begun.count("big") <= 2**20 // ANSWER_BYTES + 10
        lazy.reader._transport.resume_reading()  # type: ignore[attr-defined]
        assert [(await lazy.answer())["id"] for _ in range(200)] == list(range(200))


def _big(number: int) -> bytes:
    return b'{"jsonrpc":"2.0","id":%d,"method":"big","params":{"size":%d}}' % (number, ANSWER_BYTES)


async def test_a_client_that_vanishes_with_answers_unread_is_forgotten(tmp_path: Path) -> None:
    async with running(tmp_path, ClientLimits(connections=2)) as served, served.client() as neighbour:
        await neighbour.call("echo")
        async with served.client(receive_bytes=4096) as lazy:
            lazy.reader._transport.pause_reading()  # type: ignore[attr-defined]
            await lazy.send(*(request("big", number, size=ANSWER_BYTES) for number in range(40)))
            await served.handlers.until_begun(5)
            [connection] = [known for known in served.server.connections if known._outbox._chunks]
            lazy.vanish()
            await connection.closed.wait()
        async with served.client() as next_one:
            assert (await next_one.call("echo", value=1))["result"] == 1


async def test_a_notification_to_a_slow_reader_is_refused_once_the_bound_is_passed(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client(receive_bytes=4096) as slow:
        connection = (await subscribed_call(served, await slow.call("subscribe"))).connection
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        taken = 0
        while connection.notify("event", {"number": taken, "text": "x" * 1000}):
            taken += 1
        assert 900 <= taken <= 1500
        slow.reader._transport.resume_reading()  # type: ignore[attr-defined]
        numbers = [(await slow.answer())["params"]["number"] for _ in range(taken)]
        assert numbers == list(range(taken)), "accepted messages arrive complete and in order"
        await connection.room()
        assert connection.notify("event", {"number": "next"})
        assert (await slow.answer())["params"]["number"] == "next"


async def test_a_notification_to_a_client_that_is_gone_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as served:
        async with served.client() as client:
            connection = (await subscribed_call(served, await client.call("subscribe"))).connection
        await connection.closed.wait()
        assert not connection.notify("event", {})
        await connection.room()


async def test_background_work_of_a_connection_ends_with_it(tmp_path: Path) -> None:
    async with running(tmp_path) as served:
        async with served.client() as client:
            connection = (await subscribed_call(served, await client.call("subscribe"))).connection
            connection.start_soon(served.handlers.wait, None, None)
            await served.handlers.until_begun(1)
        await connection.closed.wait()


async def test_a_failure_in_background_work_ends_only_its_own_connection(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as neighbour, served.client() as client:
        connection = (await subscribed_call(served, await client.call("subscribe"))).connection
        connection.start_soon(served.handlers.crash, None, None)
        assert await client.is_at_end()
        assert (await neighbour.call("echo", value=1))["result"] == 1
        assert [entry["event"] for entry in served.log.entries] == ["connection failed"]

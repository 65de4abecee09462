"""Beyond every limit there is an error; the connection and all others continue."""

import json
import resource
from pathlib import Path
from typing import Any

from locksided.server import ClientLimits
from server.serving import notification, request, running

ECHO = json.dumps(request("echo", "after", value=1)).encode() + b"\n"


def kind_of(answer: Any) -> Any:
    return answer["error"]["data"]["kind"]


async def test_a_line_of_exactly_the_limit_is_accepted_and_one_byte_more_is_not(tmp_path: Path) -> None:
    async with running(tmp_path, ClientLimits(line_bytes=1000)) as served, served.client() as client:
        text = json.dumps(request("echo", value=""))
        fitting = json.dumps(request("echo", value="x" * (1000 - len(text)))).encode()
        await client.send_raw(fitting + b"\n")
        assert "result" in await client.answer()
        await client.send_raw(fitting + b" \n" + ECHO)
        assert kind_of(await client.answer()) == "limit"
        assert (await client.answer())["id"] == "after"


async def test_a_frame_of_a_hundred_megabytes_is_skipped_without_buffering(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client, served.client() as neighbour:
        piece = b"x" * 2**20
        for _ in range(12):
            await client.send_raw(piece)
        assert kind_of(await client.answer()) == "limit"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(88):
            await client.send_raw(piece)
        assert (await neighbour.call("echo", value=1))["result"] == 1
        await client.send_raw(b"\n" + ECHO)
        assert (await client.answer())["id"] == "after"
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kib < 16 * 1024


async def test_a_frame_of_too_many_lists_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send_raw(b"[" * 8_000_000 + b"\n")
        assert kind_of(await client.answer()) == "limit"
        await client.send_raw(json.dumps(request("echo", value=[[]] * 600_000)).encode() + b"\n")
        assert kind_of(await client.answer()) == "limit"
        brackets_in_a_text = "[{" * 1_000_000
        assert (await client.call("echo", value=brackets_in_a_text))["result"] == brackets_in_a_text


async def test_a_content_that_is_too_long_is_skipped_and_the_next_one_answered(tmp_path: Path) -> None:
    async with running(tmp_path, ClientLimits(line_bytes=1000)) as served, served.client() as client:
        await client.send_raw(b"Content-Length: 100000\r\n\r\n" + b"y" * 100_000)
        await client.send_raw(b"Content-Length: %d\r\n\r\n%b" % (len(ECHO), ECHO))
        received = await client.reader.readuntil(b'"after","result":1}')
        assert received.count(b"Content-Length") == 2
        assert b'"limit"' in received


async def test_invalid_headers_end_the_connection_with_an_error(tmp_path: Path) -> None:
    async with running(tmp_path) as served:
        for headers in (
            b"Content-Length: x\r\n\r\n",
            b"Content-Type: json\r\n\r\n",
            b"Content-" + b"z" * 5000,
        ):
            async with served.client() as client:
                await client.send_raw(headers)
                received = await client.reader.read()
                assert b"-32700" in received


async def test_a_batch_of_a_thousand_is_answered_and_a_larger_one_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send([request("echo", number, value=number) for number in range(1000)])
        answers = await client.answer()
        assert {answer["id"]: answer["result"] for answer in answers} == {n: n for n in range(1000)}
        await client.send([request("echo", number) for number in range(1001)])
        assert kind_of(await client.answer()) == "limit"


async def test_answers_of_a_batch_that_do_not_fit_a_line_are_errors(tmp_path: Path) -> None:
    async with running(tmp_path, ClientLimits(line_bytes=10_000)) as served, served.client() as client:
        await client.send([request("big", number, size=4_000) for number in range(4)])
        answers = await client.answer()
        assert [kind_of(answer) for answer in answers if "error" in answer] == ["limit", "limit"]
        assert sorted(answer["id"] for answer in answers) == [0, 1, 2, 3]


async def test_a_call_beyond_the_limit_in_flight_is_refused_and_accepted_later(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send(*(request("wait", number) for number in range(256)))
        await served.handlers.until_begun(256)
        assert kind_of(await client.call("echo", "one more")) == "limit"
        async with served.client() as neighbour:
            assert (await neighbour.call("echo", value=1))["result"] == 1
        served.handlers.gate.set()
        assert {(await client.answer())["id"] for _ in range(256)} == set(range(256))
        assert (await client.call("echo", "again", value=2))["result"] == 2


async def test_quick_calls_in_one_burst_are_all_answered_however_many(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send(*(request("echo", number, value=number) for number in range(3000)))
        assert [(await client.answer())["result"] for _ in range(3000)] == list(range(3000))


async def test_notifications_beyond_the_limit_wait_and_none_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, ClientLimits(in_flight=4)) as served, served.client() as client:
        await client.send(*(notification("change", name=str(number)) for number in range(10)))
        await served.handlers.until_begun(4)
        served.handlers.gate.set()
        await client.send(request("echo"))
        await client.answer()
        await served.handlers.until_begun(10)
        assert sorted(served.handlers.changed, key=int) == [str(number) for number in range(10)]


async def test_a_connection_beyond_the_limit_is_refused_and_a_freed_place_can_be_used(tmp_path: Path) -> None:
    async with (
        running(tmp_path, ClientLimits(connections=2)) as served,
        served.client() as first,
        served.client() as second,
    ):
        await first.call("echo")
        await second.call("echo")
        async with served.client() as third:
            assert kind_of(await third.answer()) == "limit"
            assert await third.is_at_end()
        assert (await first.call("echo", value=1))["result"] == 1
        first.shut_down_sending()
        assert await first.is_at_end()
        async with served.client() as fourth:
            assert (await fourth.call("echo", value=4))["result"] == 4


async def test_a_thousand_silent_clients_leave_the_last_place_to_one_that_works(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    silent: list[Any] = []
    try:
        async with running(tmp_path) as served:
            for _ in range(999):
                place = served.client()
                await place.__aenter__()
                silent.append(place)
            async with served.client() as client:
                assert (await client.call("echo", value=1))["result"] == 1
            for place in silent:
                await place.__aexit__(None, None, None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

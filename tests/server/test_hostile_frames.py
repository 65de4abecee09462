"""Hostile frames get the right code, harm no other client and leave no trace."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from locksided.server import ClientLimits
from locksided.server.messages import Rejected, Request, error_text, parse
from server.hostile import GOOD, invalid_parameters, invalid_requests, malformed_frames, odd_but_fine
from server.serving import Client, Running, request, running

LIMITS = ClientLimits()


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def framed_answer(client: Client) -> Any:
    header = await client.reader.readuntil(b"\r\n\r\n")
    return json.loads(await client.reader.readexactly(int(header.split(b":")[1])))


async def codes_of(served: Running, frames: list[bytes]) -> list[int | None]:
    """Return the error code of each answer, None for a result; a neighbour is served meanwhile."""
    codes: list[int | None] = []
    async with served.client() as hostile, served.client() as neighbour:
        for frame in frames:
            await hostile.send_raw(framed(frame))
            answer = await framed_answer(hostile)
            assert answer["jsonrpc"] == "2.0"
            codes.append(answer["error"]["code"] if "error" in answer else None)
        assert (await neighbour.call("echo", value="well"))["result"] == "well"
    return codes


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (malformed_frames, -32700),
        (invalid_requests, -32600),
        (invalid_parameters, -32602),
        (odd_but_fine, None),
    ],
)
async def test_hundreds_of_hostile_frames_each_get_their_code(
    tmp_path: Path, frames: Any, code: int | None
) -> None:
    made = list(frames())
    async with running(tmp_path) as served:
        got = await codes_of(served, made)
        assert [(frame[:120], given) for frame, given in zip(made, got, strict=True) if given != code] == []
        assert served.log.entries == []


async def test_hostile_lines_are_each_answered_once_and_in_order(tmp_path: Path) -> None:
    lines = [frame for frame in malformed_frames() if b"\n" not in frame and frame.strip()]
    async with running(tmp_path) as served, served.client() as client:
        for line in lines:
            await client.send_raw(
                line + b"\n" + json.dumps(request("echo", "after", value=1)).encode() + b"\n"
            )
            assert (await client.answer())["error"]["code"] == -32700
            assert (await client.answer())["id"] == "after"


async def test_a_hostile_part_of_a_batch_spoils_only_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        parts = [*invalid_requests(), *invalid_parameters()]
        await client.send_raw(b"[" + b",".join([*parts, GOOD]) + b"]\n")
        answers = await client.answer()
        assert len(answers) == len(parts) + 1
        assert sum("result" in answer for answer in answers) == 1


async def test_random_garbage_is_answered_and_the_neighbour_notices_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with running(tmp_path) as served, served.client() as neighbour:
        for _ in range(60):
            async with served.client() as client:
                garbage = bytearray(GOOD * 3 + b"\n")
                for _ in range(chance.randrange(1, 40)):
                    garbage[chance.randrange(len(garbage))] = chance.randrange(256)
                await client.send_raw(bytes(garbage))
                if chance.random() < 0.5:
                    client.vanish()
            assert (await neighbour.call("echo", value=1))["result"] == 1


BYTES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.sampled_from(["2.0", "1.0", 2, None]),
            "id": st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=1),
            "method": st.sampled_from(["echo", "subtract", "crash", "nothing", "", 5]),
            "params": st.none()
            | st.dictionaries(st.text(max_size=5), st.integers())
            | st.lists(st.integers()),
        },
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=400, deadline=None)
@given(BYTES)
def test_any_input_is_read_as_a_request_or_rejected_with_an_answer(frame: bytes) -> None:
    parsed = parse(frame, LIMITS)
    for part in parsed if isinstance(parsed, list) else [parsed]:
        if isinstance(part, Rejected):
            assert json.loads(error_text(part.id, part.error))["error"]["code"] in {
                -32700,
                -32600,
                -32602,
                -32007,
            }
        else:
            assert isinstance(part, Request)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(BYTES, max_size=8),
    glue=st.sampled_from([b"\n", b"", b"\r\n", b"Content-Length: 5\r\n\r\n"]),
)
def test_the_next_client_is_served_whatever_bytes_a_client_sends(
    tmp_path: Path, pieces: list[bytes], glue: bytes
) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as served:
            async with served.client() as client:
                await client.send_raw(glue.join(pieces) + b"\n")
            async with served.client() as client:
                assert (await client.call("echo", value=1))["result"] == 1

    asyncio.run(scenario())

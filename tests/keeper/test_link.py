"""The daemon's link to a keeper, over a real socket: which messages count as sent, when it is let go."""

import asyncio
import json
from pathlib import Path

from locksided.backends.link import Link
from locksided.backends.messages import VERSION

KEPT = {"token": "1-1-0", "state": "ended", "paused": False, "outcome": {"token": "1-1-0"}}
HELLO = {"op": "hello", "version": VERSION, "pid": 1, "runs": [KEPT]}


class Greeter:
    """A keeper that sends its hello and records all messages until the connection ends."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str | None]] = []
        self.has_ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(HELLO).encode() + b"\n")
        while line := await reader.readline():
            message = json.loads(line)
            self.told.append((message["op"], message.get("token")))
        writer.close()
        self.has_ended.set()


async def test_messages_sent_before_a_link_hangs_up_are_delivered(tmp_path: Path) -> None:
    greeter, link = Greeter(), Link(tmp_path / "keeper.sock")
    async with await asyncio.start_unix_server(greeter.serve, link.path):
        await link.connect()
        link.send({"op": "stop", "token": "2-1-0"})
        link.hang_up()
        await greeter.has_ended.wait()
    assert greeter.told == [("hello", None), ("stop", "2-1-0")]


async def test_a_keeper_counts_as_let_go_only_once_it_has_been_told(tmp_path: Path) -> None:
    greeter, link = Greeter(), Link(tmp_path / "keeper.sock")
    async with await asyncio.start_unix_server(greeter.serve, link.path):
        await link.connect()
        link.let_go()
        assert not link.is_let_go, "it keeps something"
        link.acknowledge("1-1-0")
        assert link.is_let_go
        link.hang_up()
        await greeter.has_ended.wait()
    assert greeter.told == [("hello", None), ("ack", "1-1-0"), ("shutdown", None)]


async def test_an_end_that_could_not_be_acknowledged_is_still_kept(tmp_path: Path) -> None:
    greeter, link = Greeter(), Link(tmp_path / "keeper.sock")
    async with await asyncio.start_unix_server(greeter.serve, link.path):
        await link.connect()
        link.let_go()
        link.hang_up()
        link.acknowledge("1-1-0")
        await greeter.has_ended.wait()
    assert link.kept == 1
    assert not link.is_let_go

"""However a stream is split and whatever stands between, each frame is answered once and none is lost."""

import json
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from e2e.harness import Daemon
from e2e.neighbour import well_behaved
from e2e.processes import PATIENCE_SECONDS
from fuzz.budget import dice, rounds
from fuzz.mutations import spoilt_bytes
from lockside.protocol.frames import Framing, detect

GOOD = {"jsonrpc": "2.0", "method": "pool.get", "params": {"id": "default"}}


def frames(chance: random.Random) -> Iterator[tuple[bytes, int | None]]:
    """Return bodies of frames, with the ids of the valid ones; no spoilt one can pass for a valid one."""
    for number in range(chance.randrange(1, 12)):
        body = json.dumps(GOOD | {"id": number}).encode()
        if chance.random() < 0.5:
            yield body, number
        else:
            spoilt = spoilt_bytes(chance, json.dumps(GOOD | {"id": "spoilt"}).encode())
            yield b"!" + spoilt.replace(b"\n", b" "), None


def pieces(chance: random.Random, data: bytes) -> Iterator[bytes]:
    """Split the data at arbitrary places, sometimes into single bytes."""
    while data:
        size = chance.choice((1, 1, 2, 7, 30, 500, 70_000))
        yield data[:size]
        data = data[size:]


def answers_of(daemon: Daemon, chance: random.Random, data: bytes, framing: Framing) -> list[Any]:
    """Return all answers until the connection ends, which it does when everything is answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(PATIENCE_SECONDS)
        client.connect(str(daemon.socket))
        received = bytearray()
        with suppress(ConnectionError):  # invalid headers end it, whatever else is sent
            for piece in pieces(chance, data):
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while more := client.recv(65536):
                received += more
    bodies = framing.decoder().feed(bytes(received))
    return [json.loads(body) for body in bodies if isinstance(body, bytes)]


def test_every_frame_of_a_stream_is_answered_once_however_it_is_split(daemon: Daemon) -> None:
    chance = dice("frames")
    with well_behaved(daemon):
        for _ in rounds(0.06, 40):
            framing = chance.choice(list(Framing))
            sent = list(frames(chance))
            data = b"".join(framing.encode(body) for body, _ in sent)
            heard = answers_of(daemon, chance, data, framing)
            assert len(heard) == len(sent), data
            right = [number for _, number in sent if number is not None]
            assert sorted(one["id"] for one in heard if "result" in one) == right, data
            refused = [one for one in heard if "error" in one]
            assert all(one["error"]["code"] == -32700 and one["id"] is None for one in refused), data


def test_arbitrary_bytes_lead_to_answers_and_the_end_of_the_connection(daemon: Daemon) -> None:
    chance = dice("bytes")
    with well_behaved(daemon):
        for _ in rounds(0.06, 40):
            framing = chance.choice(list(Framing))
            data = b"".join(framing.encode(body) for body, _ in frames(chance))
            start = chance.choice((b"", b"Content-Length: 5\r\n\r\n", b"Content-", b"\n\n"))
            data = start + spoilt_bytes(chance, data)
            for answer in answers_of(daemon, chance, data, detect(data) or Framing.LINES):
                assert answer["jsonrpc"] == "2.0"
                assert answer.get("error", {}).get("code") != -32603

"""Messages that a keeper sends right after its hello are not lost, even while the hello is being read."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.harness import Daemon, short_folder
from e2e.processes import PATIENCE_SECONDS
from e2e.wire import Message, of


class Scripted:
    """A keeper that sends what the test says; it starts nothing."""

    def __init__(self, path: Path) -> None:
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        self._listening.listen()
        self._listening.settimeout(PATIENCE_SECONDS)
        self._peer = self._listening
        self._lines = self._peer.makefile("rb")

    def greeted(self) -> None:
        """Accept the daemon's next connection and read its hello."""
        self.hang_up()
        self._peer, _ = self._listening.accept()
        self._peer.settimeout(PATIENCE_SECONDS)
        self._lines = self._peer.makefile("rb")
        self.expect("hello")

    def expect(self, op: str) -> Message:
        """Return the daemon's next message of this kind."""
        for line in self._lines:
            message: Message = json.loads(line)
            if message["op"] == op:
                return message
        raise AssertionError(f"the daemon hung up before {op}")

    def say(self, *messages: Message) -> None:
        """Send all messages at once."""
        self._peer.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in messages))

    def hang_up(self) -> None:
        if self._peer is not self._listening:
            self._lines.close()
            self._peer.close()

    def close(self) -> None:
        self.hang_up()
        self._listening.close()


@contextmanager
def scripted(path: Path) -> Iterator[Scripted]:
    keeper = Scripted(path)
    try:
        yield keeper
    finally:
        keeper.close()


def hello(*runs: Message) -> Message:
    return {
        "op": "hello",
        "version": 1,
        "pid": os.getpid(),
        "startTicks": 1,
        "bootId": "",
        "runs": list(runs),
    }


def ended(token: str) -> Message:
    outcome = {"token": token, "exitCode": 0, "signal": None, "pid": 1, "spawnTime": 1, "exitTime": 2}
    return {"op": "ended", "token": token, "outcome": outcome}


def test_an_end_reported_right_after_the_hello_is_processed() -> None:
    with short_folder() as folder, scripted(folder / "k.sock") as keeper:
        daemon = Daemon(folder, LOCKSIDE_KEEPER__SOCKET=str(folder / "k.sock"))
        wire = daemon.start().wire()
        keeper.greeted()
        keeper.say(hello())
        job = wire.shell("true")
        token = keeper.expect("start")["token"]
        keeper.say({"op": "started", "token": token, "pid": 1, "spawnTime": 1})
        daemon.kill()
        wire = daemon.start().wire()
        keeper.greeted()
        run = {"token": token, "state": "running", "paused": False, "pid": 1, "spawnTime": 1, "outcome": None}
        keeper.say(hello(run), ended(token))
        assert of(wire.done(job), "status", "starts") == ("success", 1)
        assert keeper.expect("ack")["token"] == token
        assert daemon.stop() == 0

"""The messages that keepers of every version understand and send: daemons of other releases rely on them.

These lines must never change. A keeper that fails here would lose jobs in an upgrade.
"""

import json
import os

from keeper.kit import PATIENCE_SECONDS, Keeper, Message, Peer
from keeper.test_stops import SLEEP

RUN_FIELDS = {"token", "state", "paused", "pid", "startTicks", "spawnTime", "outcome"}
OUTCOME_FIELDS = {
    *("token", "pid", "exits", "exitCode", "signal", "spawnTime", "exitTime", "userSeconds", "systemSeconds"),
    *("maxRssBytes", "stopped", "outOfMemory", "lost", "refused", "killReport", "leftovers"),
    *("stdoutTail", "stderrTail", "progress", "log"),
}


def say(peer: Peer, line: str) -> None:
    """Send a line unchanged."""
    peer.send(**json.loads(line))


def greet(keeper: Keeper) -> tuple[Peer, Message]:
    """Open a connection and send the hello of the first release."""
    keeper.wait_until_ready()
    peer = Peer(keeper.socket)
    say(peer, '{"op": "hello", "version": 1}')
    return peer, peer.expect("hello")


def test_a_hello_of_any_version_is_answered_with_the_kept_runs(scanning: Keeper) -> None:
    peer = scanning.connect()
    peer.send(**scanning.order("sleep", SLEEP))
    peer.expect("started")
    peer, hello = greet(scanning)
    assert {"version", "pid", "startTicks", "bootId", "runs"} <= set(hello)
    (run,) = hello["runs"]
    assert set(run) >= RUN_FIELDS
    assert (run["token"], run["state"], run["paused"], run["outcome"]) == ("1-1-0", "running", False, None)
    peer.close()


def test_pause_resume_stop_and_their_answers(scanning: Keeper) -> None:
    peer = scanning.connect()
    peer.send(**scanning.order("sleep", SLEEP))
    peer.expect("started")
    peer, _ = greet(scanning)
    say(peer, '{"op": "pause", "token": "1-1-0"}')
    assert peer.expect("paused", "1-1-0")
    say(peer, '{"op": "resume", "token": "1-1-0"}')
    assert peer.expect("resumed", "1-1-0")
    say(peer, '{"op": "stop", "token": "1-1-0"}')
    outcome = peer.expect("ended", "1-1-0")["outcome"]
    assert set(outcome) >= OUTCOME_FIELDS
    assert outcome["stopped"] == "terminate"
    peer.close()


def test_a_log_is_watched_and_an_outcome_acknowledged(scanning: Keeper) -> None:
    fifo = scanning.base / "fifo"
    os.mkfifo(fifo)
    peer = scanning.connect()
    peer.send(**scanning.order("sh", "-c", f"read x < {fifo}; echo out"))
    peer.expect("started")
    peer, _ = greet(scanning)
    say(peer, '{"op": "watch", "token": "1-1-0", "seq": 0}')
    fifo.write_text("go\n")
    message = peer.expect("log", "1-1-0")
    assert (message["seq"], type(message["complete"])) == (1, bool)
    peer.expect("ended", "1-1-0")
    say(peer, '{"op": "ack", "token": "1-1-0"}')
    peer.close()
    peer, hello = greet(scanning)
    assert hello["runs"] == []
    peer.close()


def test_unknown_operations_are_ignored_and_a_shutdown_ends_the_keeper(scanning: Keeper) -> None:
    peer, _ = greet(scanning)
    say(peer, '{"op": "of a later release", "with": ["anything"]}')
    say(peer, '{"op": "shutdown"}')
    assert scanning.process.wait(PATIENCE_SECONDS) == 0
    peer.close()

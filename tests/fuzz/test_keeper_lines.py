"""The keeper survives whatever a daemon sends it, and the daemon whatever a keeper sends."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from e2e.harness import Daemon
from e2e.wire import Wire
from fuzz.budget import dice, rounds
from fuzz.campaign import complaints
from fuzz.mutations import spoilt_line, spoilt_value
from keeper.kit import Keeper
from locksided.backends.messages import read_hello
from locksided.backends.raw_json import members
from locksided.keeper import outcome
from locksided.keeper.messages import to_wire

LINES = 40


def test_a_keeper_survives_whatever_it_is_sent_and_its_jobs_continue(scanning: Keeper) -> None:
    chance = dice("keeper")
    keeper = scanning
    peer = keeper.connect()
    peer.send(**keeper.order("sleep", "1000", token="running"))
    peer.expect("started", "running")
    start = keeper.order("true", token="2-1-0")
    others: list[Any] = [
        {"op": "hello", "version": 1},
        *({"op": op, "token": "3-1-0"} for op in ("stop", "pause", "resume", "ack")),
        {"op": "watch", "token": "running", "seq": 5},
        {"op": "reap", "token": "4-1-0", "folder": "/nowhere", "graceSeconds": 1, "stopSignal": 15},
    ]
    for _ in rounds(0.05, 20):
        lines = [spoilt_line(chance, chance.choice(others)) for _ in range(LINES)]
        # Only values are spoilt: spoilt bytes of a path could name another existing path.
        lines += [json.dumps(spoilt_value(chance, start)).encode() for _ in range(LINES)]
        chance.shuffle(lines)
        peer.send_bytes(b"\n".join(lines) + b"\n")
        peer.close()
        peer = keeper.connect()
        runs = {run["token"]: run["state"] for run in keeper.first_hello["runs"]}
        assert runs["running"] == "running"
    assert keeper.process.poll() is None


NOBODY = 2**22 + 1  # above all pids
HELLO: dict[str, Any] = {
    "op": "hello", "version": 1, "pid": NOBODY, "startTicks": 1, "bootId": "x", "strays": [],
    "cgroups": False,
    "runs": [{"token": "1-1-0", "state": "running", "pid": NOBODY, "paused": False, "spawnTime": 1}],
}  # fmt: skip


def test_a_daemon_survives_whatever_a_false_keeper_sends(fresh: Callable[..., Daemon], place: Path) -> None:
    chance = dice("daemon")
    path = place / "keeper.sock"
    with talking(path, chance, answer_to) as told:
        daemon = fresh(LOCKSIDE_KEEPER__SOCKET=str(path), LOCKSIDE_POOLS__DEFAULT__SLOTS="100000")
        try:
            with Wire(daemon.socket) as wire:
                for _ in rounds(0.05, 20):
                    told.clear()
                    job = wire.shell("true", onLost="error")
                    assert told.wait(60), "the daemon no longer talks to its keeper"
                    wire.get(job["id"])
                    wire.call("job.terminate", id=job["id"])
        finally:
            daemon.stop()  # with reason: this keeper's pid is arbitrary, and must not be trusted
        assert not complaints(daemon.stderr())


def test_a_false_report_of_one_job_harms_no_other_job(fresh: Callable[..., Daemon], place: Path) -> None:
    """It reports truly about bystanders, and about all others as a faulty keeper of another release might."""
    chance = dice("bystander")
    path = place / "keeper.sock"
    with talking(path, chance, partly_said):
        daemon = fresh(LOCKSIDE_KEEPER__SOCKET=str(path), LOCKSIDE_POOLS__DEFAULT__SLOTS="100000")
        try:
            with Wire(daemon.socket) as wire:
                for _ in rounds(0.05, 15):
                    hostile = [wire.shell("true", onLost="error") for _ in range(3)]
                    assert wire.done(wire.shell(BYSTANDER))["status"] == "success"
                    for job in hostile:
                        wire.call("job.terminate", id=job["id"])
        finally:
            daemon.stop()
        assert not complaints(daemon.stderr())


BYSTANDER = "echo bystander"


def partly_said(asked: dict[str, Any], chance: Any) -> bytes:
    """Answer correctly about a bystander, spoilt about other runs; in a hello only the runs are spoilt."""
    if asked["op"] == "hello":
        hello = json.dumps(HELLO | {"runs": "RUNS"}).encode()
        ended = {
            "token": "1-1-0",
            "state": "ended",
            "outcome": to_wire(outcome.blank("1-1-0")) | {"exitCode": 0},
        }
        runs = [spoilt_line(chance, chance.choice((ended, HELLO["runs"][0]))) for _ in range(3)]
        whole = [run for run in runs if is_whole(run)]
        return hello.replace(b'"RUNS"', b"[" + b",".join(whole) + b"]") + b"\n"
    if BYSTANDER not in str(asked.get("pipeline")):
        return answer_to(asked, chance)
    token = asked["token"]
    made = to_wire(outcome.blank(token)) | {"pid": NOBODY, "exitCode": 0, "spawnTime": 1, "exitTime": 2}
    lines: list[dict[str, Any]] = [
        {"op": "started", "token": token, "pid": NOBODY, "spawnTime": 1},
        {"op": "ended", "token": token, "outcome": made},
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def is_whole(run: bytes) -> bool:
    """Return whether the run is one object on one line: a broken frame of a hello belongs to no run."""
    with suppress(ValueError):
        return b"\n" not in run and bool(members(run))
    return False


def is_of_another_version(hello: bytes) -> bool:
    """Return whether the daemon would rightly wait until that keeper is gone."""
    with suppress(ValueError):
        return read_hello(hello).version != HELLO["version"]
    return False


@contextmanager
def talking(
    path: Path, chance: Any, say: Callable[[dict[str, Any], Any], bytes]
) -> Iterator[threading.Event]:
    """Listen where a keeper would, and answer every request with such messages."""
    told = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=_talk, args=(listening, chance, told, say), daemon=True)
        thread.start()
        yield told
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def _talk(
    listening: socket.socket,
    chance: Any,
    told: threading.Event,
    say: Callable[[dict[str, Any], Any], bytes],
) -> None:
    with suppress(OSError):
        while True:
            peer, _ = listening.accept()
            with suppress(OSError), peer, peer.makefile("rb") as lines:
                for line in lines:
                    peer.sendall(say(json.loads(line), chance))
                    told.set()
                    if chance.random() < 0.1:
                        break  # a new connection starts with a new hello


def answer_to(asked: dict[str, Any], chance: Any) -> bytes:
    """Return an answer to a request; half of those to a hello are valid, so that the daemon continues."""
    if asked["op"] == "hello":
        spoilt = spoilt_line(chance, HELLO)
        is_taken = chance.random() < 0.6 or is_of_another_version(spoilt)
        return (json.dumps(HELLO | {"runs": []}).encode() if is_taken else spoilt) + b"\n"
    token = asked.get("token", "1-1-0")
    messages: list[dict[str, Any]] = [
        {"op": "started", "token": token, "pid": NOBODY, "spawnTime": 1, "startTicks": 1},
        {
            "op": "progress",
            "token": token,
            "progress": {"progress": 0.5, "message": "x", "counts": {"error": 1}},
        },
        {"op": "log", "token": token, "seq": 3, "complete": False},
        {"op": "refused", "token": token, "kind": "program", "errno": 2, "message": "no"},
        {
            "op": "ended",
            "token": token,
            "outcome": to_wire(outcome.blank(token)) | {"exitCode": 0, "spawnTime": 1, "exitTime": 2},
        },
    ]
    chosen = chance.sample(messages, chance.randrange(1, len(messages) + 1))
    return b"".join(spoilt_line(chance, one) + b"\n" for one in chosen)

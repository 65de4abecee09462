"""Figure 7: how fast a job can write, the effect on starts of other jobs, and the cost of followers."""

import multiprocessing
import sys
import threading
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from bench import bare
from bench.delays import start_delays
from bench.figure import Figure, at_least, at_most, percentile, rounds
from bench.place import Scale, running, short_folder
from bench.wires import Line
from e2e.harness import Daemon
from lockside.documents.times import time_us

FOLLOWERS = 10
WRITER = """
import os, sys
line = b"2026-01-01 00:00:00 line %08d of something that a program has to say\\n"
block = b"".join(line % number for number in range(900))
left = int(sys.argv[1])
while left > 0:
    left -= os.write(1, block[:left])
"""


def writer(size_bytes: int) -> list[str]:
    """Return a program that writes lines up to a number of bytes."""
    return [sys.executable, "-I", "-S", "-c", WRITER, str(size_bytes)]


def write(line: Line, size_bytes: int) -> str:
    made: dict[str, Any] = line.call(
        "job.create",
        component="lockside.command",
        configData={"parameters": {"command": writer(size_bytes)}},
        pool="logs",
    )
    return str(made["id"])


def megabytes_a_second(line: Line, job: str, size_bytes: int) -> float:
    """Return the rate by the times of the process, which ends when its whole output was read."""
    ended = line.call("job.wait", id=job, timeoutSeconds=300, fields=["status", "process"])
    assert ended["status"] == "success", ended
    took_us = time_us(ended["process"]["exitTime"]) - time_us(ended["process"]["spawnTime"])
    return size_bytes / took_us


def follow(path: str, job: str, following: Event) -> None:
    """Read a job's log as it grows, until it is complete."""
    with Line(path) as line:
        offset = 0
        while True:
            found = line.call("job.log", id=job, offset=offset, limit=1000, waitSeconds=10)
            following.set()
            offset = found["nextOffset"]
            if found["isComplete"]:
                return


def delays_meanwhile(daemon: Daemon, line: Line, job: str) -> list[float]:
    """Return the start delays of other jobs while a job runs."""
    over = threading.Event()

    def wait() -> None:
        with Line(daemon.socket) as other:
            other.call("job.wait", id=job, timeoutSeconds=300, fields=["id"])
        over.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    delays: list[float] = []
    while not over.is_set():
        delays += start_delays(daemon, 1)
    waiter.join()
    return delays


def figures(scale: Scale) -> Iterator[Figure]:
    size_bytes = scale.of(2_000_000_000, 1_000_000)
    with (
        running(scale, LOCKSIDE_JOBS__MAX_LOG_BYTES="8000000000") as daemon,
        Line(daemon.socket) as line,
        short_folder(scale) as folder,
    ):
        line.call("pool.put", pool={"id": "logs", "slots": 1})
        start_delays(daemon, 3)
        piped, logged = rounds(
            max(1, scale.rounds // 2),
            lambda: size_bytes / bare.pipe_to_file_seconds(folder, writer(size_bytes)) / 1e6,
            lambda: megabytes_a_second(line, write(line, size_bytes), size_bytes),
        )
        yield Figure(
            f"7 log of {size_bytes // 10**6} MB",
            logged,
            "MB/s",
            piped,
            "a pipe read into a file",
            at_least(200, "value"),
        )
        quiet = percentile(start_delays(daemon, scale.of(200, 3)), 0.99)
        loud = delays_meanwhile(daemon, line, write(line, size_bytes))
        yield Figure(
            "7 start delay of others meanwhile, p99",
            percentile(loud, 0.99),
            "ms",
            quiet,
            "the same without it",
            at_most(50, "value"),
            {"jobs": len(loud)},
        )
        yield from _followed(daemon, line, size_bytes, logged)


def _followed(daemon: Daemon, line: Line, size_bytes: int, alone: float) -> Iterator[Figure]:
    job = write(line, size_bytes)
    spawn = multiprocessing.get_context("spawn")
    following = [spawn.Event() for _ in range(FOLLOWERS)]
    readers = [
        spawn.Process(target=follow, args=(str(Path(daemon.socket)), job, each), daemon=True)
        for each in following
    ]
    for reader in readers:
        reader.start()
    delays = delays_meanwhile(daemon, line, job)
    yield Figure(
        f"7 log with {FOLLOWERS} followers",
        megabytes_a_second(line, job, size_bytes),
        "MB/s",
        alone,
        "the same without them",
    )
    yield Figure(
        f"7 start delay with {FOLLOWERS} followers, p99",
        percentile(delays, 0.99),
        "ms",
        target=at_most(50, "value"),
        about={"jobs": len(delays)},
    )
    for reader in readers:
        reader.kill()
        reader.join()

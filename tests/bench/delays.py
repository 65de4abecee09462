"""Figure 3: how soon a job starts and its end is reported on an idle daemon, and the cost of waiting jobs.

The start is the keeper's `spawnTime` (CLOCK_REALTIME, taken just before the spawn), the answer is read on the
same clock. The end is the moment at which the byte that the job's process waits for was written.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.bare import socket_pair_seconds
from bench.figure import Figure, at_most, percentile
from bench.place import COMMAND, Scale, cpu_seconds, create_many, pids, running, short_folder, wake_ups
from bench.wires import Line, request, result
from e2e.harness import Daemon
from lockside.documents.times import time_us


def start_delays(daemon: Daemon, count: int, ask: dict[str, object] = COMMAND) -> list[float]:
    """Return the milliseconds from the answer of `job.create` to the process, negative if earlier."""
    asked, delays = request("job.create", **ask), []
    with Line(daemon.socket) as line:
        for _ in range(count):
            answer = line.exchange(asked)
            answered_us = time.time_ns() / 1e3
            job = result(answer)["id"]
            ended = line.call("job.wait", id=job, timeoutSeconds=60, fields=["process", "status"])
            assert ended["status"] == "success", ended
            delays.append((time_us(ended["process"]["spawnTime"]) - answered_us) / 1e3)
    return delays


def end_delays(daemon: Daemon, folder: Path, count: int) -> list[float]:
    """Return the milliseconds from the byte that lets a process end to the answer of `job.wait`."""
    gate = folder / "gate"
    os.mkfifo(gate)
    shell = {"parameters": {"shell": f"echo > {folder}/up; read line < {gate}"}}
    os.mkfifo(folder / "up")
    up = os.open(folder / "up", os.O_RDWR)
    delays = []
    with Line(daemon.socket) as line, Line(daemon.socket) as other:
        for _ in range(count):
            job = line.call("job.create", component="lockside.command", configData=shell)["id"]
            os.read(up, 1)
            line.socket.sendall(request("job.wait", id=job, timeoutSeconds=60, fields=["status"]))
            writer = os.open(gate, os.O_WRONLY)
            other.call("daemon.status")  # the daemon has read the wait: its connection is older
            begin = time.monotonic()
            os.write(writer, b"\n")
            line.exchange(b"")
            delays.append((time.monotonic() - begin) * 1e3)
            os.close(writer)
    os.close(up)
    return delays


def idle(daemon: Daemon, seconds: float) -> tuple[float, float]:
    """Return the wake-ups per second and the processor share of daemon and keeper while nothing happens."""
    both = pids(daemon)
    time.sleep(min(1.0, seconds))
    woken, used = sum(map(wake_ups, both)), sum(map(cpu_seconds, both))
    time.sleep(seconds)
    woken, used = sum(map(wake_ups, both)) - woken, sum(map(cpu_seconds, both)) - used
    return woken / seconds, used / seconds


def figures(scale: Scale) -> Iterator[Figure]:
    count = scale.of(300, 5)
    with running(scale) as daemon, short_folder(scale) as folder:
        start_delays(daemon, 5)
        delays = start_delays(daemon, count)
        ends = end_delays(daemon, folder, count)
        wake = socket_pair_seconds(1000) * 1e3
    for share, bound in ((0.5, 5), (0.99, 25)):
        yield Figure(
            f"3 start after the answer, p{share * 100:.0f}",
            percentile(delays, share),
            "ms",
            wake,
            "a byte to a thread and back",
            at_most(bound, "value"),
        )
    yield Figure(
        "3 answer of job.wait after the end, p50",
        percentile(ends, 0.5),
        "ms",
        wake,
        "a byte to a thread and back",
        at_most(5, "value"),
        {"p99": percentile(ends, 0.99)},
    )
    waiting = scale.of(1000, 10)
    with running(scale) as daemon:
        with Line(daemon.socket) as line:
            holder = {"component": "lockside.command", "lockKey": "bench"}
            sleep = {**holder, "configData": {"parameters": {"command": ["/bin/sleep", "600"]}}}
            create_many(line, [sleep, *[{**COMMAND, "lockKey": "bench"}] * waiting])
        woken, used = idle(daemon, 20 * scale.share)
    yield Figure(f"3 wake-ups with {waiting} waiting", woken, "1/s", target=at_most(1, "value"))
    yield Figure(f"3 processor with {waiting} waiting", used * 100, "%", target=at_most(0.1, "value"))

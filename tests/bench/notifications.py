"""Notifications do not slow down jobs: throughput with receivers that never answer, and without."""

import socket
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.figure import Figure, at_least
from bench.place import COMMAND, Scale, cpu_seconds, jobs_a_second, pids, running
from bench.wires import Line
from e2e.harness import Daemon

RECEIVERS = 26
BARE = "without subscriptions"


@contextmanager
def silent_receiver() -> Iterator[int]:
    """Yield the port of a receiver that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as server:
        yield server.getsockname()[1]


def subscribe(daemon: Daemon, number: int, port: int) -> None:
    recipient = {"channel": "webhook", "url": f"http://127.0.0.1:{port}/"}
    subscription = {"id": f"silent-{number}", "event": "job-succeeded", "recipient": recipient}
    with Line(daemon.socket) as line:
        line.call("notification.put", subscription=subscription)


def measured(daemon: Daemon, requests: list[dict[str, Any]]) -> tuple[float, float]:
    """Return the jobs per second, and the milliseconds of processor time of daemon and keeper per job."""
    before = sum(map(cpu_seconds, pids(daemon)))
    a_second = jobs_a_second(daemon, requests)
    return a_second, (sum(map(cpu_seconds, pids(daemon))) - before) / len(requests) * 1e3


def figures(scale: Scale) -> Iterator[Figure]:
    requests = [COMMAND] * scale.of(1000, 20)
    allow = {"LOCKSIDE_NOTIFICATIONS__ALLOW": "127.0.0.0/8"}
    with ExitStack() as stack:
        told = stack.enter_context(running(scale, **allow))
        silent = stack.enter_context(running(scale, **allow))
        for number in range(RECEIVERS):
            subscribe(told, number, stack.enter_context(silent_receiver()))
        for daemon in (told, silent):
            jobs_a_second(daemon, requests[:20])
        seen = [[measured(one, requests) for one in (told, silent)] for _ in range(scale.rounds)]
    by_daemon = list(zip(*seen, strict=True))
    speeds = [statistics.median(speed for speed, _ in rows) for rows in by_daemon]
    costs = [statistics.median(cost for _, cost in rows) for rows in by_daemon]
    name = f"{len(requests)} jobs, {RECEIVERS} receivers that never answer"
    about = {"rounds": seen}
    yield Figure(name, speeds[0], "jobs/s", speeds[1], BARE, at_least(0.9), about)
    yield Figure(f"{name}: processor time", costs[0], "ms a job", costs[1], BARE)

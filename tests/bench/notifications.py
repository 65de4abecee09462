"""Notifications are in nobody's way: throughput with receivers that never answer, and without."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.figure import Figure, at_least, rounds
from bench.place import COMMAND, Scale, jobs_a_second, running
from bench.wires import Line
from e2e.harness import Daemon

RECEIVERS = 26


@contextmanager
def silent_receiver() -> Iterator[int]:
    """The port of one that lets everybody connect and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as server:
        yield server.getsockname()[1]


def subscribe(daemon: Daemon, number: int, port: int) -> None:
    recipient = {"channel": "webhook", "url": f"http://127.0.0.1:{port}/"}
    subscription = {"id": f"silent-{number}", "event": "job-succeeded", "recipient": recipient}
    with Line(daemon.socket) as line:
        line.call("notification.put", subscription=subscription)


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
        with_them, without = rounds(
            scale.rounds, lambda: jobs_a_second(told, requests), lambda: jobs_a_second(silent, requests)
        )
    name = f"{len(requests)} jobs, {RECEIVERS} receivers that never answer"
    yield Figure(name, with_them, "jobs/s", without, "without subscriptions", at_least(0.9))

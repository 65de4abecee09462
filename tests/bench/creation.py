"""Figure 2: `job.create`, one at a time and from many connections, while a paused pool starts nothing."""

import statistics
import time
from collections.abc import Iterator

from bench import bare
from bench.figure import Figure, at_least, at_most, rounds
from bench.place import COMMAND, Scale, running, short_folder
from bench.wires import Line, many_at_once, request
from e2e.harness import Daemon

CONNECTIONS = 64


def create_seconds(daemon: Daemon, count: int) -> float:
    """Return the median time of a creation, one at a time on one connection."""
    asked, took = request("job.create", **COMMAND), []
    with Line(daemon.socket) as line:
        for _ in range(count):
            begin = time.monotonic()
            line.exchange(asked)
            took.append(time.monotonic() - begin)
    return statistics.median(took)


def creates_a_second(daemon: Daemon, count: int) -> float:
    asked = [request("job.create", **COMMAND)] * count
    return count / many_at_once(daemon.socket, CONNECTIONS, asked)


def figures(scale: Scale) -> Iterator[Figure]:
    count = scale.of(1000, 10)
    with running(scale) as daemon, short_folder(scale) as folder, bare.echo(folder) as echo:
        with Line(daemon.socket) as line:
            line.call("pool.pause", id="default")
        commit, trip, one, many = rounds(
            scale.rounds,
            lambda: bare.commit_seconds(folder, count),
            lambda: bare.round_trip_seconds(echo, count, {"id": 1, "params": COMMAND}),
            lambda: create_seconds(daemon, count),
            lambda: creates_a_second(daemon, count * 2),
        )
    about = {"commitMs": commit * 1e3, "roundTripMs": trip * 1e3}
    yield Figure(
        "2 job.create, one at a time",
        one * 1e3,
        "ms",
        (commit + trip) * 1e3,
        "a commit and a round trip",
        at_most(2.5),
        about,
    )
    yield Figure(
        f"2 job.create, {CONNECTIONS} connections",
        many,
        "jobs/s",
        1 / commit,
        "commits on one connection",
        at_least(1),
        about,
    )

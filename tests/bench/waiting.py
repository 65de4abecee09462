"""Figure 4: the cost of a hundred thousand waiting jobs, on one lock key and on as many keys."""

import time
from collections.abc import Iterator
from typing import Any

from bench import bare
from bench.delays import start_delays
from bench.figure import Figure, at_least, at_most, percentile, rounds
from bench.history import start_seconds
from bench.place import COMMAND, Scale, create_many, jobs_a_second, pids, pss_megabytes, running
from bench.wires import Line
from e2e.harness import Daemon

FEW = 100
AT_ONCE = 1000


def on_one_key(line: Line, count: int) -> list[dict[str, Any]]:
    """Return jobs that wait for a sleeping job."""
    holder = {"component": "lockside.command", "lockKey": "one"}
    sleep = {"parameters": {"command": ["/bin/sleep", "3600"]}}
    line.call("pool.put", pool={"id": "sleeps", "slots": 1})
    line.call("job.create", **holder, pool="sleeps", configData=sleep)
    return [{**COMMAND, "lockKey": "one"}] * count


def on_as_many_keys(line: Line, count: int) -> list[dict[str, Any]]:
    """Return jobs that hold back no other job and wait for their pool."""
    line.call("pool.put", pool={"id": "parked", "slots": 0})
    return [{**COMMAND, "lockKey": f"key-{number}", "pool": "parked"} for number in range(count)]


SHAPES = {"one key": on_one_key, "as many keys": on_as_many_keys}


def figures(scale: Scale) -> Iterator[Figure]:
    many = scale.of(100_000, 50)
    for name in SHAPES:
        yield from _waiting(scale, name, many)
    if scale.millions:
        yield from _million(scale, scale.of(1_000_000, 100))


def _waiting(scale: Scale, name: str, many: int) -> Iterator[Figure]:
    work = [COMMAND] * scale.of(1000, 10)
    with running(scale) as few, running(scale) as daemon:
        for each in (few, daemon):
            jobs_a_second(each, work)
        with Line(few.socket) as line:
            create_many(line, SHAPES[name](line, FEW), AT_ONCE)
        took, grown = _made(daemon, name, many)
        inserts = bare.insert_seconds(daemon.state_dir / "lockside.db", scale.folder, AT_ONCE)
        yield Figure(
            f"4 createMany of {many} on {name}",
            took,
            "s",
            inserts,
            "the same rows inserted, as many in a transaction",
            at_most(15, "value"),
        )
        yield Figure(f"4 memory of {many} on {name}", grown, "MB", target=at_most(60, "value"))
        small, big, soon, still_soon = rounds(
            scale.rounds,
            lambda: jobs_a_second(few, work),
            lambda: jobs_a_second(daemon, work),
            lambda: percentile(start_delays(few, scale.of(100, 3)), 0.5),
            lambda: percentile(start_delays(daemon, scale.of(100, 3)), 0.5),
        )
        yield Figure(
            f"4 throughput beside {many} on {name}",
            big,
            "jobs/s",
            small,
            f"the same beside {FEW}",
            at_least(1 / 1.25),
        )
        yield Figure(
            f"4 start delay beside {many} on {name}",
            still_soon,
            "ms",
            soon,
            f"the same beside {FEW}",
            at_most(1.25),
        )


def _made(daemon: Daemon, name: str, count: int) -> tuple[float, float]:
    """Return the seconds to create the jobs, and the megabytes by which the daemon grows."""
    pid, _ = pids(daemon)
    before = pss_megabytes(pid)
    with Line(daemon.socket) as line:
        requests = SHAPES[name](line, count)
        begin = time.monotonic()
        create_many(line, requests, AT_ONCE)
        took = time.monotonic() - begin
    return took, pss_megabytes(pid) - before


def _million(scale: Scale, count: int) -> Iterator[Figure]:
    """Measure a million waiting jobs: their creation, a restart of the daemon, and its memory."""
    with running(scale) as daemon:
        took, _ = _made(daemon, "one key", count)
        yield Figure(f"4 createMany of {count}", took, "s")
        yield Figure(
            f"4 memory with {count} waiting",
            pss_megabytes(pids(daemon)[0]),
            "MB",
            target=at_most(500, "value"),
        )
        yield Figure(
            f"4 start of the daemon with {count} waiting",
            start_seconds(daemon),
            "s",
            target=at_most(20, "value"),
        )
        yield Figure(
            f"4 memory with {count} waiting, started again",
            pss_megabytes(pids(daemon)[0]),
            "MB",
            target=at_most(500, "value"),
        )

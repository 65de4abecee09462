"""Figure 9: the processor time of a no-op job in the daemon and in its keeper.

With `--beside` the code in another folder, with its own `.venv`, does the same work in turn, round by round.
"""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench.figure import Figure
from bench.place import COMMAND, Scale, cpu_seconds, create_many, pids, running, wait_for
from bench.wires import Line
from e2e.harness import Daemon

COMPONENT = {"component": "bench.noop", "configData": {"parameters": {"a": 1}}}


class Work(NamedTuple):
    """Milliseconds of processor time for each job."""

    daemon: float
    keeper: float


def work_of(daemon: Daemon, request: dict[str, object], count: int) -> Work:
    """Return the cost of jobs of a kind, from the first request to the last final status."""
    both = pids(daemon)
    before = [cpu_seconds(pid) for pid in both]
    with Line(daemon.socket) as line:
        ids = create_many(line, [request] * count)
        line.call("job.wait", ids=ids[-100:], timeoutSeconds=500, fields=["id"])
        after = [cpu_seconds(pid) for pid in both]
        wait_for(line, ids)
    return Work(*((late - early) / count * 1e3 for early, late in zip(before, after, strict=True)))


def creation_work(daemon: Daemon, request: dict[str, object], count: int) -> float:
    """Return the daemon's milliseconds for each job that only waits; jobs are created one at a time."""
    pid, _ = pids(daemon)
    with Line(daemon.socket) as line:
        line.call("pool.pause", id="default")
        before = cpu_seconds(pid)
        ids = [line.call("job.create", **request)["id"] for _ in range(count)]
        took = cpu_seconds(pid) - before
        line.call("pool.resume", id="default")
        wait_for(line, ids)
    return took / count * 1e3


def figures(scale: Scale) -> Iterator[Figure]:
    count = scale.of(2000, 20)
    programs = [None] if scale.beside is None else [None, python_of(scale.beside)]
    with ExitStack() as stack:
        daemons = [stack.enter_context(running(scale, python=program)) for program in programs]
        for daemon in daemons:
            with Line(daemon.socket) as line:
                line.call("component.put", component={"id": "bench.noop", "command": ["/bin/true"]})
            work_of(daemon, COMMAND, 20)
        seen: dict[str, list[list[float]]] = {}
        for _ in range(scale.rounds):
            for place, daemon in enumerate(daemons):
                for name, value in _one_round(daemon, count):
                    seen.setdefault(name, [[] for _ in daemons])[place].append(value)
    for name, values in seen.items():
        ours, *others = map(statistics.median, values)
        other = others[0] if others else None
        yield Figure(f"9 {name}", ours, "ms", other, "the other code", about={"rounds": values})


def _one_round(daemon: Daemon, count: int) -> Iterator[tuple[str, float]]:
    for kind, request in (("command", COMMAND), ("component", COMPONENT)):
        used = work_of(daemon, request, count)
        yield f"daemon's processor time for a {kind}", used.daemon
        yield f"keeper's processor time for a {kind}", used.keeper
    yield "daemon's processor time for a creation", creation_work(daemon, COMMAND, count // 2)


def python_of(folder: Path) -> str:
    """Return the interpreter with which another checkout was installed."""
    return str(folder.resolve() / ".venv/bin/python")

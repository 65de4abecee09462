"""SIGKILL of the executor at every system call that changes something, while it hands a job to its engine.

Each job must run once, by its own evidence. The short form takes a few points; LOCKSIDE_TEST_LONG=1 takes
all, with Slurm as well as with the engine that is a folder.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest

from campaign.faults import Fault, points, ranges, traced, untraceable
from campaign.figures import LONG, Figures, in_long_form
from e2e.engines import a_cluster, holder_of
from e2e.harness import Daemon
from e2e.processes import is_alive
from e2e.slurm import a_slurm, missing
from e2e.wire import of

CALLS = "write,rename,symlink,unlink,mkdir,chmod,fchown,vfork,clone,clone3,pipe2,wait4,sendto"
"""Those that change something: between two of them it makes no difference where it dies."""
POINTS = 3

pytestmark = [
    pytest.mark.skipif(untraceable() is not None, reason=str(untraceable())),
    pytest.mark.timeout(36_000 if LONG else 240),
]
needs_slurm = pytest.mark.skipif(missing() is not None, reason=str(missing()))


class Place(NamedTuple):
    daemon: Daemon
    pool: str
    kind: str

    def executor(self) -> int:
        """Return the pid of the executor, once it has the socket."""
        return holder_of(self.daemon.state_dir / "executors" / f"{self.kind}.sock.lock")


@pytest.fixture(params=["fakewise", pytest.param("slurm", marks=[in_long_form, needs_slurm])])
def engine(request: pytest.FixtureRequest) -> Iterator[Place]:
    with ExitStack() as stack:
        if request.param == "slurm":
            slurm = stack.enter_context(a_slurm())
            slurm.put_pool(slurm.daemon.wire())
            yield Place(slurm.daemon, "cluster", "slurm")
        else:
            cluster = stack.enter_context(a_cluster())
            cluster.put_pool(cluster.daemon.wire(), request.param)
            yield Place(cluster.daemon, "far", request.param)


def test_an_executor_killed_at_any_call_around_a_submission_loses_and_doubles_nothing(
    engine: Place, place: Path, figures: Callable[[str], Figures]
) -> None:
    totals = figures(f"kill sweep, executor of {engine.kind}")
    _run_once(engine, place / "before", None)
    _run_once(engine, place / "ranges", Fault(CALLS, None, place / "trace"))
    hits = 0
    for call, k in points(ranges(place / "trace"), POINTS):
        print(f"{call} k={k}", flush=True)
        hits += _run_once(engine, place / f"{call}-{k}", Fault(CALLS, k, place / "trace-k"))
        totals.add("points")
    totals.add("kills", hits)
    assert hits, "no kill came: the sweep shows nothing"


def _run_once(engine: Place, witness: Path, fault: Fault | None) -> bool:
    """Run a job under the fault; returns whether it killed the executor."""
    wire = engine.daemon.wire()
    executor = engine.executor() if fault is not None else 0
    with ExitStack() as stack:
        if fault is not None:
            threads = sorted(os.listdir(f"/proc/{executor}/task"))[1:]
            tracer = [*fault.tracer, *chain.from_iterable(("-p", thread) for thread in threads)]
            stack.enter_context(traced(executor, tracer))
        job = wire.shell(f"echo ran >> {witness}", pool=engine.pool)
        ended = wire.done(job)
    assert of(ended, "status", "starts") == ("success", 1)
    assert witness.read_text() == "ran\n"
    return fault is not None and not is_alive(executor)

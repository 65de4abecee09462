"""SIGKILL of the daemon, the executor and the runners at random: of runs elsewhere none is lost or doubled.

What the jobs write themselves is judged. The short form runs always; LOCKSIDE_TEST_LONG=1 makes it 60 kills
over 300 jobs, and LOCKSIDE_TEST_SEED repeats a run.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from campaign.evidence import Span, command, spans
from campaign.figures import LONG, Figures
from e2e.engines import Cluster, a_cluster

JOBS, KILLS = (300, 60) if LONG else (12, 4)
KEYS = 5

pytestmark = pytest.mark.timeout(JOBS * 30)


def test_of_runs_elsewhere_none_is_lost_doubled_or_beside_another_whoever_is_killed(
    place: Path, figures: Callable[[str], Figures]
) -> None:
    told = figures("kills of executors and runners")
    seed = int(os.environ.get("LOCKSIDE_TEST_SEED") or random.randrange(2**32))
    print(f"LOCKSIDE_TEST_SEED={seed}")
    dice, file = random.Random(seed), place / "witness"
    with a_cluster() as cluster:
        wire = cluster.daemon.wire()
        cluster.put_pool(wire, "fakewise", slots=4)
        cluster.behave(lose=0.1, twice=0.1)
        bodies = [command(file, f"{n % KEYS}:{n}", seconds=dice.uniform(0.02, 0.5)) for n in range(JOBS)]
        jobs = [
            wire.create(
                configData={"parameters": {"command": body}}, pool="far", lockKey=f"k{n % KEYS}", priority=-n
            )
            for n, body in enumerate(bodies)
        ]
        for n in range(KILLS):
            cluster.daemon.wire().done(jobs[n * JOBS // (2 * KILLS)])
            told.add(f"kills of the {_kill_one(cluster, dice)}")
        ended = [cluster.daemon.wire().done(job) for job in jobs]
        starts = sum(one["starts"] for one in ended)
    found = spans(file)
    told.add("jobs", len(ended))
    assert {one["status"] for one in ended} == {"success"}
    assert Counter(span.name for span in found if span.end_ns) == Counter(
        f"{n % KEYS}:{n}" for n in range(JOBS)
    )
    assert len(found) <= starts
    assert not [pair for key in range(KEYS) for pair in _overlaps(found, f"{key}:")]


def _overlaps(found: list[Span], key: str) -> list[tuple[Span, Span]]:
    """Runs of one key of which one began before the other had ended."""
    of_key = sorted((one for one in found if one.name.startswith(key)), key=lambda one: one.start_ns)
    return [(a, b) for a, b in pairwise(of_key) if a.end_ns and b.start_ns < a.end_ns]


def _kill_one(cluster: Cluster, dice: random.Random) -> str:
    victim = dice.choice(["daemon", "executor", "runner"])
    with suppress(ProcessLookupError, FileNotFoundError):
        if victim == "daemon":
            cluster.daemon.kill()
            cluster.daemon.start()
        elif victim == "executor":
            cluster.kill_executor("fakewise")
        elif runners := cluster.runners():
            _kill_tree(runners[0])
    return victim


def _kill_tree(pid: int) -> None:
    """As an engine ends what it started: all of it."""
    os.kill(pid, signal.SIGSTOP)
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in below:
        with suppress(ProcessLookupError, FileNotFoundError):
            _kill_tree(int(child))
    os.kill(pid, signal.SIGKILL)

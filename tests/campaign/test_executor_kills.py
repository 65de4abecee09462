"""SIGKILL at random of every process involved in runs of other engines: no run is lost or doubled.

The jobs' own evidence is judged. The short form always runs, without Slurm; LOCKSIDE_TEST_LONG=1
makes 60 kills over 300 jobs, and LOCKSIDE_TEST_SEED repeats a run.
"""

import os
import random
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from threading import Timer

import pytest

from campaign.evidence import Span, spans, survivors, with_token, witness
from campaign.figures import LONG, Figures, in_long_form
from e2e.engines import Cluster, a_cluster, holder_of
from e2e.harness import Daemon
from e2e.processes import wait_for_end
from e2e.slurm import Slurm, a_slurm, missing
from e2e.wire import Message, Refusal

JOBS, KILLS = (300, 60) if LONG else (8, 4)
KEYS = 5

pytestmark = pytest.mark.timeout(JOBS * 30)

Kills = Mapping[str, Callable[[], None]]


@pytest.fixture
def dice() -> random.Random:
    seed = int(os.environ.get("LOCKSIDE_TEST_SEED") or random.randrange(2**32))
    print(f"LOCKSIDE_TEST_SEED={seed}")
    return random.Random(seed)


def test_no_run_is_lost_doubled_or_overlapping_whatever_is_killed(
    place: Path, figures: Callable[[str], Figures], dice: random.Random
) -> None:
    with a_cluster() as cluster:
        cluster.put_pool(cluster.daemon.wire(), "fakewise", slots=4)
        cluster.behave(lose=0.1, twice=0.1)
        kills: Kills = {
            "daemon": lambda: _restart(cluster.daemon),
            "executor": lambda: cluster.kill_executor("fakewise"),
            "runner": lambda: _kill_runner(cluster),
        }
        totals = figures("kills of executors and runners")
        _campaign(cluster.daemon, "far", place / "witness", kills, dice, totals, most_seconds=0.5)


@in_long_form
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_no_run_in_slurm_is_lost_doubled_or_overlapping_whatever_is_killed(
    place: Path, figures: Callable[[str], Figures], dice: random.Random
) -> None:
    with a_slurm() as slurm:
        slurm.put_pool(slurm.daemon.wire(), slots=6)
        restarts: dict[str, Timer] = {}

        def kill(name: str) -> None:
            """Kill one of Slurm's daemons and start it again after a while."""
            if name in restarts:
                restarts[name].join()
            slurm.kill(name)
            restarts[name] = Timer(dice.choice([0, 0, 5, 20]), slurm.start_and_resume, [name])
            restarts[name].start()

        kills: Kills = {
            "daemon": lambda: _restart(slurm.daemon),
            "executor": lambda: _kill(holder_of(slurm.daemon.state_dir / "executors" / "slurm.sock.lock")),
            "runner": lambda: _kill_runner_in(slurm),
            "slurmctld": lambda: kill("slurmctld"),
            "slurmd": lambda: kill(f"slurmd-{slurm.node(dice.randint(1, 3))}"),
        }
        totals = figures("kills around Slurm")
        _campaign(slurm.daemon, "cluster", place / "witness", kills, dice, totals, most_seconds=6)
        for restart in restarts.values():
            restart.join()


def _campaign(
    daemon: Daemon,
    pool: str,
    file: Path,
    kills: Kills,
    dice: random.Random,
    totals: Figures,
    *,
    most_seconds: float,
) -> None:
    """Kill while jobs run, terminate some waiting jobs, and judge the jobs' evidence."""
    wire = daemon.wire()
    names = [f"{n % KEYS}:{n}" for n in range(JOBS)]
    bodies = [with_token(witness(file, one, seconds=dice.uniform(0.02, most_seconds))) for one in names]
    jobs = [
        wire.create(configData={"parameters": {"command": body}}, pool=pool, lockKey=f"k{n % KEYS}")
        for n, body in enumerate(bodies)
    ]
    terminated: set[str] = set()
    for n in range(KILLS):
        _done(daemon, jobs[n * JOBS // (2 * KILLS)])
        victim = dice.choice(list(kills)) if LONG else list(kills)[n % len(kills)]
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):  # a pid file is not written yet
            kills[victim]()
        totals.add(f"kills of the {victim}")
        if n % 5 == 4:
            job = jobs[n * JOBS // (2 * KILLS) + n % 3 + 1]["id"]
            terminated.add(job)
            with suppress(Refusal):  # it may be over
                daemon.wire().call("job.terminate", id=job)
    ended = {name: _done(daemon, job) for name, job in zip(names, jobs, strict=True)}
    for log in daemon.state_dir.glob("executors/*.log"):
        print(log.read_text())  # which runs were lost, and with which proof
    found = spans(file)
    totals.add("jobs", len(ended))
    totals.add("terminated", sum(one["status"] != "success" for one in ended.values()))
    totals.add("started again", sum(one["starts"] > 1 for one in ended.values()))
    unasked = [one for one in ended.values() if one["status"] != "success" and one["id"] not in terminated]
    assert not unasked, [(one, _outcomes(one)) for one in unasked]
    assert not [pair for key in range(KEYS) for pair in _overlaps(found, f"{key}:")]
    assert not survivors(file)
    for name, job in ended.items():
        _judge(job, [span for span in found if span.name.startswith(f"{name}@")])


def _done(daemon: Daemon, job: Message) -> Message:
    """Return the job once it is final. Without other proof a run is lost when its lease expires: 120 s."""
    waits = (daemon.wire().call("job.wait", id=job["id"], timeoutSeconds=100) for _ in range(6))
    ended: Message | None = next((one for one in waits if one["isFinished"]), None)
    assert ended is not None, daemon.wire().get(job["id"])
    return ended


def _judge(job: Message, job_spans: list[Span]) -> None:
    """Check that no start is doubled or lost without need, and that a cancelled job never ran.

    A runner may be killed after its program has ended and before that is recorded: then the job runs again.
    """
    assert job["status"] in ("success", "terminated", "cancelled")
    assert len({span.name for span in job_spans}) == len(job_spans) <= job["starts"]
    assert job["status"] != "cancelled" or not job_spans
    outcomes = _outcomes(job)
    good = ['"exitCode":0' in one and '"stopped":null' in one for one in outcomes]
    assert sum(good) <= 1, (job["id"], job_spans, outcomes)
    if job["status"] == "success":
        assert job_spans[-1].end_ns is not None
        assert job["starts"] > 1 or len(job_spans) == 1


def _outcomes(job: Message) -> list[str]:
    return [path.read_text() for path in Path(job["workPath"]).rglob("outcome.json")]


def _overlaps(found: list[Span], key: str) -> list[tuple[Span, Span]]:
    """Return the pairs of runs of one key of which one began before the other had ended."""
    of_key = sorted((one for one in found if one.name.startswith(key)), key=lambda one: one.start_ns)
    return [(a, b) for a, b in pairwise(of_key) if a.end_ns and b.start_ns < a.end_ns]


def _restart(daemon: Daemon) -> None:
    daemon.kill()
    daemon.start()


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)


def _kill_runner(cluster: Cluster) -> None:
    if runners := cluster.runners():
        _kill_tree(runners[0])


def _kill_runner_in(slurm: Slurm) -> None:
    """Kill one runner; Slurm ends the rest of its job step, if it knows the step."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if f"{slurm.root}/.lockside/".encode() in path.read_bytes():
                pid = int(path.parent.name)
                if slurm.has_cgroups:
                    _kill(pid)
                else:
                    _kill_tree(pid)
                return


def _kill_tree(pid: int) -> None:
    """Kill a process tree as an engine does: all of it."""
    os.kill(pid, signal.SIGSTOP)
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in below:
        with suppress(ProcessLookupError, FileNotFoundError):
            _kill_tree(int(child))
    os.kill(pid, signal.SIGKILL)

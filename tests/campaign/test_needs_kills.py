"""Weights, several pools and resources under random kills of the daemon: no capacity is exceeded.

The jobs' own evidence is judged. The short form always runs; LOCKSIDE_TEST_LONG=1 makes 30 kills
over 600 jobs, and LOCKSIDE_TEST_SEED repeats a run.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from campaign.evidence import Span, command, spans
from campaign.faults import alive_for
from campaign.figures import LONG, Figures
from e2e.harness import Daemon

KILLS, JOBS = (30, 600) if LONG else (3, 40)
POOLS = {"a": 4, "b": 3, "c": 2}
UNITS = ["u0", "u1", "u2"]
CAPACITY = 5
WITH_UNITS = 'exec "$0" "$1" "$2" "$3" "$4" "$5" "$6:$LOCKSIDE_RESOURCE_GPU" "$7" "$8"'
"""Of the arguments of a body the name gets the units that its job was given."""


def request(file: Path, name: str, dice: random.Random) -> dict[str, Any]:
    """Return a job with a random weight, needs, list of pools and priority."""
    pools = dice.sample(list(POOLS), dice.choice((1, 1, 2, 3)))
    needs = {"slots": dice.choice((1, 1, 1, 2))}
    if dice.random() < 0.5:
        needs["gpu"] = dice.choice((1, 1, 2, 3))
    if dice.random() < 0.5:
        needs["api"] = dice.choice((1, 2, 3, 5))
    body = command(file, name, seconds=dice.uniform(0.02, 0.15))
    return {
        "component": "lockside.command",
        "configData": {"parameters": {"command": ["/bin/sh", "-c", WITH_UNITS, *body]}},
        "pools": pools,
        "needs": needs,
        "priority": dice.choice((0, 0, 0, 10, -10)),
        "deduplicationId": name,
    }


def most_held(held: Iterable[tuple[Span, int]]) -> int:
    """Return the largest sum of amounts at any moment."""
    moments = []
    for span, amount in held:
        assert span.end_ns is not None, f"{span.name} did not end"
        moments += [(span.start_ns, amount), (span.end_ns, -amount)]
    total = most = 0
    for _, change in sorted(moments):
        total += change
        most = max(most, total)
    return most


@pytest.mark.timeout(1800 if LONG else 300)
def test_no_more_than_the_capacity_is_held_however_often_the_daemon_is_killed(
    fresh: Callable[..., Daemon], place: Path, figures: Callable[[str], Figures]
) -> None:
    seed = int(os.environ.get("LOCKSIDE_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"LOCKSIDE_TEST_SEED={seed}")
    dice, file = random.Random(seed), place / "evidence"
    wanted = {f"job-{number}": request(file, f"job-{number}", dice) for number in range(JOBS)}
    daemon = fresh(LOCKSIDE_SCHEDULING__RESERVE_SECONDS="1")
    with daemon.wire() as wire:
        for pool, slots in POOLS.items():
            wire.call("pool.put", pool={"id": pool, "slots": slots})
        wire.call("resource.put", resource={"id": "gpu", "units": UNITS})
        wire.call("resource.put", resource={"id": "api", "capacity": CAPACITY})
        ids = {name: wire.call("job.create", **one)["id"] for name, one in wanted.items()}
    for _ in range(KILLS):
        alive_for(daemon, dice.uniform(0.1, 0.6))
        daemon.kill()
        daemon.start()
    with daemon.wire() as wire:
        ended = wire.call("job.wait", ids=list(ids.values()), timeoutSeconds=280)["jobs"]
        assert Counter(job["status"] for job in ended) == {"success": JOBS}
        pools = {job["id"]: job["pool"] for job in ended}
        for resource in wire.call("resource.list")["resources"]:
            assert (resource["used"], resource["waiting"]) == (0, 0)
    judge(spans(file), wanted, {name: pools[job_id] for name, job_id in ids.items()})
    totals = figures("kills among jobs with needs")
    totals.add("jobs", JOBS)
    totals.add("kills", KILLS)


def judge(ran: list[Span], wanted: dict[str, dict[str, Any]], pools: dict[str, str]) -> None:
    """Check by the jobs' evidence that each ran once and that no capacity was ever exceeded."""
    jobs = [(span, *span.name.partition(":")[::2]) for span in ran]
    assert Counter(name for _, name, _ in jobs) == Counter(list(wanted)), "lost or doubled"
    for pool, slots in POOLS.items():
        assert pools.keys() == wanted.keys()
        here = [(span, wanted[name]["needs"]["slots"]) for span, name, _ in jobs if pools[name] == pool]
        assert most_held(here) <= slots, f"more slots of pool {pool} were taken than it has"
    for name, pool in pools.items():
        assert pool in wanted[name]["pools"]
    api = [(span, wanted[name]["needs"].get("api", 0)) for span, name, _ in jobs]
    assert most_held(api) <= CAPACITY
    for unit in UNITS:
        assert most_held((span, 1) for span, _, units in jobs if unit in units.split(",")) <= 1, unit
    for _, name, units in jobs:
        assert len(units.split(",")) == wanted[name]["needs"].get("gpu", 1), "other units than were needed"

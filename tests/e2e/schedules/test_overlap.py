"""What happens to a moment while earlier jobs are still live."""

from typing import Any

import pytest

from e2e.scheduling import MORNING, at, jobs_of, put, restarted, rows
from e2e.signs import Gate
from e2e.wire import until_running

POLICIES: dict[str, tuple[str, int, dict[Any, int], int]] = {
    "queue": ("exclusive", 2, {("merged", "overlap"): 3, ("fired", "time"): 2}, 0),
    "skip": ("exclusive", 1, {("skipped", "overlap"): 4, ("fired", "time"): 1}, 0),
    "replace": ("exclusive", 5, {("fired", "time"): 5}, 4),
    "allow": ("none", 5, {("fired", "time"): 5}, 0),
}
"""By policy: the lock of its jobs, how many jobs are created, the ledger, and how many are terminated."""


@pytest.mark.parametrize("is_killed", [False, True])
def test_the_overlap_policy_decides_what_happens_while_jobs_are_live(gate: Gate, is_killed: bool) -> None:
    with at(MORNING, LOCKSIDE_POOLS__DEFAULT__SLOTS="12") as daemon:
        wire = daemon.wire()
        wire.call("component.put", component={"id": "acme.job", "shell": gate.text})
        for policy, (lock, *_) in POLICIES.items():
            wire.call("config.put", component="acme.job", config=policy)
            job = {"component": "acme.job", "config": policy, "lock": lock}
            put(wire, policy, every="60s", overlap={"policy": policy}, job=job)
        for minute in range(5):
            if is_killed and minute == 2:
                restarted(daemon, "2026-01-05T08:02:00Z")
                wire = daemon.wire()
            wire.call("clock.advance", seconds=60)
            for policy in POLICIES:
                if policy != "queue" or len(jobs_of(wire, policy)) == 1:
                    until_running(wire, jobs_of(wire, policy)[-1])
        for policy, (_, jobs, expected, ended) in POLICIES.items():
            made = jobs_of(wire, policy)
            assert len(made) == jobs
            found: dict[Any, int] = {}
            for row in rows(wire, policy):
                key = (row["outcome"], row["cause"])
                found[key] = found.get(key, 0) + row["count"]
            assert found == expected
            statuses = [job["status"] for job in made]
            assert statuses.count("terminated") == ended
            if policy == "queue":
                merged = {row["job"] for row in rows(wire, policy) if row["outcome"] == "merged"}
                assert merged == {made[1]["id"]}
            if policy == "allow":
                assert statuses == ["processing"] * 5

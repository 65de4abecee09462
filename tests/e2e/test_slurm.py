"""Pools on Slurm: three nodes on this machine, and what can go wrong with them."""

from collections.abc import Iterator

import pytest

from e2e.slurm import Slurm, a_slurm, missing
from e2e.wire import Wire, of

pytestmark = [pytest.mark.skipif(missing() is not None, reason=str(missing())), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    with a_slurm() as made:
        made.put_pool(made.daemon.wire())
        yield made


@pytest.fixture
def wire(slurm: Slurm) -> Iterator[Wire]:
    with Wire(slurm.daemon.socket) as opened:
        yield opened


def test_a_job_runs_on_a_node_and_all_that_is_known_of_it_there_is_told(wire: Wire, slurm: Slurm) -> None:
    job = wire.shell("echo on $SLURMD_NODENAME as $SLURM_JOB_ID; exit 3", pool="cluster")
    ended = wire.done(job)
    assert of(ended, "status", "starts", "pool") == ("error", 1, "cluster")
    assert ended["result"]["error"]["exitCode"] == 3
    remote = ended["remote"]
    assert wire.text(job) == f"on {remote['remoteNode']} as {remote['schedulerJobId']}\n"
    assert of(remote, "executor", "remoteOutcome", "submitRetries") == ("slurm", "FAILED", 0)
    assert all(remote[name] for name in ("remoteJobId", "remoteSubmitted", "remoteStarted", "remoteEnded"))
    assert {"submitting", "queued", "running"} <= set(ended["stageTimestamps"])

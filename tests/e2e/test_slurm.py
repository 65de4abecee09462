"""Pools on Slurm: three nodes on this machine, and what can go wrong with them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.figures import LONG
from e2e.signs import Ear, Gate
from e2e.slurm import Slurm, a_slurm, missing
from e2e.wire import Wire, of, until_running, wait_until

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


def test_a_job_runs_on_a_node_and_shows_what_slurm_knows_of_it(wire: Wire, slurm: Slurm) -> None:
    shell = "export TOLD=there; srun sh -c 'echo $TOLD on $SLURMD_NODENAME as $SLURM_JOB_ID'; exit 3"
    job = wire.shell(shell, pool="cluster")
    ended = wire.done(job)
    assert of(ended, "status", "starts", "pool") == ("error", 1, "cluster")
    assert ended["result"]["error"]["exitCode"] == 3
    remote = ended["remote"]
    assert wire.text(job) == f"there on {remote['remoteNode']} as {remote['schedulerJobId']}\n"
    assert of(remote, "executor", "remoteOutcome", "submitRetries") == ("slurm", "FAILED", 0)
    assert all(remote[name] for name in ("remoteJobId", "remoteSubmitted", "remoteStarted", "remoteEnded"))
    assert {"submitting", "queued", "running"} <= set(ended["stageTimestamps"])


def test_many_jobs_that_start_at_once_become_few_submissions(wire: Wire, slurm: Slurm) -> None:
    slurm.put_pool(wire, "wide", slots=20)
    wire.call("pool.pause", id="wide")
    jobs = [wire.shell("echo $SLURM_ARRAY_TASK_ID", pool="wide") for _ in range(6)]
    wire.call("pool.resume", id="wide")
    ended = [wire.done(job) for job in jobs]
    assert [of(one, "status", "starts") for one in ended] == [("success", 1)] * 6
    submissions = {one["remote"]["schedulerJobId"].partition("_")[0] for one in ended}
    assert len(submissions) <= 3


def test_a_request_no_partition_can_satisfy_fails_the_job_with_the_slurm_message(
    wire: Wire, slurm: Slurm
) -> None:
    slurm.put_pool(wire, "nowhere", partition="nowhere")
    ended = wire.done(wire.shell("true", pool="nowhere"))
    assert of(ended, "status", "starts") == ("error", 0)
    assert ended["result"]["error"]["kind"] == "spawn"
    assert "partition" in ended["message"].lower()


def test_a_job_that_waits_for_a_node_says_so_and_can_be_cancelled(
    wire: Wire, slurm: Slurm, place: Path
) -> None:
    slurm.tell("scontrol", "update", "partitionname=small", "state=down")
    slurm.put_pool(wire, "closed", partition="small")
    job = wire.shell(f"touch {place}/ran", pool="closed", limits={"timeoutSeconds": 60})
    wait_until(wire, job, lambda seen: (seen["remote"]["remoteReason"] or "").startswith("Partition"))
    (reason,) = wire.explain(job)
    assert of(reason, "kind", "state", "engineReason") == ("engine_queue", "PENDING", "PartitionDown")
    assert reason["message"].endswith("PENDING: PartitionDown: its partition is down.")
    assert wire.get(job["id"])["durationSeconds"] == 0
    wire.call("job.terminate", id=job["id"])
    assert of(wire.done(job), "status", "starts") == ("cancelled", 0)
    slurm.tell("scontrol", "update", "partitionname=small", "state=up")
    assert not (place / "ran").exists()


def test_an_scancel_is_recorded_as_a_termination_by_that_user(wire: Wire, slurm: Slurm) -> None:
    job = until_running(wire, wire.shell("sleep 600", pool="cluster"))
    number = job["remote"]["schedulerJobId"]
    name = slurm.tell("squeue", "-h", "-o", "%j", "-j", number).strip()
    slurm.account(f"{number}|CANCELLED by 0|{job['remote']['remoteNode']}|{name}")
    slurm.tell("scancel", number)
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("terminated", 1)
    assert ended["message"] == "root had its engine stop it."
    (asked,) = wire.call("event.list", kinds=["job.terminateRequested"], job=job["id"])["events"]
    assert asked["data"] == {"cause": "engine", "user": "root"}


def test_a_job_in_another_cluster_is_observed_and_stopped_there(wire: Wire, slurm: Slurm) -> None:
    slurm.put_pool(wire, "named", clusters="jobdtest")
    job = until_running(wire, wire.shell("sleep 600", pool="named"))
    number, _, cluster = job["remote"]["schedulerJobId"].partition(";")
    assert (number.isdigit(), cluster) == (True, "jobdtest")
    wire.call("job.terminate", id=job["id"])
    assert of(wire.done(job), "status", "starts") == ("terminated", 1)


def test_slurm_jobs_under_our_names_without_a_job_are_found(wire: Wire, slurm: Slurm) -> None:
    names = slurm.tell("squeue", "-h", "-t", "all", "-o", "%j").split()
    prefix = next(name for name in names if name.startswith("ls-")).rsplit("-", 3)[0]
    submitted = ["sbatch", "--parsable", f"--job-name={prefix}-99-1-0", "--begin=now+1hour", "--wrap=true"]
    number = slurm.tell(*submitted, "--output=/dev/null").strip()
    (found,) = [one for one in wire.call("daemon.check")["problems"] if one["kind"] == "unwanted_run"]
    assert (found["details"]["id"].partition(";")[0], found["details"]["state"]) == (number, "PENDING")
    slurm.tell("scancel", number)


def test_running_jobs_end_and_others_wait_while_the_controller_is_down(
    wire: Wire, slurm: Slurm, gate: Gate, ear: Ear
) -> None:
    running = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 4", pool="cluster")
    stopped = wire.shell("sleep 600", pool="cluster")
    assert ear.hear() == "up"
    until_running(wire, stopped)
    slurm.kill("slurmctld")
    gate.open()
    assert wire.done(running)["result"]["error"]["exitCode"] == 4
    waiting = wire.shell("true", pool="cluster")
    wire.call("job.terminate", id=stopped["id"])
    assert wire.done(stopped)["status"] == "terminated"
    slurm.start("slurmctld")
    ended = wire.done(waiting)
    assert of(ended, "status", "starts") == ("success", 1)
    slurm.resume()  # a killed controller may drain the nodes of jobs that it has forgotten


def test_slurm_passes_the_suite_that_every_executor_must_pass(slurm: Slurm) -> None:
    command = [sys.executable, "-m", "locksided.executors.check", "slurm", str(slurm.root)]
    command += ["--option", f"python={sys.executable}", *([] if LONG else ["--without", "killed"])]
    done = subprocess.run(command, env=slurm.environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_job_whose_slurmd_dies_continues_and_its_end_counts(
    wire: Wire, slurm: Slurm, gate: Gate, ear: Ear
) -> None:
    job = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 5", pool="cluster")
    assert ear.hear() == "up"
    node = wait_until(wire, job, lambda seen: seen["remote"]["remoteNode"] is not None)["remote"][
        "remoteNode"
    ]
    slurm.kill(f"slurmd-{node}")
    gate.open()
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert ended["result"]["error"]["exitCode"] == 5
    slurm.start(f"slurmd-{node}")

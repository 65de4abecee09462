"""Faults of Slurm and its machines: preemption, requeues, kills, lost connections. All in the long form."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campaign.figures import in_long_form
from e2e.processes import wait_for_end
from e2e.signs import Ear, Gate
from e2e.slurm import Slurm, a_slurm, missing
from e2e.wire import Message, Wire, of, until_running, wait_until

pytestmark = [pytest.mark.skipif(missing() is not None, reason=str(missing())), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    with a_slurm() as made:
        made.put_pool(made.daemon.wire())
        yield made


@pytest.fixture
def wire(slurm: Slurm) -> Iterator[Wire]:
    with Wire(slurm.daemon.socket) as opened:
        yield opened


def on_node(slurm: Slurm, wire: Wire, number: int, **options: Any) -> str:
    """Store a pool whose jobs have one node for themselves."""
    pool = f"node{number}"
    slurm.put_pool(wire, pool, extra=[f"--nodelist={slurm.node(number)}", "--exclusive"], **options)
    return pool


def once(wire: Wire, pool: str, flag: Path, **more: Any) -> Message:
    """Return a job that runs until it is stopped, and succeeds when it is started again."""
    shell = f"test -e {flag} && exit 0; touch {flag}; exec sleep 600"
    return until_running(wire, wire.shell(shell, pool=pool, **more))


@in_long_form
def test_a_preempted_job_runs_again_and_is_not_counted_as_lost(wire: Wire, slurm: Slurm, place: Path) -> None:
    pool = on_node(slurm, wire, 1)
    job = once(wire, pool, place / "again")
    urgent = ["sbatch", "--partition=urgent", f"--nodelist={slurm.node(1)}", "--exclusive", "--wrap=true"]
    slurm.tell(*urgent, "--output=/dev/null")
    assert of(wire.done(job), "status", "starts") == ("success", 2)


@in_long_form
def test_a_requeued_job_is_lost_and_runs_again_once(wire: Wire, slurm: Slurm, place: Path) -> None:
    job = once(wire, on_node(slurm, wire, 1), place / "again")
    number = job["remote"]["schedulerJobId"]
    slurm.tell("scontrol", "update", f"jobid={number}", "requeue=1")
    slurm.tell("scontrol", "requeue", number)
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("success", 2)
    assert ended["remote"]["schedulerJobId"] != number


@in_long_form
def test_a_job_that_slurm_ends_for_its_memory_is_out_of_memory(wire: Wire, slurm: Slurm) -> None:
    if not slurm.has_cgroups:
        pytest.skip("Slurm limits no memory here")
    slurm.put_pool(wire, "little", extra=["--mem=60M"])
    ended = wire.done(wire.shell("""python3 -c 'x = b"x" * 300_000_000'""", pool="little"))
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "out_of_memory")


@in_long_form
def test_a_job_that_slurm_ends_at_its_own_time_limit_is_a_timeout(wire: Wire, slurm: Slurm) -> None:
    slurm.put_pool(wire, "brief", extra=["--time=1"])
    ended = wire.done(wire.shell("sleep 600", pool="brief"))
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "timeout")


@in_long_form
def test_a_suspended_job_says_so(wire: Wire, slurm: Slurm) -> None:
    pool = on_node(slurm, wire, 1)
    job = until_running(wire, wire.shell("sleep 600", pool=pool))
    slurm.tell("scontrol", "suspend", job["remote"]["schedulerJobId"])
    wait_until(wire, job, lambda seen: seen["message"] == "slurm has suspended it.")
    slurm.tell("scontrol", "resume", job["remote"]["schedulerJobId"])
    wire.call("job.terminate", id=job["id"])
    assert wire.done(job)["status"] == "terminated"


@in_long_form
def test_a_killed_runner_is_lost_by_proof_of_slurm_and_its_processes_are_ended(
    wire: Wire, slurm: Slurm, place: Path
) -> None:
    if not slurm.has_cgroups:
        pytest.skip("Slurm does not find all processes of a job here")
    job = once(wire, "cluster", place / "again", onLost="error")
    os.kill(int(job["remote"]["remoteJobId"]), signal.SIGKILL)
    ended = wire.done(job)
    assert (ended["result"]["error"]["kind"], ended["killReport"]["proof"]) == ("lost", "engine")
    wait_for_end(job["process"]["pid"])


@in_long_form
def test_a_node_without_the_shared_folder_starts_nothing_and_is_excluded(wire: Wire, slurm: Slurm) -> None:
    name = f"slurmd-{slurm.node(3)}"
    slurm.kill(name)
    hide = f'mount -t tmpfs none {slurm.root} && exec "$@"'
    slurm.start(name, within=["unshare", "-m", "sh", "-c", hide, "sh"])
    slurm.tell("scontrol", "update", f"nodename={slurm.node(3)}", "weight=0")
    slurm.tell("scontrol", "update", f"nodename={slurm.node(1)},{slurm.node(2)}", "weight=9")
    ended = wire.done(wire.shell("true", pool="cluster"))
    assert of(ended, "status", "starts") == ("success", 1)
    assert ended["remote"]["remoteNode"] != slurm.node(3)
    _as_before(slurm, name)


@in_long_form
def test_a_job_whose_node_rebooted_is_lost_with_that_proof(wire: Wire, slurm: Slurm, place: Path) -> None:
    name = f"slurmd-{slurm.node(2)}"
    job = once(wire, on_node(slurm, wire, 2), place / "again", onLost="error")
    _kill_all_of(slurm, 2)
    slurm.start(name, "-b")
    ended = wire.done(job)
    assert (ended["result"]["error"]["kind"], ended["killReport"]["proof"]) == ("lost", "boot")


@in_long_form
def test_a_disconnected_node_kills_its_job_before_the_next_job_of_its_lock_key_starts(
    wire: Wire, slurm: Slurm, place: Path, ear: Ear
) -> None:
    name = f"slurmd-{slurm.node(2)}"
    slurm.kill(name)
    slurm.start(name, within=["unshare", "-m", "--propagation=private"])
    job = once(wire, on_node(slurm, wire, 2), place / "again", lockKey="one", onLost="error")
    pid = job["process"]["pid"]
    following = wire.shell(f"test -e /proc/{pid} && echo beside > {ear.path}; echo on > {ear.path}",
                           pool="cluster", lockKey="one")  # fmt: skip
    command = ["nsenter", "-t", str(slurm.pid(name)), "-m", "mount", "-t", "tmpfs", "none", str(slurm.root)]
    subprocess.run(command, check=True)
    slurm.kill(name)
    wait_until(wire, job, lambda seen: (seen["message"] or "").startswith("slurm has lost"))
    ended = wire.done(job)
    assert (ended["result"]["error"]["kind"], ended["killReport"]["proof"]) == ("lost", "lease")
    assert ear.hear() == "on"
    assert wire.done(following)["status"] == "success"
    _as_before(slurm, name)


@in_long_form
def test_a_runner_suspended_past_its_lease_ends_its_processes_at_once(
    wire: Wire, slurm: Slurm, place: Path
) -> None:
    job = once(wire, "cluster", place / "again", onLost="error")
    runner, pid = int(job["remote"]["remoteJobId"]), job["process"]["pid"]
    os.kill(runner, signal.SIGSTOP)
    subprocess.run(["sleep", "65"], check=True)  # the lease runs in real time
    os.kill(runner, signal.SIGCONT)
    wait_for_end(pid)
    ended = wire.done(job)
    assert ended["result"]["error"]["kind"] == "lost"


@in_long_form
def test_no_job_fails_and_stops_work_while_the_slurm_controller_is_suspended(
    wire: Wire, slurm: Slurm, gate: Gate, ear: Ear
) -> None:
    running = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 4", pool="cluster")
    stopped = until_running(wire, wire.shell("sleep 600", pool="cluster"))
    assert ear.hear() == "up"
    controller = slurm.pid("slurmctld")
    os.kill(controller, signal.SIGSTOP)
    waiting = wire.shell("true", pool="cluster")
    wait_until(wire, stopped, lambda seen: "has not answered since" in (seen["message"] or ""))
    wire.call("job.terminate", id=stopped["id"])
    assert wire.done(stopped)["status"] == "terminated"
    gate.open()
    assert wire.done(running)["result"]["error"]["exitCode"] == 4
    os.kill(controller, signal.SIGCONT)
    assert of(wire.done(waiting), "status", "starts") == ("success", 1)


@in_long_form
def test_a_thousand_jobs_take_three_submissions_and_a_query_every_quarter_minute(
    wire: Wire, slurm: Slurm, place: Path
) -> None:
    slurm.tell("scontrol", "update", "partitionname=small", "state=down")
    slurm.put_pool(wire, "crowd", 1000, partition="small")
    before = len(slurm.commands())
    wire.call("pool.pause", id="crowd")
    jobs = [wire.shell("true", pool="crowd") for _ in range(1000)]
    wire.call("pool.resume", id="crowd")
    for job in jobs:
        wait_until(wire, job, lambda seen: seen["remote"]["remoteReason"] == "PartitionDown")
    assert slurm.commands()[before:].count("sbatch") <= 3
    before = len(slurm.commands())
    subprocess.run(["sleep", "60"], check=True)  # counted over one minute
    assert len(slurm.commands()) - before <= 5
    slurm.tell("scontrol", "update", "partitionname=small", "state=up")
    wire.call("job.terminate", id=jobs[0]["id"])


def _kill_all_of(slurm: Slurm, number: int) -> None:
    """Kill a node's daemon and all that it started, as a power failure would."""
    slurm.kill(f"slurmd-{slurm.node(number)}")
    for path in Path("/sys/fs/cgroup/freezer").glob(f"slurm_{slurm.node(number)}/**/cgroup.procs"):
        for pid in map(int, path.read_text().split()):
            os.kill(pid, signal.SIGKILL)


def _as_before(slurm: Slurm, name: str) -> None:
    """Make a node see everything again."""
    if Path(f"/proc/{slurm.pid(name)}").exists():
        slurm.kill(name)
    slurm.start(name)

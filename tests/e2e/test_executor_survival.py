"""What a run on another machine survives, and how its outcome is determined."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.engines import Cluster, a_cluster
from e2e.processes import wait_for_end
from e2e.signs import Ear, Gate
from e2e.wire import of, wait_until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def one_for_all() -> Iterator[Cluster]:
    with a_cluster() as made:
        made.put_pool(made.daemon.wire())
        made.put_pool(made.daemon.wire(), "fakewise", "wise")
        yield made


@pytest.fixture
def cluster(one_for_all: Cluster) -> Iterator[Cluster]:
    one_for_all.behave()
    yield one_for_all
    one_for_all.behave()


def witness(place: Path) -> str:
    """A command that records that it began and ended."""
    return f'echo "begin $LOCKSIDE_START_TOKEN" >> {place}/witness; {{}}; echo "end" >> {place}/witness'


def witnessed(place: Path) -> list[str]:
    """Return what such commands recorded."""
    return (place / "witness").read_text().splitlines() if (place / "witness").exists() else []


def kill_daemon(cluster: Cluster) -> None:
    cluster.daemon.kill()
    cluster.daemon.start()


def kill_executor(cluster: Cluster) -> None:
    cluster.kill_executor()


def kill_both(cluster: Cluster) -> None:
    cluster.kill_executor()
    kill_daemon(cluster)


@pytest.mark.parametrize("kill", [kill_daemon, kill_executor, kill_both])
def test_a_run_continues_whichever_process_is_killed_and_its_end_is_known(
    cluster: Cluster, place: Path, gate: Gate, ear: Ear, kill: Callable[[Cluster], None]
) -> None:
    command = witness(place).format(f"echo up > {ear.path}; {gate.text}")
    job = cluster.daemon.wire().shell(f"{command}; exit 7", pool="far", lockKey="one")
    assert ear.hear() == "up"
    kill(cluster)
    gate.open()
    ended = cluster.daemon.wire().done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert ended["result"]["error"]["exitCode"] == 7
    assert witnessed(place) == [f"begin {job['id']}-1-0", "end"]


def test_the_outcome_of_a_run_that_ended_unobserved_is_known(
    cluster: Cluster, place: Path, gate: Gate, ear: Ear
) -> None:
    job = cluster.daemon.wire().shell(
        f"echo up > {ear.path}; {gate.text}; echo down > {ear.path}", pool="far"
    )
    assert ear.hear() == "up"
    cluster.daemon.kill()
    cluster.kill_executor()
    gate.open()
    assert ear.hear() == "down"
    cluster.daemon.start()
    assert of(cluster.daemon.wire().done(job), "status", "starts") == ("success", 1)


def test_lost_answers_repeats_and_executor_crashes_still_run_each_job_once(
    cluster: Cluster, place: Path
) -> None:
    cluster.behave(lose=0.4, twice=0.4, die=0.3)
    wire = cluster.daemon.wire()
    jobs = [
        wire.shell(witness(place).format("true"), pool=pool) for pool in ("far", "wise") for _ in range(6)
    ]
    ended = [wire.done(job) for job in jobs]
    assert [of(one, "status", "starts") for one in ended] == [("success", 1)] * len(jobs)
    begun = sorted(line.split("-")[0] for line in witnessed(place) if line.startswith("begin"))
    assert begun == sorted(f"begin {job['id']}" for job in jobs)


def test_a_job_stopped_in_the_queue_never_runs_and_the_pool_continues(cluster: Cluster, place: Path) -> None:
    cluster.behave(lose=1.0, forget=True)
    wire = cluster.daemon.wire()
    job = wire.shell(witness(place).format("true"), pool="far")
    wait_until(wire, job, lambda seen: seen["stage"] in ("submitting", "queued"))
    (reason,) = wire.explain(job)
    assert of(reason, "kind", "pool", "estimatedStart") == ("engine_queue", "far", None)
    assert [one["kind"] for one in wire.get(job["id"])["reasons"]] == ["engine_queue"]
    line = re.compile(r'^lockside_engine_queue{pool="far",state=".+"} 1.0$', re.MULTILINE)
    assert line.search(wire.call("daemon.metrics"))
    assert wire.call("pool.get", id="far")["engineQueued"] == 1
    wire.call("job.terminate", id=job["id"])
    assert of(wire.done(job), "status", "starts") == ("cancelled", 0)
    assert witnessed(place) == []
    cluster.behave()
    assert wire.done(wire.shell("true", pool="far"))["status"] == "success"


def test_the_end_of_a_run_is_known_even_if_its_inbox_entry_cannot_be_written(cluster: Cluster) -> None:
    wire = cluster.daemon.wire()
    wire.done(wire.shell("true", pool="wise"))
    job = wire.shell("exit 5", pool="wise", hold=True)
    inbox = cluster.root / ".lockside" / "inbox"
    for what in ("started", "ended"):
        (inbox / f"{job['id']}-1-0.{what}").mkdir()
    wire.call("job.release", id=job["id"])
    assert wire.done(job)["result"]["error"]["exitCode"] == 5


def test_a_stop_ends_the_whole_tree_and_the_runner_proves_it(cluster: Cluster, ear: Ear) -> None:
    wire = cluster.daemon.wire()
    job = wire.shell(f"trap '' TERM; setsid sleep 600 & echo $! > {ear.path}; sleep 600", pool="wise")
    stray = int(ear.hear())
    wire.call("job.terminate", id=job["id"])
    ended = wire.done(job)
    assert ended["status"] == "terminated"
    assert ended["killReport"]["proof"] in ("cgroup", "scan")
    assert not Path(f"/proc/{stray}").exists()


def test_a_refusal_of_the_engine_is_the_jobs_error(cluster: Cluster) -> None:
    cluster.behave(refuse="invalid partition: nowhere")
    wire = cluster.daemon.wire()
    ended = wire.done(wire.shell("true", pool="far"))
    assert of(ended, "status", "starts") == ("error", 0)
    assert of(ended["result"]["error"], "kind") == ("spawn",)
    assert "invalid partition: nowhere" in ended["message"]
    assert of(ended["remote"], "remoteState", "remoteReason") == ("REFUSED", "invalid partition: nowhere")
    assert "queued" not in ended["stageTimestamps"]


def test_a_killed_runner_is_lost_by_proof_of_the_engine_and_its_job_runs_again(
    cluster: Cluster, ear: Ear, place: Path
) -> None:
    wire = cluster.daemon.wire()
    job = wire.shell(f"echo $$ > {ear.path}; test -e {place}/again && exit 0; exec sleep 600", pool="wise")
    pid = int(ear.hear())
    (place / "again").touch()
    for runner in cluster.runners():
        os.kill(runner, signal.SIGKILL)
    wait_for_end(pid)
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("success", 2)


def test_a_start_that_no_executor_received_is_repeated_before_the_keeper_answers(cluster: Cluster) -> None:
    wire, keeper = cluster.daemon.wire(), cluster.daemon.keeper_pid()
    wire.done(wire.shell("true", pool="far"))
    os.kill(cluster.executor_pid(), signal.SIGSTOP)
    job = wire.shell("true", pool="far")
    wait_until(wire, job, lambda seen: seen["status"] == "processing")
    cluster.daemon.kill()
    cluster.kill_executor()
    os.kill(keeper, signal.SIGSTOP)
    cluster.daemon.start()
    wire = cluster.daemon.wire()
    while not {one["kind"]: one["isUp"] for one in wire.call("executor.list")["executors"]}["fake"]:
        pass  # each request takes a process
    os.kill(keeper, signal.SIGCONT)
    assert of(wire.done(job), "status", "starts") == ("success", 1)

"""Pools on HyperQueue: the engine of a plug-in, with a server and a worker started by the test."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from campaign.figures import in_long_form
from e2e.engines import holder_of
from e2e.harness import Daemon, short_folder
from e2e.processes import wait_for_end
from e2e.signs import Ear
from e2e.wire import Message, Wire, of, wait_until

pytestmark = [
    pytest.mark.skipif(find_spec("hyperqueue") is None, reason="HyperQueue is not installed"),
    pytest.mark.timeout(240),
]
SERVER = Path(__file__).resolve().parents[1] / "engines" / "hq_server.py"


class HyperQueue:
    """A server, the folder that its workers share with the daemon, and the daemon."""

    def __init__(self, folder: Path) -> None:
        self.server_dir = folder / "hq"
        self.root = folder / "shared"
        self.root.mkdir()
        self.daemon = Daemon(folder)
        self._process: subprocess.Popen[str] | None = None

    def start_server(self) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, str(SERVER), str(self.server_dir)]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        assert "up\n" in iter(self._process.stdout.readline, "")

    def kill_server(self) -> None:
        """Kill the server; the worker exits with it."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def put_pool(self, wire: Wire, pool: str = "hq", **options: Any) -> Message:
        given = {"workRoot": str(self.root), "serverDir": str(self.server_dir), "python": sys.executable}
        body = {"id": pool, "slots": 8, "executor": "hyperqueue", "options": {**given, **options}}
        put: Message = wire.call("pool.put", pool=body)
        return put

    def end(self) -> None:
        self.kill_server()
        self.daemon.stop()
        for path in self.daemon.state_dir.glob("executors/*.sock.lock"):
            os.kill(holder_of(path), 9)
        self.daemon.end()


@pytest.fixture(scope="module")
def cluster() -> Iterator[HyperQueue]:
    with short_folder() as folder:
        made = HyperQueue(folder)
        made.start_server()
        made.daemon.start()
        made.daemon.keeper_pid()
        made.put_pool(made.daemon.wire())
        yield made
        made.end()


@pytest.fixture
def wire(cluster: HyperQueue) -> Wire:
    return cluster.daemon.wire()


def test_a_job_runs_where_hyperqueue_puts_it_and_knows_its_task(wire: Wire) -> None:
    job = wire.shell("echo $HQ_JOB_ID.$HQ_TASK_ID; exit 3", pool="hq")
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert ended["result"]["error"]["exitCode"] == 3
    assert wire.text(job).strip() == ended["remote"]["schedulerJobId"].partition(".")[2]
    kinds = {one["kind"]: one for one in wire.call("executor.list")["executors"]}
    assert of(kinds["hyperqueue"], "isUp", "capabilities") == (True, ["queue", "pause", "nodes"])


def test_many_jobs_that_start_at_once_become_tasks_of_a_few_hyperqueue_jobs(wire: Wire) -> None:
    jobs = [wire.shell("exit 0", pool="hq") for _ in range(5)]
    assert {wire.done(job)["status"] for job in jobs} == {"success"}
    submissions = {wire.get(job["id"])["remote"]["schedulerJobId"].split(".")[1] for job in jobs}
    assert len(submissions) < len(jobs)


@in_long_form
def test_hyperqueue_passes_the_suite_that_every_executor_must_pass(cluster: HyperQueue) -> None:
    command = [sys.executable, "-m", "locksided.executors.check", "hyperqueue", str(cluster.root)]
    command += ["--option", f"python={sys.executable}", "--option", f"serverDir={cluster.server_dir}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_job_that_waits_for_a_worker_starts_on_a_restarted_server(cluster: HyperQueue, wire: Wire) -> None:
    cluster.kill_server()
    job = wire.shell("exit 0", pool="hq")
    wait_until(wire, job, lambda view: view["stage"] == "submitting")
    cluster.start_server()
    assert of(wire.done(job), "status", "starts") == ("success", 1)


def test_nothing_of_a_run_outlives_its_killed_runner(wire: Wire, ear: Ear) -> None:
    job = wire.shell(f"setsid sh -c 'echo $$ > {ear.path}; exec sleep 600' & sleep 600", pool="hq")
    stray = int(ear.hear())
    program = wait_until(wire, job, lambda view: view["process"]["pid"] is not None)["process"]["pid"]
    runner = int(Path(f"/proc/{program}/stat").read_text().split()[3])
    os.kill(runner, signal.SIGKILL)
    wait_for_end(stray)


def test_an_invalid_amount_of_a_resource_is_refused_with_its_path(cluster: HyperQueue, wire: Wire) -> None:
    refusal = wire.refused(
        "pool.put",
        pool={
            "id": "other",
            "slots": 1,
            "executor": "hyperqueue",
            "options": {"workRoot": str(cluster.root), "resources": {"gpus": 0}},
        },
    )
    assert refusal.error["data"]["path"] == "$.pool.options.resources.gpus"

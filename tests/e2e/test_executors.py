"""Pools whose jobs run on other machines: from request to result, through a faulty engine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campaign.figures import LONG, in_long_form
from e2e.conftest import needs_root
from e2e.engines import Cluster, a_cluster
from e2e.people import ANNA, OPERATORS, Person
from e2e.wire import Wire, of, put_component, wait_until


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with a_cluster() as made:
        yield made


def test_a_job_runs_where_the_engine_says_and_its_result_and_log_are_here(cluster: Cluster) -> None:
    wire = cluster.daemon.wire()
    cluster.put_pool(wire)
    job = wire.shell("echo hello; echo oops >&2; exit 3", pool="far")
    ended = wire.done(job)
    assert of(ended, "status", "starts", "pool") == ("error", 1, "far")
    assert ended["result"]["error"]["exitCode"] == 3
    assert ended["workPath"].startswith(f"{cluster.root}/")
    assert wire.text(job) == "hello\noops\n"


@pytest.mark.parametrize(
    ("pool", "path", "says"),
    [
        ({"executor": "nomad"}, "$.pool.executor", "there is no executor 'nomad'"),
        ({"executor": "broken"}, "$.pool.executor", "the plug-in is broken"),
        ({"options": {"partition": "x"}}, "$.pool.options", "local takes none"),
        ({"executor": "fake", "options": {}}, "$.pool.options.workRoot", "required"),
        (
            {"executor": "fake", "options": {"workRoot": "/tmp", "queue": "x"}},
            "$.pool.options.queue",
            "queue",
        ),
        (
            {"executor": "fake", "options": {"workRoot": "/tmp", "partition": 1}},
            "$.pool.options.partition",
            "string",
        ),
        ({"executor": "fake", "options": {"workRoot": "/proc"}}, "$.pool.options.workRoot", "cannot be used"),
        ({"executor": "fake", "options": {"workRoot": "/tmp/no/such"}}, "$.pool.options.workRoot", "make it"),
        ({"executor": "fake", "options": {"workRoot": "here"}}, "$.pool.options.workRoot", "absolute"),
        (
            {"executor": "fake", "options": {"workRoot": "/tmp"}, "backends": {"big": {"options": {"a": 1}}}},
            "$.pool.backends.big.options.a",
            "a",
        ),
        (
            {"executor": "fake", "options": {"workRoot": "/tmp"}, "backends": {"big": {"nodes": 2}}},
            "$.pool.backends.big.nodes",
            "one machine",
        ),
    ],
)
def test_a_fault_in_the_executor_of_a_pool_is_refused_with_its_path(
    cluster: Cluster, pool: dict[str, Any], path: str, says: str
) -> None:
    refusal = cluster.daemon.wire().refused("pool.put", pool={"id": "far", "slots": 1, **pool})
    assert of(refusal.error["data"], "kind", "path") == ("invalid", path)
    assert says in str(refusal)


def test_executor_kinds_are_listed_with_their_capabilities_and_problems(
    cluster: Cluster,
) -> None:
    wire = cluster.daemon.wire()
    cluster.put_pool(wire)
    wire.done(wire.shell("true", pool="far"))
    found = {one["kind"]: one for one in wire.call("executor.list")["executors"]}
    assert {"local", "slurm", "fake", "broken"} <= set(found)
    assert of(found["fake"], "isUp", "version", "capabilities") == (True, "1.0", ["queue", "pause"])
    assert (found["fake"]["engine"], found["slurm"]["engine"]) == ("fake", None)
    assert found["slurm"]["isUp"] is False
    assert found["local"].keys() == found["slurm"].keys()
    assert "the plug-in is broken" in found["broken"]["cause"]


def test_a_request_for_several_machines_is_refused_in_a_pool_that_gives_one(cluster: Cluster) -> None:
    wire = cluster.daemon.wire()
    cluster.put_pool(wire)
    _refuses_two_machines(wire)


def _refuses_two_machines(wire: Wire) -> None:
    refusal = wire.refused(
        "job.create",
        component="lockside.command",
        pools=["far", "default"],
        limits={"nodes": 2},
        configData={"parameters": {"command": ["true"]}},
    )
    assert of(refusal.error["data"], "kind", "path") == ("invalid", "$.limits.nodes")
    assert "'far'" in str(refusal)


def test_a_pause_is_refused_when_the_executor_cannot_pause(cluster: Cluster) -> None:
    wire = cluster.daemon.wire()
    cluster.put_pool(wire, "unpausing", "stiff")
    job = wire.shell("sleep 600", pool="stiff")
    wait_until(wire, job, lambda view: view["status"] == "processing")
    refusal = wire.refused("job.pause", id=job["id"])
    assert of(refusal.error["data"], "kind") == ("disabled",)
    assert "cannot pause" in str(refusal)
    wire.call("job.terminate", id=job["id"])
    wire.done(job)


@pytest.mark.parametrize("kind", [pytest.param("fake", marks=in_long_form), "fakewise"])
def test_a_third_party_executor_passes_the_suite(cluster: Cluster, kind: str) -> None:
    done = cluster.check(kind, *([] if LONG else ["--without", "killed"]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ok  ") == (8 if LONG else 7)


@needs_root
@in_long_form
def test_an_executor_passes_the_suite_on_a_disk_that_fills_up(cluster: Cluster) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32M", "none", str(cluster.root)], check=True)
    try:
        done = cluster.check("fakewise", "--without", "killed")
    finally:
        subprocess.run(["umount", "-l", str(cluster.root)], check=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok  a full disk loses nothing" in done.stdout


def test_the_suite_reports_what_a_faulty_executor_breaks(cluster: Cluster) -> None:
    cluster.behave(refuse="no")
    done = cluster.check("fake", "--only", "ends_as")
    cluster.behave()
    assert done.returncode == 1
    assert "no  a run ends as it does" in done.stdout


def test_under_a_service_manager_the_daemon_starts_no_executor(place: Path) -> None:
    with a_cluster(LOCKSIDE_KEEPER__EXECUTORS=str(place)) as cluster:
        wire = cluster.daemon.wire()
        cluster.put_pool(wire)
        job = wire.shell("exit 4", pool="far")
        assert "fake.sock" in wire.explain(job)[0]["cause"]
        command = [sys.executable, "-m", "locksided.executors", "fake", "--socket", str(place / "fake.sock")]
        environment = {**os.environ, **cluster.daemon.settings}
        with subprocess.Popen([*command, "--state", str(place / "fake")], env=environment) as executor:
            assert wire.done(job)["result"]["error"]["exitCode"] == 4
            executor.terminate()
        cluster.daemon.kill()
        cluster.daemon.start()
        _refuses_two_machines(cluster.daemon.wire())
        assert not list(cluster.daemon.state_dir.glob("executors/*.sock"))


@needs_root
def test_a_job_of_another_user_runs_as_that_user_on_other_machines_too() -> None:
    with a_cluster(LOCKSIDE_ACCESS__OPERATOR_GROUPS=str(OPERATORS)) as cluster:
        cluster.daemon.state_dir.chmod(0o711)
        cluster.daemon.socket.chmod(0o666)
        wire = cluster.daemon.wire()
        cluster.put_pool(wire)
        shell = {"parameters": {"shell": "id -u; exit 6"}}
        anna = Person(cluster.daemon, ANNA, OPERATORS)
        job = anna.call("job.create", component="lockside.command", pool="far", configData=shell)
        ended = wire.done(job["id"])
        assert of(ended, "status", "starts") == ("error", 1)
        assert (ended["result"]["error"]["exitCode"], wire.text(job)) == (6, f"{ANNA}\n")


@pytest.mark.parametrize(("seconds", "submitted"), [(60, ["0"]), (0, ["0", "1"])])
def test_a_following_step_of_a_row_reuses_the_machine_of_the_previous_one(
    cluster: Cluster, seconds: int, submitted: list[str]
) -> None:
    wire = cluster.daemon.wire()
    cluster.put_pool(wire, stepSeconds=seconds)
    put_component(wire, "acme.first", shell="echo one > $KBC_DATADIR/out/files/a; echo $$")
    put_component(wire, "acme.then", shell="cat $KBC_DATADIR/in/files/a; umask", type="processor")
    body = {"parameters": {}, "processors": {"after": [{"definition": {"component": "acme.then"}}]}}
    job = wire.done(wire.create("acme.first", pool="far", configData=body))
    assert job["status"] == "success", job["message"]
    assert wire.text(job).splitlines()[1:] == ["one", "0022"]
    tokens = (cluster.jobs / "submissions").read_text().split()
    steps = [token.split("-")[2] for token in tokens if token.startswith(f"{job['id']}-")]
    assert steps == submitted
    told = job["remote"]
    assert told["schedulerJobId"] is not None
    assert told["remoteSubmitted"] < told["remoteStarted"] < told["remoteEnded"]

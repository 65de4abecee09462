"""A stop ends all processes of a job, however they tried to escape; a pipeline fails if a side fails."""

import sys
from collections.abc import Callable, Iterator

import pytest

from e2e.harness import Daemon, running
from e2e.processes import is_alive
from e2e.signs import Ear
from e2e.wire import Wire, connected, put_component, until_running, wait_until

AWAY = r"""
import os, signal, sys, time
ear, stubborn = sys.argv[1], sys.argv[2] == "stubborn"
def tell():
    with open(ear, "w") as pipe:
        pipe.write(f"{os.getpid()}\n")
def live():
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell()
    while True:
        time.sleep(60)
def fork_only():
    if os.fork() == 0:
        live()
def set_sid():
    if os.fork() == 0:
        os.setsid()
        live()
def daemonise():
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            live()
        os._exit(0)
    os.waitpid(middle, 0)
fork_only(); set_sid(); daemonise()
live()
"""


@pytest.fixture(scope="module", params=["cgroup", "scan"])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A daemon whose keeper uses cgroups, and one whose keeper must do without them."""
    settings = {} if request.param == "cgroup" else {"LOCKSIDE_KEEPER__CGROUPS": "off"}
    with running(**settings) as one:
        with Wire(one.socket) as wire:
            if connected(wire)["killsBy"] != request.param:
                pytest.skip("no cgroups can be made here")
        yield one


def proof(wire: Wire) -> str:
    kills_by: str = connected(wire)["killsBy"]
    return kills_by


@pytest.mark.parametrize("kind", ["gentle", "stubborn"])
def test_processes_that_daemonise_into_new_sessions_are_gone_after_terminate(
    wire: Wire, ear: Ear, kind: str
) -> None:
    argv = [sys.executable, "-I", "-S", "-c", AWAY, str(ear.path), kind]
    job = wire.create(configData={"parameters": {"command": argv}}, lockKey=f"tree-{kind}")
    pids = {int(ear.hear()) for _ in range(4)}
    behind = wire.shell("true", lockKey=f"tree-{kind}")
    asked = wire.call("job.terminate", id=job["id"])
    assert (asked["status"], asked["desiredStatus"]) == ("terminating", "terminating")
    ended = wire.done(job)
    assert [pid for pid in pids if is_alive(pid)] == []
    assert ended["status"] == "terminated"
    report = ended["killReport"]
    assert report["proof"] == proof(wire)
    assert pids <= {process["pid"] for process in report["processes"]}
    for process in report["processes"]:
        assert process.keys() == {"pid", "name", "signal", "time"}
    if kind == "stubborn":
        assert 9 in {process["signal"] for process in report["processes"]}
    seconds = ended["durationSeconds"]
    assert seconds < 8, "the grace period of the settings is one second"
    assert wire.done(behind)["startTime"] >= ended["endTime"], "the lock was free while a process was alive"


def test_a_second_terminate_returns_the_job_unchanged(wire: Wire, ear: Ear) -> None:
    argv = [sys.executable, "-I", "-S", "-c", AWAY, str(ear.path), "stubborn"]
    job = wire.create(configData={"parameters": {"command": argv}})
    for _ in range(4):
        ear.hear()
    wire.call("job.terminate", id=job["id"])
    events = len(wire.events(job))
    assert wire.call("job.terminate", id=job["id"])["status"] == "terminating"
    assert len(wire.events(job)) == events
    ended = wire.done(job)
    again = wire.call("job.terminate", id=job["id"])
    assert again == ended


def test_processes_that_outlive_their_leader_are_stopped_before_the_job_is_final(
    wire: Wire, ear: Ear
) -> None:
    text = f"(trap '' HUP; echo $BASHPID > {ear.path}; exec sleep 600) >/dev/null 2>&1 &"
    text += " setsid -f sleep 601; exit 0"
    argv = ["bash", "-c", text]
    job = wire.create(configData={"parameters": {"command": argv}})
    pid = int(ear.hear())
    ended = wire.done(job)
    assert ended["status"] == "success"
    assert not is_alive(pid)


def test_leftovers_can_be_waited_for_instead(wire: Wire, ear: Ear, place: object) -> None:
    text = f"(read line < {place}/go; echo done > {ear.path}) >/dev/null 2>&1 & exit 0"
    put_component(
        wire, "acme.waits", command=["bash", "-c", f"mkfifo {place}/go; echo up > {ear.path}; {text}"]
    )
    stored = wire.call("component.get", id="acme.waits")
    wire.call(
        "component.put", component={"id": "acme.waits", "command": stored["command"], "leftovers": "wait"}
    )
    job = wire.create("acme.waits")
    assert ear.hear() == "up"
    assert wire.call("job.wait", id=job["id"], timeoutSeconds=1)["status"] == "processing"
    with open(f"{place}/go", "w") as pipe:
        pipe.write("go\n")
    assert ear.hear() == "done"
    assert wire.done(job)["status"] == "success"


@pytest.mark.parametrize(
    ("pipeline", "status", "code"),
    [
        ([["sh", "-c", "echo a; exit 3"], ["cat"]], "error", 3),
        ([["sh", "-c", "echo a"], ["sh", "-c", "cat; exit 4"]], "error", 4),
        ([["sh", "-c", "echo a; exit 3"], ["sh", "-c", "cat; exit 4"]], "error", 3),
        ([["yes"], ["head", "-n", "1"]], "success", 0),
        ([["echo", "a"], ["cat"], ["cat"]], "success", 0),
    ],
)
def test_a_pipeline_fails_when_any_side_fails_except_by_a_broken_pipe(
    wire: Wire, pipeline: list[list[str]], status: str, code: int
) -> None:
    put_component(wire, "acme.pipeline", pipeline=pipeline, exitCodes={"success": [0], "userError": []})
    ended = wire.done(wire.create("acme.pipeline"))
    assert (ended["status"], ended["process"]["exitCode"]) == (status, code)
    if status == "error":
        error = ended["result"]["error"]
        assert (error["type"], error["kind"], error["exitCode"]) == ("application", "exit", code)


def test_a_paused_job_can_be_stopped(wire: Wire) -> None:
    job = wire.shell("sleep 600")
    until_running(wire, job)
    wire.call("job.pause", id=job["id"])
    wire.call("job.terminate", id=job["id"])
    assert wire.done(job)["status"] == "terminated"


def test_a_time_limit_stops_the_whole_tree(wire: Wire, ear: Ear) -> None:
    argv = [sys.executable, "-I", "-S", "-c", AWAY, str(ear.path), "stubborn"]
    job = wire.create(configData={"parameters": {"command": argv}}, limits={"timeoutSeconds": 1})
    pids = {int(ear.hear()) for _ in range(4)}
    ended = wire.done(job)
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "timeout")
    assert [pid for pid in pids if is_alive(pid)] == []


def test_no_stop_affects_another_job(wire: Wire, ear: Ear, fresh: Callable[..., Daemon]) -> None:
    beside = wire.shell(f"echo up > {ear.path}; exec sleep 600")
    assert ear.hear() == "up"
    argv = [sys.executable, "-I", "-S", "-c", AWAY, str(ear.path), "stubborn"]
    job = wire.create(configData={"parameters": {"command": argv}})
    for _ in range(4):
        ear.hear()
    wire.call("job.terminate", id=job["id"])
    wire.done(job)
    view = wait_until(wire, beside, lambda one: one["process"]["pid"] is not None)
    assert is_alive(view["process"]["pid"])
    wire.call("job.terminate", id=beside["id"])
    wire.done(beside)

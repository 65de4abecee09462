"""The units under a real systemd: readiness, watchdog, sockets, restarts with jobs running, stop, journal.

LOCKSIDE_TEST_SYSTEMD=1 runs them; `machine` describes how they are isolated from this machine.
"""

import json
import os
import select
import signal
import threading

import pytest

from e2e.processes import PATIENCE_SECONDS
from e2e.wire import Message, Refusal, Wire, of, until_running
from systemd.conftest import SOCKET, DropIns, Latch
from systemd.machine import Machine

DAEMON, KEEPER = "lockside.service", "lockside-keeper@a.service"


def died(pid: int, number: int) -> None:
    """Signal a process and wait for its end."""
    ended = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(ended, number)
        assert select.select([ended], [], [], PATIENCE_SECONDS)[0], f"{pid} lives on"
    finally:
        os.close(ended)


def ended(machine: Machine, job: Message) -> Message:
    """Return the job when it is final, queried over a separate connection."""
    with Wire(machine.path(SOCKET)) as wire:
        return wire.done(job)


def test_the_units_are_up_and_ready(machine: Machine, wire: Wire) -> None:
    for unit in ("lockside.socket", "lockside-keeper@a.socket", "lockside-keeper@b.socket", DAEMON):
        assert machine.property(unit, "ActiveState") == "active"
    assert machine.property(DAEMON, "Type") == "notify"
    status = wire.call("daemon.status")
    assert status["pid"] == int(machine.property(DAEMON, "MainPID"))
    path = machine.path(SOCKET)
    assert oct(path.stat().st_mode & 0o777) == "0o660"


def test_jobs_run_in_the_unit_of_the_keeper_each_in_its_own_cgroup(machine: Machine, wire: Wire) -> None:
    job = wire.done(wire.shell("cat /proc/self/cgroup; id -un; exec 2>&1; touch /tmp/x && echo free"))
    said = wire.text(job)
    own = next(line for line in said.splitlines() if line.startswith("0::"))
    assert own.startswith("0::/system.slice/")
    assert f"/{KEEPER}/lockside-" in own
    assert job["process"]["startToken"] in own
    assert "lockside\nfree\n" in said
    stopped = wire.shell("setsid sleep 600 & sleep 601")
    until_running(wire, stopped)
    wire.call("job.terminate", id=stopped["id"])
    assert wire.done(stopped)["killReport"]["proof"] == "cgroup"


@pytest.mark.parametrize("how", ["restart", "stop and start", "SIGKILL", "SIGABRT"])
def test_a_job_outlives_its_daemon_and_its_exit_code_is_known(
    machine: Machine, wire: Wire, latch: Latch, how: str
) -> None:
    job = wire.shell(f"{latch.text}; exit 7")
    pid = until_running(wire, job)["process"]["pid"]
    before = machine.property(DAEMON, "MainPID")
    match how:
        case "restart":
            machine.run("systemctl", "restart", DAEMON)
        case "stop and start":
            machine.run("systemctl", "stop", "lockside.socket", DAEMON)
            assert of({"state": machine.property(DAEMON, "Result")}, "state") == ("success",)
            latch.open()
            machine.run("systemctl", "start", "lockside.socket", DAEMON)
        case _:
            died(machine.pid(DAEMON), getattr(signal, how))
    with Wire(machine.path(SOCKET)) as again:
        assert str(again.call("daemon.status")["pid"]) != before
        if how != "stop and start":
            assert again.get(job["id"])["process"]["pid"] == pid
            latch.open()
        final = again.done(job)
    assert of(final, "status", "starts") == ("error", 1)
    assert final["process"]["exitCode"] == 7


def test_no_connection_is_refused_while_the_daemon_restarts(machine: Machine) -> None:
    over = threading.Event()
    counts = {"connected": 0, "answered": 0}
    refused: list[OSError] = []

    def connect() -> None:
        while not over.is_set():
            try:
                with Wire(machine.path(SOCKET)) as wire:
                    counts["connected"] += 1
                    wire.call("daemon.status")
                    counts["answered"] += 1
            except ConnectionRefusedError as error:
                refused.append(error)
            except (ConnectionError, Refusal):
                continue  # accepted by the old daemon: it hung up, or said that it is stopping
            except OSError as error:
                refused.append(error)

    callers = [threading.Thread(target=connect) for _ in range(4)]
    for caller in callers:
        caller.start()
    try:
        for _ in range(3):
            machine.run("systemctl", "restart", DAEMON)
    finally:
        over.set()
        for caller in callers:
            caller.join()
    assert refused == []
    assert counts["answered"] > 3


def test_a_daemon_that_hangs_is_killed_and_restarted(
    machine: Machine, latch: Latch, drop_in: DropIns
) -> None:
    drop_in.write(DAEMON, "WatchdogSec=2")
    machine.run("systemctl", "restart", DAEMON)
    with Wire(machine.path(SOCKET)) as wire:
        job = wire.shell(f"{latch.text}; exit 5")
        until_running(wire, job)
    died(machine.pid(DAEMON), signal.SIGSTOP)
    latch.open()
    assert ended(machine, job)["process"]["exitCode"] == 5
    assert "watchdog" in machine.run("journalctl", "-u", DAEMON, "-o", "cat").lower()


@pytest.mark.parametrize("unit", [DAEMON, KEEPER])
def test_a_service_killed_repeatedly_is_restarted_every_time(machine: Machine, wire: Wire, unit: str) -> None:
    wire.done(wire.shell("true"))
    for _ in range(7):
        died(machine.pid(unit), signal.SIGKILL)
        with Wire(machine.path(SOCKET)) as again:
            assert again.done(again.shell("true"))["status"] == "success"


def test_the_socket_starts_the_daemon_and_the_daemon_the_keeper(machine: Machine) -> None:
    machine.run("systemctl", "stop", DAEMON, KEEPER)
    assert machine.property(KEEPER, "ActiveState") == "inactive"
    with Wire(machine.path(SOCKET)) as wire:
        assert wire.text(wire.done(wire.shell("echo up"))) == "up\n"
    assert [machine.property(unit, "ActiveState") for unit in (DAEMON, KEEPER)] == ["active"] * 2


def test_reload_reloads_the_access_settings(machine: Machine, wire: Wire) -> None:
    pid = machine.property(DAEMON, "MainPID")
    settings = machine.path("/etc/lockside/conf.d/access.toml")
    settings.write_text('[access]\ndefault_role = "viewer"\n')
    machine.run("systemctl", "reload", DAEMON)
    assert machine.property(DAEMON, "MainPID") == pid
    journal = machine.run("journalctl", "-u", DAEMON, "-o", "json", "-n", "50")
    said = [json.loads(line) for line in journal.splitlines()]
    assert {one["PRIORITY"] for one in said if "read the settings again" in one["MESSAGE"]} == {"6"}
    settings.write_text("[access]\nwrong = 1\n")
    machine.run("systemctl", "reload", DAEMON)
    assert wire.call("daemon.status")["version"], "invalid settings do not end the daemon"
    settings.unlink()
    machine.run("systemctl", "reload", DAEMON)
    wire.call("daemon.status")
    journal = machine.run("journalctl", "-u", DAEMON, "-o", "json", "-n", "50", "-p", "err")
    errors = [json.loads(line) for line in journal.splitlines()]
    assert [one["PRIORITY"] for one in errors if "not as they should be" in one["MESSAGE"]] == ["3"]


def test_stopping_the_unit_of_the_keeper_stops_jobs_as_a_shutdown_does(machine: Machine) -> None:
    with Wire(machine.path(SOCKET)) as wire:
        lost = wire.shell("trap 'exit 0' TERM; sleep 600 & wait", onLost="error")
        mark = "/var/lib/lockside-test/again"
        again = wire.shell(f"test -e {mark} && exit 0; touch {mark}; echo up; exec sleep 600")
        until_running(wire, lost)
        assert wire.call("job.log", id=again["id"], waitSeconds=60)["frames"][0]["text"] == "up\n"
        machine.run("systemctl", "stop", KEEPER)
        final = wire.done(lost)
        assert of(final, "status", "starts") == ("error", 1)
        assert final["result"]["error"]["kind"] == "lost"
        assert of(wire.done(again), "status", "starts") == ("success", 2)
    assert machine.property(KEEPER, "Result") == "success"


def test_under_a_daemon_of_root_jobs_run_as_their_submitters(machine: Machine, drop_in: DropIns) -> None:
    machine.run("useradd", "--create-home", "--groups", "lockside", "anna")
    unit = machine.path(f"/etc/systemd/system/{DAEMON}").read_text()
    as_root = "User=root\nGroup=root\n"
    narrow = [line[3:].strip() for line in unit.splitlines() if line.startswith("#   ")]
    capabilities = "\n".join(line for line in narrow if line.startswith(("Capab", "Ambient", "SystemCall")))
    drop_in.write(DAEMON, as_root + capabilities)
    drop_in.write(KEEPER, as_root)
    machine.run("systemctl", "stop", KEEPER)
    machine.run("systemctl", "restart", DAEMON)
    asked = [
        "runuser",
        "-u",
        "anna",
        "--",
        "/opt/lockside/bin/lockside",
        "run",
        "--follow",
        "--",
        "id",
        "-un",
    ]
    assert "anna" in machine.run(*asked).splitlines()
    with Wire(machine.path(SOCKET)) as wire:
        manifest = {"id": "acme.who", "shell": "id -un; echo x > $KBC_DATADIR/out/files/x"}
        wire.call("component.put", component=manifest)
        said = machine.run(
            "runuser", "-u", "anna", "--", "/opt/lockside/bin/lockside", "run", "-d", "acme.who"
        )
        final = wire.done(said.split()[-1])
        assert of(final, "status", "message") == ("success", "Component processing finished.")
        assert wire.text(final) == "anna\n"
        assert [one["name"] for one in final["result"]["output"]["files"]] == ["x"]

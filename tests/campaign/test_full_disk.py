"""A disk that is really full, without inodes, or read-only: accepted jobs stay, the daemon reports the fault,
does nothing that it could not save, and recovers by itself.
"""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from campaign.faults import alive_for, until_logged
from campaign.places import Disk, daemon_on, unmountable
from e2e.signs import Ear, Gate
from e2e.wire import Message, Refusal, Wire, of, until_running

pytestmark = pytest.mark.skipif(unmountable() is not None, reason=str(unmountable()))

PADDING = "x" * 20_000


def fill_by_creating(wire: Wire, disk: Disk) -> tuple[list[Message], Refusal]:
    """Create jobs until one is refused; returns the accepted jobs and the refusal."""
    accepted = [wire.shell("true", hold=True)]
    disk.fill()
    while True:
        try:
            accepted.append(wire.shell(f"true # {len(accepted)} {PADDING}", hold=True))
        except Refusal as refusal:
            return accepted, refusal


@contextmanager
def watched_closely(disk: Disk) -> Iterator[None]:
    """Meanwhile ask for the status five times a second, as a monitor may."""
    over = threading.Event()

    def ask() -> None:
        with Wire(disk.daemon.socket) as wire:
            while not over.wait(0.2):
                wire.call("daemon.status")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


def test_a_full_disk_is_reported_and_survived_and_nothing_accepted_is_lost(gate: Gate, ear: Ear) -> None:
    with daemon_on("size=2m") as disk:
        wire = disk.daemon.wire()
        running = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 7")
        assert ear.hear() == "up"
        until_running(wire, running)
        accepted, refusal = fill_by_creating(wire, disk)
        assert refusal.kind == "unavailable"
        assert "full" in refusal.error["message"]
        store = wire.call("daemon.status")["store"]
        assert store["isWritable"] is False
        assert "full" in store["cause"]
        assert "store_unavailable" in wire.kinds(accepted[0])
        assert wire.refused("job.terminate", id=running["id"]).kind == "unavailable"
        assert wire.get(running["id"])["status"] == "processing", "reads go on"
        (problem,) = [one for one in wire.call("daemon.check")["problems"] if one["kind"] == "store"]
        assert "full" in problem["message"]
        assert wire.refused("daemon.backup").kind == "unavailable"
        assert list((disk.path / "backups").glob("*")) == [], "half a backup was left"
        gate.open()  # it ends while nothing can be saved
        with watched_closely(disk):
            disk.free()
            ended = wire.done(running)
        assert (ended["status"], ended["process"]["exitCode"], ended["starts"]) == ("error", 7, 1)
        assert wire.call("daemon.status")["store"]["isWritable"] is True
        assert wire.done(wire.shell("true"))["status"] == "success"
        kept = {job["id"] for job in wire.call("job.list", limit=1000, status=["created"])["jobs"]}
        assert kept == {job["id"] for job in accepted}
        assert [one["kind"] for one in wire.call("daemon.check")["problems"]] == ["disk"], "it is a small one"


def test_a_daemon_killed_with_a_full_disk_starts_again(gate: Gate) -> None:
    with daemon_on("size=2m") as disk:
        wire = disk.daemon.wire()
        running = wire.shell(f"{gate.text}; exit 7")
        until_running(wire, running)
        accepted, _ = fill_by_creating(wire, disk)
        daemon = disk.daemon
        assert daemon.process is not None
        keeper = daemon.keeper_pid()
        daemon.kill()
        gate.open()
        daemon.start(before=["nsenter", "-t", str(keeper), "-m"])
        wire = daemon.wire()
        assert {job["id"] for job in accepted} == {
            job["id"] for job in wire.call("job.list", limit=1000, status=["created"])["jobs"]
        }
        disk.free()
        assert wire.done(running)["process"]["exitCode"] == 7
        assert wire.done(wire.shell("true"))["status"] == "success"


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    with daemon_on("size=2m", log="daemon.log") as disk:
        wire = disk.daemon.wire()
        fill_by_creating(wire, disk)
        log = disk.path / "daemon.log"
        assert log.stat().st_size, "it logs elsewhere: the test shows nothing"
        assert "full" in wire.call("daemon.status")["store"]["cause"]
        with watched_closely(disk):
            disk.free()
            until_writable(disk)
        assert wire.done(wire.shell("true"))["status"] == "success"


def until_writable(disk: Disk) -> None:
    with Wire(disk.daemon.socket) as wire:
        while not wire.call("daemon.status")["store"]["isWritable"]:
            alive_for(disk.daemon, 0.05)


def test_a_daemon_that_cannot_start_because_the_disk_is_full_says_so_and_starts_when_it_is_not() -> None:
    with daemon_on("size=2m") as disk:
        daemon = disk.daemon
        job = daemon.wire().shell("true", hold=True)
        place = ["nsenter", "-t", str(daemon.keeper_pid()), "-m"]
        daemon.stop()
        ballast = f"head -c 9000000 /dev/zero > {disk.mount}/ballast"
        subprocess.run([*place, "sh", "-c", ballast], check=False, stderr=subprocess.DEVNULL)
        assert daemon.spawn(before=place).wait(20) == 1
        assert f"the disk of {disk.mount} is full: make room there" in daemon.stderr().splitlines()[-1]
        subprocess.run([*place, "rm", f"{disk.mount}/ballast"], check=True)
        daemon.start(before=place)
        wire = daemon.wire()
        wire.call("job.release", id=job["id"])
        assert wire.done(job)["status"] == "success"


def test_without_inodes_no_job_starts_and_the_reason_says_so_until_there_are_some() -> None:
    with daemon_on("size=8m,nr_inodes=200") as disk:
        wire = disk.daemon.wire()
        disk.fill_inodes()
        job = wire.shell("true")
        reason = no_executor(wire, job)
        assert "No space left" in reason["cause"]
        assert of(wire.get(job["id"]), "status", "starts") == ("created", 0)
        disk.free()
        assert of(wire.done(job), "status", "starts") == ("success", 1)


def test_jobs_end_with_their_exit_code_although_their_folders_cannot_be_written(gate: Gate, ear: Ear) -> None:
    with daemon_on("size=8m", "runs", LOCKSIDE_POOLS__DEFAULT__SLOTS="2") as disk:
        wire = disk.daemon.wire()
        running = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 7")
        assert ear.hear() == "up"
        until_running(wire, running)
        disk.remount("ro")
        queued = wire.shell("true")
        reason = no_executor(wire, queued)
        assert "Read-only" in reason["cause"]
        gate.open()
        until_logged(disk.daemon, "cannot be concluded")
        with watched_closely(disk):
            disk.remount("rw")
            assert of(wire.done(queued), "status", "starts") == ("success", 1)
            ended = wire.done(running)
        assert (ended["status"], ended["process"]["exitCode"], ended["starts"]) == ("error", 7, 1)


def no_executor(wire: Wire, job: Message) -> Message:
    """Wait for the reason `no_executor` of a job that could not be started."""
    number = wire.call("event.subscribe", job=job["id"])["subscription"]
    try:
        while True:
            found = [one for one in wire.explain(job) if one["kind"] == "no_executor"]
            if found:
                return found[0]
            wire.notice()
    finally:
        wire.call("event.unsubscribe", subscription=number)

"""The daemon's own files are removed, renamed or replaced under it: nothing that it accepted is lost."""

import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from campaign.faults import alive_for, until_logged
from campaign.places import Disk, daemon_on, unmountable
from e2e.harness import Daemon, running
from e2e.processes import PATIENCE_SECONDS, PLAIN
from e2e.signs import Ear, Gate
from e2e.wire import Message, Wire, of, until_running

LOOKED_AT_AGAIN_SECONDS = 0.06
"""While there are many commits, the daemon looks at the files at this interval."""
FILES = ("lockside.db", "lockside.db-wal", "lockside.db-shm")


@pytest.fixture
def daemon(place: Path) -> Iterator[Daemon]:
    """A daemon whose socket is not in its state folder."""
    with running(LOCKSIDE_DAEMON__SOCKET=str(place / "lockside.sock")) as one:
        yield one


@pytest.fixture
def wire(daemon: Daemon) -> Wire:
    return daemon.wire()


def refused(daemon: Daemon, wire: Wire) -> Message:
    """Return the refusal of a job, after the daemon had time to notice what happened."""
    alive_for(daemon, LOOKED_AT_AGAIN_SECONDS)
    refusal = wire.refused(
        "job.create", component="lockside.command", configData={"parameters": {"shell": "true"}}
    )
    assert refusal.kind == "unavailable"
    return refusal.error


def until_writable(daemon: Daemon, wire: Wire) -> None:
    while not wire.call("daemon.status")["store"]["isWritable"]:
        alive_for(daemon, 0.05)


def stored(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as database:
        return [job_id for (job_id,) in database.execute("SELECT id FROM jobs ORDER BY id")]


# -- the database


def test_the_size_of_the_store_includes_the_database_and_its_log(daemon: Daemon, wire: Wire) -> None:
    wire.done(wire.shell("true"))
    told = wire.call("daemon.status")["store"]["sizeBytes"]
    main, log = ((daemon.state_dir / name).stat().st_size for name in ("lockside.db", "lockside.db-wal"))
    assert log > 0
    assert told == main + log


def test_a_removed_database_is_reported_and_its_content_can_be_saved_and_restored(
    daemon: Daemon, wire: Wire, place: Path
) -> None:
    jobs = [wire.done(wire.shell("true")), *(wire.shell("true", hold=True) for _ in range(3))]
    for name in FILES:
        (daemon.state_dir / name).unlink()
    error = refused(daemon, wire)
    assert f"{daemon.state_dir / 'lockside.db'} was removed" in error["message"]
    assert "put the former file back" in error["message"]
    assert "store_unavailable" in wire.kinds(jobs[-1])
    assert of(wire.call("daemon.status")["store"], "isWritable", "sizeBytes") == (False, 0)
    (problem,) = [one for one in wire.call("daemon.check")["problems"] if one["kind"] == "store"]
    assert "was removed" in problem["message"]
    assert "lockside backup" in problem["repair"]
    copy = place / "rescued.db"
    wire.call("daemon.backup", path=str(copy))
    daemon.stop()
    assert daemon.spawn().wait(PATIENCE_SECONDS) == 1
    assert "lockside.db is gone, but" in daemon.stderr()
    restore = [*daemon.program, "--state-dir", str(daemon.state_dir), "--restore", str(copy)]
    subprocess.run(restore, check=True, env=PLAIN, capture_output=True)
    listed = daemon.start().wire().call("job.list", order="asc")["jobs"]
    assert [job["id"] for job in listed][-len(jobs) :] == [job["id"] for job in jobs]


def test_a_renamed_state_folder_stops_all_but_running_jobs_until_it_is_back(
    daemon: Daemon, wire: Wire, gate: Gate, ear: Ear
) -> None:
    running_job = wire.shell(f"echo up > {ear.path}; {gate.text}; echo end > {ear.path}; exit 7")
    assert ear.hear() == "up"
    until_running(wire, running_job)
    aside = daemon.state_dir.with_name("aside")
    daemon.state_dir.rename(aside)
    refused(daemon, wire)
    found = {one["kind"] for one in wire.call("daemon.check")["problems"]}
    assert found >= {"store", "state"}
    assert wire.refused("daemon.backup").kind == "unavailable"
    gate.open()
    assert ear.hear() == "end"
    aside.rename(daemon.state_dir)
    until_writable(daemon, wire)
    ended = wire.done(running_job)
    assert (ended["status"], ended["process"]["exitCode"], ended["starts"]) == ("error", 7, 1)
    assert wire.done(wire.shell("true"))["status"] == "success"
    assert wire.call("daemon.check")["problems"] == []


def test_a_removed_state_folder_ends_neither_the_daemon_nor_running_jobs(
    daemon: Daemon, wire: Wire, gate: Gate, ear: Ear, place: Path
) -> None:
    running_job = wire.shell(f"echo up > {ear.path}; {gate.text}; echo end > {ear.path}")
    assert ear.hear() == "up"
    until_running(wire, running_job)
    shutil.rmtree(daemon.state_dir)
    refused(daemon, wire)
    wire.call("daemon.check")
    wire.call("daemon.metrics")
    wire.call("daemon.backup", path=str(place / "rescued.db"))
    assert stored(place / "rescued.db")[-1] == int(running_job["id"])
    gate.open()
    assert ear.hear() == "end"
    assert wire.call("daemon.status")["keeper"]["isConnected"]


def test_an_older_backup_copied_over_the_database_is_rejected(
    daemon: Daemon, wire: Wire, place: Path
) -> None:
    first = wire.done(wire.shell("true"))
    backup = place / "older.db"
    wire.call("daemon.backup", path=str(backup))
    wire.done(wire.shell("true"))
    wire = daemon.restart().wire()  # now everything is in the database and nothing in its log
    daemon.keeper_pid()
    alive_for(daemon, LOOKED_AT_AGAIN_SECONDS)  # the commits of a start come too quickly to look after each
    wire.call("job.annotate", id=first["id"], name="first")
    shutil.copyfile(daemon.state_dir / "lockside.db", place / "right.db")
    shutil.copyfile(backup, daemon.state_dir / "lockside.db")
    error = refused(daemon, wire)
    assert "another program wrote into" in error["message"]
    assert "--restore" in error["message"]
    alive_for(daemon, 1.5)  # its content is first checked after a second
    assert refused(daemon, wire)["message"] == error["message"]
    assert wire.refused("job.get", id=first["id"]).kind == "unavailable"
    assert "store" in {one["kind"] for one in wire.call("daemon.check")["problems"]}
    shutil.copyfile(place / "right.db", daemon.state_dir / "lockside.db")
    until_logged(daemon, "the store can be written again")
    assert wire.done(wire.shell("true"))["status"] == "success"


@pytest.mark.parametrize(
    "gone", [["lockside.db-wal"], ["lockside.db-shm"], ["lockside.db-wal", "lockside.db-shm"]]
)
def test_removing_the_log_of_the_database_loses_nothing(daemon: Daemon, wire: Wire, gone: list[str]) -> None:
    kept = wire.shell("true", hold=True)
    for name in gone:
        (daemon.state_dir / name).unlink()
    refused(daemon, wire)
    until_writable(daemon, wire)
    new = wire.shell("true", hold=True)
    daemon.kill()
    listed = daemon.start().wire().call("job.list", order="asc")["jobs"]
    assert [job["id"] for job in listed][-2:] == [kept["id"], new["id"]]


def test_a_second_daemon_is_refused_although_the_lock_file_was_removed(daemon: Daemon) -> None:
    assert daemon.process is not None
    (daemon.state_dir / "lock").unlink()
    assert daemon.spawn().wait(PATIENCE_SECONDS) == 1
    assert f"another locksided (pid {daemon.process.pid}) already runs" in daemon.stderr()


@pytest.mark.skipif(unmountable() is not None, reason=str(unmountable()))
def test_mounting_over_the_state_folder_and_unmounting_are_both_noticed() -> None:
    with daemon_on("size=8m") as disk:
        wire = disk.daemon.wire()
        kept = wire.shell("true", hold=True)
        mount(disk, "mount", "-t", "tmpfs", "tmpfs", str(disk.mount))
        refused(disk.daemon, wire)
        mount(disk, "umount", "--lazy", str(disk.mount))  # the daemon may be reading from it just now
        until_writable(disk.daemon, wire)
        wire.call("job.release", id=kept["id"])
        assert wire.done(kept)["status"] == "success"


def mount(disk: Disk, *command: str) -> None:
    """Run a command in the mount namespace of the daemon."""
    assert disk.daemon.process is not None
    inside = ["nsenter", "-t", str(disk.daemon.process.pid), "-m"]
    subprocess.run([*inside, *command], check=True, capture_output=True)


# -- the socket


def unlink(path: Path) -> None:
    path.unlink()


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def rename_folder_above(path: Path) -> None:
    path.parent.parent.rename(path.parent.parent.with_name("elsewhere"))


@pytest.mark.parametrize("take_away", [unlink, remove_folder, rename_folder_above])
def test_a_removed_socket_is_recreated_and_open_connections_continue(
    place: Path, take_away: Callable[[Path], None]
) -> None:
    with running(LOCKSIDE_DAEMON__SOCKET=str(place / "above" / "run" / "lockside.sock")) as daemon:
        before = daemon.wire()
        job = before.shell("true", hold=True)
        waits = before.ask("job.wait", id=job["id"], timeoutSeconds=60)
        for _ in range(2):  # the second socket is watched like the first
            told = len(daemon.stderr())
            take_away(daemon.socket)
            until_logged(daemon, "made again", told)
            assert daemon.socket.stat().st_mode & 0o777 == 0o600
            with Wire(daemon.socket) as after:
                assert after.call("daemon.check")["problems"] == []
            shutil.rmtree(place / "elsewhere", ignore_errors=True)
        before.call("job.release", id=job["id"])
        assert before.answer(waits)["status"] == "success"
        daemon.stop()
        assert not daemon.socket.exists()
        daemon.start()


def test_a_socket_that_another_process_put_in_its_place_is_reported_and_kept(
    daemon: Daemon, wire: Wire
) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"{daemon.socket}.other")
        other.listen()
        Path(f"{daemon.socket}.other").rename(daemon.socket)
        until_logged(daemon, "Another process listens")
        (problem,) = [one for one in wire.call("daemon.check")["problems"] if one["kind"] == "socket"]
        assert "is another process's" in problem["message"]
    daemon.socket.unlink()  # that process has ended by now
    until_logged(daemon, "made again")
    with Wire(daemon.socket) as after:
        assert after.call("daemon.check")["problems"] == []


# -- other files in the state folder


def test_removing_the_folder_of_a_running_job_loses_only_its_log(
    daemon: Daemon, wire: Wire, gate: Gate, ear: Ear
) -> None:
    job = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 7")
    assert ear.hear() == "up"
    until_running(wire, job)
    shutil.rmtree(daemon.state_dir / "runs")
    gate.open()
    ended = wire.done(job)
    assert (ended["status"], ended["process"]["exitCode"]) == ("error", 7)
    assert wire.done(wire.shell("true"))["status"] == "success"


def test_keepers_whose_sockets_are_removed_continue_with_their_daemon(
    daemon: Daemon, wire: Wire, gate: Gate, ear: Ear
) -> None:
    job = wire.shell(f"echo up > {ear.path}; {gate.text}; exit 7")
    assert ear.hear() == "up"
    until_running(wire, job)
    shutil.rmtree(daemon.state_dir / "keeper")
    assert wire.done(wire.shell("true"))["status"] == "success"
    gate.open()
    assert wire.done(job)["process"]["exitCode"] == 7

"""A backup replaces the database: what it contains continues, and nothing that came after it is mixed in."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.harness import LOCKSIDED, Daemon
from e2e.processes import PLAIN
from e2e.signs import Gate
from e2e.wire import Message, Wire, of, put_component, put_config, until_running

Fresh = Callable[..., Daemon]


def restore(daemon: Daemon, backup: Path) -> subprocess.CompletedProcess[str]:
    command = [*LOCKSIDED, "--restore", str(backup), "--state-dir", str(daemon.state_dir)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=PLAIN)


def restored(daemon: Daemon, backup: Path) -> str:
    ran = restore(daemon, backup)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def backed_up(wire: Wire, place: Path) -> Path:
    return Path(wire.call("daemon.backup", path=str(place / "backup.db"))["path"])


def test_a_restore_brings_back_what_the_backup_contains_and_nothing_later(fresh: Fresh, place: Path) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        put_component(wire, "acme.c", command=["true"])
        put_config(wire, "acme.c", "kept", configuration={"parameters": {"n": 1}})
        before = wire.done(wire.shell("echo before"))
        backup = backed_up(wire, place)
        put_config(wire, "acme.c", "kept", configuration={"parameters": {"n": 2}})
        put_config(wire, "acme.c", "later")
        after = wire.done(wire.shell("echo after"))
        seq = wire.events()[-1]["seq"]
    daemon.stop()
    told = restored(daemon, backup)
    assert f" into {daemon.state_dir}: " in told
    assert ", 0 not ended" in told
    with daemon.start().wire() as wire:
        stored = wire.call("config.get", component="acme.c", config="kept")
        assert of(stored, "version", "configuration") == (1, {"parameters": {"n": 1}})
        assert wire.refused("config.get", component="acme.c", config="later").kind == "not_found"
        assert wire.text(before) == "before\n"
        assert wire.refused("job.get", id=after["id"]).kind == "not_found"
        (told_event,) = wire.events(kinds=["daemon.restored"])
        assert told_event["seq"] == seq + 2, "the backup does not contain the end of the daemon"


def test_no_id_and_no_folder_is_assigned_twice(fresh: Fresh, place: Path) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        backup = backed_up(wire, place)
        lost = [wire.done(wire.shell(f"echo {k}")) for k in range(3)]
    daemon.stop()
    restored(daemon, backup)
    with daemon.start().wire() as wire:
        job = wire.shell("echo fresh")
        assert int(job["id"]) == int(lost[-1]["id"]) + 1
        assert job["uuid"] not in {one["uuid"] for one in lost}
        wire.call("daemon.undrain")
        ended = wire.done(job)
        assert (ended["status"], wire.text(ended)) == ("success", "fresh\n")
        assert not Path(lost[0]["workPath"]).exists()
    kept = list((daemon.state_dir / "backups").glob("before-restore-*"))
    assert len(kept) == 1
    assert {path.name for path in kept[0].glob("runs/*/*")} == {one["id"] for one in lost}
    old = sqlite3.connect(kept[0] / "lockside.db")
    assert old.execute("SELECT max(id) FROM jobs").fetchone() == (int(lost[-1]["id"]),)
    old.close()


@pytest.mark.parametrize(("on_lost", "status"), [("requeue", "created"), ("error", "error")])
def test_jobs_running_at_the_time_of_the_backup_count_as_lost_even_if_they_have_succeeded(
    fresh: Fresh, place: Path, gate: Gate, on_lost: str, status: str
) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        job = wire.shell(f"echo ran >> {place}/ran; {gate.text}", onLost=on_lost)
        until_running(wire, job)
        backup = backed_up(wire, place)
        gate.open()
        assert wire.done(job)["status"] == "success"
    daemon.stop()
    assert f"count as lost: {job['id']}" in restored(daemon, backup)
    with daemon.start().wire() as wire:
        view = settled(wire, job, status)
        if status == "error":
            assert view["result"]["error"]["kind"] == "lost"
            return
        assert wire.kinds(job) == ["draining"]
        wire.call("daemon.undrain")
        ended = wire.done(job)
        assert of(ended, "status", "starts") == ("success", 2)
        assert (place / "ran").read_text() == "ran\nran\n"


def settled(wire: Wire, job: Message, status: str) -> Message:
    """Wait until the job has this status, and return it."""
    number = wire.call("event.subscribe", job=job["id"])["subscription"]
    while (view := wire.get(job["id"]))["status"] != status:
        wire.notice()
    wire.call("event.unsubscribe", subscription=number)
    return view


def test_jobs_not_started_at_the_backup_wait_for_undrain_and_those_that_ran_are_named(
    fresh: Fresh, place: Path, gate: Gate
) -> None:
    daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS="1")
    with daemon.wire() as wire:
        first = wire.shell(gate.text)
        until_running(wire, first)
        waiting = [wire.shell(f"echo {k} >> {place}/ran") for k in range(2)]
        held = wire.shell("true", hold=True)
        backup = backed_up(wire, place)
        gate.open()
        for job in waiting:
            wire.done(job)
    daemon.stop()
    told = restored(daemon, backup)
    ids = ", ".join(job["id"] for job in waiting)
    assert f"would run again: {ids};" in told
    with daemon.start().wire() as wire:
        assert [wire.get(job["id"])["status"] for job in waiting] == ["created", "created"]
        assert "draining" in wire.kinds(waiting[0])
        wire.call("job.terminate", id=waiting[0]["id"])
        wire.call("daemon.undrain")
        assert wire.done(waiting[1])["status"] == "success"
        assert (place / "ran").read_text() == "0\n1\n1\n"
        assert wire.kinds(held) == ["held"]


def test_a_running_container_continues_with_its_unfinished_children(
    fresh: Fresh, place: Path, gate: Gate
) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        put_component(wire, "acme.row", shell=f"echo x >> {place}/ran; {gate.text}", lock="none")
        rows = [{"id": name} for name in ("a", "b")]
        put_config(wire, "acme.row", "rows", rows=rows, configuration={"runtime": {"parallelism": 1}})
        job = wire.create("acme.row", config="rows")
        children = wire.call("job.list", parentRunId=job["runId"], order="asc")["jobs"]
        until_running(wire, children[0])
        backup = backed_up(wire, place)
        gate.open()
        assert wire.done(job)["status"] == "success"
    daemon.stop()
    restored(daemon, backup)
    with daemon.start().wire() as wire:
        assert wire.get(job["id"])["status"] == "processing"
        wire.call("daemon.undrain")
        assert wire.done(job)["status"] == "success"
        assert [wire.get(child["id"])["starts"] for child in children] == [2, 1]


# -- when it is refused, and nothing is changed


def snapshot(daemon: Daemon) -> dict[str, int]:
    return {
        str(path.relative_to(daemon.state_dir)): path.stat().st_ino
        for path in daemon.state_dir.rglob("*")
        if path.is_file() and "keeper" not in path.parts
    }


def test_a_restore_is_refused_while_a_daemon_uses_the_folder(fresh: Fresh, place: Path) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        backup = backed_up(wire, place)
        wire.done(wire.shell("true"))
        ran = restore(daemon, backup)
        assert daemon.process is not None
        assert (ran.returncode, f"another locksided (pid {daemon.process.pid})" in ran.stderr) == (1, True)
        wire.done(wire.shell("true"))


def test_a_restore_is_refused_while_a_keeper_still_runs_jobs(fresh: Fresh, place: Path, gate: Gate) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        backup = backed_up(wire, place)
        job = wire.shell(gate.text)
        until_running(wire, job)
    daemon.stop()
    before = snapshot(daemon)
    ran = restore(daemon, backup)
    assert ran.returncode == 1
    assert f"still runs jobs {job['id']}: wait until they have ended" in ran.stderr
    assert snapshot(daemon) == before
    with daemon.start().wire() as wire:
        assert wire.get(job["id"])["status"] == "processing"
        gate.open()
        assert wire.done(job)["status"] == "success"


def damaged(backup: Path) -> None:
    content = bytearray(backup.read_bytes())
    content[8192:12288] = b"\xaa" * 4096
    backup.write_bytes(content)


def newer(backup: Path) -> None:
    with sqlite3.connect(backup) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def other(backup: Path) -> None:
    backup.unlink()
    with sqlite3.connect(backup) as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()


def test_an_unusable_backup_is_refused(fresh: Fresh, place: Path) -> None:
    spoilt: tuple[tuple[Callable[[Path], object], str], ...] = (
        (damaged, "damaged"),
        (newer, "schema 99"),
        (other, "not a lockside database"),
        (lambda file: file.write_text("no database at all, only text" * 200), "not a lockside database"),
        (lambda file: file.write_bytes(b""), "not a lockside database"),
        (lambda file: file.unlink(), "There is no file"),
    )
    daemon = fresh()
    with daemon.wire() as wire:
        good = backed_up(wire, place)
        job = wire.done(wire.shell("echo kept"))
    daemon.stop()
    before = snapshot(daemon)
    for number, (spoil, says) in enumerate(spoilt):
        backup = Path(shutil.copy(good, place / f"spoilt-{number}.db"))
        spoil(backup)
        ran = restore(daemon, backup)
        assert (ran.returncode, says in ran.stderr) == (1, True), ran.stderr
        assert snapshot(daemon) == before
    with daemon.start().wire() as wire:
        assert wire.text(wire.get(job["id"])) == "kept\n"


def test_the_database_itself_is_refused_as_a_backup(fresh: Fresh) -> None:
    daemon = fresh()
    daemon.stop()
    ran = restore(daemon, daemon.state_dir / "lockside.db")
    assert (ran.returncode, "the database itself" in ran.stderr) == (1, True)


def test_an_unreadable_database_is_replaced_and_kept(fresh: Fresh, place: Path) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        job = wire.done(wire.shell("echo kept"))
        backup = backed_up(wire, place)
    daemon.stop()
    (daemon.state_dir / "lockside.db").write_text("rubbish" * 1000)
    for suffix in ("-wal", "-shm"):
        (daemon.state_dir / f"lockside.db{suffix}").unlink(missing_ok=True)
    restored(daemon, backup)
    with daemon.start().wire() as wire:
        assert wire.text(wire.get(job["id"])) == "kept\n"
        assert int(wire.shell("true")["id"]) > int(job["id"]) + 1000
    [kept] = (daemon.state_dir / "backups").glob("before-restore-*/lockside.db")
    assert kept.read_text().startswith("rubbish")


def test_a_restored_folder_can_be_restored_again(fresh: Fresh, place: Path) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        wire.done(wire.shell("true"))
        backup = backed_up(wire, place)
    daemon.stop()
    for _ in range(2):
        restored(daemon, backup)
    shutil.rmtree(daemon.state_dir / "runs")
    restored(daemon, backup)
    with daemon.start().wire() as wire:
        wire.call("daemon.undrain")
        assert wire.done(wire.shell("true"))["status"] == "success"
        assert wire.call("daemon.check")["problems"] == []


def test_a_restore_asks_a_running_daemon_for_its_state_folder(fresh: Fresh, place: Path) -> None:
    daemon = fresh()
    with daemon.wire() as wire:
        backup = backed_up(wire, place)
    command = [sys.executable, "-m", "lockside.cli.main", "restore", str(backup)]
    environment = {**PLAIN, "LOCKSIDE_SOCKET": str(daemon.socket), "HOME": str(place)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"already runs on {daemon.state_dir}: stop it first" in ran.stderr
    assert not (place / ".local").exists()

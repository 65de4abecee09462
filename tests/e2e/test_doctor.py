"""`lockside doctor`: each kind of damage that a fault can leave is made, found, and repaired with `--fix`."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from campaign.faults import until_logged
from e2e.conftest import needs_root
from e2e.harness import LAKE, Daemon
from e2e.processes import PLAIN, is_alive, wait_for_end
from e2e.signs import Gate
from e2e.wire import Message, of, put_component, put_config, until_running

CGROUPS = Path("/sys/fs/cgroup/unified")
LOCKSIDE = [sys.executable, "-c", "from lockside.cli.main import main; raise SystemExit(main())"]


def doctor(daemon: Daemon, *arguments: str) -> tuple[int, list[Message]]:
    """Return the findings that are not `ok`, and the exit code."""
    ran = subprocess.run(
        [*LOCKSIDE, "--socket", str(daemon.socket), "doctor", "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=PLAIN,
    )
    assert not ran.stderr, ran.stderr
    findings = json.loads(ran.stdout)["findings"]
    return ran.returncode, [finding for finding in findings if finding["level"] != "ok"]


def check_repair(daemon: Daemon, check: str, *arguments: str) -> Message:
    """Check that this finding is reported, repaired with --fix, and gone afterwards, daemon or not."""
    _, found = doctor(daemon, *arguments)
    (told,) = [one for one in found if one["check"] not in ("daemon", "socket")]
    assert of(told, "check", "canFix", "isFixed") == (check, True, False)
    assert told["remedy"]
    _, found = doctor(daemon, "--fix", *arguments)
    assert [one["isFixed"] for one in found if one["check"] == check] == [True], found
    _, found = doctor(daemon, *arguments)
    assert check not in [one["check"] for one in found], found
    return told


def is_recent(finding: Message) -> bool:
    return bool(finding["since"]) and re.match(r"\d{4}-\d\d-\d\dT", finding["since"]) is not None


@pytest.fixture
def daemon(fresh: Callable[..., Daemon]) -> Daemon:
    return fresh()


def test_a_sound_daemon_has_no_findings(daemon: Daemon, gate: Gate) -> None:
    wire = daemon.wire()
    job = wire.shell(gate.text)
    until_running(wire, job)
    assert doctor(daemon) == (0, [])
    assert doctor(daemon, "--fix") == (0, [])
    gate.open()
    assert wire.done(job)["status"] == "success", "processes of live jobs are not orphans"


# -- with the daemon


def test_a_folder_without_a_job_is_removed(daemon: Daemon) -> None:
    orphan = daemon.state_dir / "runs" / "0" / "999"
    (orphan / "log").mkdir(parents=True)
    (orphan / "log" / "0.seg").write_text("x")
    told = check_repair(daemon, "orphan_folder")
    assert str(orphan) in told["message"]
    assert is_recent(told)
    assert not orphan.exists()


def test_access_rights_that_are_too_wide_are_narrowed(daemon: Daemon) -> None:
    daemon.state_dir.chmod(0o755)
    assert is_recent(check_repair(daemon, "rights"))
    assert daemon.state_dir.stat().st_mode & 0o777 == 0o711, "others can pass through it but not list it"
    daemon.state_dir.chmod(0o700)


def test_a_socket_that_others_may_open_is_closed_to_them(daemon: Daemon) -> None:
    daemon.socket.chmod(0o666)
    code, found = doctor(daemon)
    assert code == 1
    assert {one["check"] for one in found} == {"socket", "socket_rights"}
    code, found = doctor(daemon, "--fix")
    assert daemon.socket.stat().st_mode & 0o777 == 0o600
    assert doctor(daemon) == (0, [])


def test_a_process_left_by_an_ended_job_is_killed_and_processes_of_live_jobs_are_not(
    daemon: Daemon, gate: Gate
) -> None:
    wire = daemon.wire()
    running = wire.shell(gate.text)
    until_running(wire, running)
    job = wire.done(wire.shell("true"))
    folder = daemon.state_dir / "runs" / "0" / job["id"] / "steps" / "1-0"
    environment = {**PLAIN, "LOCKSIDE_START_FOLDER": str(folder)}
    with subprocess.Popen(["sleep", "600"], env=environment, start_new_session=True) as left:
        told = check_repair(daemon, "orphan_process")
        assert str(left.pid) in told["message"]
        assert is_recent(told)
        assert left.wait() == -signal.SIGKILL
    gate.open()
    assert wire.done(running)["status"] == "success"


def test_a_process_that_the_keeper_cannot_attribute_to_a_job_is_killed(
    fresh: Callable[..., Daemon], gate: Gate, place: Path
) -> None:
    daemon = fresh(LOCKSIDE_KEEPER__CGROUPS="off")
    wire = daemon.wire()
    for _ in range(2):  # with one job alone it would attribute the process to that job
        until_running(wire, wire.shell(gate.text))
    note = place / "pid"
    hide = f"setsid env -i setsid sh -c 'echo $$ > {note}.new; mv {note}.new {note}; exec sleep 600'"
    wire.done(wire.shell(f"({hide} & ) ; while [ ! -e {note} ]; do sleep 0.02; done"))
    stray = int(note.read_text())
    if not is_alive(stray):
        pytest.skip("the keeper found it: nothing is left to mend")
    daemon.kill()
    daemon.start()
    daemon.keeper_pid()
    told = check_repair(daemon, "stray_process")
    assert str(stray) in told["message"]
    wait_for_end(stray)
    gate.open()


@needs_root
@pytest.mark.skipif(not (CGROUPS / "cgroup.procs").exists(), reason="no cgroups of version 2")
def test_only_cgroups_of_dead_keepers_are_emptied_and_removed(daemon: Daemon) -> None:
    job = daemon.wire().done(daemon.wire().shell("true"))
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    keepers = CGROUPS / f"lockside-{dead.pid}"
    control = daemon.state_dir / "runs" / "0" / job["id"] / "steps" / "1-0"
    ours = keepers / f"{job['id']}-1-0-{zlib.crc32(os.fsencode(control)):08x}"
    others = keepers / "7-1-0-00000000"
    with subprocess.Popen(["sleep", "600"]) as left, subprocess.Popen(["sleep", "600"]) as strange:
        try:
            for cgroup, process in ((ours, left), (others, strange)):
                cgroup.mkdir(parents=True)
                (cgroup / "cgroup.procs").write_text(str(process.pid))
            told = check_repair(daemon, "orphan_cgroup")
            assert str(ours) in told["message"]
            assert left.wait() == -signal.SIGKILL
            assert not ours.exists()
            assert strange.poll() is None, "another daemon may still manage it"
        finally:
            left.kill()
            strange.kill()
            strange.wait()
            others.rmdir()
            keepers.rmdir()


def test_a_check_disturbs_nothing_and_logs_nothing(daemon: Daemon) -> None:
    wire = daemon.wire()
    wire.done(wire.shell("true"))
    before, told = daemon.stderr(), wire.call("daemon.status")["keeper"]
    keepers_log = daemon.state_dir / "keeper" / "log"
    logged = keepers_log.read_text()
    for _ in range(3):
        wire.call("daemon.check")
    wire.done(wire.shell("true"))
    assert daemon.stderr() == before
    assert keepers_log.read_text() == logged
    assert wire.call("daemon.status")["keeper"] == told


def test_a_stale_keeper_socket_is_removed_and_that_of_a_running_keeper_is_not(daemon: Daemon) -> None:
    stale = daemon.state_dir / "keeper" / "0-former.sock"
    make_stale(stale)
    told = check_repair(daemon, "keeper_socket")
    assert str(stale) in told["message"]
    assert not stale.exists()
    wire = daemon.wire()
    assert wire.done(wire.shell("true"))["status"] == "success"


def make_stale(path: Path) -> None:
    """Leave behind the socket file of a process that has ended."""
    text = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()"
    subprocess.run([sys.executable, "-I", "-c", text, str(path)], check=True)


def test_memory_that_differs_from_the_disk_is_reloaded(daemon: Daemon) -> None:
    wire = daemon.wire()
    job = wire.shell("true", hold=True)
    behind = wire.shell("true", lockKey="k", hold=True)
    with closing(sqlite3.connect(daemon.state_dir / "lockside.db", isolation_level=None)) as database:
        change = (
            "UPDATE jobs SET status = 'cancelled', end_us = created_us, end_cause = 'terminated' WHERE id = ?"
        )
        database.execute(change, (int(job["id"]),))
    told = check_repair(daemon, "memory")
    assert f"Job {job['id']} is created in memory" in told["message"]
    assert wire.get(job["id"])["status"] == "cancelled"
    wire.call("job.release", id=behind["id"])
    assert wire.done(behind)["status"] == "success"


def test_a_corrupt_index_is_rebuilt_with_and_without_a_daemon(daemon: Daemon) -> None:
    break_index(daemon)
    daemon.stop()
    told = check_repair(daemon, "database", "--state-dir", str(daemon.state_dir))
    assert "index" in told["message"]
    daemon.start()
    assert doctor(daemon) == (0, [])
    break_index(daemon)
    assert "index" in check_repair(daemon, "database")["message"]
    wire = daemon.wire()
    assert wire.done(wire.shell("true"))["status"] == "success"


def break_index(daemon: Daemon) -> None:
    """Write a row that an index misses; the daemon is stopped for it and restarted."""
    wire = daemon.wire()
    wire.done(wire.shell("true"))
    daemon.stop()
    path = daemon.state_dir / "lockside.db"
    select = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = 'jobs_ended'"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        index = database.execute(select).fetchone()
        database.execute("DELETE FROM sqlite_schema WHERE name = 'jobs_ended'")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE jobs SET end_us = end_us + 1 WHERE id = (SELECT max(id) FROM jobs)")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index)
    daemon.start()


def test_a_cancelled_job_that_was_started_and_a_differing_exit_code_are_reported(daemon: Daemon) -> None:
    wire = daemon.wire()
    cancelled = wire.shell("true", hold=True)
    wire.call("job.terminate", id=cancelled["id"])
    step = daemon.state_dir / "runs" / "0" / cancelled["id"] / "steps" / "1-0"
    step.mkdir(parents=True)
    (step / "claim").symlink_to("started")
    failed = wire.done(wire.shell("exit 3"))
    outcome = daemon.state_dir / "runs" / "0" / failed["id"] / "steps" / "1-0" / "outcome.json"
    outcome.write_text(json.dumps({"exitCode": 0, "refused": None, "lost": False}))
    code, found = doctor(daemon, "--fix")
    assert code == 1
    assert [(one["check"], one["canFix"], one["isFixed"]) for one in found] == [("outcome", False, False)] * 2
    assert f"Job {cancelled['id']} is cancelled" in found[0]["message"]
    assert f"Job {failed['id']} ended with exit code 3" in found[1]["message"]


def test_the_exit_code_of_a_step_of_the_daemon_is_not_reported_as_a_difference(
    fresh: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = fresh(**LAKE)
    wire = daemon.wire()
    (tmp_path / "a.csv").write_text("n\n1\n")
    put = wire.done(wire.call("storage.file.put", path=str(tmp_path / "a.csv")))
    put_component(wire, "acme.fails", command=["sh", "-c", "echo n > $KBC_DATADIR/out/tables/a.csv; exit 3"])
    table = {"source": "a.csv", "destination": "in.c-a.a", "write_always": True}
    failed = wire.done(wire.create("acme.fails", configData={"storage": {"output": {"tables": [table]}}}))
    assert [put["status"], failed["status"]] == ["success", "error"]
    assert [one["exitCode"] for one in failed["result"]["steps"]] == [3, 0]
    assert doctor(daemon) == (0, [])


def test_an_unreadable_record_of_an_earlier_release_is_removed(daemon: Daemon) -> None:
    job = daemon.wire().done(daemon.wire().shell("exit 3"))
    record = daemon.state_dir / "runs" / "0" / job["id"] / "steps" / "1-0" / "outcome.json"
    for text in ('{"exitCode": 3, "progress": {"outputs": [Infinity]}}', f'{{"a": {"[" * 980}{"]" * 980}}}'):
        record.write_text(text)
        told = check_repair(daemon, "outcome")
        assert f"recorded of job {job['id']} cannot be read" in told["message"]
        assert not record.exists()


def test_a_state_nested_too_deeply_fails_its_run_and_is_cleared(daemon: Daemon) -> None:
    wire = daemon.wire()
    put_component(wire, "acme.s", shell="cp $KBC_DATADIR/in/state.json $KBC_DATADIR/out/state.json")
    put_config(wire, "acme.s", "one")
    with closing(sqlite3.connect(daemon.state_dir / "lockside.db", isolation_level=None)) as database:
        deep = f'{{"a": {"[" * 980}{"]" * 980}}}'
        place = ("default", "default", "acme.s", "one", "")
        database.execute("INSERT INTO states VALUES (?, ?, ?, ?, ?, 7, ?, 1, NULL)", (*place, deep))
    error = wire.done(wire.create("acme.s", config="one"))["result"]["error"]
    assert of(error, "type", "kind") == ("user", "input")
    assert "acme.s/one is nested deeper than 100 levels" in error["message"]
    assert "doctor --fix" in error["message"]
    assert "levels" in str(wire.refused("state.get", component="acme.s", config="one"))
    told = check_repair(daemon, "state")
    assert "acme.s/one" in told["message"]
    found = wire.call("state.get", component="acme.s", config="one")
    assert of(found, "state", "version") == ({}, 8)
    assert wire.done(wire.create("acme.s", config="one"))["status"] == "success"


def test_a_clock_that_was_set_back_is_reported(daemon: Daemon) -> None:
    with closing(sqlite3.connect(daemon.state_dir / "lockside.db", isolation_level=None)) as database:
        later_us = time.time_ns() // 1000 + 3600 * 1_000_000
        database.execute("UPDATE events SET time_us = ?", (later_us,))
    code, found = doctor(daemon)
    assert (code, [one["check"] for one in found]) == (1, ["clock"])
    assert "the clock was set back" in found[0]["message"]
    assert "timedatectl" in found[0]["remedy"]


def test_for_a_damaged_database_the_backup_is_named_and_nothing_is_replaced(daemon: Daemon) -> None:
    wire = daemon.wire()
    wire.done(wire.shell("true"))
    backup = wire.call("daemon.backup")["path"]
    daemon.stop()
    path = daemon.state_dir / "lockside.db"
    sound = path.read_bytes()
    path.write_bytes(sound[: len(sound) // 2] + bytes(4096) + sound[len(sound) // 2 + 4096 :])
    damaged = path.read_bytes()
    code, found = doctor(daemon, "--fix", "--state-dir", str(daemon.state_dir))
    (told,) = [one for one in found if one["check"] == "database"]
    assert (code, told["canFix"], told["isFixed"]) == (1, False, False)
    assert backup in told["remedy"]
    assert path.read_bytes() == damaged
    path.write_bytes(Path(backup).read_bytes())
    daemon.start()
    assert doctor(daemon) == (0, [])


# -- without the daemon


def test_leftovers_of_a_killed_daemon_are_repaired_while_it_is_down(daemon: Daemon) -> None:
    keeper = daemon.keeper_pid()
    daemon.kill()
    os.kill(keeper, signal.SIGKILL)
    wait_for_end(keeper)
    daemon.state_dir.chmod(0o777)
    _, found = doctor(daemon)
    assert {one["check"]: one["canFix"] for one in found} == {
        "socket": True,
        "daemon": False,
        "rights": True,
        "keeper_socket": True,
    }
    doctor(daemon, "--fix")
    assert daemon.state_dir.stat().st_mode & 0o066 == 0
    assert not daemon.socket.exists()
    assert not list(daemon.state_dir.glob("keeper/*.sock"))
    daemon.state_dir.chmod(0o700)
    daemon.start()
    assert daemon.keeper_pid() != keeper
    assert doctor(daemon) == (0, [])


def test_nothing_is_repaired_while_a_daemon_does_not_answer(daemon: Daemon) -> None:
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    daemon.socket.unlink()
    (daemon.state_dir / "lock").unlink()
    daemon.state_dir.chmod(0o755)
    code, found = doctor(daemon, "--fix", "--state-dir", str(daemon.state_dir))
    assert code == 1
    (told,) = [one for one in found if one["check"] == "state"]
    assert f"pid {daemon.process.pid}" in told["remedy"]
    assert daemon.state_dir.stat().st_mode & 0o777 == 0o755
    daemon.state_dir.chmod(0o700)
    daemon.process.send_signal(signal.SIGCONT)
    until_logged(daemon, "made again")


def test_the_text_output_says_what_is_wrong_since_when_and_what_to_do(daemon: Daemon) -> None:
    orphan = daemon.state_dir / "runs" / "0" / "999"
    orphan.mkdir(parents=True)
    told = [*LOCKSIDE, "--socket", str(daemon.socket), "doctor"]
    ran = subprocess.run(told, capture_output=True, text=True, check=False, env=PLAIN)
    assert ran.returncode == 1
    assert re.search(rf"wrong  orphan_folder  {orphan} belongs to no job\. Since [\d: -]+\.\n", ran.stdout)
    assert f"rm -r {orphan} (--fix)" in ran.stdout
    assert "`lockside doctor --fix` makes the repairs that are marked" in ran.stdout
    ran = subprocess.run([*told, "--fix"], capture_output=True, text=True, check=False, env=PLAIN)
    assert "fixed  orphan_folder" in ran.stdout
    assert ran.returncode == 0

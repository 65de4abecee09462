"""What survives the death of the keeper or of both processes, restarts, a second daemon; what a stop does."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from e2e.harness import Daemon
from e2e.processes import is_alive, wait_for_end
from e2e.signs import Ear, Gate
from e2e.wire import Refusal, Wire, of, put_component, put_config, until_running, wait_until
from lockside.protocol.events import EVENT_KINDS


@pytest.mark.parametrize("cgroups", ["auto", "off"])
def test_a_job_whose_keeper_died_is_run_again_after_its_processes_are_stopped(
    fresh: Callable[..., Daemon], ear: Ear, place: Path, cgroups: str
) -> None:
    daemon = fresh(LOCKSIDE_KEEPER__CGROUPS=cgroups)
    wire = daemon.wire()
    body = f"setsid sh -c 'echo $$ > {ear.path}; exec sleep 600' & echo $$ > {ear.path}"
    body += f"; test -e {place}/again && exit 0; wait"
    job = wire.shell(body, lockKey="lost")
    first = {int(ear.hear()), int(ear.hear())}
    (place / "again").touch()
    daemon.kill_keeper()
    second = {int(ear.hear()), int(ear.hear())}
    assert not [pid for pid in first if is_alive(pid)], "restarted while old processes were alive"
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("success", 2)
    assert first.isdisjoint(second)
    assert wire.history(job) == ["created", "processing", "created", "processing", "success"]


def test_a_lost_job_can_end_as_an_error_instead(fresh: Callable[..., Daemon], ear: Ear) -> None:
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(f"echo up > {ear.path}; exec sleep 600", onLost="error")
    assert job["onLost"] == "error"
    assert ear.hear() == "up"
    daemon.kill_keeper()
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert of(ended["result"]["error"], "type", "kind") == ("application", "lost")


def test_a_job_is_given_up_after_a_limited_number_of_losses(fresh: Callable[..., Daemon], ear: Ear) -> None:
    daemon = fresh(LOCKSIDE_JOBS__MAX_REQUEUES="2")
    wire = daemon.wire()
    job = wire.shell(f"echo up > {ear.path}; exec sleep 600")
    for _ in range(3):
        assert ear.hear() == "up"
        daemon.kill_keeper()
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 3)
    assert ended["result"]["error"]["kind"] == "lost"


def test_the_death_of_both_processes_loses_running_jobs_and_nothing_else(
    fresh: Callable[..., Daemon], gate: Gate, ear: Ear
) -> None:
    daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS="1")
    wire = daemon.wire()
    keeper = daemon.keeper_pid()
    job = wire.shell(f"echo up > {ear.path}; {gate.text}", onLost="requeue")
    queued = wire.shell("true")
    assert ear.hear() == "up"
    pid = until_running(wire, job)["process"]["pid"]
    os.kill(keeper, signal.SIGKILL)
    daemon.kill()
    wait_for_end(keeper)
    wire = daemon.start().wire()
    assert ear.hear() == "up"
    assert not is_alive(pid)
    gate.open()
    assert of(wire.done(job), "status", "starts") == ("success", 2)
    assert of(wire.done(queued), "status", "starts") == ("success", 1)


def test_an_end_without_a_daemon_is_known_even_after_the_keeper_has_exited(
    fresh: Callable[..., Daemon], gate: Gate
) -> None:
    daemon = fresh(LOCKSIDE_KEEPER__LINGER_SECONDS="0.1")
    wire = daemon.wire()
    job = wire.shell(f"{gate.text}; exit 3")
    until_running(wire, job)
    keeper = daemon.keeper_pid()
    daemon.kill()
    gate.open()
    wait_for_end(keeper)
    ended = daemon.start().wire().done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert ended["result"]["error"]["exitCode"] == 3


def test_a_terminate_of_a_job_whose_keeper_died_ends_it(fresh: Callable[..., Daemon], ear: Ear) -> None:
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(f"trap '' TERM; echo up > {ear.path}; while :; do sleep 0.1; done")
    assert ear.hear() == "up"
    wire.call("job.terminate", id=job["id"])
    daemon.kill_keeper()
    assert of(wire.done(job), "status", "starts") == ("terminated", 1)


def test_the_jobs_of_a_stopped_keeper_count_as_lost(fresh: Callable[..., Daemon], ear: Ear) -> None:
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(f"echo up > {ear.path}; exec sleep 600", onLost="error")
    assert ear.hear() == "up"
    keeper = daemon.keeper_pid()
    os.kill(keeper, signal.SIGTERM)
    ended = wire.done(job)
    assert of(ended["result"]["error"], "kind") == ("lost",)
    wait_for_end(keeper)
    assert wire.done(wire.shell("true"))["status"] == "success", "a new keeper accepts new jobs"


def test_pause_drain_hold_and_order_survive_a_restart(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    wire = daemon.wire()
    wire.call("pool.put", pool={"id": "slow", "slots": 3, "description": "for tests"})
    wire.call("pool.pause", id="slow", comment="lunch")
    held = wire.shell("true", hold=True)
    paused = wire.shell("true", pool="slow", priority=9)
    delayed = wire.shell("true", delayedStartTime="2199-01-01T00:00:00Z")
    depends = wire.shell("true", dependsOn=[{"job": held["id"]}])
    wire.call("daemon.drain")
    before = [wire.explain(job) for job in (held, paused, delayed, depends)]
    views = [wire.get(job["id"]) for job in (held, paused, delayed, depends)]
    for stop in (daemon.kill, daemon.stop):
        stop()
        wire = daemon.start().wire()
        assert wire.call("daemon.status")["isDraining"] is True
        pool = wire.call("pool.get", id="slow")
        assert of(pool, "slots", "isPaused", "comment", "description") == (3, True, "lunch", "for tests")

        def without_connection(reasons: list[dict[str, object]]) -> list[dict[str, object]]:
            return [reason for reason in reasons if reason["kind"] != "no_executor"]

        wire.call("daemon.undrain")
        wire.done(wire.shell("true"))
        wire.call("daemon.drain")
        after = [wire.explain(job) for job in (held, paused, delayed, depends)]
        assert [[one["kind"] for one in without_connection(two)] for two in after] == [
            [one["kind"] for one in two] for two in before
        ]
        again = [wire.get(job["id"]) for job in (held, paused, delayed, depends)]
        for old, new in zip(views, again, strict=True):
            same = (
                "status",
                "createdTime",
                "priority",
                "delayedStartTime",
                "dependsOn",
                "labels",
                "starts",
                "uuid",
            )
            assert of(new, *same) == of(old, *same)
    wire.call("daemon.undrain")
    wire.call("pool.resume", id="slow")
    wire.call("job.release", id=held["id"])
    assert [wire.done(job)["status"] for job in (held, paused, depends)] == ["success"] * 3


def test_a_second_daemon_names_the_first_and_ends(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    assert daemon.process is not None
    second = daemon.spawn("--socket", str(daemon.folder / "second.sock"))
    assert second.wait(5) != 0
    assert str(daemon.process.pid) in daemon.stderr().splitlines()[-1]
    with daemon.wire() as wire:
        assert wire.call("daemon.status")["pid"] == daemon.process.pid


def test_a_stale_socket_is_replaced(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    daemon.kill()
    assert daemon.socket.exists()
    daemon.start()
    assert daemon.wire().call("daemon.status")["pid"] == daemon.process.pid  # type: ignore[union-attr]
    assert (daemon.socket.stat().st_mode & 0o777, daemon.state_dir.stat().st_mode & 0o777) == (0o600, 0o700)


def test_signals_blocked_or_ignored_by_the_starter_reach_the_daemon_and_its_jobs(
    fresh: Callable[..., Daemon],
) -> None:
    blocked = {signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM}
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    handler = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        daemon = fresh()
    finally:
        signal.signal(signal.SIGUSR1, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
    wire = daemon.wire()
    job = wire.done(wire.shell("exec grep -E 'SigBlk|SigIgn' /proc/self/status"))
    masks = [int(line.split()[1], 16) for line in wire.text(job).splitlines()]
    assert not [number for number in (*blocked, signal.SIGUSR1) for mask in masks if mask >> (number - 1) & 1]
    assert len(masks) == 2
    assert daemon.stop() == 0
    daemon.start()


@pytest.mark.parametrize(("on_stop", "status"), [("drain", "success"), ("terminate", "terminated")])
def test_on_stop_can_wait_for_the_jobs_or_stop_them(
    fresh: Callable[..., Daemon], gate: Gate, ear: Ear, on_stop: str, status: str
) -> None:
    daemon = fresh(LOCKSIDE_DAEMON__ON_STOP=on_stop)
    wire = daemon.wire()
    job = wire.shell(f"echo up > {ear.path}; {gate.text}")
    assert ear.hear() == "up"
    assert daemon.process is not None
    waiting = wire.ask("job.wait", id=job["id"])
    daemon.process.terminate()
    if on_stop == "drain":
        wait_until(wire, job, lambda _: wire.call("daemon.status")["isDraining"])
        gate.open()
    with suppress(Refusal, ConnectionError):  # the wait ends with the job or with the daemon
        assert wire.answer(waiting)["status"] == status
    assert daemon.process.wait(30) == 0
    daemon.settings = {}
    wire = daemon.start().wire()
    assert of(wire.done(job), "status", "starts") == (status, 1)
    assert wire.call("daemon.status")["isDraining"] is False, "the drain was only for the stop"
    assert wire.done(wire.shell("true"))["status"] == "success"


def test_a_backup_is_a_complete_database(fresh: Callable[..., Daemon], place: Path) -> None:
    daemon = fresh()
    wire = daemon.wire()
    wire.done(wire.shell("true"))
    total = wire.call("job.list", count=True)["total"]
    answer = wire.call("daemon.backup")
    assert answer["sizeBytes"] == os.stat(answer["path"]).st_size
    named = wire.call("daemon.backup", path=str(place / "mine.db"))
    for path in (answer["path"], named["path"]):
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("SELECT count(*) FROM jobs").fetchone() == (total,)
        assert os.stat(path).st_mode & 0o077 == 0
    assert wire.refused("daemon.backup", path=str(place / "mine.db")).kind == "conflict"
    assert wire.refused("daemon.backup", path="/no/such/folder/x.db").code == -32602


def test_a_newer_schema_is_refused_and_left_alone(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    daemon.stop()
    path = daemon.state_dir / "lockside.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute(f"PRAGMA user_version = {version + 1}")
    before = path.read_bytes()
    assert daemon.spawn().wait(20) != 0
    assert "newer" in daemon.stderr().splitlines()[-1]
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA user_version = {version}")
    daemon.start()


def test_a_bad_setting_is_named_and_nothing_starts(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    daemon.stop()
    for name, value in (("LOCKSIDE_JOBS__GRACE_SECONDS", "soon"), ("LOCKSIDE_JOBS__COLOUR", "red")):
        assert daemon.spawn(**{name: value}).wait(20) == 2
        assert name.split("__")[1].lower() in daemon.stderr().splitlines()[-1].lower()
    daemon.start()


def test_stored_objects_survive_a_kill(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    wire = daemon.wire()
    put_component(wire, "acme.kept", command=["true"])
    for n in range(5):
        put_config(wire, "acme.kept", "a", configuration={"parameters": {"n": n}})
    wire.call("variables.put", variables={"id": "v", "values": [{"name": "a", "value": "b"}]})
    events = wire.events()
    daemon.kill()
    wire = daemon.start().wire()
    assert wire.call("config.get", component="acme.kept", config="a")["version"] == 5
    assert wire.call("variables.get", id="v")["values"] == [{"name": "a", "value": "b"}]
    assert wire.events()[: len(events)] == events
    ids = [int(wire.shell("true")["id"]) for _ in range(2)]
    assert ids[0] < ids[1]


def test_daemon_check_finds_nothing_wrong(fresh: Callable[..., Daemon], gate: Gate) -> None:
    wire: Wire = fresh().wire()
    job = wire.shell(gate.text, lockKey="check")
    wire.shell("true", lockKey="check")
    until_running(wire, job)
    assert wire.call("daemon.check")["problems"] == []
    gate.open()
    wire.done(job)


def test_the_event_log_records_every_start_and_stop_and_when_jobs_could_start(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    wire.done(wire.shell("true"))
    first = wire.call("daemon.status")
    daemon.stop()
    wire = daemon.start().wire()
    wire.done(wire.shell("true"))
    told = wire.events()
    platform = [event for event in told if event["kind"].startswith(("daemon.", "pool."))]
    assert platform[0] is told[0], "the start is the first event"
    kinds = [event["kind"] for event in platform if event["kind"] != "pool.trouble"]
    assert kinds == ["daemon.started", "pool.recovered", "daemon.stopped", "daemon.started", "pool.recovered"]
    start = platform[0]["data"]
    assert (start["pid"], start["version"]) == (first["pid"], first["version"])
    (default,) = start["pools"]
    assert (default["id"], default["isPaused"]) == ("default", False)
    assert default["trouble"]["cause"] == "the keeper is not connected yet"
    (stop,) = [event for event in platform if event["kind"] == "daemon.stopped"]
    assert stop["data"] == {"why": "SIGTERM", "onStop": "keep"}
    assert set(of(platform[-1]["data"], "id", "trouble")) == {"default", None}
    assert {event["kind"] for event in told} <= set(EVENT_KINDS)


def test_recorded_inputs_can_be_replayed_and_contain_no_secrets(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh(LOCKSIDE_DEBUG__RECORD_INPUTS="true", LOCKSIDE_DEBUG__CHECK_INVARIANTS="true")
    wire = daemon.wire()
    secret = {"parameters": {"shell": "echo swordfish", "environment": {"PASSWORD": "swordfish"}}}
    wire.done(wire.create("lockside.command", configData=secret))
    daemon.kill()
    wire = daemon.start().wire()
    wire.shell("true", hold=True)
    daemon.stop()
    recordings = sorted((daemon.state_dir / "recordings").iterdir())
    assert len(recordings) == 2, "one for each core"
    for file in recordings:
        assert "swordfish" not in file.read_text("utf-8")
        assert file.stat().st_mode & 0o077 == 0
        ran = subprocess.run(
            [sys.executable, "-m", "locksided.replay", str(file)], capture_output=True, text=True, check=True
        )
        assert "every invariant holds; " in ran.stdout

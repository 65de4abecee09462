"""A daemon with a test clock: whatever becomes due happens at once when the clock is advanced."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import LOCKSIDED, Daemon, running
from e2e.processes import PLAIN
from e2e.signs import Gate
from e2e.timeline import children
from e2e.wire import Wire, until_running

NOON = "2026-03-29T12:00:00.000000Z"
DAY = 86_400
METHODS = {"clock.get", "clock.advance", "clock.sleep", "clock.set"}


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with running("--test-clock", NOON) as made:
        yield made


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with Wire(daemon.socket) as opened:
        yield opened


def time(wire: Wire) -> str:
    return str(wire.call("clock.get")["time"])


def test_the_clock_does_not_move_while_jobs_run(wire: Wire) -> None:
    job = wire.done(wire.shell("true"))
    assert job["createdTime"] == job["startTime"] == job["endTime"] == time(wire) == NOON
    assert set(job["stageTimestamps"].values()) == {NOON}


def test_a_delay_of_a_day_ends_after_exactly_a_day_of_the_clock(wire: Wire) -> None:
    job = wire.shell("true", delay=DAY)
    wire.call("clock.advance", seconds=DAY - 1)
    assert wire.get(job["id"])["status"] == "created"
    wire.call("clock.advance", seconds=1)
    assert wire.get(job["id"])["status"] != "created", "it is started after the move of the clock"
    assert wire.done(job)["startTime"] == "2026-03-30T12:00:00.000000Z"


def test_each_job_starts_at_its_own_time_during_one_long_advance_of_the_clock(wire: Wire) -> None:
    jobs = [wire.shell("true", delay=hours * 3600) for hours in (3, 1, 2)]
    assert wire.call("clock.advance", seconds=DAY)["time"] == "2026-03-30T12:00:00.000000Z"
    starts = [wire.done(job)["startTime"] for job in jobs]
    assert starts == [f"2026-03-29T{hour}:00:00.000000Z" for hour in (15, 13, 14)]


def test_a_retry_waits_for_its_delay(wire: Wire) -> None:
    job = wire.shell("exit 2", retry={"maxAttempts": 2, "delaySeconds": 60})
    wire.done(children(wire, job)[0])
    second = children(wire, job)[1]
    wire.call("clock.advance", seconds=59)
    assert wire.kinds(second) == ["start_time"]
    wire.call("clock.advance", seconds=1)
    assert wire.done(job)["status"] == "error"
    assert wire.get(second["id"])["startTime"] == "2026-03-29T12:01:00.000000Z"


def test_the_folder_of_a_job_is_removed_after_its_retention_days(daemon: Daemon, wire: Wire) -> None:
    job = wire.done(wire.shell("true"))
    [folder] = (daemon.state_dir / "runs").glob(f"*/{job['id']}")
    wire.call("clock.advance", seconds=29 * DAY)
    assert folder.exists()
    wire.call("clock.advance", seconds=1 * DAY + 3600)
    assert not folder.exists()


def test_a_wait_ends_at_its_time_out(wire: Wire) -> None:
    job = wire.shell("true", hold=True)
    asked = wire.ask("job.wait", id=job["id"], timeoutSeconds=60)
    wire.call("clock.advance", seconds=59)
    assert asked not in wire._answers
    wire.call("clock.advance", seconds=1)
    assert asked in wire._answers, "it was answered before the move"
    assert not wire.answer(asked)["isFinished"]


def test_a_wait_for_output_ends_at_its_time_out(wire: Wire, gate: Gate) -> None:
    job = until_running(wire, wire.shell(gate.text))
    asked = wire.ask("job.log", id=job["id"], waitSeconds=60)
    wire.call("clock.advance", seconds=60)
    assert wire.answer(asked) == {"frames": [], "nextOffset": 0, "isComplete": False}


def test_work_due_during_a_suspend_is_done_after_it(wire: Wire) -> None:
    delayed = wire.shell("true", delay=3600)
    held = wire.shell("true", hold=True)
    asked = wire.ask("job.wait", id=held["id"], timeoutSeconds=3600)
    wire.call("clock.sleep", seconds=7200)
    assert not wire.answer(asked)["isFinished"]
    assert wire.done(delayed)["startTime"] == "2026-03-29T14:00:00.000000Z"


def test_setting_the_clock_moves_moments_but_no_durations(wire: Wire) -> None:
    delayed = wire.shell("true", delay=600)
    dated = wire.shell("true", delayedStartTime="2026-03-29T12:10:00Z")
    wire.call("clock.set", time="2026-03-29T11:00:00Z")
    wire.call("clock.advance", seconds=600)
    assert wire.done(delayed)["startTime"] == "2026-03-29T11:10:00.000000Z"
    assert wire.kinds(dated) == ["start_time"]
    wire.call("clock.set", time="2026-03-29T13:00:00Z")
    assert wire.done(dated)["startTime"] == "2026-03-29T13:00:00.000000Z"
    seconds = [event["data"]["seconds"] for event in wire.events(kinds=["daemon.clockSet"])]
    assert seconds == [-3600.0, 6600.0]
    assert wire.call("daemon.status")["uptimeSeconds"] == 600
    assert "lockside_uptime_seconds 600.0" in wire.call("daemon.metrics")
    assert wire.call("clock.get")["bootTime"] == "2026-03-29T12:10:00.000000Z"


def test_a_restart_with_a_later_clock_counts_as_downtime(daemon: Daemon, wire: Wire) -> None:
    due = wire.shell("true", delay=3600)
    later = wire.shell("true", delay=2 * DAY)
    wire.close()
    daemon.stop()
    daemon.start("--test-clock", "2026-03-30T12:00:00Z")
    with Wire(daemon.socket) as again:
        assert again.done(due)["startTime"] == "2026-03-30T12:00:00.000000Z"
        assert again.kinds(later) == ["start_time"]
        again.call("clock.advance", seconds=DAY)
        assert again.done(later)["status"] == "success"


def test_the_time_limit_of_a_run_is_real_time(wire: Wire, gate: Gate) -> None:
    job = wire.done(wire.shell(gate.text, limits={"timeoutSeconds": 0.2}))
    assert job["result"]["error"]["kind"] == "timeout"
    assert job["endTime"] == NOON


def test_the_clock_methods_require_an_admin_and_the_status_names_the_clock(wire: Wire) -> None:
    described = {method["name"]: method["x-role"] for method in wire.call("rpc.discover")["methods"]}
    assert {described[name] for name in METHODS} == {"admin"}
    assert wire.call("daemon.status")["clock"] == "test"


def test_the_clock_rejects_times_out_of_range(wire: Wire) -> None:
    for method, path, given in (
        ("clock.advance", "$.seconds", {"seconds": -1}),
        ("clock.sleep", "$.seconds", {}),
        ("clock.set", "$.time", {"time": "noon"}),
        ("clock.set", "$.time", {"time": "9999-12-31T23:59:59Z"}),
        ("clock.set", "$.time", {"time": "1969-12-31T23:59:59Z"}),
    ):
        assert wire.refused(method, **given).data["path"] == path
    assert time(wire) == NOON


def test_without_a_test_clock_nobody_can_move_the_clock() -> None:
    with running() as daemon, Wire(daemon.socket) as wire:
        assert wire.call("daemon.status")["clock"] == "system"
        assert not METHODS & {method["name"] for method in wire.call("rpc.discover")["methods"]}
        assert {wire.refused(name).kind for name in METHODS} == {"method_not_found"}


def refusal_of(daemon: Daemon, *arguments: str) -> str:
    """Return the message of a daemon on the same folder that refuses to start."""
    command = [*LOCKSIDED, "--state-dir", str(daemon.state_dir), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=PLAIN, check=False)
    assert done.returncode == 1, done
    return done.stderr


def test_a_folder_is_opened_only_with_the_kind_of_clock_it_was_created_with() -> None:
    for begun, other, remedy in (
        ((), ("--test-clock", NOON), "start locksided without --test-clock"),
        (("--test-clock", NOON), (), "start locksided with --test-clock"),
    ):
        with running(*begun) as daemon:
            daemon.stop()
            assert remedy in refusal_of(daemon, *other)
            daemon.start(*begun)


def test_a_backup_is_restored_only_with_the_kind_of_clock_it_was_made_with(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        backup = wire.call("daemon.backup")["path"]
    daemon.stop()
    assert "start locksided with --test-clock" in refusal_of(daemon, "--restore", backup)
    command = [*LOCKSIDED, "--state-dir", str(daemon.state_dir), "--restore", backup, "--test-clock", NOON]
    subprocess.run(command, check=True, env=PLAIN, capture_output=True)
    daemon.start("--test-clock", NOON)


def test_an_invalid_clock_time_is_refused_with_an_example(tmp_path: Path) -> None:
    command = [*LOCKSIDED, "--state-dir", str(tmp_path), "--test-clock", "noon"]
    done = subprocess.run(command, capture_output=True, text=True, env=PLAIN, check=False)
    assert done.returncode == 2
    assert 'as in "2026-01-31T08:00:00Z"' in done.stderr

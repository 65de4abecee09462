"""Schedules over the wire: how they are stored, listed and applied, and what their jobs receive."""

import subprocess
import sys
from pathlib import Path

import pytest

from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS
from e2e.scheduling import jobs_of, put, restarted, rows, short, summary
from e2e.wire import Wire


def test_a_schedule_creates_its_job_when_due_and_again_after_the_daemon_was_killed(
    daemon: Daemon, wire: Wire
) -> None:
    stored = put(wire, every="15m")
    assert stored["nextMoment"] == "2026-01-05T08:15:00.000000Z"
    assert stored["status"] == "active"
    wire.call("clock.advance", seconds=899)
    assert jobs_of(wire) == []
    wire.call("clock.advance", seconds=1)
    [job] = jobs_of(wire)
    assert job["schedule"]["moment"] == "2026-01-05T08:15:00.000000Z"
    assert wire.done(job)["status"] == "success"
    wire.close()
    restarted(daemon, "2026-01-05T08:29:59Z")
    with Wire(daemon.socket) as again:
        again.call("clock.advance", seconds=1)
        assert [summary(row) for row in rows(again)] == [
            ("fired", "time", "08:15", "08:15", 1),
            ("fired", "time", "08:30", "08:30", 1),
        ]
        assert [short(job["schedule"]["windowStart"]) for job in jobs_of(again)] == ["08:00", "08:15"]


def test_a_program_finds_its_window_in_the_environment_and_in_variables(wire: Wire) -> None:
    names = "$LOCKSIDE_SCHEDULE_ID $LOCKSIDE_SCHEDULED_TIME $LOCKSIDE_WINDOW_START"
    text = f'echo "{names}"; cat {{datadir}}/config.json'
    wire.call("component.put", component={"id": "acme.job", "shell": text})
    configuration = {
        "parameters": {"day": "{{ scheduledDate }}", "of": "{{ scheduleId }}"},
        "variables": {"scheduleId": "none", "scheduledDate": "never"},
    }
    wire.call("config.put", component="acme.job", config="daily", configuration=configuration)
    put(wire, every="1h")
    wire.call("clock.advance", seconds=3600)
    [job] = jobs_of(wire)
    wire.done(job)
    said = "".join(frame["text"] for frame in wire.call("job.log", id=job["id"])["frames"])
    assert said.startswith("s 2026-01-05T09:00:00.000000Z 2026-01-05T08:00:00.000000Z")
    assert '"day":"2026-01-05"' in said.replace(" ", "")
    assert '"of":"s"' in said.replace(" ", "")


def test_faults_are_reported_with_their_path_in_the_schedule(wire: Wire) -> None:
    job = {"component": "acme.job", "config": "daily"}
    for members, path in (
        ({"cronTab": "0 0 31 2 *", "job": job}, "$.schedule.cronTab"),
        ({"every": "1h", "job": job | {"retry": {"maxAttempts": 0}}}, "$.schedule.job.retry.maxAttempts"),
        ({"every": "1h", "job": job | {"config": "nightly"}}, "$.schedule.job.config"),
        ({"every": "1h", "job": job | {"pool": "none"}}, "$.schedule.job.pool"),
        ({"every": "1h", "job": job | {"dryRun": True}}, "$.schedule.job.dryRun"),
        ({"every": "1h", "job": job, "timezone": "Mars/Base"}, "$.schedule.timezone"),
    ):
        assert wire.refused("schedule.put", schedule={"id": "s", **members}).data["path"] == path


def test_schedules_can_be_filtered_and_listed_in_pages(wire: Wire) -> None:
    put(wire, "a", every="1h")
    put(wire, "b", every="1h", target={"componentId": "acme.job", "configurationId": "daily"}, job=None)
    wire.call("schedule.pause", id="b")
    assert [one["id"] for one in wire.call("schedule.list")["schedules"]] == ["a", "b"]
    for filters, ids in (
        ({"status": ["paused"]}, ["b"]),
        ({"status": ["active"]}, ["a"]),
        ({"component": "acme.job", "config": "daily"}, ["a", "b"]),
        ({"component": "acme.other"}, []),
        ({"text": "b"}, ["b"]),
        ({"owner": "nobody"}, []),
    ):
        assert [one["id"] for one in wire.call("schedule.list", **filters)["schedules"]] == ids
    first = wire.call("schedule.list", limit=1)
    assert wire.call("schedule.list", limit=1, cursor=first["nextCursor"])["schedules"][0]["id"] == "b"
    wire.call("schedule.delete", id="a")
    assert wire.refused("schedule.get", id="a").kind == "not_found"
    assert rows(wire, "a") == []
    assert wire.refused("schedule.ledger", id="never").kind == "not_found"


def test_applying_exported_schedules_changes_nothing(daemon: Daemon, wire: Wire, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "schedules"
    folder.mkdir(parents=True)
    job = '[job]\ncomponent = "acme.job"\nconfig = "daily"\n'
    (folder / "hourly.toml").write_text(f'cronTab = "0 * * * *"\ntimezone = "Europe/Prague"\n{job}')
    assert "1 to create" in lockside(daemon, "apply", str(tmp_path / "in"), "--yes")
    wire.call("clock.advance", seconds=3600)
    wire.call("schedule.pause", id="hourly")
    assert "1 unchanged" in lockside(daemon, "apply", str(tmp_path / "in"))
    before = wire.call("schedule.get", id="hourly")
    assert (before["status"], before["firings"]) == ("paused", 1)
    lockside(daemon, "export", str(tmp_path / "out"))
    assert (tmp_path / "out" / "schedules" / "hourly.toml").read_text().startswith('cronTab = "0 * * * *"')
    assert "unchanged" in lockside(daemon, "apply", str(tmp_path / "out"))
    (folder / "hourly.toml").write_text(f'cronTab = "30 * * * *"\ntimezone = "Europe/Prague"\n{job}')
    wire.call("schedule.resume", id="hourly")
    wire.call("clock.advance", seconds=1800)
    assert "1 to change" in lockside(daemon, "apply", str(tmp_path / "in"), "--yes")
    assert len(jobs_of(wire, "hourly")) == 1
    assert short(wire.call("schedule.get", id="hourly")["nextMoment"]) == "10:30"
    (folder / "hourly.toml").write_text(f'cronTab = "30 * * * *"\n{job}'.replace("daily", "nightly"))
    with pytest.raises(AssertionError, match=r"nightly"):
        lockside(daemon, "apply", str(tmp_path / "in"), "--yes")


def test_schedules_have_commands(daemon: Daemon, wire: Wire) -> None:
    put(wire, every="1h")
    wire.call("clock.advance", seconds=3600)
    wire.done(jobs_of(wire)[0])
    assert lockside(daemon, "schedule", "ls").startswith("s\tactive\t2026-01-05 10:00:00+00:00\t")
    assert (
        lockside(daemon, "schedule", "next", "s", "-n", "2").splitlines()[1].startswith("2026-01-05 11:00:00")
    )
    assert lockside(daemon, "schedule", "ledger", "s").startswith(
        "2026-01-05 09:00:00+00:00\t\t1\tfired\ttime\t"
    )
    assert "is paused" in lockside(daemon, "schedule", "pause", "s", "-m", "why")
    assert "is active; next: 2026-01-05 10:00" in lockside(daemon, "schedule", "resume", "s")
    assert "2 jobs\n" not in lockside(
        daemon, "schedule", "backfill", "s", "2026-01-05", "2026-01-05", "--plan"
    )
    assert "(job " in lockside(daemon, "schedule", "run", "s")


def lockside(daemon: Daemon, *words: str) -> str:
    """Return what a command printed."""
    command = [sys.executable, "-m", "lockside.cli.main", "--socket", str(daemon.socket), *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout

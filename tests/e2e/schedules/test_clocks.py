"""Clocks that are set, time zones that change, and the nights of daylight saving changes."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaign.figures import LONG
from e2e.harness import Daemon
from e2e.scheduling import MORNING, at, jobs_of, put, restarted, rows, short, summary
from nights import BY_POLICY, NIGHTS, REAL_TIME


def test_setting_the_clock_fires_nothing_twice() -> None:
    with at("2026-01-05T10:07:00Z") as daemon:
        wire = daemon.wire()
        put(wire, cronTab="*/15 * * * *", overlap={"policy": "allow"})
        wire.call("clock.set", time="2026-01-05T11:07:00Z")
        assert [summary(row) for row in rows(wire)] == [
            ("merged", "misfire", "10:15", "10:45", 3),
            ("fired", "misfire", "11:00", "11:00", 1),
        ]
        wire.call("clock.set", time="2026-01-05T10:07:00Z")
        assert short(wire.call("schedule.get", id="s")["nextMoment"]) == "11:15"
        wire.call("clock.set", time="2026-01-05T06:07:00Z")
        wire.call("clock.advance", seconds=600)
        [replanned] = [event["data"] for event in wire.events(kinds=["schedule.replanned"])]
        assert replanned["because"] == "clock"
        assert short(wire.call("schedule.get", id="s")["nextMoment"]) == "06:30"
        wire.call("clock.set", time="2026-01-05T06:17:00Z")
        wire.call("clock.advance", seconds=3 * 3600)
        restarted(daemon, "2026-01-05T09:17:00Z")
        wire = daemon.wire()
        wire.call("clock.advance", seconds=3 * 3600 - 17 * 60)
        fired = [row for row in rows(wire) if row["outcome"] == "fired"]
        moments = [short(row["moment"]) for row in fired]
        assert len(moments) == len(set(moments))
        assert moments.count("11:00") == 1
        assert not {"10:15", "10:30", "10:45"} & set(moments)
        assert {"06:30", "10:00", "11:15", "12:00"} <= set(moments)


def zone_file(folder: Path, name: str) -> None:
    (folder / "Test").mkdir(parents=True, exist_ok=True)
    made = folder / "Test" / "Zone.new"
    made.write_bytes(Path("/usr/share/zoneinfo", name).read_bytes())
    made.rename(folder / "Test" / "Zone")


def test_a_change_of_the_rules_of_a_zone_replans_its_schedules(tmp_path: Path) -> None:
    zone_file(tmp_path, "Europe/Prague")
    paths = f"{tmp_path}:/usr/share/zoneinfo"
    with at("2026-06-01T05:00:00Z", PYTHONTZPATH=paths) as daemon:
        wire = daemon.wire()
        assert (
            put(wire, cronTab="0 9 * * *", timezone="Test/Zone")["nextMoment"]
            == "2026-06-01T07:00:00.000000Z"
        )
        wire.call("clock.advance", seconds=3600)
        zone_file(tmp_path, "Europe/London")
        wire.call("daemon.reload")
        assert wire.call("schedule.get", id="s")["nextMoment"] == "2026-06-01T08:00:00.000000Z"
        zone_file(tmp_path, "Europe/Prague")
        wire.call("daemon.reload")
        wire.call("clock.advance", seconds=5400)
        assert [summary(row) for row in rows(wire)] == [("fired", "time", "07:00", "07:00", 1)]
        zone_file(tmp_path, "Europe/London")
        wire.call("daemon.reload")
        assert wire.call("schedule.get", id="s")["nextMoment"] == "2026-06-02T08:00:00.000000Z"
        restarted(daemon, "2026-06-01T07:40:00Z")
        wire = daemon.wire()
        assert wire.call("schedule.get", id="s")["nextMoment"] == "2026-06-02T08:00:00.000000Z"
        assert len(jobs_of(wire)) == 1


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_moment_that_a_zone_change_moves_into_the_past_counts_as_missed(
    tmp_path: Path, is_restarted: bool
) -> None:
    zone_file(tmp_path, "Europe/Prague")
    paths = f"{tmp_path}:/usr/share/zoneinfo"
    with at("2026-06-01T05:00:00Z", PYTHONTZPATH=paths) as daemon:
        wire = daemon.wire()
        put(wire, cronTab="0 9 * * *", timezone="Test/Zone")
        wire.call("clock.advance", seconds=5400)
        zone_file(tmp_path, "Europe/Athens")
        if is_restarted:
            restarted(daemon, "2026-06-01T06:30:00Z")
            wire = daemon.wire()
        else:
            wire.call("daemon.reload")
        wire.call("clock.advance", seconds=0)
        [row] = rows(wire)
        assert (summary(row), row["latenessSeconds"]) == (("fired", "misfire", "06:00", "06:00", 1), 1800)


def spans() -> list[tuple[datetime, datetime, list[tuple[dict[str, Any], list[str]]]]]:
    """Return each night in order, with the schedules that are tried in it and their moments."""
    found = []
    for (zone, line, first, last, expected), by_policy in zip(NIGHTS, BY_POLICY, strict=True):
        tried = []
        for policy, between in by_policy.items():
            dst = {"gap" if policy in ("after", "shift", "skip") else "fold": policy}
            schedule = {"cronTab": line, "timezone": zone, "dst": dst}
            tried.append((schedule, expected.format(between).split()))
        found.append((moment(first), moment(last), tried))
    for line, first, last, expected in REAL_TIME:
        schedule = {"cronTab": line, "timezone": "Europe/Prague"}
        found.append((moment(first), moment(last), [(schedule, expected.split())]))
    return sorted(found, key=lambda span: span[0])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+00:00")


@pytest.mark.parametrize("is_killed", [False, True])
def test_moments_in_nights_of_clock_changes_are_predicted_and_fire(is_killed: bool) -> None:
    job = {"component": "acme.job", "config": "daily", "lock": "none"}
    with at("2026-03-01T00:00:00Z") as daemon:
        wire = daemon.wire()
        number = 0
        for first, last, tried in spans()[:: 3 if is_killed and not LONG else 1]:
            before = first - timedelta(minutes=1)
            wire.call("clock.set", time=before.isoformat())
            ids = []
            for schedule, expected in tried:
                ids.append(f"s{number}")
                number += 1
                whole = {"id": ids[-1], "job": job, "overlap": {"policy": "allow"}, **schedule}
                told = wire.call("schedule.next", schedule=whole, count=len(expected))["moments"]
                assert [one["moment"][8:16] for one in told] == expected
                assert all(one["moment"].endswith(":00.000000Z") for one in told)
                wire.call("schedule.put", schedule=whole)
            half = (last - before) / 2
            for _ in range(2):
                wire.call("clock.advance", seconds=half.total_seconds())
                if is_killed:
                    restarted(daemon, wire.call("clock.get")["time"])
                    wire = daemon.wire()
            wire.call("clock.advance", seconds=0)
            for schedule_id, (_, expected) in zip(ids, tried, strict=True):
                fired = [row["moment"] for row in rows(wire, schedule_id) if row["outcome"] == "fired"]
                assert [one[8:16] for one in fired] == expected
                wire.call("schedule.delete", id=schedule_id)


def test_a_schedule_whose_zone_is_missing_can_be_paused_and_continues_when_the_zone_is_back(
    tmp_path: Path,
) -> None:
    zone_file(tmp_path, "Europe/Prague")
    with at("2026-06-01T05:00:00Z", PYTHONTZPATH=f"{tmp_path}:/usr/share/zoneinfo") as daemon:
        wire = daemon.wire()
        put(wire, cronTab="0 9 * * *", timezone="Test/Zone")
        (tmp_path / "Test" / "Zone").unlink()
        wire.call("daemon.reload")
        shown = wire.call("schedule.get", id="s")
        assert (shown["status"], shown["nextMoment"]) == ("broken", None)
        assert "Test/Zone" in shown["statusCause"]
        assert wire.call("schedule.pause", id="s")["status"] == "broken"
        assert rows(wire) == []
        assert wire.call("schedule.resume", id="s")["status"] == "broken"
        assert wire.refused("schedule.run", id="s").kind == "conflict"
        restarted(daemon, "2026-06-01T06:00:00Z")
        wire = daemon.wire()
        assert wire.call("schedule.get", id="s")["status"] == "broken"
        zone_file(tmp_path, "Europe/Prague")
        wire.call("daemon.reload")
        wire.call("clock.advance", seconds=3600)
        assert [summary(row) for row in rows(wire)] == [("fired", "time", "07:00", "07:00", 1)]


def test_no_ledger_row_spans_a_row_written_before_the_clock_was_set_back(daemon: Daemon) -> None:
    wire = daemon.wire()
    put(wire, every="20m")
    wire.call("config.delete", component="acme.job", config="daily")
    wire.call("clock.advance", seconds=3600)
    wire.call("clock.set", time=MORNING)
    wire.call("config.put", component="acme.job", config="daily")
    put(wire, every="15m", misfire={"policy": "all"})
    wire.call("config.delete", component="acme.job", config="daily")
    wire.call("clock.sleep", seconds=4500)
    assert [summary(row) for row in rows(wire)] == [
        ("failed", "not_found", "08:15", "08:15", 1),
        ("failed", "not_found", "08:20", "09:00", 3),
        ("failed", "not_found", "09:15", "09:15", 1),
    ]

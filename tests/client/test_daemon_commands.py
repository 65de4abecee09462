"""Commands about the daemon: events, status, doctor, completion."""

import pytest

from client.conftest import Run
from client.fakedaemon import HANG_UP, FakeDaemon, in_turn, job
from lockside.cli.daemon import events
from lockside.cli.session import Session


def _event(seq: int) -> dict[str, object]:
    return {
        "seq": seq,
        "time": "2026-01-31T08:00:00Z",
        "kind": "job.status",
        "job": "42",
        "data": {"to": "success"},
    }


def test_events_are_followed_over_a_restart_from_the_last_event_seen(
    daemon: FakeDaemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def subscribe(params: dict[str, object]) -> dict[str, object]:
        seen = [1, 2] if params.get("after") is None else [3]
        end = [HANG_UP] if seen == [1, 2] else []
        daemon.pushes["event.subscribe"] = [("event", {"events": [_event(seq) for seq in seen]}), *end]
        return {"subscription": "s", "cursor": 0}

    def until_the_third(session: Session, event: dict[str, object]) -> None:
        session.out.line(f"event {event['seq']}")
        if event["seq"] == 3:
            raise KeyboardInterrupt

    daemon.answers["event.subscribe"] = subscribe
    monkeypatch.setattr(events, "_print_event", until_the_third)
    ran = run("events", "-f", "--kind", "job.status")
    assert (ran.code, ran.out) == (0, "event 1\nevent 2\nevent 3\n")
    assert daemon.params_of("event.subscribe") == [
        {"kinds": ["job.status"]},
        {"kinds": ["job.status"], "after": 2},
    ]


def test_without_a_start_position_the_last_events_are_listed(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers |= {"event.subscribe": {"subscription": "s", "cursor": 100}, "event.unsubscribe": {}}
    daemon.answers["event.list"] = in_turn(
        {"events": [_event(99), _event(100)], "cursor": 100}, {"events": [], "cursor": 100}
    )
    assert [line.split("\t")[0] for line in run("events", "-n", "2").out.splitlines()] == ["99", "100"]
    assert daemon.params_of("event.list")[0]["after"] == 98


def test_data_of_events_is_text_or_json(daemon: FakeDaemon, run: Run) -> None:
    event = _event(1) | {"kind": "daemon.backup", "data": {"path": "/b.db", "keyIds": ["a"], "sizeBytes": 1}}
    daemon.answers["event.list"] = in_turn({"events": [event], "cursor": 1}, {"events": [], "cursor": 1})
    assert run("events", "--after", "0").out.split("\t")[-1] == 'path /b.db, keyIds ["a"], sizeBytes 1\n'


def test_status_says_what_is_wrong_and_what_to_do(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["daemon.status"] = {
        "version": "1.0",
        "pid": 7,
        "uptimeSeconds": 90061,
        "isDraining": True,
        "isDrained": False,
        "drain": {"since": "2026-01-31T08:00:00Z", "by": "ann"},
        "counts": {"processing": 2, "success": 40, "error": 0},
        "pools": [{"id": "default", "slots": 2, "running": 2, "queued": 3, "isPaused": False}],
        "store": {"isWritable": False, "cause": "the disk is full", "remedy": "make room"},
        "keeper": {"isConnected": True, "pid": 8, "runs": 2, "killsBy": "cgroup"},
        "formerKeepers": [{"isConnected": True, "pid": 9, "runs": 1}, {"isConnected": False, "runs": 0}],
    }
    out = run("status").out
    for text in (
        "lockside 1.0: 3 things need a look; up 1 d 1 h, pid 7",
        "the database cannot be written: the disk is full",
        "do: make room",
        "the daemon is being drained, since",
        "by ann",
        "do: lockside undrain",
        "2 processing, 40 success",
        "default: 2 of 2 slots in use, 3 queued",
        "of another release: pid 9, 1 process tree; it leaves with the last one",
        "another one is alive and does not answer",
    ):
        assert text in out


@pytest.mark.parametrize(
    ("up", "told"), [(0.2, "lockside 1.0 is well"), (60, "No job can start and no job waits")]
)
def test_status_gives_a_daemon_that_has_just_started_time_to_start_its_keeper(
    daemon: FakeDaemon, run: Run, up: float, told: str
) -> None:
    daemon.answers["daemon.status"] = {
        "version": "1.0",
        "pid": 7,
        "uptimeSeconds": up,
        "isDraining": False,
        "counts": {},
        "pools": [],
        "store": {"isWritable": True},
        "keeper": {"isConnected": False, "runs": 0},
    }
    assert told in run("status").out


def test_status_says_that_no_failure_is_open(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["daemon.status"] = {
        "version": "1.0",
        "pid": 7,
        "uptimeSeconds": 60,
        "isDraining": False,
        "counts": {"success": 2, "error": 1},
        "pools": [],
        "store": {"isWritable": True},
        "keeper": {"isConnected": True, "pid": 8, "runs": 0},
    }
    daemon.answers["job.list"] = in_turn(
        {"jobs": [], "total": 0}, {"jobs": []}, {"jobs": [], "total": 0}, {"jobs": [job()]}
    )
    assert "2 success, 1 error (retried with success or acknowledged)\n" in run("status").out
    assert "2 success, 1 error\n" in run("status").out


def test_doctor_works_without_a_daemon_and_names_the_remedy(daemon: FakeDaemon, run: Run) -> None:
    daemon.stop()
    ran = run("doctor")
    assert ran.code == 1
    assert "wrong  daemon" in ran.out
    assert "Start one with `lockside start`" in ran.out


def test_doctor_shows_what_the_daemon_finds(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["daemon.status"] = {
        "version": "0.1.0",
        "pid": 7,
        "keeper": {"isConnected": True, "pid": 8, "isOutdated": True},
        "formerKeepers": [{"isConnected": True, "pid": 9, "runs": 3}, {"isConnected": False, "pid": None}],
    }
    problem = {"kind": "orphan", "message": "process 99 fits no job", "repair": "kill 99"}
    daemon.answers["daemon.check"] = {"problems": [problem]}
    out = run("doctor").out
    assert "process 99 fits no job" in out
    assert "kill 99" in out
    assert "pid 8 runs the code of another release" in out
    assert "pid 9, of another release, keeps 3" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(run: Run, shell: str) -> None:
    assert "lockside __complete" in run("completion", shell).out

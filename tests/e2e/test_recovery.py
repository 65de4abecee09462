"""Recovery over the wire: blocked jobs, the tests that they wait for, and both after a crash."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.processes import PLAIN
from e2e.recovering import advance, at_noon, checks, fails_without, policy, until_blocked
from e2e.signs import Ear, Gate
from e2e.timeline import children
from e2e.wire import Message, Wire, put_component, put_config

POLICY = {"id": "a", "tester": {"wait": True}}
SHELL = {"parameters": {"shell": "true"}}


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with at_noon() as made:
        yield made


def test_a_job_waits_until_its_file_is_there_and_runs_again(wire: Wire, tmp_path: Path) -> None:
    door = tmp_path / "door"
    job = wire.shell(fails_without(door), recovery=policy({"file": {"path": str(door)}}))
    blocked = until_blocked(wire, job)
    assert blocked["status"] == "created"
    assert blocked["result"]["error"]["message"] == "the door is shut"
    (reason,) = wire.explain(job)
    assert reason["kind"] == "recovery"
    assert reason["policy"] == "outage"
    assert reason["tester"] == f"{door} exists"
    assert reason["nextCheckTime"] == "2026-03-29T12:00:30.000000Z"
    assert reason["expiresTime"] == "2026-03-30T12:00:00.000000Z"
    advance(wire, 30, checks_end=1)
    (reason,) = wire.explain(job)
    assert reason["lastMessage"] == f"{door} does not exist"
    door.touch()
    advance(wire, 60, checks_end=1)
    ended = wire.done(job)
    assert (ended["status"], ended["starts"], ended["blockedCount"]) == ("success", 2, 1)
    assert ended["result"]["error"] is None
    assert wire.history(job) == ["created", "processing", "created", "processing", "success"]


def test_a_pause_without_a_test_releases_the_job(wire: Wire) -> None:
    job = wire.shell("exit 75", recovery=policy({"wait": True}, maxBlocks=1))
    until_blocked(wire, job)
    wire.call("clock.advance", seconds=29)
    assert wire.kinds(job) == ["recovery"]
    wire.call("clock.advance", seconds=1)
    error = wire.done(job)["result"]["error"]
    assert error["recovery"] == {
        "cause": "max_blocks",
        "blocks": 1,
        "since": "2026-03-29T12:00:00.000000Z",
        "lastMessage": None,
    }


def test_a_blocked_job_stays_blocked_over_a_restart_and_an_overdue_test_runs_once(
    daemon: Daemon, wire: Wire, tmp_path: Path
) -> None:
    door = tmp_path / "door"
    job = wire.shell(fails_without(door), recovery=policy({"file": {"path": str(door)}}))
    until_blocked(wire, job)
    wire.close()
    daemon.kill()
    door.touch()
    daemon.start("--test-clock", "2026-03-29T12:10:00Z")
    with Wire(daemon.socket) as again:
        ended = again.done(job)
        assert (ended["status"], ended["blockedCount"]) == ("success", 1)
        assert [(one["at"], one["outcome"]) for one in checks(again)] == [(600, "well")]


# -- the whole course of events, with its figures --------------------------------------------------------


def many(wire: Wire, number: int, door: Path, **more: Any) -> list[Message]:
    """Create this many jobs that all become blocked."""
    parameters = {"shell": fails_without(door), "environment": {"PATH": PLAIN["PATH"]}}
    request = {
        "component": "lockside.command",
        "configData": {"parameters": parameters},
        "recovery": policy({"file": {"path": str(door)}}, **more),
    }
    made = wire.call("job.createMany", jobs=[request] * number)["jobs"]
    for job in made:
        until_blocked(wire, job)
    return list(made)


def check_released(wire: Wire, ids: list[str], number: int) -> None:
    """Check that this many of them, from the first, run to their end and that the others are blocked."""
    assert {wire.done(job_id)["status"] for job_id in ids[:number]} == {"success"}
    (condition,) = wire.call("recovery.list")["conditions"]
    assert condition["jobs"] == ids[number:]


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_hundred_jobs_share_one_test_and_start_in_batches_of_ten(tmp_path: Path, is_killed: bool) -> None:
    door = tmp_path / "door"
    with at_noon(LOCKSIDE_POOLS__DEFAULT__SLOTS="20") as daemon:

        def wire_after_a_crash(seconds: int) -> Wire:
            if is_killed:
                daemon.kill()
                daemon.start("--test-clock", f"2026-03-29T12:0{seconds // 60}:{seconds % 60:02}Z")
            return daemon.wire()

        wire = daemon.wire()
        jobs = many(wire, 100, door)
        ids = [job["id"] for job in jobs]
        advance(wire, 30, checks_end=1)
        wire = wire_after_a_crash(30)
        advance(wire, 60, checks_end=1)
        advance(wire, 110)
        door.touch()
        wire = wire_after_a_crash(200)
        advance(wire, 10, checks_end=1)
        check_released(wire, ids, 10)
        wire = wire_after_a_crash(210)
        advance(wire, 30, checks_end=1)
        check_released(wire, ids, 20)
        advance(wire, 30, checks_end=1)
        check_released(wire, ids, 30)
        outcomes = [(one["at"], one["outcome"], one["jobs"], one["released"]) for one in checks(wire)]
        assert outcomes == [
            (30, "not_yet", 100, 0),
            (90, "not_yet", 100, 0),
            (210, "well", 100, 10),
            (240, "well", 90, 10),
            (270, "well", 80, 10),
        ]
        (condition,) = wire.call("recovery.list")["conditions"]
        assert condition["checks"] == 5
        assert condition["nextCheckTime"] == "2026-03-29T12:05:00.000000Z"


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_job_that_keeps_failing_after_good_tests_is_given_up(tmp_path: Path, is_killed: bool) -> None:
    door = tmp_path / "door"
    door.touch()
    with at_noon() as daemon:
        wire = daemon.wire()
        job = wire.shell("exit 75", recovery=policy({"file": {"path": str(door)}}, maxBlocks=2))
        for times, time in ((1, "12:00:30"), (2, "12:01:00")):
            until_blocked(wire, job, times)
            if is_killed:
                daemon.kill()
                daemon.start("--test-clock", f"2026-03-29T{time}Z")
                wire = daemon.wire()
            else:
                advance(wire, 30, checks_end=1)
        ended = wire.done(job)
        assert (ended["status"], ended["blockedCount"], ended["starts"]) == ("error", 2, 3)
        told = ended["result"]["error"]["recovery"]
        assert (told["cause"], told["blocks"], told["since"]) == (
            "max_blocks",
            2,
            "2026-03-29T12:00:00.000000Z",
        )
        assert wire.call("recovery.list")["conditions"] == []


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_blocked_job_keeps_its_lock_only_when_the_policy_says_so(
    daemon: Daemon, wire: Wire, tmp_path: Path, is_killed: bool
) -> None:
    door = tmp_path / "door"
    put_component(wire, "acme.job", shell=f'test "$KBC_CONFIGID" = other || {fails_without(door)}')
    asked = {"kept": True, "let-go": False}
    jobs = {}
    for config, hold_lock in asked.items():
        put_config(wire, "acme.job", config)
        recovery = policy({"file": {"path": str(door)}}, holdLock=hold_lock)
        jobs[config] = wire.create("acme.job", config=config, recovery=recovery)
        until_blocked(wire, jobs[config])
    if is_killed:
        daemon.kill()
        daemon.start("--test-clock", "2026-03-29T12:00:00Z")
        wire = daemon.wire()
    for config, hold_lock in asked.items():
        other = wire.create("acme.job", config=config)
        if hold_lock:
            (reason,) = wire.explain(other)
            assert (reason["kind"], reason["holders"]) == ("config_lock", [jobs[config]["id"]])
            wire.call("job.terminate", id=jobs[config]["id"])
            assert wire.done(jobs[config])["status"] == "terminated"
        ended = wire.done(other)
        assert ended["result"]["error"]["exitCode"] == 75
        assert ended["status"] == "error"


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_job_can_be_terminated_while_it_is_blocked(daemon: Daemon, wire: Wire, is_killed: bool) -> None:
    job = wire.shell("exit 75", recovery=policy({"wait": True}))
    until_blocked(wire, job)
    if is_killed:
        daemon.kill()
        wire = daemon.start("--test-clock", "2026-03-29T12:00:00Z").wire()
    ended = wire.call("job.terminate", id=job["id"])
    assert (ended["status"], ended["starts"]) == ("terminated", 1)
    assert wire.history(job) == ["created", "processing", "created", "terminating", "terminated"]


def test_the_expiry_of_a_job_counts_from_its_first_block(wire: Wire, tmp_path: Path) -> None:
    asked = policy({"file": {"path": str(tmp_path / "door")}}, expirySeconds="40s")
    job = wire.shell("exit 75", recovery=asked)
    until_blocked(wire, job)
    advance(wire, 30, checks_end=1)
    wire.call("clock.advance", seconds=10)
    ended = wire.done(job)
    assert ended["status"] == "error"
    assert ended["endTime"] == "2026-03-29T12:00:40.000000Z"
    assert ended["result"]["error"]["exitCode"] == 75
    told = ended["result"]["error"]["recovery"]
    assert (told["cause"], told["lastMessage"]) == ("expired", f"{tmp_path}/door does not exist")


# -- which failures match --------------------------------------------------------------------------------


def test_a_program_can_request_a_pause_and_be_matched_by_it(wire: Wire) -> None:
    line = '{"blocked": {"retryAfterSeconds": 120, "message": "rate limit"}}'
    asked = [{"id": "limit", "match": {"reported": True}, "tester": {"wait": True}}]
    job = wire.shell(f"echo '{line}' >&$LOCKSIDE_PROGRESS_FD; exit 1", recovery=asked)
    until_blocked(wire, job)
    (reason,) = wire.explain(job)
    assert reason["nextCheckTime"] == "2026-03-29T12:02:00.000000Z"
    silent = wire.done(wire.shell("exit 1", recovery=asked))
    assert (silent["status"], silent["blockedCount"]) == ("error", 0)
    well = wire.done(wire.shell(f"echo '{line}' >&$LOCKSIDE_PROGRESS_FD", recovery=asked))
    assert well["status"] == "success"


def test_the_first_matching_policy_of_the_first_level_with_policies_applies(wire: Wire) -> None:
    def named(name: str, **match: Any) -> Message:
        return {"id": name, "match": match, "tester": {"wait": True}}

    own = [named("no", exitCodes=[8]), named("busy", contains=["BUSY"])]
    shell = "echo The Server is Busy >&2; exit 9"
    put_component(wire, "acme.job", shell=shell, recovery=[named("of the component")])
    put_config(wire, "acme.job", "plain")
    put_config(
        wire,
        "acme.job",
        "own",
        configuration={"runtime": {"recovery": own}},
    )
    jobs = [wire.create("acme.job", config=config) for config in ("plain", "own")]
    jobs.append(wire.create("acme.job", config="own", recovery=[named("asked", types=["application"])]))
    found = [wire.explain(until_blocked(wire, job))[0]["policy"] for job in jobs]
    assert found == ["of the component", "busy", "asked"]
    none = wire.done(wire.create("acme.job", config="own", recovery=[]))
    assert (none["status"], none["recovery"]) == ("error", [])


def test_a_job_that_recovery_gives_up_is_retried_and_recovery_uses_no_attempt(wire: Wire) -> None:
    job = wire.shell(
        "exit 75", retry={"maxAttempts": 2}, recovery=policy({"wait": True}, maxBlocks=1, expirySeconds=40)
    )
    first = children(wire, job)[0]
    until_blocked(wire, first)
    assert wire.get(job["id"])["status"] == "processing"
    wire.call("clock.advance", seconds=30)
    assert wire.done(first)["result"]["error"]["recovery"]["cause"] == "max_blocks"
    second = children(wire, job)[1]
    until_blocked(wire, second)
    wire.call("clock.advance", seconds=30)
    ended = wire.done(job)
    assert (ended["status"], len(children(wire, job))) == ("error", 2)


# -- by hand ----------------------------------------------------------------------------------------------


def test_a_job_can_be_released_by_hand_and_a_condition_tested_by_hand(wire: Wire, tmp_path: Path) -> None:
    door = tmp_path / "door"
    first, second = many(wire, 2, door)
    door.touch()
    assert wire.call("job.unblock", id=first["id"])["status"] in ("created", "processing", "success")
    assert wire.done(first)["status"] == "success"
    assert wire.refused("job.unblock", id=first["id"]).kind == "invalid_transition"
    (event,) = wire.events(first, kinds=["job.unblocked"])
    assert event["data"]["by"] == event["principal"]["user"]
    (condition,) = wire.call("recovery.list")["conditions"]
    answer = wire.call("recovery.check", condition=condition["id"])
    assert answer["id"] == condition["id"]
    assert wire.done(second)["status"] == "success"
    assert wire.refused("recovery.check", condition=condition["id"]).kind == "not_found"


def test_no_condition_is_tested_while_draining(wire: Wire, tmp_path: Path) -> None:
    (job,) = many(wire, 1, tmp_path / "door", expirySeconds=100)
    wire.call("daemon.drain")
    wire.call("clock.advance", seconds=99)
    assert checks(wire) == []
    (condition,) = wire.call("recovery.list")["conditions"]
    assert wire.refused("recovery.check", condition=condition["id"]).kind == "unavailable"
    wire.call("clock.advance", seconds=1)
    assert wire.done(job)["result"]["error"]["recovery"]["cause"] == "expired"


FAULTY = [
    ([{"id": "a", "tester": {}}], "$.recovery[0].tester.wait"),
    ([{"id": "a", "tester": {"wait": True, "action": "x"}}], "$.recovery[0].tester.wait"),
    (
        [{"id": "a", "tester": {"wait": True, "timeoutSeconds": 301}}],
        "$.recovery[0].tester.timeoutSeconds",
    ),
    ([{"id": "a", "tester": {"http": {"url": "ftp://x"}}}], "$.recovery[0].tester.http.url"),
    ([{"id": "a", "tester": {"file": {"path": "x"}}}], "$.recovery[0].tester.file.path"),
    ([POLICY | {"intervalSeconds": 0}], "$.recovery[0].intervalSeconds"),
    ([POLICY] * 2, "$.recovery[1].id"),
    ([{"id": "a", "tester": {"action": "x"}}], "$.recovery[0].tester.action"),
]


def test_an_invalid_policy_is_refused_with_its_path(wire: Wire) -> None:
    for policies, path in FAULTY:
        request = {"component": "lockside.command", "configData": SHELL, "recovery": policies}
        assert wire.refused("job.create", **request).data["path"] == path, policies


# -- a running test when a process dies ------------------------------------------------------------------


@pytest.mark.parametrize("dies", ["nobody", "daemon", "keeper"])
def test_a_running_test_survives_the_daemon_and_is_repeated_when_its_keeper_dies(
    daemon: Daemon, wire: Wire, tmp_path: Path, gate: Gate, ear: Ear, dies: str
) -> None:
    done = tmp_path / "done"
    tester = {"command": ["sh", "-c", f"echo tested > {ear.path}; {gate.text}"], "timeoutSeconds": 300}
    job = wire.shell(f"test -e {done} || exit 75", recovery=policy(tester))
    until_blocked(wire, job)
    done.touch()
    wire.call("clock.advance", seconds=30)
    assert ear.hear() == "tested"
    if dies == "daemon":
        wire.close()
        daemon.kill()
        daemon.start("--test-clock", "2026-03-29T12:05:00Z")
    if dies == "keeper":
        daemon.kill_keeper()
        assert ear.hear() == "tested"
    gate.open()
    with Wire(daemon.socket) as again:
        assert again.done(job)["status"] == "success"
        assert [one["outcome"] for one in checks(again)] == ["well"]
    assert ear.is_silent()

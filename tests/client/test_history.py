"""`show`, `why` and `status`: what they print when a job waits or failed, or when something is wrong."""

from typing import Any

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, job
from lockside.cli.jobs.job_tree import cause_of
from lockside.cli.jobs.show import steps_of
from lockside.cli.jobs.why import step_against

Json = dict[str, Any]


def at(second: float) -> str:
    return f"2026-01-31T08:{int(second) // 60:02}:{second % 60:09.6f}Z"


def event(kind: str, second: float, by: str = "ann", **data: Any) -> Json:
    return {"seq": 1, "time": at(second), "kind": kind, "principal": {"user": by}, "data": data}


def without_times(out: str) -> list[str]:
    """Return what happened, without the times."""
    return [line.split("  ", 2)[2].strip() for line in out.splitlines() if line.startswith("  2026-01-31 ")]


def ended(number: str, status: str, **more: Any) -> Json:
    """A job that was created at 0, started at 60 and ended at 90."""
    times = {"createdTime": at(0), "startTime": at(60), "endTime": at(90), "queueSeconds": 60.0}
    return job(number, status, runId=number, durationSeconds=30.0, principal={"user": "bob"}, **times) | more


def test_a_story_names_the_job_that_held_the_lock_and_for_how_long(daemon: FakeDaemon, run: Run) -> None:
    before = ended("41", "success", startTime=at(-0.0), endTime=at(60), lockKey="default/a/b")
    mine = ended("42", "success", lockKey="default/a/b")
    other_key = before | {"id": "40", "lockKey": "default/other"}
    daemon.answers |= {
        "job.get": mine,
        "job.list": lambda asked: {"jobs": [mine] if "runIdPrefix" in asked else [other_key, before, mine]},
        "event.list": {
            "events": [event("job.status", 60, to="processing"), event("job.status", 90, to="success")]
        },
    }
    assert without_times(run("show", "42").out) == [
        "created by bob",
        "waited 1 min for airports.extract/daily (job 41), which held the lock",
        "started",
        "success",
    ]
    asked = daemon.params_of("job.list")[1]
    assert (asked["component"], asked["config"]) == ("airports.extract", "daily")
    assert (asked["finishedFrom"], asked["finishedTo"]) == (at(0), at(60))


def test_a_story_names_dependencies_holds_pauses_and_who_stopped_it(daemon: FakeDaemon, run: Run) -> None:
    mine = ended("42", "terminated", config=None, dependsOn=[{"job": "41", "when": "success"}])
    before = ended("41", "success", endTime=at(45))
    daemon.answers |= {
        "job.get": lambda asked: mine if asked["id"] == "42" else before,
        "job.list": {"jobs": [mine]},
        "job.log": {"frames": [], "nextOffset": 0, "isComplete": True},
        "event.list": {
            "events": [
                event("job.held", 50),
                event("job.released", 55, by="eve"),
                event("job.status", 60, to="processing"),
                event("job.paused", 70),
                event("job.resumed", 75),
                event("job.terminateRequested", 80, by="eve"),
                event("job.status", 90, to="terminated"),
            ]
        },
    }
    assert without_times(run("show", "42").out) == [
        "created by bob",
        "waited 45 s for airports.extract/daily (job 41) to end: success",
        "held back by ann",
        "released by eve",
        "started",
        "paused by ann",
        "resumed by ann",
        "eve asked to stop it",
        "terminated",
    ]


def test_a_failed_container_shows_its_tree_and_the_log_of_what_failed_first(
    daemon: FakeDaemon, run: Run
) -> None:
    error = {"result": {"error": {"kind": "exit", "exitCode": 1, "message": "No data."}}}
    whole = ended("1", "error", type="orchestrationContainer", name="nightly", config=None) | error
    first = ended("2", "error", runId="1.2", parentRunId="1", type="standard") | error
    later = first | {"id": "3", "runId": "1.3", "endTime": at(95), "config": "weekly"}
    daemon.answers |= {
        "job.get": whole,
        "job.list": {"jobs": [whole, first, later]},
        "event.list": {"events": []},
        "job.log": {
            "frames": [{"seq": 0, "time": at(61), "stream": "stderr", "text": "No data.\n"}],
            "nextOffset": 1,
            "isComplete": True,
        },
    }
    out = run("show", "1").out
    assert "├─ ✗ airports.extract/daily (2)  error  30 s  No data." in out
    assert "└─ ✗ airports.extract/weekly (3)  error" in out
    assert "the end of the log of airports.extract/daily (job 2):\n  │ No data." in out
    assert {asked["id"] for asked in daemon.params_of("job.log")} == {"2"}


def test_a_wait_is_explained_with_the_name_owner_and_progress_of_the_other_job(
    daemon: FakeDaemon, run: Run
) -> None:
    reason = {"kind": "config_lock", "since": at(0), "message": "Job 41 holds the lock.", "holders": ["41"]}
    running = ended("41", "processing", progress=0.4, isFinished=False)
    daemon.answers |= {
        "job.explain": {"status": "waiting", "reasons": [reason | {"unblock": "the end of job 41"}]},
        "job.get": lambda asked: running if asked["id"] == "41" else job("42", "waiting"),
    }
    out = run("why", "42").out
    assert (
        "Job 41 holds the lock. Job 41 is airports.extract/daily of bob; it has run for 30 s, at 40%." in out
    )
    assert "cleared by the end of job 41" in out


@pytest.mark.parametrize(
    ("reference", "asked", "meant"),
    [
        ("last", {}, "7"),
        ("airports.extract", {"component": "airports.extract"}, "7"),
        ("nightly", {"name": "nightly"}, "7"),
        ("nightly load", {"name": "nightly load"}, "7"),
        ("from a/b: all", {"name": "from a/b: all"}, "7"),
        ("daily", {"config": "daily"}, "7"),
    ],
)
def test_a_name_refers_to_a_whole_job_and_never_to_a_part_of_one(
    daemon: FakeDaemon, run: Run, reference: str, asked: Json, meant: str
) -> None:
    phase = job("9", type="phaseContainer", name="nightly", relation="strong")
    attempt = job("8", creator={"type": "retry"}, name="nightly", relation="strong")
    whole = job(meant, "created", name="nightly")

    def listed(wanted: Json) -> Json:
        fits = asked.items() <= wanted.items()
        return {"jobs": [phase, attempt, whole] if fits else []}

    daemon.answers |= {"job.list": listed, "job.hold": whole}
    assert run("hold", reference).code == 0
    assert daemon.params_of("job.hold") == [{"id": meant}]


def test_a_mistyped_configuration_is_answered_with_the_likely_one(daemon: FakeDaemon, run: Run) -> None:
    from client.fakedaemon import Refusal, in_turn

    refusal = Refusal(-32001, "There is no configuration dayly.", kind="not_found")
    daemon.answers |= {
        "job.create": in_turn(refusal),
        "config.get": in_turn(refusal),
        "config.list": {"configs": [{"component": "a.load", "config": "daily"}]},
        "component.list": {"components": [{"id": "a.load"}]},
    }
    for words in (("run", "a.load/dayly"), ("config", "show", "a.load/dayly")):
        ran = run(*words)
        assert ran.code == 1
        assert "Did you mean 'a.load/daily'?" in ran.err


def status(**more: Any) -> Json:
    return {
        "version": "1.0",
        "pid": 7,
        "uptimeSeconds": 60,
        "isDraining": False,
        "isDrained": False,
        "counts": {"waiting": 3},
        "pools": [],
        "store": {"isWritable": True},
        "keeper": {"isConnected": True, "pid": 8, "runs": 0},
    } | more


def test_a_healthy_daemon_is_reported_as_healthy(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["daemon.status"] = status()
    assert run("status").out.startswith("lockside 1.0 is well; up 1 min, pid 7\n")


def test_keepers_of_another_release_are_listed_and_an_unresponsive_one_is_a_problem(
    daemon: FakeDaemon, run: Run
) -> None:
    leaving = {"isConnected": True, "pid": 5, "runs": 1}
    daemon.answers["daemon.status"] = status(formerKeepers=[leaving, {"isConnected": False, "runs": 0}])
    out = run("status").out
    assert "✗ a keeper of another release is alive and does not answer" in out
    assert "of another release: pid 5, 1 process tree; it leaves with the last one" in out


def test_problems_are_reported_with_since_when_and_what_to_do(daemon: FakeDaemon, run: Run) -> None:
    paused = {"id": "loads", "slots": 2, "running": 0, "queued": 4, "isPaused": True, "pausedBy": "ann"}
    daemon.answers |= {
        "daemon.status": status(
            keeper={"isConnected": False, "cause": "it does not answer"},
            pools=[paused | {"comment": "warehouse is down", "pausedTime": at(0)}],
            counts={"waiting": 3, "error": 1},
        ),
        "job.list": lambda asked: (
            {"jobs": [ended("5", "error", result={"error": {"message": "No disk."}})], "total": 2}
            if "finishedFrom" in asked
            else {"jobs": [{"id": "1", "reasons": [{"kind": "no_executor", "since": at(30)}]}]}
        ),
    }
    out = run("status").out
    assert "3 things need a look" in out
    assert "✗ the keeper, which starts jobs, cannot be reached: it does not answer, since 2026-01-31" in out
    assert "! pool loads is paused, since 2026-01-31" in out
    assert "by ann\n      4 jobs wait for it. The comment: warehouse is down\n" in out
    assert "      do: lockside pool resume loads" in out
    assert "! 2 jobs failed within a day" in out
    assert "airports.extract/daily (job 5): No disk." in out


def test_draining_shows_what_still_runs_and_waits_for_its_end(daemon: FakeDaemon, run: Run) -> None:
    from client.fakedaemon import in_turn

    running = ended("5", "processing", isFinished=False, limits={"timeoutSeconds": 600})
    daemon.answers |= {
        "daemon.drain": status(isDraining=True),
        "job.list": in_turn({"jobs": [running]}, {"jobs": []}),
        "job.wait": {"jobs": [ended("5", "success")]},
    }
    lines = run("drain", "--wait").out.splitlines()
    assert lines == [
        "draining: no more jobs start; running jobs go on",
        "  airports.extract/daily (job 5) has run for 30 s, 10 min at most",
        "airports.extract/daily (job 5): success after 30 s",
        "drained: no job runs",
    ]


def part(number: str, above: str, status: str, second: float, **more: Any) -> Json:
    run_id = f"{above}.{number}"
    return (
        ended(number, status, runId=run_id, parentRunId=above, endTime=at(second), relation="strong") | more
    )


def test_the_cause_of_a_failed_container_is_the_child_that_decided_it() -> None:
    root = ended("1", "error", type="orchestrationContainer")
    phase = part("2", "1", "error", 90, type="phaseContainer")
    tolerated = part("3", "1.2", "error", 70, behavior={"onError": "warning"})
    rows = part("4", "1.2", "error", 90, type="container")
    row = part("5", "1.2.4", "error", 80)
    assert cause_of(root, [root, phase, tolerated, rows, row]) is row


def test_the_cause_of_a_failed_retry_container_is_its_last_attempt() -> None:
    root = ended("1", "error", type="retryContainer")
    attempts = [part(str(number + 2), "1", "error", 60 + number, attempt=number) for number in range(3)]
    assert cause_of(root, [root, *attempts]) is attempts[2]


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ({"kind": "pool_paused", "pool": "loads", "by": "ann"}, "lockside pool resume loads"),
        ({"kind": "pool_paused", "pool": "loads", "by": None}, "lockside pool put loads --slots N"),
    ],
)
def test_the_advice_for_a_closed_pool_depends_on_what_closed_it(reason: Json, step: str) -> None:
    assert step_against(reason, "42") == step


def test_a_failure_settled_by_a_retry_points_to_the_retry() -> None:
    tried = [{"id": "43", "status": "error"}, {"id": "44", "status": "success"}]
    assert steps_of(ended("42", "error", retries={"jobs": tried}), False)[0][0] == "lockside show 44"
    assert steps_of(ended("42", "error", retries={"jobs": tried[:1]}), False)[0][0] == "lockside logs 42"

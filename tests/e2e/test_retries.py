"""Retries as attempts of their container, automatic and by hand; and jobs that replace others."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from e2e.orchestrating import by_task, orchestrate, phases, put_rows, task
from e2e.timeline import at_end, at_start, children, timeline
from e2e.wire import Message, Wire, put_component, put_config


def test_a_retry_that_succeeds_satisfies_the_phase_that_waits_for_it(body: Wire, place: Path) -> None:
    tries = {"tries": str(place / "tries"), "good": 3}
    retry = {"retry": {"maxAttempts": 4, "delaySeconds": 0.05, "backoff": "exponential"}}
    root = orchestrate(
        body,
        "chain",
        {
            "phases": phases("first", "second"),
            "tasks": [task("flaky", "first", tries, task=retry), task("after", "second")],
        },
    )
    assert body.done(root)["status"] == "success"
    jobs = by_task(body, root)
    assert (jobs["flaky"]["type"], jobs["flaky"]["status"]) == ("retryContainer", "success")
    attempts = children(body, jobs["flaky"])
    assert [(one["attempt"], one["status"]) for one in attempts] == [
        (0, "error"),
        (1, "error"),
        (2, "success"),
    ]
    assert all(one["delayedStartTime"] is not None for one in attempts[1:])
    changes = timeline(body, root)
    before = at_start(changes, jobs["after"]["id"])
    assert before[jobs["flaky"]["id"]] == before[jobs["first"]["id"]] == "success"
    for one, other in pairwise(attempts):
        made = body.events(other, kinds=["job.created"])[0]
        assert made["time"] == at_end(changes, one["id"]).time, (
            "created in the step that ends the previous attempt"
        )


def test_a_retried_configuration_stays_locked_between_its_attempts(body: Wire, place: Path) -> None:
    tries = {"tries": str(place / "tries"), "good": 2}
    put_config(body, "acme.body", "locked", configuration={"parameters": tries})
    retry = {"maxAttempts": 2, "delaySeconds": 300}
    job = body.create("acme.body", config="locked", retry=retry)
    (first,) = children(body, job)
    assert body.done(first)["status"] == "error"
    second = children(body, job)[1]
    (reason,) = body.explain(second)
    assert (reason["kind"], second["status"]) == ("start_time", "created")
    other = body.create("acme.body", config="locked")
    (waits,) = body.explain(other)
    assert (waits["kind"], waits["holders"]) == ("config_lock", [job["id"]])
    body.call("job.terminate", id=job["id"])
    assert [body.done(one)["status"] for one in (job, other)] == ["terminated", "success"]


def test_each_row_is_retried_separately(body: Wire, place: Path) -> None:
    put_rows(body, "tried", {}, {"tries": str(place / "tries"), "good": 2})
    job = body.create("acme.body", config="tried", parallelism=2, retry={"maxAttempts": 2})
    assert body.done(job)["status"] == "success"
    rows = children(body, job)
    assert [one["type"] for one in rows] == ["retryContainer"] * 2
    assert [len(children(body, one)) for one in rows] == [1, 2]
    assert body.text(job, row="r1") == "did r1\n", "the failed attempt wrote nothing"


def test_the_log_of_a_retried_job_contains_all_attempts_and_can_be_followed(body: Wire, place: Path) -> None:
    count = place / "count"
    text = f"echo x >> {count}; n=$(wc -l < {count}); echo one $n; echo two $n >&2; [ $n -ge 3 ]"
    put_component(body, "acme.counts", shell=text)
    retry = {"maxAttempts": 3, "delaySeconds": 0.05, "on": ["user"]}
    job = body.create("acme.counts", retry=retry)
    frames: list[Message] = []
    page: Message = {"nextOffset": 0, "isComplete": False}
    while not page["isComplete"]:
        page = body.call("job.log", id=job["id"], offset=page["nextOffset"], waitSeconds=60)
        frames += page["frames"]
    words = "".join(frame["text"] for frame in frames)
    assert sorted(words.splitlines()) == sorted(f"{word} {n}" for word in ("one", "two") for n in (1, 2, 3))
    assert [frame["seq"] for frame in frames] == list(range(len(frames)))
    last = body.call("job.log", id=job["id"], offset=len(frames) - 1)
    assert [frame["text"] for frame in last["frames"]] == [frames[-1]["text"]]
    errors = "".join(frame["text"] for frame in pages(body, job, stream="stderr"))
    assert errors.splitlines() == ["two 1", "two 2", "two 3"]


def pages(wire: Wire, job: Message, **more: Any) -> list[Message]:
    """Return all frames of a complete log."""
    frames: list[Message] = []
    page: Message = {"nextOffset": 0, "isComplete": False}
    while not page["isComplete"]:
        page = wire.call("job.log", id=job["id"], offset=page["nextOffset"], **more)
        frames += page["frames"]
    return frames

"""Retries by hand, and jobs that take the place of another job."""

from pathlib import Path

import pytest

from e2e.orchestrating import put_rows
from e2e.signs import Gate
from e2e.timeline import children
from e2e.wire import Wire, put_config


def test_retries_by_hand_are_new_jobs_that_the_root_lists_and_sums_up(body: Wire, place: Path) -> None:
    tries = {"tries": str(place / "tries"), "good": 3}
    put_config(body, "acme.body", "by-hand", configuration={"parameters": tries})
    root = body.done(body.create("acme.body", config="by-hand"))
    first = body.done(body.call("job.retry", id=root["id"]))
    second = body.done(body.call("job.retry", id=first["id"]))
    assert [one["status"] for one in (root, first, second)] == ["error", "error", "success"]
    assert {first["retryOfJobId"], second["retryOfJobId"]} == {root["id"]}
    retries = body.get(root["id"])["retries"]
    assert [one["id"] for one in retries["jobs"]] == [first["id"], second["id"]]
    assert retries["durationSeconds"] == pytest.approx(first["durationSeconds"] + second["durationSeconds"])


def test_each_failed_job_below_a_job_is_retried_once(body: Wire, place: Path) -> None:
    put_rows(
        body,
        "partly",
        {},
        {"tries": str(place / "one"), "good": 2},
        {"tries": str(place / "two"), "good": 3},
    )
    root = body.done(body.create("acme.body", config="partly", parallelism=3))
    assert root["status"] == "error"
    again = body.call("job.retryAllFailed", id=root["id"])["jobs"]
    assert [one["configRowIds"] for one in again] == [["r1"], ["r2"]]
    assert sorted(body.done(one)["status"] for one in again) == ["error", "success"]
    (last,) = body.call("job.retryAllFailed", id=root["id"])["jobs"]
    assert last["configRowIds"] == ["r2"]
    assert body.done(last)["status"] == "success"
    assert body.call("job.retryAllFailed", id=root["id"])["jobs"] == []


def test_a_successor_takes_the_place_of_the_job_that_it_replaces(body: Wire, gate: Gate) -> None:
    holder = body.shell(gate.text, lockKey="place")
    first = body.shell("echo old", lockKey="place", deduplicationId="same", labels={"a": "b"})
    second = body.shell("true", lockKey="place")
    waits = body.shell("true", dependsOn=[{"job": first["id"]}])
    changes = {"configData": {"parameters": {"shell": "echo new"}}}
    successor = body.call("job.amend", id=first["id"], **{"with": changes})
    old = body.get(first["id"])
    assert (old["status"], old["result"]["error"]) == ("cancelled", None)
    assert successor["id"] in old["message"]
    assert successor["labels"] == {"a": "b"}
    (reason,) = body.explain(waits)
    assert reason["jobs"] == [successor["id"]]
    (lock,) = [one for one in body.explain(second) if one["kind"] == "config_lock"]
    assert lock["ahead"] == 1, "it has the place of the replaced job"
    gate.open()
    assert [body.done(one)["status"] for one in (holder, successor, second, waits)] == ["success"] * 4
    assert body.text(successor) == "new\n"
    started = [body.get(one["id"])["startTime"] for one in (successor, second)]
    assert started == sorted(started)
    refused = body.refused("job.amend", id=first["id"], **{"with": {"priority": 1}})
    assert refused.kind == "invalid_transition"


def test_a_row_of_a_container_cannot_be_amended(body: Wire, gate: Gate) -> None:
    put_rows(body, "fixed", {"gate": gate.text}, {})
    container = body.create("acme.body", config="fixed", parallelism=1)
    row = children(body, container)[1]
    assert body.refused("job.amend", id=row["id"], **{"with": {"priority": 1}}).kind == "conflict"
    gate.open()
    assert body.done(container)["status"] == "success"

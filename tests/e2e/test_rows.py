"""Rows as jobs of their container: many at once, one lock, one result."""

from pathlib import Path

from e2e.orchestrating import orchestrate, put_rows
from e2e.signs import Ear, Gate
from e2e.timeline import at_end, children, timeline
from e2e.wire import Wire


def test_the_configuration_stays_locked_while_its_rows_wait_for_a_slot(
    body: Wire, place: Path, gate: Gate
) -> None:
    put_rows(body, "three", {"gate": gate.text}, {"gate": gate.text}, {"gate": gate.text})
    container = body.create("acme.body", config="three", parallelism="2")
    assert (container["type"], container["status"], container["parallelism"]) == (
        "container",
        "processing",
        2,
    )
    assert container["workPath"] is None
    first, second, third = children(body, container)
    assert [one["status"] for one in (first, second, third)] == ["processing", "processing", "waiting"]
    (reason,) = body.explain(third)
    assert (reason["kind"], reason["container"], reason["limit"]) == ("parallelism", container["id"], 2)
    assert sorted(reason["running"]) == sorted([first["id"], second["id"]])
    single = body.create("acme.body", config="three", configRowIds=["r1"])
    (waits,) = body.explain(single)
    assert (single["type"], waits["kind"], waits["holders"]) == ("standard", "config_lock", [container["id"]])
    gate.open()
    assert body.done(container)["status"] == "success"
    assert body.done(single)["status"] == "success"
    assert [first["creator"], first["parentRunId"]] == [
        {"type": "container", "id": "r0"},
        container["runId"],
    ]


def test_the_log_of_a_row_can_be_requested_from_its_container(body: Wire) -> None:
    put_rows(body, "logs", {}, {})
    container = body.done(body.create("acme.body", config="logs", parallelism=2))
    assert body.text(container, row="r1") == "did r1\n"
    assert body.refused("job.log", id=container["id"], row="r7").kind == "not_found"
    assert body.call("job.log", id=container["id"])["isComplete"]


def test_a_failed_row_fails_its_container_and_stop_cancels_the_rows_not_yet_started(body: Wire) -> None:
    put_rows(body, "fails", {"code": 1}, {}, {})
    plain = body.done(body.create("acme.body", config="fails", parallelism=1))
    assert plain["status"] == "error"
    assert [one["status"] for one in children(body, plain)] == ["error", "success", "success"]
    stopped = body.create("acme.body", config="fails", parallelism=1, behavior={"onError": "stop"})
    assert body.done(stopped)["status"] == "error"
    assert [one["status"] for one in children(body, stopped)] == ["error", "cancelled", "cancelled"]
    warned = body.create("acme.body", config="fails", parallelism=1, behavior={"onError": "warning"})
    assert body.done(warned)["status"] == "warning"


def test_terminating_a_container_stops_running_rows_and_cancels_the_rest_in_one_step(
    body: Wire, gate: Gate, ear: Ear
) -> None:
    put_rows(body, "ends", *({"gate": gate.text, "say": str(ear.path)} for _ in range(4)))
    container = body.create("acme.body", config="ends", parallelism=2)
    assert {ear.hear(), ear.hear()} == {"r0", "r1"}
    plan = body.call("job.terminate", id=container["id"], dryRun=True)
    rows = [one["id"] for one in children(body, container)]
    assert set(rows[:2]) <= set(plan["stopped"])
    assert set(rows[2:]) <= set(plan["cancelled"])
    assert plan["ended"] == [{"job": container["id"], "status": "terminated"}]
    assert plan["freed"] == [f"default/acme.body/{container['config']}"]
    body.call("job.terminate", id=container["id"])
    assert body.done(container)["status"] == "terminated"
    ended = children(body, container)
    assert [one["status"] for one in ended] == ["terminated", "terminated", "cancelled", "cancelled"]
    changes = timeline(body, container)
    assert at_end(changes, rows[2]).time == at_end(changes, rows[3]).time
    assert not [one for one in changes if one.job in rows[2:] and one.after == "processing"]


def test_a_container_without_rows_to_run_succeeds_and_says_so(body: Wire) -> None:
    job = body.done(orchestrate(body, "empty", {"phases": [], "tasks": []}))
    assert (job["status"], job["message"]) == ("success", "No configurations executed.")
    history = body.history(job)
    assert history == ["created", "processing", "success"]


def test_a_debug_run_of_parallel_rows_leaves_the_stages_of_each(body: Wire) -> None:
    put_rows(body, "debugged", {}, {})
    container = body.done(body.create("acme.body", config="debugged", parallelism=2, mode="debug"))
    assert container["status"] == "success"
    for number, child in enumerate(children(body, container)):
        stages = child["result"]["artifacts"]["stages"]
        assert [one["path"] for one in stages] == [
            f"debug/r{number}/stage_0.zip",
            f"debug/r{number}/stage_output.zip",
        ]


def test_purging_a_container_purges_its_rows_and_their_folders(body: Wire) -> None:
    put_rows(body, "purged", {}, {})
    container = body.done(body.create("acme.body", config="purged", parallelism=2))
    rows = children(body, container)
    assert all(Path(row["workPath"]).is_dir() for row in rows)
    body.call("job.purge", id=container["id"])
    for job in (container, *rows):
        assert body.refused("job.get", id=job["id"]).kind == "not_found"
    assert not any(Path(row["workPath"]).exists() for row in rows)

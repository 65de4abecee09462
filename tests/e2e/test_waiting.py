"""`job.wait`: all, any, a time-out, many at once, and how a wait without a reader ends."""

from collections.abc import Callable

from e2e.harness import Daemon
from e2e.signs import Gate
from e2e.wire import Wire, of


def test_a_wait_ends_with_the_job_or_at_its_time_out(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    view = wire.call("job.wait", id=job["id"], timeoutSeconds=0.2)
    assert of(view, "isFinished", "status") == (False, "processing")
    assert wire.call("job.wait", id=job["id"], timeoutSeconds="00:00:00")["isFinished"] is False
    waiting = wire.ask("job.wait", id=job["id"])
    gate.open()
    assert wire.answer(waiting)["isFinished"] is True
    assert wire.call("job.wait", id=job["id"])["isFinished"] is True


def test_a_wait_can_be_for_any_or_all_of_several_jobs(wire: Wire, gates: Callable[[str], Gate]) -> None:
    a, b = gates("a"), gates("b")
    first, second = wire.shell(a.text), wire.shell(b.text)
    ids = [second["id"], first["id"]]
    for_any = wire.ask("job.wait", ids=ids, until="any")
    for_all = wire.ask("job.wait", ids=ids)
    a.open()
    jobs = wire.answer(for_any)["jobs"]
    assert [job["id"] for job in jobs] == ids
    assert [job["isFinished"] for job in jobs] == [False, True]
    b.open()
    assert [job["isFinished"] for job in wire.answer(for_all)["jobs"]] == [True, True]


def test_a_hundred_waits_on_one_connection_delay_nothing_else(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    waits = [wire.ask("job.wait", id=job["id"], fields=["status"]) for _ in range(100)]
    assert wire.call("daemon.status")["version"]
    gate.open()
    assert {wire.answer(one)["status"] for one in waits} == {"success"}


def test_an_unknown_job_among_many_is_named(wire: Wire) -> None:
    job = wire.done(wire.shell("true"))
    refusal = wire.refused("job.wait", ids=[job["id"], "999999"])
    assert refusal.kind == "not_found"
    assert "999999" in refusal.error["message"]
    assert wire.refused("job.wait").code == -32602
    assert wire.refused("job.wait", id=job["id"], ids=[job["id"]]).code == -32602


def test_a_client_that_leaves_while_it_waits_costs_nothing(daemon: Daemon, wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    for _ in range(20):
        with Wire(daemon.socket) as other:
            other.ask("job.wait", id=job["id"])
    gate.open()
    assert wire.done(job)["status"] == "success"


def test_a_client_that_shuts_down_its_sending_side_still_gets_its_answer(
    daemon: Daemon, wire: Wire, gate: Gate
) -> None:
    job = wire.shell(gate.text)
    with Wire(daemon.socket) as other:
        waiting = other.ask("job.wait", id=job["id"], fields=["status"])
        other.socket.shutdown(1)
        gate.open()
        assert other.answer(waiting)["status"] == "success"
        assert other.read() is None


def test_waits_are_answered_with_unavailable_within_two_seconds_of_sigterm(
    fresh: Callable[..., Daemon], gate: Gate
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(gate.text)
    waiting = wire.ask("job.wait", id=job["id"])
    following = wire.ask("job.log", id=job["id"], waitSeconds=600)
    wire.call("event.subscribe")
    assert daemon.process is not None
    daemon.process.terminate()
    wire.socket.settimeout(10)
    answers = {}
    while (message := wire.read()) is not None:
        if "id" in message:
            answers[message["id"]] = message
    assert {answers[one]["error"]["data"]["kind"] for one in (waiting, following)} == {"unavailable"}
    assert daemon.process.wait(5) == 0
    wire = daemon.start().wire()
    assert wire.get(job["id"])["status"] == "processing"
    gate.open()
    assert wire.done(job)["starts"] == 1


def test_an_unknown_job_among_several_is_named_by_its_path(wire: Wire) -> None:
    job = wire.shell("true")
    for ids in ([job["id"], "99999"], [job["id"], "00000000-0000-0000-0000-000000000009"]):
        refusal = wire.refused("job.wait", ids=ids)
        assert (refusal.kind, refusal.data["path"]) == ("not_found", "$.ids[1]")
    assert wire.refused("job.wait", id="99999").data["path"] == "$.id"
    wire.done(job)

"""Jobs of one configuration never run at once and pools are never overfull, judged by what the jobs write."""

from pathlib import Path

from campaign.evidence import command, most_at_once, spans
from e2e.wire import Wire, put_component, put_config

JOBS = 40


def test_forty_of_one_configuration_and_forty_of_others_share_four_slots(wire: Wire, place: Path) -> None:
    file = place / "evidence"
    put_component(wire, "acme.evidence", command=command(file, "{datadir}"))
    wire.call("pool.put", pool={"id": "four", "slots": 4})
    names = ["one", *(f"other-{number}" for number in range(JOBS))]
    for name in names:
        put_config(wire, "acme.evidence", name)
    requests = [{"component": "acme.evidence", "config": "one", "pool": "four"} for _ in range(JOBS)]
    requests += [{"component": "acme.evidence", "config": name, "pool": "four"} for name in names[1:]]

    sent = [wire.ask("job.create", **request) for request in requests]
    jobs = [wire.answer(request_id) for request_id in sent]
    ended = wire.call("job.wait", ids=[job["id"] for job in jobs], timeoutSeconds=120)["jobs"]

    assert {job["status"] for job in ended} == {"success"}
    config_of = {job["workPath"]: job["config"] for job in ended}
    ran = spans(file)
    assert len(ran) == 2 * JOBS
    of_one = [span for span in ran if config_of[str(Path(span.name).parent)] == "one"]
    assert len(of_one) == JOBS
    assert most_at_once(of_one) == 1, "two jobs of one configuration ran at once"
    assert most_at_once(ran) <= 4, "the pool was overfull"
    assert most_at_once(ran) > 1, "nothing ran side by side"
    others = [span for span in ran if span not in of_one]
    last_other = max(span.start_ns for span in others)
    started_before = [span for span in of_one if span.start_ns < last_other]
    assert len(started_before) <= JOBS * 3 // 4, "the forty other jobs were held back by the one"
    for job in ended:
        assert job["starts"] == 1
    history = wire.events(kinds=["job.status"])
    assert not [e for e in history if e["data"]["from"] in ("success", "error", "cancelled", "terminated")]


def test_a_configuration_in_two_branches_counts_as_two(wire: Wire, place: Path) -> None:
    file = place / "evidence"
    put_component(wire, "acme.branches", command=command(file, "x", seconds=0.5))
    wire.call("branch.create", branch={"id": "dev"})
    put_config(wire, "acme.branches", "a")
    put_config(wire, "acme.branches", "a", branchId="dev")
    first = wire.create("acme.branches", config="a")
    second = wire.create("acme.branches", config="a", branchId="dev")
    assert first["lockKey"] != second["lockKey"]
    assert (second["status"], second["branchId"]) == ("processing", "dev")
    assert [wire.done(job)["status"] for job in (first, second)] == ["success", "success"]

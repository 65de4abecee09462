"""`kill -9` of the daemon at random moments: every answered job runs once and ends with its own exit code.

The short form always runs; LOCKSIDE_TEST_LONG=1 makes 50 kills over 500 jobs, and LOCKSIDE_TEST_SEED
repeats a run.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from campaign.evidence import command, most_at_once, spans
from campaign.faults import alive_for
from campaign.figures import LONG, Figures
from e2e.harness import Daemon
from e2e.signs import Ear, Gate
from e2e.wire import Wire, of, until_running

KILLS, JOBS = (50, 500) if LONG else (6, 60)
SLOTS = 6


@dataclass
class Client:
    """A persistent client: it sends unanswered requests again with the same deduplication id."""

    requests: dict[str, dict[str, Any]]
    answered: dict[str, str] = field(default_factory=dict)
    asked: dict[int, str] = field(default_factory=dict)
    wire: Wire | None = None

    def send_some(self, daemon: Daemon, most: int) -> None:
        self.wire, self.asked = daemon.wire(), {}
        missing = [name for name in self.requests if name not in self.answered][:most]
        for name in missing:
            self.asked[self.wire.ask("job.create", **self.requests[name], deduplicationId=name)] = name

    def take_answers(self) -> None:
        """Return the answers that arrived before the connection broke."""
        assert self.wire is not None
        for request_id, name in self.asked.items():
            try:
                job = self.wire.answer(request_id)
            except (ConnectionError, ValueError):
                return
            assert self.answered.setdefault(name, job["id"]) == job["id"]


def requests(file: Path, dice: random.Random) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    made, codes = {}, {}
    for number in range(JOBS):
        name = f"job-{number}"
        codes[name] = dice.choice((0, 0, 0, 1, 2, 3, 77))
        argv = command(file, name, code=codes[name], seconds=dice.uniform(0.02, 0.3))
        made[name] = {"component": "lockside.command", "configData": {"parameters": {"command": argv}}}
        if number % 2:
            made[name]["lockKey"] = f"key-{number % 10}"
    return made, codes


@pytest.mark.timeout(1800 if LONG else 300)
def test_jobs_run_once_and_end_with_their_own_code_however_often_the_daemon_is_killed(
    fresh: Callable[..., Daemon], place: Path, figures: Callable[[str], Figures]
) -> None:
    seed = int(os.environ.get("LOCKSIDE_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"LOCKSIDE_TEST_SEED={seed}")
    dice = random.Random(seed)
    file = place / "evidence"
    wanted, codes = requests(file, dice)
    client = Client(wanted)
    down: list[tuple[int, int]] = []
    daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS=str(SLOTS))
    with daemon.wire() as wire:
        others = wire.call("job.list", limit=1, count=True)["total"]
    for _ in range(KILLS):
        client.send_some(daemon, dice.randint(1, 2 * JOBS // KILLS))
        alive_for(daemon, dice.uniform(0, 0.4))
        since = time.monotonic_ns()
        assert daemon.process is not None
        daemon.process.kill()
        client.take_answers()
        daemon.kill()
        if dice.random() < 0.3:  # and once more during its recovery
            daemon.process = daemon.spawn()
            alive_for(daemon, dice.uniform(0, 1.0))
            daemon.kill()
        daemon.start()
        down.append((since, time.monotonic_ns()))
    while len(client.answered) < JOBS:
        client.send_some(daemon, JOBS)
        client.take_answers()

    with daemon.wire() as wire:
        ids = list(client.answered.values())
        ended = wire.call("job.wait", ids=ids, timeoutSeconds=240)["jobs"]
        jobs = {name: next(j for j in ended if j["id"] == job_id) for name, job_id in client.answered.items()}
        assert {job["isFinished"] for job in ended} == {True}, Counter(job["status"] for job in ended)
        assert wire.call("job.list", limit=1, count=True)["total"] == others + JOBS, "a job was made twice"
        ran = spans(file)
        assert Counter(span.name for span in ran) == Counter(list(wanted)), "lost or doubled"
        assert all(span.end_ns is not None for span in ran)
        for name, job in jobs.items():
            assert (job["process"]["exitCode"], job["starts"]) == (codes[name], 1), job
            assert job["status"] == ("success" if codes[name] == 0 else "error"), job
        assert most_at_once(ran) <= SLOTS
        for key in {request["lockKey"] for request in wanted.values() if "lockKey" in request}:
            of_key = [span for span in ran if wanted[span.name].get("lockKey") == key]
            assert most_at_once(of_key) == 1, f"two jobs of {key} ran at once"
        while_down = [s for s in ran if s.end_ns and any(low < s.end_ns < high for low, high in down)]
        assert while_down, "no job ended while the daemon was down: the test shows nothing"
    totals = figures("random kills under load")
    totals.add("jobs", JOBS)
    totals.add("kills", KILLS)
    totals.add("ended while the daemon was down", len(while_down))


def test_the_exit_code_of_a_job_that_ended_while_the_daemon_was_down_is_reported(
    fresh: Callable[..., Daemon], gate: Gate, ear: Ear
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(f"{gate.text}; echo ended > {ear.path}; exit 5")
    pid = until_running(wire, job)["process"]["pid"]
    daemon.kill()
    gate.open()
    assert ear.hear() == "ended"
    with daemon.start().wire() as after:
        ended = after.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert of(ended["process"], "exitCode", "pid") == (5, pid)


def test_a_running_job_is_adopted_with_its_process_lock_and_log(
    fresh: Callable[..., Daemon], gate: Gate
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    job = wire.shell(f"echo before; {gate.text}; echo after", lockKey="the key")
    before = until_running(wire, job)
    behind = wire.shell("true", lockKey="the key")
    daemon.kill()
    wire = daemon.start().wire()
    assert of(wire.get(job["id"]), "status", "process", "starts") == of(before, "status", "process", "starts")
    # `no_executor` is a further reason until the keeper is connected.
    reason = next(one for one in wire.explain(behind) if one["kind"] != "no_executor")
    assert of(reason, "kind", "holders") == ("config_lock", [job["id"]])
    gate.open()
    assert wire.done(job)["status"] == "success"
    assert wire.done(behind)["status"] == "success"
    assert wire.text(job) == "before\nafter\n"


def test_the_keeper_alone_carries_out_a_time_limit_and_a_stop(fresh: Callable[..., Daemon], ear: Ear) -> None:
    daemon = fresh()
    wire = daemon.wire()
    body = (
        f"trap 'echo stopped > {ear.path}; exit 0' TERM; echo up > {ear.path}; while :; do sleep 0.05; done"
    )
    limited = wire.shell(body, limits={"timeoutSeconds": 1.5})
    assert ear.hear() == "up"
    daemon.kill()
    assert ear.hear() == "stopped"
    wire = daemon.start().wire()
    ended = wire.done(limited)
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "timeout")
    stopped = wire.shell(body)
    assert ear.hear() == "up"
    wire.call("job.terminate", id=stopped["id"])
    daemon.kill()
    assert ear.hear() == "stopped"
    with daemon.start().wire() as after:
        ended = after.done(stopped)
    assert of(ended, "status", "starts") == ("terminated", 1)

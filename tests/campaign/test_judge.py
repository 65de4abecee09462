"""The judge of the campaigns detects every kind of violation that it is given."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from campaign import evidence
from campaign.evidence import Span
from campaign.judge import Rules, Wrong, violations
from e2e.processes import kill_and_wait
from e2e.wire import Message

RULES = Rules({"one": 0, "two": 7}, ("stopped",), keys=(("one", "two"),), slots=2)
GOOD = [Span("one", 10, 20), Span("two", 30, 40), Span("stopped", 35, None)]


def job(status: str, code: int | None, starts: int = 1) -> Message:
    return {
        "isFinished": status not in ("created", "waiting", "processing"),
        "status": status,
        "starts": starts,
        "process": {"exitCode": code},
        "message": "as it is",
    }


def jobs(**changed: Message) -> dict[str, Any]:
    return {"one": job("success", 0), "two": job("error", 7), "stopped": job("terminated", None), **changed}


def found(spans: list[Span], known: dict[str, Any], survivors: tuple[str, ...] = ()) -> list[Wrong]:
    return [one.wrong for one in violations(spans, survivors, known, RULES)]


def test_no_violation_is_found_where_nothing_is_wrong() -> None:
    assert found(GOOD, jobs()) == []
    assert found(GOOD[:2], jobs(stopped=job("cancelled", None, starts=0))) == []


@pytest.mark.parametrize(
    ("spans", "known", "wrong"),
    [
        (GOOD[1:], jobs(), Wrong.LOST),
        ([Span("one", 10, None), *GOOD[1:]], jobs(), Wrong.LOST),
        (GOOD, jobs(one=job("processing", None)), Wrong.LOST),
        ([*GOOD, Span("one", 50, 60)], jobs(), Wrong.DOUBLED),
        ([*GOOD, Span("one", 50, 60)], jobs(one=job("success", 0, starts=2)), Wrong.DOUBLED),
        ([*GOOD, Span("nobody's", 50, 60)], jobs(), Wrong.DOUBLED),
        ([Span("one", 10, 31), *GOOD[1:]], jobs(), Wrong.OVERLAPPING),
        (GOOD, jobs(stopped=job("cancelled", None, starts=0)), Wrong.CANCELLED_BUT_RAN),
        (GOOD, jobs(two=job("error", 8)), Wrong.WRONG_CODE),
        (GOOD, jobs(two=job("success", 7)), Wrong.WRONG_CODE),
        (GOOD, jobs(stopped=job("success", 0)), Wrong.WRONG_CODE),
        ([*GOOD[:2], Span("stopped", 45, 50)], jobs(), Wrong.WRONG_CODE),
    ],
)
def test_each_violation_is_found(spans: list[Span], known: dict[str, Any], wrong: Wrong) -> None:
    assert wrong in found(spans, known)


def test_a_job_that_the_database_forgot_is_lost() -> None:
    forgotten = jobs()
    del forgotten["one"]
    assert found(GOOD, forgotten) == [Wrong.LOST]


def test_more_running_jobs_than_slots_are_found() -> None:
    many = Rules({"a": 0, "b": 0, "c": 0}, slots=2)
    spans = [Span("a", 10, 50), Span("b", 20, 50), Span("c", 30, 50)]
    known = {name: job("success", 0) for name in many.codes}
    assert [one.wrong for one in violations(spans, (), known, many)] == [Wrong.OVERLAPPING]


def test_a_second_execution_beside_a_living_first_one_reports_itself(tmp_path: Path) -> None:
    file = tmp_path / "evidence"
    with subprocess.Popen(evidence.witness(file, "one", seconds=600)) as first:
        try:
            while not evidence.spans(file):  # it ends by itself if it cannot write
                assert first.poll() is None
            subprocess.run(evidence.witness(file, "one"), check=True)
        finally:
            kill_and_wait(first.pid)
    assert evidence.survivors(file) == ["one"]
    wrongs = violations(evidence.spans(file), evidence.survivors(file), jobs(), RULES)
    assert {Wrong.OVERLAPPING, Wrong.DOUBLED} <= {one.wrong for one in wrongs}


def test_an_execution_after_the_first_was_killed_reports_nothing(tmp_path: Path) -> None:
    file = tmp_path / "evidence"
    subprocess.run(["timeout", "-s", "KILL", "0.5", *evidence.witness(file, "one", seconds=600)], check=False)
    subprocess.run(evidence.witness(file, "one"), check=True)
    assert [span.end_ns is None for span in evidence.spans(file)] == [True, False]
    assert evidence.survivors(file) == []

"""Which policy a failure matches, how a test is described, and which jobs share a condition."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from lockside.documents import recovery
from lockside.documents.component import Manifest
from lockside.documents.enums import CheckOutcome, ErrorType, FailureKind
from lockside.documents.recovery import RecoveryMatch, RecoveryPolicy
from locksided.keeper.messages import Outcome, Refusal
from locksided.runs.plan import DataFolder, Step
from locksided.runs.recovery_policy import Whose, condition_id, first_match, in_words, matches, terms_of
from locksided.runs.specification import StepKind
from locksided.runs.tester import found_of
from locksided.runs.verdict import Failure
from locksided.secrets.keys import Hasher

HASHER = Hasher(b"k" * 32)
ANN = Whose("default", 1000, None)
BUSY = Failure(ErrorType.APPLICATION, FailureKind.EXIT, "HTTP 503: Server is Busy", exit_code=75)


HEAD_WORDS = "HEAD http://x answers 200, 429"


def policy(policy_id: str = "outage", **members: Any) -> RecoveryPolicy:
    return msgspec.convert({"id": policy_id, "tester": {"wait": True}, **members}, RecoveryPolicy)


@pytest.mark.parametrize(
    ("match", "reported", "holds"),
    [
        ({}, False, True),
        ({"types": ["application"]}, False, True),
        ({"types": ["user"]}, False, False),
        ({"types": ["user", "application"]}, False, True),
        ({"kinds": ["exit", "timeout"]}, False, True),
        ({"kinds": ["timeout"]}, False, False),
        ({"exitCodes": [75, 76]}, False, True),
        ({"exitCodes": [1]}, False, False),
        ({"contains": ["server IS busy"]}, False, True),
        ({"contains": ["s.*y", "maintenance"]}, False, False),
        ({"contains": ["maintenance", "503"]}, False, True),
        ({"reported": True}, True, True),
        ({"reported": True}, False, False),
        ({"reported": False}, True, False),
        ({"reported": False}, False, True),
        ({"exitCodes": [75], "contains": ["busy"], "types": ["application"]}, False, True),
        ({"exitCodes": [75], "contains": ["quota"]}, False, False),
    ],
)
def test_every_given_criterion_must_match(match: dict[str, Any], reported: bool, holds: bool) -> None:
    assert matches(msgspec.convert(match, RecoveryMatch), BUSY, reported=reported) is holds


def test_the_first_matching_policy_applies() -> None:
    known = [policy("no", match={"exitCodes": [1]}), policy("yes"), policy("late")]
    assert first_match(known, BUSY, None) is known[1]
    assert first_match(known, None, None) is None
    assert first_match(None, BUSY, None) is None


@pytest.mark.parametrize(
    ("tester", "words"),
    [
        (
            {"http": {"url": "https://ann:secret@api.example.com:8443/health?key=secret"}},
            "GET https://api.example.com:8443/health answers 200 to 299",
        ),
        (
            {"http": {"url": "http://x", "method": "HEAD", "status": [200, 429]}},
            "HEAD http://x answers 200, 429",
        ),
        ({"tcp": {"host": "db", "port": 5432}}, "db accepts connections on port 5432"),
        ({"file": {"path": "/data/ready"}}, "/data/ready exists"),
        ({"file": {"path": "/data/lock", "absent": True}}, "/data/lock is gone"),
        ({"disk": {"path": "/data", "freeBytes": "1.5GB"}}, "1.5 GB are free at /data"),
        ({"disk": {"path": "/data", "freeBytes": 17}}, "17 bytes are free at /data"),
        ({"command": ["pg_isready", "-h", "db"]}, "the command pg_isready -h db succeeds"),
        ({"action": "testConnection"}, "its action testConnection succeeds"),
        ({"wait": True}, "the pause is over"),
    ],
)
def test_a_test_is_described_without_secrets(tester: dict[str, Any], words: str) -> None:
    assert in_words(msgspec.convert(tester, recovery.Tester)) == words


def step(**parameters: Any) -> Step:
    """The main step of a component with these parameters."""
    return Step(
        index=0,
        kind=StepKind.COMPONENT,
        component="acme.source",
        row=None,
        execution=Manifest(id="acme.source", command=["source"], environment={"REGION": "eu"}),
        config_file={"parameters": parameters, "action": "run"},
        folder=DataFolder.FRESH,
    )


def condition(tester: dict[str, Any], whose: Whose = ANN, hasher: Hasher = HASHER, **parameters: Any) -> str:
    return condition_id(msgspec.convert(tester, recovery.Tester), [step(**parameters)], whose, hasher)


def test_jobs_share_a_condition_when_test_parameters_and_user_are_the_same() -> None:
    file = {"file": {"path": "/data/ready"}}
    assert condition(file) == condition(file, account="other")
    assert condition(file) != condition({"file": {"path": "/data/ready", "absent": True}})
    assert condition(file) != condition(file, replace(ANN, uid=1001))
    assert condition(file) != condition(file, replace(ANN, user="loader"))
    assert condition(file) != condition(file, replace(ANN, project="second"))
    assert condition(file) != condition(file, hasher=Hasher(b"j" * 32))


def test_the_configuration_is_a_parameter_of_actions_only() -> None:
    action, command = {"action": "test"}, {"command": ["true"]}
    assert condition(action, account="one") != condition(action, account="two")
    assert condition(command, account="one") == condition(command, account="two")


def test_the_durations_of_a_policy_reach_the_core_in_microseconds() -> None:
    asked = policy(intervalSeconds="1m", expirySeconds=90, holdLock=True, maxBlocks=2)
    terms = terms_of(asked, [step()], ANN, HASHER, {"blocked": {"retryAfterSeconds": 120}})
    assert (terms.interval_us, terms.max_interval_us, terms.expiry_us) == (
        60_000_000,
        600_000_000,
        90_000_000,
    )
    assert (terms.retry_after_us, terms.max_blocks, terms.release) == (120_000_000, 2, 10)
    assert (terms.hold_lock, terms.asks, terms.policy) == (True, False, "outage")
    assert (
        terms_of(asked, [step()], ANN, HASHER, {"blocked": {"retryAfterSeconds": None}}).retry_after_us == 0
    )
    assert terms_of(asked, [], ANN, HASHER, {"blocked": {"retryAfterSeconds": 1e300}}).retry_after_us < 2**62


WELL, NOT_YET, HOPELESS = CheckOutcome.WELL, CheckOutcome.NOT_YET, CheckOutcome.HOPELESS


@pytest.mark.parametrize(
    ("outcome", "stdout", "is_action", "found"),
    [
        (Outcome(exit_code=0, stdout_tail="a\nb\n"), b"", False, (WELL, "b")),
        (Outcome(exit_code=1, stdout_tail="a", stderr_tail="b\nc"), b"", False, (NOT_YET, "c")),
        (Outcome(exit_code=2), b"", False, (HOPELESS, "exit code 2")),
        (Outcome(signal=9), b"", False, (NOT_YET, "")),
        (Outcome(exit_code=143, stopped="timeout"), b"", False, (NOT_YET, "no answer within 5 seconds")),
        (
            Outcome(refused=Refusal("system", "no such file")),
            b"",
            False,
            (NOT_YET, "It could not be started: no such file"),
        ),
        (Outcome(exit_code=0), b'{"status": "ok"}', True, (WELL, "")),
        (Outcome(exit_code=0), b'{"status": "error", "message": "no"}', True, (NOT_YET, "no")),
        (Outcome(exit_code=0, stdout_tail="x"), b'{"type": "error"}', True, (NOT_YET, "x")),
        (Outcome(exit_code=0), b"[]", True, (WELL, "")),
        (Outcome(exit_code=2, stderr_tail="gone"), b"", True, (HOPELESS, "gone")),
    ],
)
def test_the_exit_code_of_a_test_or_the_answer_of_an_action_decides(
    outcome: Outcome, stdout: bytes, is_action: bool, found: tuple[CheckOutcome, str]
) -> None:
    assert found_of(outcome, stdout, is_action=is_action, timeout_seconds=5) == found


def test_an_action_that_does_not_answer_json_is_not_good_yet() -> None:
    found, said = found_of(Outcome(exit_code=0), b"hello", is_action=True, timeout_seconds=5)
    assert found is NOT_YET
    assert "one JSON value is expected" in said

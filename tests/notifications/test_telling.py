"""The bodies of notifications and the filters of subscriptions, without a daemon."""

import json
from typing import Any

import msgspec
import pytest

from lockside.documents.notification import Filter, SubscriptionSpec, Webhook, is_webhook_secret
from locksided.notifications.settling import Reports
from locksided.notifications.telling import MAX_BODY_BYTES, body_of

DATA: dict[str, Any] = {
    "job": {
        "component": {"id": "acme.load"},
        "labels": {"team.name": "core"},
        "durationSeconds": 9.5,
        "configuration": {"id": None},
    }
}


@pytest.mark.parametrize(
    ("field", "operator", "value", "holds"),
    [
        ("job.component.id", "==", "acme.load", True),
        ("job.component.id", "!=", "acme.load", False),
        ("job.labels.team.name", "==", "core", True),
        ("job.labels.other", "==", "core", False),
        ("job.labels.other", "!=", "core", True),
        ("job.durationSeconds", ">=", 9.5, True),
        ("job.durationSeconds", ">", "10", False),
        ("job.durationSeconds", "<", "10", True),
        ("job.configuration.id", "==", "daily", False),
        ("phase.id", "!=", "load", True),
    ],
)
def test_a_filter_compares_numbers_as_numbers_and_all_else_as_text(
    field: str, operator: Any, value: Any, holds: bool
) -> None:
    assert Filter(field=field, operator=operator, value=value).holds(DATA) is holds


def test_an_event_without_a_job_has_no_label() -> None:
    about = {"schedule": {"id": "nightly"}}
    assert not Filter(field="job.labels.team", value="core").holds(about)
    assert Filter(field="job.labels.team", operator="!=", value="core").holds(about)


def test_a_body_is_at_most_64_kib_and_says_that_tasks_are_missing() -> None:
    tasks = [{"id": f"task-{n}", "message": "x" * (n * 10)} for n in range(500)]
    body = body_of("job-failed", 0, {"job": {"id": "1", "tasks": tasks}})
    job = json.loads(body)["data"]["job"]
    assert len(body) <= MAX_BODY_BYTES
    assert job["isTruncated"]
    assert job["tasks"] == tasks[: len(job["tasks"])] != []


def test_labels_are_left_out_when_a_body_without_tasks_is_too_large() -> None:
    labels = {f"{n}": "\x01" * 255 for n in range(64)}
    body = body_of("job-failed", 0, {"job": {"id": "1", "tasks": [], "labels": labels}})
    job = json.loads(body)["data"]["job"]
    assert len(body) <= MAX_BODY_BYTES
    assert job["isTruncated"]
    assert list(job["labels"]) == [f"{n}" for n in range(32)]


def test_a_body_that_fits_has_all_tasks() -> None:
    body = json.loads(body_of("job-failed", 0, {"job": {"tasks": [{"id": "a"}]}}))
    assert body == {
        "type": "job-failed",
        "timestamp": "1970-01-01T00:00:00.000000Z",
        "data": {"job": {"tasks": [{"id": "a"}]}},
    }


@pytest.mark.parametrize(
    ("secret", "is_one"),
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", True),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", False),
        ("whsec_c2hvcnQ=", False),
        ("whsec_" + "A" * 88, False),
        ("whsec_!!!!", False),
    ],
)
def test_a_secret_is_a_prefix_and_24_to_64_bytes(secret: str, is_one: bool) -> None:
    assert is_webhook_secret(secret) is is_one


@pytest.mark.parametrize(
    "url",
    ["ftp://a/", "https://", "https://a:b@c/", "https://a:99999/", "https://a/b c", "https://ä.example/"],
)
def test_a_url_that_cannot_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"at `\.url`"):
        Webhook(url=url)


def test_one_event_and_several_have_the_same_format() -> None:
    recipient = {"channel": "webhook", "url": "https://a/"}
    one, two = (
        msgspec.convert({"id": "a", "event": event, "recipient": recipient}, SubscriptionSpec)
        for event in ("job-failed", ["job-failed"])
    )
    assert one.events == two.events


def test_an_attempt_that_a_courier_began_and_did_not_end_is_a_failed_attempt() -> None:
    lines = [{"begun": 1}, {"ended": 1, "time": 5, "seconds": 0.1, "statusCode": 204}, {"begun": 2}]
    said = b"\n".join(json.dumps(line).encode() for line in lines) + b'\n{"ended": 2, "ti'
    reports = Reports.read(said)
    first, second = reports.of(1), reports.of(2)
    assert first is not None
    assert first.is_delivered
    assert second is not None
    assert not second.is_delivered
    assert reports.of(3) is None

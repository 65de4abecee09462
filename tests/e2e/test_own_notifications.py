"""Notifications that a job itself requests: sent where its request says, signed with the project's secret."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from standardwebhooks.webhooks import Webhook

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.people import ANNA, BERT, OPERATORS, Person, used_by_groups
from e2e.receiving import Receiver
from e2e.telling import ended, failing
from e2e.wire import connected

ALLOW = {"LOCKSIDE_NOTIFICATIONS__ALLOW": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(**ALLOW) as one:
        yield one


def own_notification(receiver: Receiver, event: str, path: str = "/x", **more: Any) -> list[dict[str, Any]]:
    return [{"event": event, "url": f"http://127.0.0.1:{receiver.port}{path}", **more}]


def test_a_notification_contains_the_url_of_the_job_page_when_the_settings_give_it(
    receiver: Receiver,
) -> None:
    with running(**ALLOW, LOCKSIDE_WEB__URL="https://jobs.example.com/") as daemon:
        job = failing(daemon.wire(), notifications=own_notification(receiver, "FAILED", "/x?u=${JOB_URL}"))
        post = receiver.take()
    page = f"https://jobs.example.com/jobs/{job['id']}"
    assert (post.data["job"]["url"], job["url"]) == (page, page)
    assert post.path == f"/x?u={quote(page, safe='')}"


def test_values_of_the_job_are_inserted_percent_encoded(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    path = "/x/${JOB_ID}?s=${JOB_STATUS}&n=${JOB_NAME}&a=${JOB_ARCHIVE_PATH}"
    job = failing(wire, name="a b&c", notifications=own_notification(receiver, "FAILED", path))
    post = receiver.take()
    assert post.path == f"/x/{job['id']}?s=error&n=a%20b%26c&a="
    assert (post.type, post.data["job"]["id"]) == ("job-failed", job["id"])
    delivery = ended(wire, "delivered", job=job["id"])
    assert (delivery["subscription"], delivery["recipient"]["url"]) == (None, "http://127.0.0.1")


@pytest.mark.parametrize(
    ("persistent", "statuses"), [(False, ["processing"]), (True, ["processing", "error"])]
)
def test_every_change_of_the_status_is_reported_or_only_the_first(
    persistent: bool, statuses: list[str], daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    failing(wire, notifications=own_notification(receiver, "*", persistent=persistent))
    failing(wire, name="last", notifications=own_notification(receiver, "error"))
    posts = [receiver.take() for _ in range(len(statuses) + 1)]
    seen = [post.data["job"]["status"] for post in posts if post.data["job"]["name"] != "last"]
    assert sorted(seen) == sorted(statuses)
    assert not receiver.taken()


def test_stages_and_status_words_of_other_systems_can_be_requested(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    wanted = [
        one
        for word in ("running", "ACCEPTED", "FINISHED")
        for one in own_notification(receiver, word, f"/{word}")
    ]
    wire.done(wire.shell("true", notifications=wanted))
    assert {receiver.take().path for _ in range(3)} == {"/running", "/ACCEPTED", "/FINISHED"}


def test_own_notifications_are_copied_to_a_repeated_job_but_not_to_attempts(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    retry = {"maxAttempts": 2}
    first = failing(wire, retry=retry, notifications=own_notification(receiver, "job-failed"))
    second = wire.done(wire.call("job.resubmit", id=first["id"]))
    posts = [receiver.take(), receiver.take()]
    assert {post.data["job"]["id"] for post in posts} == {first["id"], second["id"]}
    assert not receiver.taken()


def test_own_notifications_survive_the_death_of_the_daemon(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    job = wire.shell("sleep 0.3; exit 1", notifications=own_notification(receiver, "job-failed"))
    daemon.kill()
    connected(daemon.start().wire())
    assert receiver.take().data["job"]["id"] == job["id"]


def test_own_notifications_are_signed_with_the_secret_of_the_project(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    secret = wire.call("notification.rotate", id="project")["secret"]
    failing(wire, notifications=own_notification(receiver, "error"))
    post = receiver.take()
    Webhook(secret).verify(post.body, dict(post.headers))


@pytest.mark.parametrize(
    ("one", "path"),
    [
        ({"event": "error", "url": "http://${JOB_NAME}/"}, "$.notifications[0].url"),
        ({"event": "error", "url": "http://a.example:${JOB_ID}/"}, "$.notifications[0].url"),
        ({"event": "error", "url": "https://a.example/${JOB_COLOUR}"}, "$.notifications[0].url"),
        ({"event": "error", "url": "https://10.0.0.1/"}, "$.notifications[0].url"),
        ({"event": "error", "url": "team@example.com"}, "$.notifications[0].url"),
        ({"event": "error", "url": "nobody"}, "$.notifications[0].url"),
        ({"event": "exploded", "url": "https://a.example/"}, "$.notifications[0].event"),
    ],
)
def test_an_impossible_own_notification_is_refused(one: dict[str, Any], path: str, daemon: Daemon) -> None:
    command = {"parameters": {"command": ["true"]}}
    refusal = daemon.wire().refused(
        "job.create", component="lockside.command", configData=command, notifications=[one]
    )
    assert refusal.data["path"] == path


@needs_root
def test_users_other_than_the_owner_see_only_scheme_and_host() -> None:
    with used_by_groups() as daemon:
        anna, bert = Person(daemon, ANNA, OPERATORS), Person(daemon, BERT, OPERATORS)
        wanted = [{"event": "error", "url": "https://a.example/t0ken"}]
        command = {"parameters": {"command": ["true"]}}
        job = anna.call("job.create", component="lockside.command", configData=command, notifications=wanted)
        assert anna.call("job.get", id=job["id"])["notifications"][0]["url"] == "https://a.example/t0ken"
        assert bert.call("job.get", id=job["id"])["notifications"][0]["url"] == "https://a.example"


@needs_root
def test_an_address_in_a_job_is_shown_only_to_its_owner_and_admins() -> None:
    server = {"LOCKSIDE_EMAIL__HOST": "127.0.0.1", "LOCKSIDE_EMAIL__PORT": "1"}
    with used_by_groups(**server) as daemon:
        anna, bert = Person(daemon, ANNA, OPERATORS), Person(daemon, BERT, OPERATORS)
        wanted = [{"event": "success", "url": "anna@example.com"}]
        command = {"parameters": {"command": ["true"]}}
        job = anna.call("job.create", component="lockside.command", configData=command, notifications=wanted)
        with daemon.wire() as admin:
            delivery = ended(admin, "pending", job=job["id"])
            assert delivery["recipient"]["address"] == ["anna@example.com"]
        (annas,) = anna.call("notification.deliveries", job=job["id"])["deliveries"]
        (berts,) = bert.call("notification.deliveries", job=job["id"])["deliveries"]
        assert annas["recipient"]["address"] == ["anna@example.com"]
        assert (berts["recipient"]["channel"], berts["recipient"]["address"]) == ("email", None)

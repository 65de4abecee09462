"""A job waits for its image without holding up others; podman is a script here that the test controls."""

from pathlib import Path

import pytest

from e2e.harness import running
from e2e.signs import Ear, Gate
from e2e.wire import Message, Wire, connected, put_component
from lockside.documents.image import Pull
from locksided.actors.images import Wanted, _image
from locksided.keeper.messages import Outcome
from locksided.runs.image_run import NoImage

SCRIPT = """#!/bin/sh
while [ "${1#--}" != "$1" ]; do shift; done
case "$1 $2" in
  "image exists") exit 1;;
  "pull "*) PULL;;
  "image inspect") case "$*" in *RepoDigests*) echo "abc:[]";; *) cat "$0.user" 2>/dev/null || echo;; esac;;
  "run "*) echo ran;;
esac
"""


def waiting(wire: Wire, place: Path, pull: str) -> Message:
    """Create a job whose image is pulled by this shell text."""
    script = place / "podman"
    script.write_text(SCRIPT.replace("PULL", pull))
    script.chmod(0o755)
    connected(wire)
    put_component(wire, "acme.image", image="registry.example/acme", command=["any"])
    return wire.create("acme.image", configData={})


def no_executor_message(wire: Wire, job: Message, part: str) -> str:
    """Wait until the cause of `no_executor` contains this text, and return its message."""
    subscription = wire.call("event.subscribe")["subscription"]
    while True:
        for reason in wire.explain(job):
            if reason["kind"] == "no_executor" and part in reason["cause"]:
                wire.call("event.unsubscribe", subscription=subscription)
                return str(reason["message"])
        wire.shell("true")
        wire.notice()


@pytest.fixture
def settings(place: Path) -> dict[str, str]:
    return {"LOCKSIDE_CONTAINERS__PODMAN": str(place / "podman"), "LOCKSIDE_POOLS__DEFAULT__SLOTS": "1"}


def test_a_job_takes_no_slot_while_its_image_is_pulled_and_says_why_it_waits(
    settings: dict[str, str], place: Path, gate: Gate, ear: Ear
) -> None:
    with running(**settings) as daemon, Wire(daemon.socket) as wire:
        job = waiting(wire, place, f"echo pulling > {ear.path}; {gate.text}")
        assert ear.hear() == "pulling"
        assert no_executor_message(wire, job, "pulled") == "Its image is being pulled."
        assert wire.done(wire.shell("true"))["status"] == "success"
        gate.open()
        ended = wire.done(job)
        assert (ended["status"], ended["result"]["images"]) == (
            "success",
            [[{"id": "registry.example/acme:latest", "digests": ["sha256:abc"]}]],
        )


def test_the_pull_is_retried_when_the_registry_does_not_answer(settings: dict[str, str], place: Path) -> None:
    with running(**settings) as daemon, Wire(daemon.socket) as wire:
        job = waiting(wire, place, f"[ -e {place}/up ] || {{ echo 'connection refused' >&2; exit 125; }}")
        assert "connection refused" in no_executor_message(wire, job, "it is tried again")
        (place / "up").touch()
        assert wire.done(job)["status"] == "success"


def test_an_image_that_the_registry_refuses_is_a_user_error(settings: dict[str, str], place: Path) -> None:
    with running(**settings) as daemon, Wire(daemon.socket) as wire:
        ended = wire.done(waiting(wire, place, "echo 'Error: manifest unknown' >&2; exit 125"))
        assert (ended["status"], ended["starts"]) == ("error", 0)
        assert ended["result"]["error"]["kind"] == "spawn"
        assert "registry.example/acme:latest cannot be fetched: Error: manifest unknown" in ended["message"]


@pytest.mark.parametrize("user", [b"1:2:3\n", b"0:\xff\n", b":\n", b"-5\n", b"4294967296\n", b"9" * 5000])
def test_an_image_whose_user_cannot_be_read_fails_only_its_own_job(user: bytes) -> None:
    with pytest.raises(NoImage, match=r"What podman says of it cannot be read"):
        _image(Wanted("it", Pull.MISSING, None), Outcome(exit_code=0), b"abc:[]\n" + user)


def test_an_image_with_an_invalid_user_leaves_the_daemon_running(
    settings: dict[str, str], place: Path
) -> None:
    (place / "podman.user").write_text("1:2:3\n")
    with running(**settings) as daemon, Wire(daemon.socket) as wire:
        ended = wire.done(waiting(wire, place, "true"))
        assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "spawn")
        assert wire.done(wire.shell("true"))["status"] == "success"


def test_a_job_that_waits_for_its_image_can_be_terminated_and_survives_a_restart(
    settings: dict[str, str], place: Path, gate: Gate, ear: Ear
) -> None:
    with running(**settings) as daemon:
        wire = daemon.wire()
        job = waiting(wire, place, f"echo pulling > {ear.path}; {gate.text}")
        other = wire.create("acme.image", configData={})
        assert ear.hear() == "pulling"
        wire.call("job.terminate", id=other["id"])
        assert wire.done(other)["status"] == "cancelled"
        daemon.kill()
        wire = daemon.start().wire()
        assert ear.hear() == "pulling"
        gate.open()
        assert wire.done(job)["status"] == "success"

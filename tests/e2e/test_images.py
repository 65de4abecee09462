"""Components that are container images: the command is wrapped, and the rest is as for any command."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import Daemon, running
from e2e.podman import Podman, needs_podman, podman
from e2e.processes import is_alive, wait_for_end
from e2e.signs import Ear, Gate
from e2e.wire import Wire, connected, of, put_component, until_running

__all__ = ["podman"]
pytestmark = needs_podman


@pytest.fixture(scope="module")
def daemon(podman: Podman) -> Iterator[Daemon]:
    with running(**podman.settings) as one:
        yield one


def run(wire: Wire, shell: str | None = None, **manifest: object) -> dict[str, object]:
    """Run a job of a component with an image, and return it when final."""
    given = {
        "image": "localhost/plain",
        "tag": "1",
        **({} if shell is None else {"shell": shell}),
        **manifest,
    }
    put_component(wire, "acme.image", **given)
    return wire.done(wire.create("acme.image", configData={"parameters": {"country": "CZ"}}))


def test_a_component_in_an_image_reads_and_writes_its_data_folder(wire: Wire, podman: Podman) -> None:
    job = run(wire, "cat /data/config.json > /data/out/files/copy; echo $KBC_DATADIR $TMPDIR; touch /tmp/x")
    assert job["status"] == "success", job["message"]
    assert wire.text(job) == "/data/ /tmp\n"
    copy = Path(job["workPath"]) / "data" / "out" / "files" / "copy"
    assert '"country": "CZ"' in copy.read_text()
    digest = podman.run("image", "inspect", "--format", "{{index .RepoDigests 0}}", "localhost/plain:1")
    assert job["result"]["images"] == [[{"id": "localhost/plain:1", "digests": [digest]}]]


def test_without_a_program_the_image_itself_runs(wire: Wire) -> None:
    job = run(wire)
    assert (job["status"], wire.text(job)) == ("success", "the image itself\n")


def test_files_written_by_another_user_of_an_image_belong_to_the_user_of_the_job(wire: Wire) -> None:
    job = run(wire, "echo a > /data/out/files/a", image="localhost/app")
    assert job["status"] == "success", job["message"]
    assert (Path(job["workPath"]) / "data" / "out" / "files" / "a").stat().st_uid == 0


@pytest.mark.parametrize(
    ("code", "kind"), [(1, "user"), (3, "application"), (125, "application"), (127, "application")]
)
def test_an_exit_code_is_that_of_the_program(wire: Wire, code: int, kind: str) -> None:
    error = run(wire, f"echo why >&2; exit {code}")["result"]["error"]
    assert of(error, "type", "kind", "exitCode") == (kind, "exit", code)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"command": ["/no/such/program"]}, "no such"),
        ({"command": ["/etc/passwd"]}, "permission denied"),
        ({"shell": "true", "cwd": "/no/such/folder"}, "/no/such/folder"),
    ],
)
def test_a_program_missing_in_the_image_is_a_spawn_error(
    wire: Wire, manifest: dict[str, object], message: str
) -> None:
    error = run(wire, **manifest)["result"]["error"]
    assert of(error, "type", "kind") == ("user", "spawn")
    assert message in error["message"].lower()


def test_a_missing_image_is_an_error_of_a_job_that_never_started(wire: Wire) -> None:
    job = run(wire, "true", image="localhost/nowhere", imageOptions={"pull": "never"})
    assert of(job, "status", "starts") == ("error", 0)
    assert of(job["result"]["error"], "type", "kind") == ("user", "spawn")
    assert "localhost/nowhere:1" in job["message"]


def test_a_terminated_job_leaves_no_process_that_ignored_the_stop_signal(
    wire: Wire, podman: Podman, place: Path, ear: Ear
) -> None:
    mounts = [{"source": str(place), "target": "/signs"}]
    put_component(
        wire,
        "acme.stubborn",
        image="localhost/plain",
        tag="1",
        shell="trap '' TERM; setsid sleep 1000 & echo up > /signs/ear; sleep 1000",
        imageOptions={"mounts": mounts},
    )
    job = wire.create("acme.stubborn", configData={})
    assert ear.hear() == "up"
    wire.call("job.terminate", id=job["id"])
    ended = wire.done(job)
    assert ended["status"] == "terminated"
    assert ended["killReport"]["processes"]
    assert not any(is_alive(process["pid"]) for process in ended["killReport"]["processes"])


def test_a_run_continues_while_the_daemon_is_dead_and_keeps_its_image(
    podman: Podman, place: Path, gate: Gate
) -> None:
    with running(**podman.settings) as daemon:
        wire = daemon.wire()
        connected(wire)
        put_component(
            wire,
            "acme.long",
            image="localhost/plain:1",
            shell=f"{gate.text}; exit 3",
            imageOptions={"mounts": [{"source": str(place), "target": str(place)}]},
        )
        job = until_running(wire, wire.create("acme.long", configData={}))
        daemon.kill()
        gate.open()
        wait_for_end(job["process"]["pid"])
        ended = daemon.start().wire().done(job)
        assert ended["process"]["exitCode"] == 3
        assert ended["result"]["images"][0][0]["id"] == "localhost/plain:1"


def test_an_action_of_an_image_is_answered(wire: Wire) -> None:
    put_component(wire, "acme.asked", image="localhost/plain:1", shell="echo '{\"answer\": 42}'")
    assert wire.call("action.run", component="acme.asked", action="ask") == {"answer": 42}


def test_a_container_without_a_run_is_found_and_removed(daemon: Daemon, wire: Wire, podman: Podman) -> None:
    run(wire, "true")
    assert wire.call("daemon.check")["problems"] == []
    with sqlite3.connect(daemon.state_dir / "lockside.db") as database:
        (identity,) = database.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
    name = f"ls-{identity[:8]}-999-1-0"
    podman.run("create", "--name", name, "localhost/plain:1", "true")
    (found,) = wire.call("daemon.check", fix=True)["problems"]
    assert of(found, "kind", "isFixed") == ("orphan_container", True)
    assert found["details"]["container"] == name
    assert wire.call("daemon.check")["problems"] == []

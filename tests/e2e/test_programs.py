"""A job whose program is missing never starts, but a program may still appear or vanish before its turn."""

from collections.abc import Callable
from pathlib import Path

from e2e.harness import Daemon
from e2e.signs import Ear, Gate
from e2e.wire import Wire, of, put_component


def write_program(path: Path) -> None:
    path.write_text("#!/bin/sh\nexit 3\n")
    path.chmod(0o755)


def test_a_job_without_a_program_ends_when_its_turn_comes(wire: Wire, gate: Gate) -> None:
    first = wire.shell(gate.text, lockKey="program")
    put_component(wire, "acme.gone", command=["/no/such/program"])
    job = wire.create("acme.gone", configData={}, lockKey="program")
    after = wire.shell("true", dependsOn=[{"job": job["id"], "when": "final"}])
    assert job["status"] == "waiting"
    gate.open()
    wire.done(first)
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 0)
    assert of(ended["result"]["error"], "type", "kind") == ("user", "spawn")
    assert "processing" not in wire.history(job)
    assert wire.done(after)["status"] == "success"


def test_a_program_made_by_an_earlier_job_is_found(wire: Wire, place: Path, gate: Gate) -> None:
    program = place / "made"
    put_component(wire, "acme.made", command=[str(program)])
    maker = wire.shell(f"{gate.text}; printf '#!/bin/sh\\nexit 3\\n' > {program}; chmod 755 {program}")
    job = wire.create("acme.made", dependsOn=[{"job": maker["id"]}])
    gate.open()
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert ended["process"]["exitCode"] == 3


def test_a_program_that_vanished_before_its_turn_is_a_spawn_error_too(
    wire: Wire, place: Path, gate: Gate
) -> None:
    program = place / "vanishing"
    write_program(program)
    first = wire.shell(gate.text, lockKey="vanishing")
    put_component(wire, "acme.vanishing", command=[str(program)])
    job = wire.create("acme.vanishing", lockKey="vanishing", configData={})
    program.unlink()
    gate.open()
    wire.done(first)
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 0)
    assert ended["result"]["error"]["kind"] == "spawn"


def test_a_waiting_job_without_a_program_never_starts_after_a_restart_either(
    fresh: Callable[..., Daemon], gate: Gate, ear: Ear
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    wire.shell(f"echo up > {ear.path}; {gate.text}", lockKey="program")
    assert ear.hear() == "up"
    job = wire.create(configData={"parameters": {"command": ["no-such-program"]}}, lockKey="program")
    there = wire.shell("true", lockKey="program")
    daemon.kill()
    wire = daemon.start().wire()
    gate.open()
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 0)
    assert "processing" not in wire.history(job)
    assert of(wire.done(there), "status", "starts") == ("success", 1)


def test_links_and_relative_names_are_resolved_as_at_a_start(wire: Wire, place: Path) -> None:
    write_program(place / "real")
    (place / "absolute").symlink_to(place / "real")
    (place / "relative").symlink_to("real")
    (place / "dangling").symlink_to("nothing")
    (place / "plain").write_text("no program")
    environment = {"PATH": f"/no/such/folder:{place}"}
    for name in ("real", "absolute", "relative", "./real", "../real"):
        cwd = place / "below" if name.startswith("..") else place
        cwd.mkdir(exist_ok=True)
        parameters = {"command": [name], "cwd": str(cwd), "environment": environment}
        ended = wire.done(wire.create(configData={"parameters": parameters}))
        assert ended["process"]["exitCode"] == 3, name
    for name in ("dangling", "plain", "./nothing"):
        parameters = {"command": [name], "cwd": str(place), "environment": environment}
        job = wire.done(wire.create(configData={"parameters": parameters}))
        assert of(job, "status", "starts") == ("error", 0), name
        assert wire.history(job) == ["created", "error"], name

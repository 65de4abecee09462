"""A repeated request is resolved with the current objects, however often it was sent before."""

from pathlib import Path

from e2e.wire import Wire, of, put_component


def exit_code(wire: Wire, component: str = "lockside.command", **request: object) -> int:
    """Return the exit code of the job that the request creates."""
    code: int = wire.done(wire.create(component, **request))["process"]["exitCode"]
    return code


def test_a_program_created_in_the_meantime_is_run(wire: Wire, place: Path) -> None:
    program = place / "late"
    request = {"configData": {"parameters": {"command": [str(program)]}}}
    before = wire.done(wire.create("lockside.command", **request))
    assert of(before, "status", "starts") == ("error", 0)
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    assert exit_code(wire, **request) == 3
    program.unlink()
    after = wire.done(wire.create("lockside.command", **request))
    assert of(after, "status", "starts") == ("error", 0)


def test_a_component_changed_in_the_meantime_is_run_in_its_current_version(wire: Wire) -> None:
    for code in (3, 4):
        put_component(wire, "acme.same", command=["/bin/sh", "-c", f"exit {code}"])
        assert exit_code(wire, "acme.same", configData={}) == code


def test_changed_values_of_a_set_of_variables_are_used(wire: Wire) -> None:
    command = ["/bin/sh", "-c", "exit {{ code }}"]
    request = {"configData": {"parameters": {"command": command}}, "variableValuesId": "same"}
    for code in ("3", "4"):
        wire.call("variables.put", variables={"id": "same", "values": [{"name": "code", "value": code}]})
        assert exit_code(wire, **request) == int(code)


def test_a_pool_deleted_in_the_meantime_is_refused(wire: Wire) -> None:
    request = {"configData": {"parameters": {"command": ["/bin/true"]}}, "pool": "brief"}
    wire.call("pool.put", pool={"id": "brief", "slots": 1})
    assert exit_code(wire, **request) == 0
    wire.call("pool.delete", id="brief")
    refusal = wire.refused("job.create", component="lockside.command", **request)
    assert "brief" in str(refusal)

"""Keys: made when needed, rotated, dropped, missing, and readable by the daemon only."""

import os
import stat
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.harness import Daemon, python, running
from e2e.wire import Message, Wire, put_component, put_config

SHOW = """
import json, os
print(len(json.load(open(os.environ["KBC_DATADIR"] + "config.json"))["parameters"]["#password"]))
"""
COMPONENT = "acme.keyed"


def configured(wire: Wire, config: str = "c", password: str = "a password") -> Message:
    put_component(wire, COMPONENT, command=python(SHOW))
    return put_config(wire, COMPONENT, config, configuration={"parameters": {"#password": password}})


def keys(wire: Wire) -> list[tuple[str, str, int]]:
    return [(one["id"], one["source"], one["values"]) for one in wire.call("secret.keys")["keys"]]


def run(wire: Wire, config: str = "c") -> Message:
    return wire.done(wire.create(COMPONENT, config=config))


@pytest.fixture
def alone(fresh: Callable[..., Daemon]) -> Daemon:
    return fresh()


def key_line() -> bytes:
    return b64encode(os.urandom(32)) + b"\n"


def test_the_first_secret_makes_a_key_that_only_the_daemon_can_read(place: Path) -> None:
    daemon = Daemon(place)
    file = daemon.state_dir / "secret.key"
    try:
        wire = daemon.start().wire()
        put_component(wire, COMPONENT, command=python(SHOW))
        assert not file.exists()
        configured(wire)
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
        assert [source for _, source, _ in keys(wire)] == ["state folder"]
    finally:
        daemon.end()


def test_rotation_encrypts_everything_under_a_new_key_and_the_old_key_can_be_dropped(alone: Daemon) -> None:
    wire = alone.wire()
    version = configured(wire)["version"]
    old = keys(wire)[0][0]
    assert run(wire)["status"] == "success"
    assert "newest" in str(wire.refused("secret.dropKey", id=old))
    rotated = wire.call("secret.rotate")
    assert keys(wire) == [(rotated["id"], "state folder", rotated["values"]), (old, "state folder", 0)]
    assert wire.call("secret.reencrypt") == {"values": 0}
    assert wire.call("config.get", component=COMPONENT, config="c")["version"] == version
    assert wire.call("secret.dropKey", id=old) == {"id": old}
    assert wire.refused("secret.dropKey", id=old).kind == "not_found"
    wire = alone.restart().wire()
    assert [name for name, _, _ in keys(wire)] == [rotated["id"]]
    assert run(wire)["status"] == "success"
    told = [one["kind"] for one in wire.events() if one["kind"].startswith("secret.")]
    assert told == ["secret.rotated", "secret.reencrypted", "secret.keyDropped"]


def test_hashes_do_not_change_with_a_rotation(alone: Daemon) -> None:
    wire = alone.wire()
    configured(wire)
    request = {
        "component": COMPONENT,
        "configData": {"parameters": {"#password": "x"}},
        "deduplicationId": "one",
    }
    first = wire.call("job.create", **request)
    wire.call("secret.rotate")
    again = wire.call("job.create", **request)
    assert (again["id"], again["deduplicated"]) == (first["id"], True)
    request["configData"] = {"parameters": {"#password": "y"}}
    assert wire.refused("job.create", **request).kind == "conflict"


def test_deduplication_still_works_when_the_key_of_the_hashes_is_lost(alone: Daemon) -> None:
    wire = alone.wire()
    put_component(wire, "acme.free", command=["true"])

    def request(name: str, value: str) -> Message:
        data = {"parameters": {"#value": value}}
        return {"component": "acme.free", "configData": data, "deduplicationId": name}

    configured(wire)
    first = wire.call("job.create", **request("before", "x"))
    assert wire.refused("job.create", **request("before", "y")).kind == "conflict"
    alone.stop()
    (alone.state_dir / "secret.key").unlink()
    wire = alone.start().wire()
    for value in ("x", "y"):
        again = wire.call("job.create", **request("before", value))
        assert (again["id"], again["deduplicated"]) == (first["id"], True)
    later = wire.call("job.create", **request("after", "x"))
    assert wire.call("job.create", **request("after", "x"))["id"] == later["id"]
    assert wire.refused("job.create", **request("after", "y")).kind == "conflict"


def test_a_key_with_values_encrypted_under_it_cannot_be_dropped(place: Path) -> None:
    file = place / "keys"
    file.write_bytes(key_line())
    file.chmod(0o400)
    with running(LOCKSIDE_SECRETS__KEY_FILE=str(file)) as daemon:
        wire = daemon.wire()
        configured(wire)
        ((old, source, _),) = keys(wire)
        assert source == "key_file"
        for method, params in {"secret.rotate": {}, "secret.dropKey": {"id": old}}.items():
            assert "restart the daemon" in str(wire.refused(method, **params))
        file.chmod(0o600)
        file.write_bytes(key_line() + file.read_bytes())
        file.chmod(0o400)
        wire = daemon.restart().wire()
        values = wire.call("secret.reencrypt")["values"]
        assert [values for _, _, values in keys(wire)] == [values, 0]


def test_a_missing_key_stops_only_the_jobs_that_need_it(alone: Daemon) -> None:
    wire = alone.wire()
    configured(wire)
    key_id = keys(wire)[0][0]
    alone.stop()
    (alone.state_dir / "secret.key").rename(alone.state_dir / "away")
    wire = alone.start().wire()
    ended = run(wire)
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "input")
    assert "$.parameters.#password" in ended["message"]
    assert key_id in ended["message"]
    put_component(wire, "acme.free", command=["true"])
    assert wire.done(wire.create("acme.free"))["status"] == "success"
    (problem,) = [one for one in wire.call("daemon.check")["problems"] if one["kind"] == "secret_key"]
    assert problem["details"]["keyId"] == key_id
    assert "config c (default/acme.keyed) of project default" in problem["details"]["places"]
    assert (key_id, "missing") in [one[:2] for one in keys(wire)]
    token = wire.call("config.get", component=COMPONENT, config="c")["configuration"]["parameters"][
        "#password"
    ]
    body = {"parameters": {"#password": token}}
    refusal = wire.refused("config.put", component=COMPONENT, config="c", configuration=body)
    assert (refusal.data["path"], refusal.data["keyId"]) == ("$.configuration.parameters.#password", key_id)
    configured(wire, "c", "given again")
    assert run(wire)["status"] == "success"


def test_a_command_whose_environment_cannot_be_decrypted_ends_in_error(alone: Daemon) -> None:
    wire = alone.wire()
    held = wire.shell("true", hold=True)
    alone.stop()
    (alone.state_dir / "secret.key").unlink()
    wire = alone.start().wire()
    wire.call("job.release", id=held["id"])
    ended = wire.done(held)
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "input")
    assert "$.parameters.environment" in ended["message"]


@pytest.mark.parametrize(("mode", "content"), [(0o440, None), (0o404, None), (0o400, b"not a key\n")])
def test_a_key_file_that_others_can_read_or_that_has_no_keys_is_refused_at_the_start(
    place: Path, mode: int, content: bytes | None
) -> None:
    file = place / "keys"
    file.write_bytes(content or key_line())
    file.chmod(mode)
    daemon = Daemon(place, LOCKSIDE_SECRETS__KEY_FILE=str(file))
    process = daemon.spawn()
    assert process.wait(30) == 1
    assert str(file) in daemon.stderr()


def test_the_systemd_credential_takes_precedence(place: Path) -> None:
    (place / "lockside.key").write_bytes(key_line())
    (place / "lockside.key").chmod(0o440)
    with running(CREDENTIALS_DIRECTORY=str(place)) as daemon:
        wire = daemon.wire()
        configured(wire)
        assert [source for _, source, _ in keys(wire)] == ["credential"]
        assert not (daemon.state_dir / "secret.key").exists()


def test_only_admins_see_and_change_keys(fresh: Callable[..., Daemon], place: Path) -> None:
    wire = fresh().wire()
    configured(wire)
    key_id = keys(wire)[0][0]
    backup = wire.call("daemon.backup", path=str(place / "copy.db"))
    assert backup["keyIds"] == [key_id]


def test_a_trigger_still_fires_after_the_loss_of_the_key(alone: Daemon) -> None:
    wire = alone.wire()
    put_component(wire, "acme.first", command=["true"])
    parameters = {"shell": "true", "environment": {"TOKEN": "x", "PATH": "/usr/bin:/bin"}}
    job = {"component": "lockside.command", "configData": {"parameters": parameters}}
    on = [{"job": {"component": "acme.first"}}]
    wire.call("trigger.put", trigger={"id": "t", "on": on, "job": job})
    alone.stop()
    (alone.state_dir / "secret.key").unlink()
    wire = alone.start().wire()
    fired = wire.call("trigger.run", id="t")
    assert wire.done(fired)["status"] == "success"

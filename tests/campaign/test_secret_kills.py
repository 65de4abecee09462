"""SIGKILL in the middle of a rotation, of a re-encryption and of the upgrade that encrypts: no value is lost.

Afterwards every value is encrypted under the newest key, and everything works as before.
"""

import lzma
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from campaign.faults import Fault, points, ranges, traced, untraceable
from campaign.figures import LONG
from e2e.harness import Daemon, short_folder
from e2e.processes import PATIENCE_SECONDS
from e2e.test_secret_upgrade import MARK, PLAIN_DATABASE, files_with
from e2e.wire import Refusal, Wire, put_component, put_config

pytestmark = pytest.mark.skipif(untraceable() is not None, reason="nothing can be traced here")

CALLS = "pwrite64,fdatasync,fsync,rename"
KILLS = 20 if LONG else 4
UPGRADE_KILLS = 20 if LONG else 2
CONFIGS, VALUES_OF_EACH = (100, 100) if LONG else (20, 10)


def fill(wire: Wire) -> int:
    """Store many values; returns how many."""
    put_component(wire, "acme.many", command=["true"])
    for number in range(CONFIGS):
        secrets = {f"#{name}": f"value-{number}-{name}" for name in range(VALUES_OF_EACH)}
        put_config(wire, "acme.many", f"c{number}", configuration={"parameters": secrets})
    return CONFIGS * VALUES_OF_EACH


def killed_while(daemon: Daemon, method: str, fault: Fault) -> bool:
    """Kill the daemon during a call; returns whether it reached the point."""
    assert daemon.process is not None
    wire = daemon.wire()
    with traced(daemon.process.pid, [*fault.tracer, "-f"]):
        is_done = True
        try:
            wire.call(method)
        except (ConnectionError, Refusal):
            is_done = False
        if is_done:
            daemon.kill()
        assert daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, daemon.stderr()
    return not is_done


def check_all_open(daemon: Daemon, numbers: Iterator[int]) -> None:
    """Check that every value can be decrypted and is encrypted under exactly one existing key."""
    wire = daemon.wire()
    keys = wire.call("secret.keys")["keys"]
    assert "missing" not in {one["source"] for one in keys}
    number = next(numbers) % CONFIGS
    job = wire.done(wire.create("acme.many", config=f"c{number}"))
    assert job["status"] == "success", job["message"]


@pytest.mark.timeout(3600 if LONG else 300)
def test_a_rotation_killed_at_any_call_resumes_and_loses_nothing(
    fresh: Callable[..., Daemon], place: Path
) -> None:
    daemon = fresh()
    values = fill(daemon.wire())
    assert not killed_while(daemon, "secret.rotate", Fault(CALLS, None, place / "trace"))
    found = ranges(place / "trace")
    numbers = iter(range(10_000))
    kills = 0
    for call, k in points(found, KILLS, is_everywhere=False):
        daemon.start()
        check_all_open(daemon, numbers)
        kills += killed_while(daemon, "secret.rotate", Fault(call, k, place / "trace"))
    assert kills >= KILLS // 2
    wire = daemon.start().wire()
    assert wire.call("secret.reencrypt") == {"values": 0}, "it went on at the start"
    newest, *others = wire.call("secret.keys")["keys"]
    assert newest["values"] >= values
    assert {one["values"] for one in others} == {0}
    for key in others:
        wire.call("secret.dropKey", id=key["id"])
    check_all_open(daemon.restart(), numbers)


def test_an_upgrade_killed_at_any_call_leaves_each_value_plain_or_encrypted(place: Path) -> None:
    plain = lzma.decompress(PLAIN_DATABASE.read_bytes())
    upgrade_killed_at(plain, Fault(CALLS, None, place / "trace"))
    for call, k in points(ranges(place / "trace"), UPGRADE_KILLS, is_everywhere=False):
        upgrade_killed_at(plain, Fault(call, k, place / "trace"))


def upgrade_killed_at(plain: bytes, fault: Fault) -> None:
    with short_folder() as folder:
        daemon = Daemon(folder)
        daemon.state_dir.mkdir(mode=0o700)
        (daemon.state_dir / "lockside.db").write_bytes(plain)
        try:
            with suppress(AssertionError, ConnectionError):  # it may die before it is ready
                daemon.start(before=[*fault.tracer, "-f", "-D"])
                daemon.wire().call("secret.reencrypt")
            assert daemon.process is not None
            if daemon.process.poll() is None:
                daemon.kill()
            wire = daemon.start().wire()
            assert wire.call("secret.reencrypt") == {"values": 0}
            check_upgraded(daemon, wire)
        finally:
            daemon.end()


def check_upgraded(daemon: Daemon, wire: Wire) -> None:
    assert all(name.startswith("lockside-schema") for name in files_with(MARK, daemon.state_dir))
    assert [one["source"] for one in wire.call("secret.keys")["keys"]] == ["state folder"]
    body = {"parameters": {"#state": "old-pl4in-state"}}
    before = wire.call("config.get", component="acme.old", config="root")
    assert (
        wire.call("config.put", component="acme.old", config="root", configuration=body)["version"]
        == (before["version"])
    )
    jobs = wire.call("job.list", status=["success"])["jobs"]
    assert {wire.done(wire.call("job.resubmit", id=one["id"]))["status"] for one in jobs} == {"success"}

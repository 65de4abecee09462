"""ENOSPC and EIO at the k-th write, sync or change of a folder, of the daemon and of the keeper.

The daemon survives; the client gets `unavailable` at most, and sends again. Afterwards evidence, database
and the client's list agree. LOCKSIDE_TEST_LONG=1 takes every k.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from campaign.faults import Fault, failing, traced, untraceable
from campaign.figures import LONG, Figures, in_long_form
from campaign.script import Script
from campaign.sweep import SLOTS, Sweep
from e2e.harness import Daemon
from e2e.processes import wait_for_end
from e2e.signs import Gate
from e2e.wire import until_running

DATABASE = "pwrite64,fdatasync,fsync,ftruncate"
FOLDERS = "mkdir,symlink,rename,unlink,rmdir"
KEEPERS = "symlink,linkat,rename,writev,mkdir"
READS = "pread64"
TIMEOUT = 36_000 if LONG else 300

pytestmark = pytest.mark.skipif(untraceable() is not None, reason=str(untraceable()))


def fail_in_daemon(daemon: Daemon, script: Script, fault: Fault) -> bool:
    """Let the daemon's calls fail while it runs the script; returns whether one failed."""
    assert daemon.process is not None
    with failing(daemon.process.pid, fault):
        assert script.run(daemon), daemon.stderr()
    return was_injected(fault)


def fail_in_keeper(daemon: Daemon, script: Script, fault: Fault) -> bool:
    with traced(daemon.keeper_pid(), fault.tracer):
        assert script.run(daemon), daemon.stderr()
    return was_injected(fault)


def was_injected(fault: Fault) -> bool:
    return "(INJECTED)" in fault.trace.read_text(errors="replace")


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize(
    ("error", "calls", "times"),
    [
        pytest.param("ENOSPC", DATABASE, 1, marks=in_long_form),
        pytest.param("EROFS", DATABASE, 5, marks=in_long_form),
        ("EIO", DATABASE, 2),
        ("ENOSPC", FOLDERS, 1),
        ("EIO", READS, 2),
    ],
)
def test_a_daemon_whose_disk_fails_at_any_call_loses_and_doubles_nothing(
    fresh: Callable[..., Daemon],
    place: Path,
    figures: Callable[[str], Figures],
    error: str,
    calls: str,
    times: int,
) -> None:
    daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS=str(SLOTS))
    totals = figures(f"disk sweep, daemon, {error} of {calls} x{times}")
    Sweep(daemon, place, fail_in_daemon, totals, what=f"error={error}", times=times).run(calls, 2, "faults")


def test_a_store_whose_disk_turned_read_only_is_reported_and_written_again_later(
    fresh: Callable[..., Daemon], place: Path, gate: Gate
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    running = wire.shell(f"{gate.text}; exit 7")
    until_running(wire, running)
    assert daemon.process is not None
    fault = Fault(DATABASE, 1, place / "trace", "error=EROFS", times=60_000)
    with traced(daemon.process.pid, [*fault.tracer, "-f"]):
        plain = {"component": "lockside.command", "configData": {"parameters": {"shell": "true"}}}
        refusal = wire.refused("job.create", **plain)
        assert refusal.kind == "unavailable"
        store = wire.call("daemon.status")["store"]
        assert store["isWritable"] is False
        assert store["cause"] in refusal.error["message"]
        gate.open()
        wait_for_end(wire.get(running["id"])["process"]["pid"])
        assert wire.get(running["id"])["status"] == "processing", "what cannot be saved is not told"
    ended = wire.done(running)
    assert (ended["status"], ended["process"]["exitCode"], ended["starts"]) == ("error", 7, 1)
    assert wire.done(wire.shell("true"))["status"] == "success"


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("error", ["ENOSPC", pytest.param("EIO", marks=in_long_form)])
def test_a_keeper_whose_disk_fails_at_any_call_loses_and_doubles_nothing(
    fresh: Callable[..., Daemon], place: Path, figures: Callable[[str], Figures], error: str
) -> None:
    daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS=str(SLOTS))
    totals = figures(f"disk sweep, keeper, {error} of {KEEPERS}")
    Sweep(daemon, place, fail_in_keeper, totals, what=f"error={error}").run(KEEPERS, 2, "faults")

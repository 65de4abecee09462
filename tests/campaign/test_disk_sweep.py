"""ENOSPC and EIO at the k-th write, sync or change of a folder, of the daemon and of the keeper.

The daemon lives; the client hears `unavailable` at most, and sends again. Afterwards evidence, database and
the client's list agree. LOCKSIDE_TEST_LONG=1 makes it every k.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from campaign.faults import Fault, traced, untraceable
from campaign.figures import LONG, Figures, in_long_form
from campaign.script import Script
from campaign.sweep import SLOTS, Sweep
from e2e.harness import Daemon

DATABASE = "pwrite64,fdatasync,fsync,ftruncate"
FOLDERS = "mkdir,symlink,rename,unlink,rmdir"
KEEPERS = "symlink,rename,writev,mkdir"
READS = "pread64"
TIMEOUT = 36_000 if LONG else 300

pytestmark = pytest.mark.skipif(untraceable() is not None, reason=str(untraceable()))


def fail_in_daemon(daemon: Daemon, script: Script, fault: Fault) -> bool:
    """Let the daemon's calls fail while it works through the script; whether one did."""
    assert daemon.process is not None
    with traced(daemon.process.pid, [*fault.tracer, "-f"]):
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
    told = figures(f"disk sweep, daemon, {error} of {calls} x{times}")
    Sweep(daemon, place, fail_in_daemon, told, what=f"error={error}", times=times).run(calls, 2, "faults")


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("error", ["ENOSPC", pytest.param("EIO", marks=in_long_form)])
def test_a_keeper_whose_disk_fails_at_any_call_loses_and_doubles_nothing(
    fresh: Callable[..., Daemon], place: Path, figures: Callable[[str], Figures], error: str
) -> None:
    daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS=str(SLOTS))
    told = figures(f"disk sweep, keeper, {error} of {KEEPERS}")
    Sweep(daemon, place, fail_in_keeper, told, what=f"error={error}").run(KEEPERS, 2, "faults")

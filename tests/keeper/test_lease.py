"""The lease of a runner: what happens when it cannot be renewed."""

from pathlib import Path

import pytest

from locksided.keeper import clock, remote
from locksided.keeper.loop import Loop
from locksided.keeper.runner import Lease


def beat(folder: Path) -> int | None:
    return (remote.read(str(folder), remote.LEASE) or {}).get("beat")


def test_a_lease_that_has_run_out_is_not_renewed_and_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, now, started = Loop(), [0.0], clock.boot_seconds()
    lease = Lease(str(tmp_path), lambda: None)
    monkeypatch.setattr(clock, "boot_seconds", lambda: started + now[0] - remote.ALONE_SECONDS)
    lease.renew({})
    now[0] = remote.ALONE_SECONDS + 1  # it was suspended; it continues, and its loop may run first
    lease.renew({})
    assert beat(tmp_path) == 0
    lease.begin(loop, loop.stop)
    loop.run()


def test_a_lease_is_renewed_while_it_holds(tmp_path: Path) -> None:
    lease = Lease(str(tmp_path), lambda: None)
    lease.renew({})
    lease.renew({"progress": {}})
    assert beat(tmp_path) == 1

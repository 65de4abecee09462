"""Runs reuse the cgroups of earlier runs, as long as these are empty."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeper.conftest import can_use_cgroups
from keeper.kit import Keeper, Peer, is_alive, running_keeper
from keeper.test_stops import SLEEP
from locksided.keeper.tree.hierarchy import holder_of

OWN = """own=$(sed -n "s,^0::,,p" /proc/self/cgroup)
cd /sys/fs/cgroup/unified$own 2>/dev/null || cd /sys/fs/cgroup$own; pwd"""


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    if not can_use_cgroups():
        pytest.skip("no cgroups can be made here")
    with running_keeper(tmp_path) as running:
        yield running


def place_of(keeper: Keeper, daemon: Peer, token: str, script: str = "") -> str:
    """Return the cgroup of a run, in which it executes a command."""
    daemon.send(**keeper.order("sh", "-c", f"{OWN}; {script}", token=token))
    ended = daemon.outcome(token)
    assert ended["exitCode"] == 0, ended
    daemon.send(op="ack", token=token)
    return str(ended["stdoutTail"]).strip()


def test_runs_reuse_the_cgroups_of_earlier_runs(keeper: Keeper, daemon: Peer) -> None:
    seen = [place_of(keeper, daemon, f"{number}-1-0") for number in range(5)]
    if not os.path.exists(f"{seen[0]}/memory.peak"):
        assert len(set(seen)) == 2
        assert {holder_of(place) for place in seen} == {""}
    own = Path(f"/proc/{keeper.pid}/cgroup").read_text()
    assert not own.splitlines()[-1].endswith(seen[-1].rpartition("unified")[2])


def test_a_cgroup_with_nested_cgroups_is_not_used_again(keeper: Keeper, daemon: Peer) -> None:
    changed = place_of(keeper, daemon, "1-1-0", "mkdir below && rmdir below")
    assert changed not in {place_of(keeper, daemon, f"{number}-1-0") for number in range(2, 6)}
    assert not os.path.exists(changed)


def test_a_frozen_cgroup_is_not_used_again(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**keeper.order("sleep", SLEEP))
    pid = daemon.expect("started")["pid"]
    own = Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1].removeprefix("0::")
    daemon.send(op="pause", token="1-1-0")
    daemon.expect("paused")
    os.kill(pid, signal.SIGKILL)
    assert daemon.outcome("1-1-0")["signal"] == signal.SIGKILL
    assert not any(place_of(keeper, daemon, f"{number}-1-0").endswith(own) for number in range(2, 6))


def test_the_usage_of_a_run_is_not_counted_for_the_next_in_its_cgroup(keeper: Keeper, daemon: Peer) -> None:
    busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    used = []
    for number, script in enumerate(("true", busy, "true", "true")):
        daemon.send(**keeper.order("sh", "-c", script, token=f"{number}-1-0"))
        ended = daemon.outcome(f"{number}-1-0")
        used.append(ended["userSeconds"] + ended["systemSeconds"])
    assert max(used[2:]) < used[1] / 2


def test_the_run_of_a_dead_keeper_is_found_by_the_note_at_its_cgroup(keeper: Keeper, daemon: Peer) -> None:
    place_of(keeper, daemon, "1-1-0")
    order = keeper.order("env", "-i", "sleep", SLEEP, token="2-1-0")
    daemon.send(**order)
    pid = daemon.expect("started", "2-1-0")["pid"]
    keeper.kill()
    (keeper.folder("2-1-0") / "run.json").unlink()
    keeper.restart()
    peer = keeper.connect()
    peer.send(op="reap", token="2-1-0", folder=order["folder"], graceSeconds=0.1, stopSignal=15)
    assert peer.outcome("2-1-0")["killReport"]["proof"] == "cgroup"
    assert not is_alive(pid)


def test_a_folder_without_a_note_has_no_holder(tmp_path: Path) -> None:
    assert holder_of(str(tmp_path)) is None

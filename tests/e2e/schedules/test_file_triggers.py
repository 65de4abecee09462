"""Triggers on files: each file that appears counts once, when it is finished, whatever dies meanwhile."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from pwd import getpwnam
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon
from e2e.processes import kill_and_wait, processes_of, wait_for_end
from e2e.scheduling import MORNING, restarted
from e2e.wire import Wire

pytestmark = pytest.mark.real_processes
SETTLE = 0.2


@pytest.fixture
def folder(daemon: Daemon) -> Path:
    made = daemon.folder / "in"
    made.mkdir()
    return made


def put(wire: Wire, *folders: Path, **members: Any) -> dict[str, Any]:
    files = {"match": "*.csv", "settleSeconds": SETTLE} | members.pop("files", {})
    on = [{"files": files | {"folder": str(folder)}} for folder in folders]
    job = {"component": "acme.job", "config": "daily", "lock": "none"}
    trigger = {"id": "t", "on": on, "job": job, "overlap": {"policy": "allow"}, **members}
    stored: dict[str, Any] = wire.call("trigger.put", trigger=trigger)
    return stored


def made(wire: Wire) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wire.call("job.list", creator="trigger", order="asc", limit=1000)["jobs"]
    return found


def counted(wire: Wire) -> Counter[str]:
    """Return how often each path was a cause of a job."""
    return Counter(cause["path"] for job in made(wire) for cause in job["trigger"]["causes"])


def until(wire: Wire, holds: Callable[[], bool]) -> None:
    """Wait for an event after which this holds."""
    subscription = wire.call("event.subscribe")["subscription"]
    while not holds():
        wire.notice()
    wire.call("event.unsubscribe", subscription=subscription)


def until_counted(wire: Wire, *paths: Path) -> None:
    until(wire, lambda: {str(path) for path in paths} <= counted(wire).keys())


def watcher(daemon: Daemon, folder: Path) -> int:
    """Wait until the only watcher has reported a file in that folder, and return its pid."""
    with Wire(daemon.socket) as wire:
        until_counted(wire, written(folder / "first.csv"))
    [pid] = [
        pid
        for pid in processes_of(daemon.folder)
        if b"steps.watcher" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return pid


def written(path: Path, text: str = "x") -> Path:
    path.write_text(text)
    return path


def test_a_file_that_is_written_or_moved_in_counts_once(wire: Wire, folder: Path) -> None:
    put(wire, folder)
    one = written(folder / "one.csv", "12345")
    two = folder / "two.csv"
    written(folder.parent / "elsewhere").rename(two)
    until_counted(wire, one, two)
    [cause] = [cause for job in made(wire) for cause in job["trigger"]["causes"] if cause["path"] == str(one)]
    assert (cause["kind"], cause["sizeBytes"], cause["job"], cause["table"]) == ("file", 5, None, None)
    three = folder / "three.csv"
    os.utime(written(folder.parent / "far"), ns=(0, 2**63))  # in the year 2262, as any user may claim
    (folder.parent / "far").rename(three)
    until_counted(wire, three)
    assert counted(wire) == {str(one): 1, str(two): 1, str(three): 1}


def test_links_folders_and_other_names_do_not_count(wire: Wire, folder: Path) -> None:
    put(wire, folder)
    (folder / "link.csv").symlink_to(written(folder.parent / "target"))
    (folder / "folder.csv").mkdir()
    written(folder / "x.txt")
    written(folder / ".hidden.csv")
    written(folder / "x.csv.part").rename(folder / "y.csv")
    until_counted(wire, folder / "y.csv")
    assert counted(wire) == {str(folder / "y.csv"): 1}


def test_a_file_counts_once_it_is_complete_however_often_it_was_written(wire: Wire, folder: Path) -> None:
    put(wire, folder)
    slow = folder / "slow.csv"
    with slow.open("a") as file:
        for number in range(3):
            file.write("line\n")
            file.flush()
            with slow.open("a") as other:  # another process closes it meanwhile
                other.write("more\n")
            until_counted(wire, written(folder / f"{number}.csv"))
            assert str(slow) not in counted(wire)
    until_counted(wire, slow)
    causes = [cause for job in made(wire) for cause in job["trigger"]["causes"]]
    assert [cause["sizeBytes"] for cause in causes if cause["path"] == str(slow)] == [30]


def test_a_file_that_is_rewritten_counts_again(wire: Wire, folder: Path) -> None:
    put(wire, folder)
    one = written(folder / "one.csv")
    until_counted(wire, one)
    written(one, "another text")
    until(wire, lambda: counted(wire)[str(one)] == 2)


@pytest.mark.parametrize("existing", [False, True])
def test_existing_files_count_only_when_requested(daemon: Daemon, folder: Path, existing: bool) -> None:
    wire = daemon.wire()
    old = written(folder / "old.csv")
    os.utime(old, (1, 1))
    put(wire, folder, files={"existing": existing})
    new = written(folder / "new.csv")
    os.utime(new, (1, 1))  # as a copy does that preserves times
    until_counted(wire, new)
    put(wire, folder, files={"existing": existing}, name="another version")
    last = written(folder / "last.csv")
    until_counted(wire, last)
    expected = {str(new): 1, str(last): 1} | ({str(old): 1} if existing else {})
    assert counted(wire) == expected


def test_the_folder_may_be_created_later_and_replaced(daemon: Daemon, folder: Path) -> None:
    wire, later = daemon.wire(), daemon.folder / "later" / "in"
    put(wire, folder, later)
    watcher(daemon, folder)
    later.mkdir(parents=True)
    one = written(later / "one.csv")
    until_counted(wire, one)
    later.rename(daemon.folder / "before")
    later.mkdir()
    two = written(later / "two.csv")
    until_counted(wire, two)
    assert set(counted(wire)) == {str(folder / "first.csv"), str(one), str(two)}
    assert set(counted(wire).values()) == {1}


def test_a_folder_without_notifications_is_listed(wire: Wire, folder: Path) -> None:
    put(wire, folder, files={"pollSeconds": 1})
    target = written(folder.parent / "elsewhere.csv")
    os.link(target, folder / "linked.csv")  # neither closed nor moved in
    until_counted(wire, folder / "linked.csv")


def test_changing_or_deleting_a_trigger_updates_the_watched_folders(daemon: Daemon, folder: Path) -> None:
    wire, other = daemon.wire(), daemon.folder / "other"
    other.mkdir()
    put(wire, folder)
    first = watcher(daemon, folder)
    put(wire, other)
    wait_for_end(first)
    second = watcher(daemon, other)
    written(folder / "one.csv")
    until_counted(wire, written(other / "two.csv"))
    assert str(folder / "one.csv") not in counted(wire)
    wire.call("trigger.delete", id="t")
    wait_for_end(second)


def test_a_disabled_trigger_counts_no_files(daemon: Daemon, folder: Path) -> None:
    wire = daemon.wire()
    put(wire, folder)
    first = watcher(daemon, folder)
    put(wire, folder, state="disabled")
    wait_for_end(first)
    written(folder / "one.csv")
    put(wire, folder)
    until_counted(wire, written(folder / "two.csv"))
    assert str(folder / "one.csv") not in counted(wire)


def test_no_file_is_lost_or_counted_twice_when_watcher_and_daemon_die(daemon: Daemon, folder: Path) -> None:
    wire = daemon.wire()
    put(wire, folder, files={"exclude": [], "match": "*"})
    pid = watcher(daemon, folder)
    paths = [folder / f"{number:04}.csv" for number in range(1000)]
    for number, path in enumerate(paths):
        written(path, str(number))
        if number in (300, 800):
            restarted(daemon, MORNING)
        if number == 500:
            kill_and_wait(pid)
    wire = daemon.wire()
    until_counted(wire, *paths)
    assert counted(wire) == dict.fromkeys(map(str, [folder / "first.csv", *paths]), 1)


def test_the_next_daemon_takes_over_a_watcher_that_is_still_running(daemon: Daemon, folder: Path) -> None:
    put(daemon.wire(), folder)
    pid = watcher(daemon, folder)
    daemon.kill()
    two = written(folder / "two.csv")
    daemon.start("--test-clock", MORNING)
    until_counted(daemon.wire(), two)
    assert set(counted(daemon.wire()).values()) == {1}
    written(folder / "first.csv", "anew")
    assert watcher(daemon, folder) == pid


@pytest.fixture
def roomy() -> Iterator[Path]:
    """A folder in memory in which a great number of files can be created and removed quickly."""
    with TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


def test_a_trigger_is_broken_while_its_folder_has_too_many_files(wire: Wire, roomy: Path) -> None:
    full = roomy / "in"
    full.mkdir()
    for number in range(100_001):
        os.mknod(f"{full}/{number}.csv")
    put(wire, full)
    until(wire, lambda: wire.call("trigger.get", id="t")["status"] == "broken")
    assert "more than 100,000 files" in wire.call("trigger.get", id="t")["statusCause"]
    assert [one["id"] for one in wire.call("trigger.list", status=["broken"])["triggers"]] == ["t"]
    full.rename(roomy / "before")
    full.mkdir()
    assert put(wire, full)["status"] == "active"
    until_counted(wire, written(full / "0.csv"))
    assert made(wire)[0]["trigger"]["causes"][0]["path"] == str(full / "0.csv")


@needs_root
def test_a_watcher_runs_as_the_owner_and_sees_what_the_owner_may_read(daemon: Daemon, folder: Path) -> None:
    wire = daemon.wire()
    folder.chmod(0o755)
    put(wire, folder)
    first = watcher(daemon, folder)
    wire.call("trigger.put", trigger=_bare(wire), owner="nobody")
    wait_for_end(first)
    until_counted(wire, written(folder / "second.csv"))
    status = Path(f"/proc/{watcher(daemon, folder)}/status").read_text().splitlines()
    ids = {line.split(":")[0]: line.split()[1:] for line in status}
    assert ids["Uid"] == [str(getpwnam("nobody").pw_uid)] * 4
    assert "0" not in ids["Gid"]


def _bare(wire: Wire) -> dict[str, Any]:
    stored = wire.call("trigger.get", id="t")
    return {name: stored[name] for name in ("id", "on", "job", "overlap")}


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"folder": "relative"}, "$.trigger.on[0].files.folder"),
        ({"folder": "/in", "pollSeconds": 0.1}, "$.trigger.on[0].files.pollSeconds"),
    ],
)
def test_faults_in_conditions_are_reported_with_their_path(
    wire: Wire, files: dict[str, Any], path: str
) -> None:
    trigger = {"id": "t", "on": [{"files": files}], "job": {"component": "acme.job"}}
    assert wire.refused("trigger.put", trigger=trigger).data["path"] == path

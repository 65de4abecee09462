"""Checks from the stored rows alone that containers ended as their children require."""

from typing import Any

from core.disk import Disk
from lockside.documents.enums import Status
from locksided.core.saves import Save, UpdateJob
from locksided.core.transitions import FINAL

S = Status


def check_ends(disk: Disk, saves: list[Save]) -> None:
    """Raise AssertionError if these saves gave a container another final status than its children require."""
    ended = {save.id for save in saves if isinstance(save, UpdateJob) and save.changes.get("status") in FINAL}
    for job_id in ended:
        row = disk.jobs[job_id]
        if row["type"] != "standard":
            found, expected = disk.status(job_id), expected_end(disk, job_id, row)
            assert found is expected, f"container {job_id} ended as {found} and not as {expected}"
        if row["relation"] == "strong":
            check_stop(disk, row)


def expected_end(disk: Disk, job_id: int, row: dict[str, Any]) -> Status:
    children = [
        (child_id, child)
        for child_id, child in disk.jobs.items()
        if child["parent_id"] == job_id and child["relation"] == "strong" and child["end_cause"] != "amended"
    ]
    assert all(child["status"] in FINAL for _, child in children), f"{job_id} ended before its children"
    if row["start_us"] is None:
        return S.CANCELLED
    stopped = S.TERMINATED if ran_below(disk, job_id) else S.CANCELLED
    if row["end_cause"] == "terminated":
        return stopped
    if row["type"] == "retryContainer":
        last = S(children[-1][1]["status"])
        return stopped if last in (S.CANCELLED, S.TERMINATED) else last
    failed = [child["behavior_on_error"] for _, child in children if counts(child)]
    if any(behavior != "warning" for behavior in failed):
        return S.ERROR
    return S.WARNING if failed or any(child["status"] is S.WARNING for _, child in children) else S.SUCCESS


def counts(child: dict[str, Any]) -> bool:
    """Return whether the child failed, unless its own container caused the failure."""
    if child["status"] in (S.SUCCESS, S.WARNING):
        return False
    return child["end_cause"] not in ("container", "phase")


def ran_below(disk: Disk, job_id: int) -> bool:
    return any(
        str(job_id) in row["run_id"].split(".")[:-1] and row["starts"]
        for row in disk.jobs.values()
        if row["type"] == "standard"
    )


def check_stop(disk: Disk, row: dict[str, Any]) -> None:
    """Check that no sibling still waits after a `stop`."""
    if row["behavior_on_error"] == "stop" and counts(row) and row["end_cause"] != "amended":
        container = disk.jobs[row["parent_id"]]
        if container["type"] != "retryContainer":
            waiting = [
                other_id
                for other_id, other in disk.jobs.items()
                if other["parent_id"] == row["parent_id"]
                and other["relation"] == "strong"
                and other["status"] in (S.CREATED, S.WAITING)
            ]
            assert not waiting, f"jobs {waiting} still wait after a sibling's stop"

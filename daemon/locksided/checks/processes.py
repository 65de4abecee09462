"""Processes left by jobs without an owner. Marks in their environment identify the job."""

import os
import signal
from collections.abc import Collection
from functools import partial
from pathlib import Path

from locksided import clock, threads
from locksided.checks.problem import Problem
from locksided.keeper.tree import proc
from locksided.keeper.tree.proc import Process

MARK = b"LOCKSIDE_START_FOLDER="
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def marked(root: Path) -> dict[Process, str]:
    """Return the living processes of this state folder's jobs, with the start token of each."""
    prefix = MARK + os.fsencode(root / "runs") + b"/"
    found = {}
    for process in proc.read_all().values():
        if process.is_alive and (token := _token(process.pid, prefix)) is not None:
            found[process] = token
    return found


def _token(pid: int, prefix: bytes) -> str | None:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    for entry in entries:
        if entry.startswith(prefix):
            parts = os.fsdecode(entry[len(prefix) :]).split("/")  # shard, job, "steps", launch-step
            return f"{parts[1]}-{parts[3]}" if len(parts) == 4 else None
    return None


def orphans(before: dict[Process, str], now: dict[Process, str], in_flight: Collection[str]) -> list[Problem]:
    """Return the processes seen before and after the listing of the runs that are in none of them."""
    left = {(process.pid, process.start_ticks) for process in before}
    return [
        _problem("orphan_process", process, f"was left by job {token.partition('-')[0]}, which is over")
        for process, token in now.items()
        if (process.pid, process.start_ticks) in left and token not in in_flight
    ]


def strays(listed: Collection[tuple[int, str]], keeper_pid: int) -> list[Problem]:
    """Return the processes reported in the keeper's hello that are still below the keeper."""
    everyone = proc.read_all()
    found = []
    for pid, name in listed:
        process = everyone.get(pid)
        if (
            process is not None
            and process.is_alive
            and process.name == name
            and _is_below(process, keeper_pid)
        ):
            found.append(_problem("stray_process", process, "was left by a job, nobody knows which"))
    return found


def _is_below(process: Process, root: int) -> bool:
    seen = set()
    while process.parent_pid not in seen and process.parent_pid > 1:
        if process.parent_pid == root:
            return True
        seen.add(process.parent_pid)
        above = proc.read(process.parent_pid)
        if above is None:
            return False
        process = above
    return False


def _problem(kind: str, process: Process, what: str) -> Problem:
    text = f"Process {process.pid} ({process.name}) {what}."
    age_us = clock.real_boot_us() - process.start_ticks * clock.SECOND_US // TICKS_A_SECOND
    details = {"pid": process.pid, "name": process.name}
    mend = partial(threads.run_sync, end, process)
    return Problem(kind, text, f"kill -9 {process.pid}", clock.now_us() - age_us, mend, details)


def end(process: Process) -> None:
    """Kill exactly this process."""
    proc.send(process, signal.SIGKILL)

"""The witness: what really ran, recorded by the processes themselves, whatever daemon and keeper believe.

Every promise about processes is checked here at the moment when it could be broken.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from simulation.disk import Disk
from simulation.runs import RESCUED, WARNS, steps_of

Row = dict[str, Any]
LIVE = ("processing", "terminating")


class Violation(AssertionError):
    """A promise was broken; the message says which, in one sentence."""


@dataclass(eq=False)
class Process:
    """One process tree. `locks` are the keys that it runs under: by key, the holder and its share."""

    pid: int
    token: str
    job_id: int
    started_us: int
    locks: dict[tuple[str, str], tuple[int, int]]
    rows_of: tuple[int, int, int] | None
    """Its container with parallelism, which of its rows it is, and the limit."""
    alive: bool = True
    exit_code: int | None = None
    signal: int | None = None


@dataclass
class Witness:
    """All processes by token; a token is used once."""

    disk: Disk
    processes: dict[str, Process] = field(default_factory=dict)
    alive: dict[int, Process] = field(default_factory=dict)
    launches: dict[int, set[int]] = field(default_factory=dict)
    """By job the launches whose first step really began."""
    of_dead_machines: set[str] = field(default_factory=set)
    """Tokens that were in flight when a machine went down."""
    saved: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By token the outcomes that a daemon acknowledged; of those there may be no note."""

    def alive_of(self, token: str) -> Process | None:
        process = self.processes.get(token)
        return process if process is not None and process.alive else None

    def begin(self, token: str, now_us: int) -> Process:
        """A process comes into being."""
        if token in self.processes:
            raise Violation(f"the token {token} was started twice")
        if token.startswith("aside-"):
            return self._begin_aside(token, now_us)
        job_id, launch, step = map(int, token.split("-"))
        row = self.disk.row(job_id)
        if row is None:
            raise Violation(f"job {job_id} starts and is not stored")
        if row["status"] not in LIVE or row["start_token"] != token:
            text = f"job {job_id} starts under {token}, but is {row['status']} with {row['start_token']}"
            raise Violation(text)
        process = Process(len(self.processes) + 4000, token, job_id, now_us, *self._surroundings(row))
        self._check_apart(process)
        self.processes[token] = process
        self.alive[process.pid] = process
        if step == 0:
            self.launches.setdefault(job_id, set()).add(launch)
        return process

    def _begin_aside(self, token: str, now_us: int) -> Process:
        """Begin an aside, which belongs to no job and holds nothing."""
        process = Process(len(self.processes) + 4000, token, 0, now_us, {}, None)
        self.processes[token] = process
        self.alive[process.pid] = process
        if not self.disk.rows("SELECT 1 FROM asides WHERE token = ?", token):
            raise Violation(f"{token} starts and is not stored")
        return process

    def end(self, process: Process, exit_code: int | None, signal: int | None = None) -> None:
        process.alive = False
        process.exit_code, process.signal = exit_code, signal
        del self.alive[process.pid]

    def _surroundings(self, row: Row) -> tuple[dict[tuple[str, str], tuple[int, int]], Any]:
        """Return the locks of the job and its ancestors, and the container that limits its rows."""
        locks: dict[tuple[str, str], tuple[int, int]] = {}
        limited = None
        while True:
            if row["lock_key"] is not None:
                share = int(row["lock_policy"].partition(":")[2] or 0)
                locks[row["project"], row["lock_key"]] = (row["id"], share)
            if row["relation"] != "strong":
                return locks, limited
            above = self.disk.row(row["parent_id"])
            assert above is not None, f"job {row['id']} has lost its container"
            if isinstance(above["parallelism"], int) and limited is None:
                limited = (above["id"], row["id"], above["parallelism"])
            row = above

    def _check_apart(self, new: Process) -> None:
        for key, (holder, share) in new.locks.items():
            holders = dict(other.locks[key] for other in self.alive.values() if key in other.locks)
            holders[holder] = share
            holders |= self._blocked_holders(*key)
            shares = holders.values()
            if len(holders) > 1 and (not all(shares) or len(holders) > max(shares)):
                raise Violation(f"jobs {sorted(holders)} run at once under one lock, {key[1]}")
        if new.rows_of is not None:
            container, row, limit = new.rows_of
            rows = {
                one.rows_of[1] for one in self.alive.values() if one.rows_of and one.rows_of[0] == container
            }
            if len(rows | {row}) > limit:
                raise Violation(f"{len(rows | {row})} rows of container {container} run, and {limit} may")

    def _blocked_holders(self, project: str, lock_key: str) -> dict[int, int]:
        """Return the blocked jobs that keep a lock, with their shares."""
        rows = self.disk.rows(
            "SELECT id, lock_policy FROM jobs WHERE project = ? AND lock_key = ? AND block IS NOT NULL "
            "AND block ->> '$.terms.hold_lock'",
            project,
            lock_key,
        )
        return {job_id: int(policy.partition(":")[2] or 0) for job_id, policy in rows}

    def check_rows(self) -> None:
        """Check after a commit that each job with a live process is in flight under the same token."""
        for process in self.alive.values():
            if not process.job_id:
                if not self.disk.rows("SELECT 1 FROM asides WHERE token = ?", process.token):
                    raise Violation(f"{process.token} is delivered while it has a process alive")
                continue
            found = self.disk.rows("SELECT status, start_token FROM jobs WHERE id = ?", process.job_id)
            if not found or found[0][0] not in LIVE or found[0][1] != process.token:
                said = found[0] if found else "gone"
                raise Violation(f"job {process.job_id} is {said} while {process.token} has a process alive")

    def check_end(self, row: Row) -> None:
        """Check that the stored runs of a final standard job are the runs that happened."""
        job_id, status = row["id"], row["status"]
        ran = self.launches.get(job_id, set())
        if status == "cancelled" and ran:
            raise Violation(f"job {job_id} is cancelled, and ran")
        unclear = sum(self._is_unclear(f"{job_id}-{one}-0") for one in range(1, row["launches"] + 1))
        if not len(ran) <= row["starts"] <= len(ran) + unclear:
            raise Violation(f"job {job_id} is stored with {row['starts']} starts, and {len(ran)} were seen")
        if status in ("success", "warning"):
            self._check_success(row)
        self._check_rescues(row)

    def _is_unclear(self, token: str) -> bool:
        """Return whether it is unknown if the run had a process: its keeper died after the claim."""
        if token in self.processes:
            return False
        recorded = self.saved.get(token) or self.disk.outcomes.get(token, {"lost": True})
        return "lost" in recorded and (token in self.disk.were_started or token in self.of_dead_machines)

    def _check_rescues(self, row: Row) -> None:
        """Check that the step for failures ran only after a failure, with which the job ended."""
        job_id, rescue, code = row["id"], steps_of(row["id"]), None
        for launch in range(1, row["launches"] + 1):
            for step in range(rescue):
                process = self.processes.get(f"{job_id}-{launch}-{step}")
                code = code if process is None else process.exit_code
            if f"{job_id}-{launch}-{rescue}" in self.processes and code != RESCUED:
                raise Violation(f"job {job_id} ran the step for failures after exit code {code}")

    def _check_success(self, row: Row) -> None:
        """Check that every step succeeded, and that the stored end is that of the last step."""
        job_id = row["id"]
        last = None
        for step in range(steps_of(job_id)):
            tokens = (f"{job_id}-{launch}-{step}" for launch in range(1, row["launches"] + 1))
            found = [self.processes[token] for token in tokens if token in self.processes]
            last = found[-1] if found else None
            if last is None or last.exit_code not in (0, WARNS):
                raise Violation(
                    f"job {job_id} is {row['status']}, and its step {step} was not seen to end well"
                )
        said = json.loads(row["process"] or "{}")
        if last is None or (said.get("pid"), said.get("exitCode")) != (last.pid, last.exit_code):
            raise Violation(f"job {job_id} is stored as {said}, and {last} was seen")

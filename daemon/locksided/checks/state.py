"""The database, the core against it, the disk below it, and the clock."""

import os
from functools import partial

from lockside.documents.enums import Status
from locksided import clock
from locksided.actors.scheduler import SchedulerActor
from locksided.checks.problem import Problem
from locksided.core.invariants import Invariant, violations
from locksided.core.scheduler import Scheduler
from locksided.paths import StateDir
from locksided.store.catalog.keys import Change
from locksided.store.catalog.states import DeepState, reset_state
from locksided.store.store import Store

FREE_BYTES = 100_000_000
FREE_INODES = 1000
AHEAD_US = 60_000_000
_OF_AN_INDEX = ("missing from index", "wrong # of entries in index", "non-unique entry in index")


async def database(store: Store, state_dir: StateDir) -> list[Problem]:
    """Return what SQLite finds wrong. Indexes can be rebuilt from the rows; rows only from a backup."""
    found = []
    for text in await store.check():
        if any(words in text for words in _OF_AN_INDEX):
            repair = "make the indexes of the database anew (no row is touched)"
            found.append(
                Problem("database", f"The database has a bad index: {text}.", repair, mend=store.reindex)
            )
        else:
            found.append(Problem("database", f"The database is damaged: {text}.", restore_words(state_dir)))
    return found


def restore_words(state_dir: StateDir) -> str:
    """Return what to do about damaged rows: a restore loses later data, so a person must decide."""
    copies = sorted(state_dir.backups.glob("*.db"), key=lambda path: path.stat().st_mtime)
    if not copies:
        return (
            "there is no backup: stop the daemon, copy the database, and try `sqlite3 lockside.db .recover`"
        )
    return (
        f"stop the daemon, move {state_dir.database} and its -wal aside, and copy {copies[-1]} in its place; "
        "what was accepted after that backup is lost"
    )


def room(state_dir: StateDir) -> list[Problem]:
    """Check whether the disk is nearly full."""
    try:
        free = os.statvfs(state_dir.root)
    except OSError as error:
        text = f"The state folder {state_dir.root} cannot be reached: {error.strerror}."
        return [Problem("state", text, "put it back, or let the daemon's user reach it")]
    found = []
    if free.f_bavail * free.f_frsize < FREE_BYTES:
        text = f"Only {free.f_bavail * free.f_frsize // 1_000_000} MB are free for {state_dir.root}."
        found.append(Problem("disk", text, "make room there, or let `jobs.retention_days` be shorter"))
    if free.f_files > 0 and free.f_favail < FREE_INODES:
        text = f"Only {free.f_favail} files can still be made in {state_dir.root}."
        found.append(Problem("disk", text, "remove files there, or let `jobs.retention_days` be shorter"))
    return found


async def clock_set_back(store: Store) -> list[Problem]:
    """Check whether something was written at a later time than now."""
    latest_us = await store.latest_event_us()
    ahead_us = 0 if latest_us is None else latest_us - clock.now_us()
    if ahead_us < AHEAD_US:
        return []
    text = f"Events are {ahead_us // 1_000_000} seconds in the future: the clock was set back."
    repair = (
        "check the clock (`timedatectl`); start times and the order of events by time are wrong until then"
    )
    return [Problem("clock", text, repair)]


async def deep_states(store: Store, scheduler: SchedulerActor) -> list[Problem]:
    """Return states, saved by an earlier release, that cannot be given to any run."""
    return [_deep_state(found, scheduler) for found in await store.deep_states()]


def _deep_state(found: DeepState, scheduler: SchedulerActor) -> Problem:
    config_id, row = found.config_id, found.row
    whose = f"{config_id.component}/{config_id.config}" + ("" if row is None else f", row {row},")
    text = f"The state of {whose} is nested too deep: no run of it can start."
    details = {"project": config_id.project, "branchId": config_id.branch, "row": row}

    async def clear() -> None:
        change = Change(clock.now_us(), {})
        await scheduler.ask(lambda tx: reset_state(tx, config_id, row, change))

    repair = "clear the state: the next run begins without one"
    return Problem("state", text, repair, found.changed_us, clear, details)


REPAIR = "read all live jobs from the database again, as after a failed save"
Standing = dict[int, Status]


def standing(core: Scheduler) -> Standing:
    """Return the core's live jobs and their statuses."""
    return {job.id: job.status for job in core.state.jobs.values()}


async def memory(store: Store, scheduler: SchedulerActor) -> list[Problem]:
    """Check whether the daemon's memory is consistent, and equal to what is stored."""
    problem = partial(Problem, repair=REPAIR, mend=scheduler.read_again)
    found = []
    for kind in Invariant:  # separately: with very many jobs each takes a good part of a second
        broken = await scheduler.look(partial(_violations, kind))
        found += [problem("invariant", text, details={"invariant": kind.value}) for text in broken]
    differing = await _differing(store, scheduler)
    if differing:  # a commit may have come between: only differences found twice are wrong
        again = await _differing(store, scheduler)
        differing = {job_id: text for job_id, text in differing.items() if again.get(job_id) == text}
    return found + [problem("memory", text) for text in differing.values()]


def _violations(kind: Invariant, core: Scheduler) -> list[str]:
    return [f"{one.message[0].upper()}{one.message[1:]}." for one in violations(core.state, (kind,))]


async def _differing(store: Store, scheduler: SchedulerActor) -> dict[int, str]:
    stored = {row.id: row.status async for row in store.live_jobs()}
    known = await scheduler.look(standing)
    return {
        job_id: f"Job {job_id} is {known.get(job_id) or 'not live'} in memory, "
        f"{stored.get(job_id) or 'not live'} on disk."
        for job_id in stored.keys() | known.keys()
        if known.get(job_id) != stored.get(job_id)
    }

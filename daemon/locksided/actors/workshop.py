"""Between store and keeper: has a step's folder made and says how it is started, and what is heard of it.

It starts nothing and decides nothing about the job; folders are made and read in threads.
"""

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from locksided import clock, to_thread
from locksided.actors.conclusions import Conclusions, NothingToRun, share_of
from locksided.actors.flights import Flight
from locksided.actors.keepers import Keepers
from locksided.actors.programs import Programs
from locksided.actors.works import Work, Works
from locksided.core import inputs as i
from locksided.core.actions import StartStep
from locksided.core.errors import NotFound
from locksided.joblog import reader
from locksided.paths import StateDir
from locksided.runner import datafolder
from locksided.runner.logranges import LogRange, log_range
from locksided.runner.plan import Step
from locksided.runner.result import process_of
from locksided.runner.stages import keep_stage, stage_before
from locksided.runner.start import secrets_of, start_message
from locksided.settings import Settings
from locksided.store.reads import Documents
from locksided.store.store import Store

PASSABLE = 0o711
"""The state folder's mode once jobs run as other users: they pass through it and see nothing in it."""


class Workshop:
    """Prepares steps; `works` and `conclusions` are what goes before and after."""

    def __init__(
        self,
        store: Store,
        state_dir: StateDir,
        settings: Settings,
        socket: str,
        keepers: Keepers,
        starter_umask: str,
    ) -> None:
        self._store = store
        self._state_dir = state_dir
        self._settings = settings
        self._umask = settings.jobs.umask or starter_umask
        self._spares = str(state_dir.spares)
        self.works = Works(store, state_dir, socket)
        self.programs = Programs(self.works, keepers)
        self.conclusions = Conclusions(self.works)

    def start_at_once(self, action: StartStep, documents: Documents) -> dict[str, Any] | None:
        """The keeper's start message for a simple command that starts for the first time.

        None for anything else, or when it was not read. Raises Refused when the job can never start.
        """
        work = self.works.begin_read(action.job_id, action.launch, documents)
        if work is None or not work.is_simple or action.launch != 1:
            return None
        (step,) = work.steps
        return {**self._start_message(work, step), **self._lent(work, step), "notedLate": True}

    async def prepare(self, action: StartStep) -> dict[str, Any]:
        """Make the step's folder; answers the keeper's start message.

        Raises Refused when the job can never start, OSError when the folder cannot be made now.
        """
        work = await self.works.begin(action.job_id, action.launch)
        if not work.steps:
            raise NothingToRun
        step = work.steps[action.step]
        if work.context.run_as is not None:
            os.chmod(self._state_dir.root, PASSABLE)
        state = await self.works.state(work, step)
        is_lent = work.is_ours_alone and action.launch == 1
        prepared = partial(self._prepare_folder, work, step, state, with_empty=not is_lent)
        await to_thread.run_for(work.context.account, prepared)
        message = self._start_message(work, step, state, await self._spent_seconds(action))
        lent = self._lent(work, step) if is_lent else {}
        return {**message, **lent, "notedLate": work.is_one_step}

    def _lent(self, work: Work, step: Step) -> dict[str, Any]:
        """Has the keeper make the empty folders of a first start, from those that others left."""
        return {"emptyFolders": datafolder.empty_folders(step, work.context), "spareFolder": self._spares}

    def _start_message(
        self, work: Work, step: Step, state: Mapping[str, Any] | None = None, spent_seconds: float = 0.0
    ) -> dict[str, Any]:
        return start_message(
            step,
            work.spec,
            work.context,
            state=state,
            spent_seconds=spent_seconds,
            max_log_bytes=self._settings.jobs.max_log_bytes,
            grace_seconds=self._settings.jobs.grace_seconds,
            steps=work.steps,
            umask=self._umask,
        )

    def _prepare_folder(
        self, work: Work, step: Step, state: Mapping[str, Any] | None, *, with_empty: bool
    ) -> None:
        given = state if step.takes_state else None
        datafolder.prepare(step, work.context, given, with_empty=with_empty)
        if work.is_debug and step.has_data:
            name = stage_before(work.steps, step)
            keep_stage(name, step.row, work.context, secrets_of(work.steps, work.spec, state))

    async def _spent_seconds(self, action: StartStep) -> float:
        """How long the run lasts already, the time that it was paused left out."""
        if action.step == 0:
            return 0.0
        row = await self._store.job_row(action.job_id)
        assert row is not None, f"job {action.job_id} was started but is not stored"
        now_us = clock.now_us()
        paused_us = row.paused_us
        if row.paused_since_us is not None:
            paused_us += now_us - row.paused_since_us
        return max(now_us - (row.start_us or now_us) - paused_us, 0) / 1e6

    def spawned(self, flight: Flight, message: Mapping[str, Any]) -> i.Spawned:
        """The report of a process that exists."""
        process = process_of(
            {"token": flight.token, "pid": message["pid"], "spawnTime": message["spawnTime"]}
        )
        return i.Spawned(flight.job_id, flight.token, process)

    def progressed(self, flight: Flight, progress: Mapping[str, Any]) -> i.Progressed | None:
        """The report of a job's own words; None when there is nothing in them that is shown."""
        share, message = progress.get("progress"), progress.get("message")
        known_share = share_of(share)
        text = message[:4096] if isinstance(message, str) else None
        if known_share is None and text is None:
            return None
        return i.Progressed(flight.job_id, flight.token, known_share, text)

    def reap(self, flight: Flight) -> dict[str, Any]:
        """The message that has a keeper prove the tree of another, dead keeper's run empty."""
        return {
            "op": "reap",
            "token": flight.token,
            "folder": self.works.control(flight.token),
            "graceSeconds": self._settings.jobs.grace_seconds,
            "stopSignal": 15,
        }

    async def frames_of_row(self, job_id: int, row_id: str) -> LogRange | None:
        """Which frames of the last run's log one row wrote; None when it has not begun. Raises NotFound."""
        work = await self.works.of(job_id, 1)
        steps = [step.index for step in work.steps if step.row == row_id]
        if not steps:
            raise NotFound(f"Job {job_id} runs no row {row_id!r}.", path="$.row")
        return await to_thread.run_sync(log_range, work.context.folder, steps[0], steps[-1])

    async def log_length(self, job_id: int) -> int:
        """How many frames the log of a final job has."""
        return await to_thread.run_sync(reader.length, self.works.folder(job_id).log)

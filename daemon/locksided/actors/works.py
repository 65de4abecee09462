"""The works: of each launch under way the job's row, what its documents mean, its steps and its folder.

Documents are frozen, so what they mean is worked out once for all jobs that share them.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lockside.documents.enums import JobType, Mode
from locksided.actors.accounts import NoAccount, account_of
from locksided.actors.flights import Flight
from locksided.paths import StateDir
from locksided.runner.environment import JobContext, RunAs
from locksided.runner.folder import RunFolder
from locksided.runner.frozen import thaw
from locksided.runner.plan import Step, plan
from locksided.runner.specification import NO_SPECIFICATION, Specification, read_specification
from locksided.store import reads
from locksided.store.catalog.keys import ConfigId
from locksided.store.reads import Documents
from locksided.store.rows import JobRow
from locksided.store.store import Sequel, Store

MEANINGS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Work:
    """One step of a job with all that belongs to it."""

    row: JobRow
    spec: Specification
    steps: tuple[Step, ...]
    context: JobContext

    @property
    def is_debug(self) -> bool:
        """Whether snapshots are all that is kept of it."""
        return self.row.mode == Mode.DEBUG

    @property
    def is_one_step(self) -> bool:
        """Whether one step is all of it; else how a step ended tells where in the log the next one begins."""
        return len(self.steps) == 1 and self.steps[0].row is None

    @property
    def is_ours_alone(self) -> bool:
        """Whether one step of the daemon's own account is all of it."""
        return self.is_one_step and self.context.run_as is None

    @property
    def is_simple(self) -> bool:
        """Whether it is one command of the daemon's own account, without data: nothing is to be prepared."""
        return self.is_ours_alone and not self.steps[0].has_data


@dataclass(frozen=True, slots=True)
class Meaning:
    """What frozen documents come to; the same for every job that shares them."""

    spec: Specification
    environment: Mapping[str, str] | None
    steps: tuple[Step, ...]


class Works:
    """Reads works, and remembers those that are under way."""

    def __init__(self, store: Store, state_dir: StateDir, socket: str) -> None:
        self._store = store
        self._state_dir = state_dir
        self._socket = socket
        self._works: dict[tuple[int, int], Work] = {}
        self._meanings: dict[tuple[str | None, str | None], Meaning] = {}

    def control(self, token: str) -> str:
        """The control folder of a start."""
        job_id, launch, step = token.split("-")
        return self.folder(int(job_id)).control(int(launch), int(step))

    def folder(self, job_id: int) -> RunFolder:
        """A job's folder."""
        return RunFolder(self._state_dir.work(job_id))

    async def folder_and_owner(self, job_id: int) -> tuple[RunFolder, RunAs | None]:
        """A job's folder and the account that owns what is inside; None for our own, or one that is gone."""
        try:
            work = await self.of(job_id, 1)
        except NoAccount:
            return self.folder(job_id), None
        return work.context.folder, work.context.run_as

    async def begin(self, job_id: int, launch: int) -> Work:
        """The work of a launch that begins; it is remembered until it is over."""
        work = self._works[job_id, launch] = await self.of(job_id, launch)
        return work

    def reading(self, ids: Sequence[int]) -> Sequel[Documents]:
        """What is to be read of these jobs on the store's thread; what is understood already is left out."""
        return partial(reads.documents_of, ids=ids, is_known=self._is_understood)

    def _is_understood(self, row: JobRow) -> bool:
        return _documents_of(row) in self._meanings

    def begin_read(self, job_id: int, launch: int, documents: Documents) -> Work | None:
        """As `begin`, from what was read before; None when that is not enough. Raises NoAccount."""
        row = documents.rows.get(job_id)
        if row is None:
            return None
        meaning = self._meanings.get(_documents_of(row))
        if meaning is None:
            if not documents.bodies.keys() >= {one for one in _documents_of(row) if one is not None}:
                return None
            meaning = self._understood(row, documents.bodies)
        work = self._works[job_id, launch] = self._work(row, meaning, launch)
        return work

    def known(self, flight: Flight) -> Work | None:
        """The work of a launch that was begun here and is not over."""
        return self._works.get((flight.job_id, launch_of(flight.token)))

    async def of(self, job_id: int, launch: int) -> Work:
        """A launch with all that belongs to it; one that was prepared here is remembered until it is over."""
        return self._works.get((job_id, launch)) or await self._read_work(job_id, launch)

    def forget(self, flight: Flight) -> None:
        """The launch is over."""
        self._works.pop((flight.job_id, launch_of(flight.token)), None)

    async def read(self, job_id: int) -> tuple[JobRow, Meaning]:
        """A job's row, and what its documents come to."""
        row = await self._store.job_row(job_id)
        assert row is not None, f"job {job_id} was started but is not stored"
        return row, await self._meaning(row)

    async def _meaning(self, row: JobRow) -> Meaning:
        """What the job's documents come to, worked out once for all that share them: they never change."""
        known = self._meanings.get(_documents_of(row))
        if known is not None:
            return known
        hashes = [one for one in _documents_of(row) if one is not None]
        return self._understood(row, await self._store.specs(hashes))

    def _understood(self, row: JobRow, bodies: Mapping[str, bytes]) -> Meaning:
        spec = NO_SPECIFICATION if row.spec_hash is None else read_specification(bodies[row.spec_hash])
        environment = thaw(bodies[row.env_hash]) if row.env_hash is not None else None
        steps = plan(spec, environment) if row.type == JobType.STANDARD else ()
        if len(self._meanings) >= MEANINGS_KEPT:
            self._meanings.clear()
        known = self._meanings[_documents_of(row)] = Meaning(spec, environment, steps)
        return known

    def account(self, row: JobRow, spec: Specification) -> tuple[RunAs | None, str]:
        """Whom a job runs as (None: nobody else), and that account's home. Raises NoAccount."""
        submitter = row.owner_uid if row.owner_uid is not None else os.geteuid()
        return account_of(submitter, row.owner_gid, None if spec.manifest is None else spec.manifest.user)

    async def _read_work(self, job_id: int, launch: int) -> Work:
        return self._work(*await self.read(job_id), launch)

    def _work(self, row: JobRow, meaning: Meaning, launch: int) -> Work:
        spec = meaning.spec
        run_as, home = self.account(row, spec)
        context = JobContext(
            job_id=row.id,
            run_id=row.run_id,
            launch=launch,
            project=row.project,
            folder=self.folder(row.id),
            socket=self._socket,
            home=home,
            run_as=run_as,
        )
        return Work(row, spec, meaning.steps, context)

    async def state(self, work: Work, step: Step) -> Mapping[str, Any] | None:
        """What the last good run left: given to the component's own step, its secrets hidden everywhere."""
        if not step.has_data or work.row.config is None:
            return None
        found = await self._store.state(config_id(work.row), step.row)
        return found.body


def _documents_of(row: JobRow) -> tuple[str | None, str | None]:
    """The hashes of the documents that decide what a job means."""
    return row.spec_hash, row.env_hash


def launch_of(token: str) -> int:
    """The launch that a start token names."""
    return int(token.split("-")[1])


def config_id(row: JobRow) -> ConfigId:
    """The configuration that a job runs."""
    assert row.component is not None
    assert row.config is not None
    return ConfigId(row.component, row.config, row.branch_id or "default", row.project)

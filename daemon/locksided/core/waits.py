"""Circles among the waits that jobs themselves make: a job may not begin a wait that nothing could end.

A wait is refused when, after it, the waiter could only go on after itself: through holders of a lock, those
ahead in a line, dependencies, other waits, the children of a container, or a full pool whose running jobs are
all part of the circle.
"""

from collections import deque
from collections.abc import Collection, Iterator

from lockside.documents.enums import Status
from locksided.core.errors import Conflict
from locksided.core.explain import waiting_containers
from locksided.core.families import Container
from locksided.core.inputs import StopWaiting, Wait
from locksided.core.jobs import Job
from locksided.core.parallelism import ParallelGate
from locksided.core.pools import Pool
from locksided.core.state import State


class Need:
    """Of these live jobs so many must still end before those in `wanted_by` can go on."""

    __slots__ = ("ids", "missing", "wanted_by")

    def __init__(self, ids: Collection[int], missing: int) -> None:
        self.ids = ids
        self.missing = missing
        self.wanted_by: list[int] = []


def begin(state: State, asked: Wait) -> None:
    """Note the wait, or refuse it with the circle that it would close."""
    waiter = state.jobs.get(asked.waiter_id)
    if waiter is None or not waiter.has_started:
        return  # a wait from outside any live job can hold nobody up
    wait = (asked.job_ids, asked.for_all)
    waits = state.waits.setdefault(waiter.id, [])
    waits.append(wait)
    circle = _circle(state, waiter)
    if circle is None:
        return
    end(state, StopWaiting(asked.waiter_id, asked.job_ids, asked.for_all))
    path = " -> ".join(map(str, circle))
    raise Conflict(
        f"Job {waiter.id} would wait for ever: {path}. Wait outside the job, or give the jobs another pool.",
        circle=[str(job_id) for job_id in circle],
    )


def end(state: State, asked: StopWaiting) -> None:
    """Forget the wait."""
    waits = state.waits.get(asked.waiter_id)
    wait = (asked.job_ids, asked.for_all)
    if waits is not None and wait in waits:
        waits.remove(wait)
        if not waits:
            del state.waits[asked.waiter_id]


def _circle(state: State, waiter: Job) -> list[int] | None:
    search = _Search(state)
    search.visit(waiter)
    stuck = search.stuck()
    return _path(search.needs, stuck, waiter.id) if waiter.id in stuck else None


class _Search:
    """What every job needs that the waiter could depend on, directly or through others."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._of_pools: dict[str, Need | None] = {}
        self._of_rows: dict[ParallelGate, Need | None] = {}
        self.needs: dict[int, list[Need]] = {}

    def visit(self, waiter: Job) -> None:
        """Find out about the waiter, and about everybody whom somebody found so far needs."""
        to_visit = [waiter.id]
        while to_visit:
            job_id = to_visit.pop()
            if job_id in self.needs:
                continue
            found = [need for need in self._needs(self._state.jobs[job_id]) if need is not None]
            self.needs[job_id] = found
            for need in found:
                if not need.wanted_by:
                    to_visit.extend(need.ids)
                need.wanted_by.append(job_id)

    def _needs(self, job: Job) -> Iterator[Need | None]:
        if job.status is Status.TERMINATING:
            return  # its stop needs nobody
        if isinstance(job, Container):
            yield self._need(list(job.children), len(job.children))
        if job.has_started:
            for job_ids, for_all in self._state.waits.get(job.id, ()):
                yield self._need(job_ids, len(job_ids) if for_all else 1)
            return
        yield from self._to_start(job)
        for above in waiting_containers(job):
            yield from self._to_start(above)

    def _to_start(self, job: Job) -> Iterator[Need | None]:
        for other_id in job.pending or ():
            yield self._need((other_id,), 1)
        yield self._of_gate(job)
        before = job.line.before(job) if job.line is not None and job.gate is not None else None
        if before is not None:
            yield self._need((before.id,), 1)
        yield self._of_pool(job.pool)

    def _need(self, ids: Collection[int], number: int) -> Need | None:
        """A need of so many of them, when those that are final are not enough."""
        live = [job_id for job_id in ids if job_id in self._state.jobs]
        missing = number - (len(ids) - len(live))
        return Need(live, missing) if missing > 0 and live else None

    def _of_gate(self, job: Job) -> Need | None:
        gate = job.gate
        if gate is None or gate.admits(job):
            return None
        held = [holder.id for holder in gate.holders]
        if isinstance(gate, ParallelGate):
            if gate not in self._of_rows:
                self._of_rows[gate] = self._need(held, len(held) - gate.limit + 1)
            return self._of_rows[gate]
        exclusive = not job.lock_share or not gate.holders[0].lock_share
        return self._need(held, len(held) if exclusive else len(held) - job.lock_share + 1)

    def _of_pool(self, pool: Pool) -> Need | None:
        """One need for all who wait for that pool: enough of its running jobs."""
        if pool.id not in self._of_pools:
            running = tuple(pool.takers)
            too_many = len(running) - max(pool.slots or 0, 1) + 1 if pool.is_full else 0
            self._of_pools[pool.id] = self._need(running, too_many)
        return self._of_pools[pool.id]

    def stuck(self) -> set[int]:
        """Who can never go on: all but those who need nobody, or only such as can go on."""
        unmet = {job_id: len(needs) for job_id, needs in self.needs.items()}
        needed_in: dict[int, list[Need]] = {}
        for need in {need: None for needs in self.needs.values() for need in needs}:
            for job_id in need.ids:
                needed_in.setdefault(job_id, []).append(need)
        going_on = deque(job_id for job_id, number in unmet.items() if not number)
        stuck = set(unmet)
        while going_on:
            job_id = going_on.popleft()
            stuck.discard(job_id)
            for need in needed_in.get(job_id, ()):
                need.missing -= 1
                if need.missing == 0:
                    for other_id in need.wanted_by:
                        unmet[other_id] -= 1
                        if not unmet[other_id]:
                            going_on.append(other_id)
        return stuck


def _path(needs: dict[int, list[Need]], stuck: set[int], start: int) -> list[int]:
    """One way from the waiter through jobs that are stuck, until it comes round."""
    place: dict[int, int] = {}
    path = [start]
    while path[-1] not in place:
        place[path[-1]] = len(path) - 1
        unmet = next(need for need in needs[path[-1]] if need.missing > 0)
        blocking = [job_id for job_id in unmet.ids if job_id in stuck]
        path.append(start if start in blocking else min(blocking))
    return path[place[path[-1]] :]

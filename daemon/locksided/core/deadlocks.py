"""Deadlock detection for the waits that running jobs declare (`job.wait` with `waiterRunId`).

A wait is refused when it would close a cycle in the wait-for graph. Edges are lock holders, jobs ahead in a
line, dependencies, other waits, the children of a container, and a full pool all of whose running jobs are in
the cycle.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator

from lockside.documents.enums import Status
from locksided.core.containers import Container
from locksided.core.demands import Demand
from locksided.core.errors import Conflict
from locksided.core.explanation import waiting_containers
from locksided.core.inputs import StopWaiting, Wait
from locksided.core.jobs import Job
from locksided.core.parallelism import ParallelGate
from locksided.core.pools import Pool
from locksided.core.state import State
from locksided.core.turn import Turn


class Need:
    """Before the jobs in `wanted_by` can proceed, `missing` of the jobs in `ids` must end."""

    __slots__ = ("ids", "missing", "wanted_by")

    def __init__(self, ids: Collection[int], missing: int) -> None:
        self.ids = ids
        self.missing = missing
        self.wanted_by: list[int] = []


def begin_wait(turn: Turn, request: Wait) -> None:
    """Record the wait. Raises Conflict with the cycle that the wait would close."""
    state = turn.state
    waiter = state.jobs.get(request.waiter_id)
    if waiter is None or not waiter.has_started:
        return  # a wait from outside any live job can block nobody
    wait = (request.job_ids, request.for_all)
    waits = state.waits.setdefault(waiter.id, [])
    waits.append(wait)
    cycle = _cycle(state, waiter)
    if cycle is None:
        return
    end_wait(turn, StopWaiting(request.waiter_id, request.job_ids, request.for_all))
    path = " -> ".join(map(str, cycle))
    raise Conflict(
        f"Job {waiter.id} would wait for ever: {path}. Wait outside the job, or give the jobs another pool.",
        circle=[str(job_id) for job_id in cycle],
    )


def end_wait(turn: Turn, request: StopWaiting) -> None:
    """Remove the wait."""
    state = turn.state
    waits = state.waits.get(request.waiter_id)
    wait = (request.job_ids, request.for_all)
    if waits is not None and wait in waits:
        waits.remove(wait)
        if not waits:
            del state.waits[request.waiter_id]


def _cycle(state: State, waiter: Job) -> list[int] | None:
    search = _Search(state)
    search.visit(waiter)
    stuck = search.stuck()
    return _path(search.needs, stuck, waiter.id) if waiter.id in stuck else None


class _Search:
    """The part of the wait-for graph that is reachable from the waiter."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._needs_by_demand: dict[Demand, list[Need | None]] = {}
        self._needs_by_row_gate: dict[ParallelGate, Need | None] = {}
        self.needs: dict[int, list[Need]] = {}

    def visit(self, waiter: Job) -> None:
        """Collect the needs of the waiter and, transitively, of every job that it needs."""
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
            return  # stopping depends on no other job
        if isinstance(job, Container):
            yield self._need(list(job.children), len(job.children))
        if job.has_started:
            for job_ids, for_all in self._state.waits.get(job.id, ()):
                yield self._need(job_ids, len(job_ids) if for_all else 1)
            yield self._table_need(job)
            return
        yield from self._needs_to_start(job)
        for above in waiting_containers(job):
            yield from self._needs_to_start(above)

    def _needs_to_start(self, job: Job) -> Iterator[Need | None]:
        for other_id in job.pending or ():
            yield self._need((other_id,), 1)
        yield self._gate_need(job)
        before = job.line.before(job) if job.line is not None and job.gate is not None else None
        if before is not None:
            yield self._need((before.id,), 1)
        yield from self._demand_needs(job.demand)

    def _need(self, ids: Collection[int], number: int) -> Need | None:
        """Return a need for `number` of these jobs to end; None when enough of them already have."""
        live = [job_id for job_id in ids if job_id in self._state.jobs]
        missing = number - (len(ids) - len(live))
        return Need(live, missing) if missing > 0 and live else None

    def _table_need(self, job: Job) -> Need | None:
        if job.run is None or job.run.claim is None or not job.run.waits_for_tables:
            return None
        before = {
            other.id for table in job.run.claim.tables for other in self._state.tables.before(job, table)
        }
        return self._need(before, len(before))

    def _gate_need(self, job: Job) -> Need | None:
        gate = job.gate
        if gate is None or gate.admits(job):
            return None
        held = [holder.id for holder in gate.holders]
        if isinstance(gate, ParallelGate):
            if gate not in self._needs_by_row_gate:
                self._needs_by_row_gate[gate] = self._need(held, len(held) - gate.limit + 1)
            return self._needs_by_row_gate[gate]
        exclusive = not job.lock_share or not gate.holders[0].lock_share
        return self._need(held, len(held) if exclusive else len(held) - job.lock_share + 1)

    def _demand_needs(self, demand: Demand) -> list[Need | None]:
        """Return the needs that jobs with this demand share: enough holders of what it lacks must end.

        Room in one of several pools is enough.
        """
        if demand not in self._needs_by_demand:
            missing = [_ends_needed(_slot_counts(pool), _lacking(pool, demand)) for pool in demand.pools]
            holders = {job_id for pool in demand.pools for job_id in pool.slot_holders}
            needs = [self._need(holders, min(missing))]
            for resource, amount in demand.resources:
                lacking = 0 if resource.free is None else amount - resource.free
                number = _ends_needed(resource.holders.values(), lacking)
                needs.append(self._need([job.id for job in resource.holders], number))
            self._needs_by_demand[demand] = needs
        return self._needs_by_demand[demand]

    def stuck(self) -> set[int]:
        """Return the jobs that can never proceed: all but those whose needs can be met by jobs that can."""
        unmet = {job_id: len(needs) for job_id, needs in self.needs.items()}
        needed_in: dict[int, list[Need]] = {}
        for need in {need: None for needs in self.needs.values() for need in needs}:
            for job_id in need.ids:
                needed_in.setdefault(job_id, []).append(need)
        runnable = deque(job_id for job_id, number in unmet.items() if not number)
        stuck = set(unmet)
        while runnable:
            job_id = runnable.popleft()
            stuck.discard(job_id)
            for need in needed_in.get(job_id, ()):
                need.missing -= 1
                if need.missing == 0:
                    for other_id in need.wanted_by:
                        unmet[other_id] -= 1
                        if not unmet[other_id]:
                            runnable.append(other_id)
        return stuck


def _slot_counts(pool: Pool) -> list[int]:
    """Return the number of slots that each job in the pool takes."""
    return [job.demand.slots for jobs in (pool.running, pool.checking) for job in jobs.values()]


def _lacking(pool: Pool, demand: Demand) -> int:
    """Return how many slots the demand lacks in the pool."""
    return 0 if pool.slots is None else demand.slots + pool.taken - max(pool.slots, 1)


def _ends_needed(amounts: Iterable[int], lacking: int) -> int:
    """Return the least number of holders of these amounts that must end to free what is lacking."""
    number = 0
    for amount in sorted(amounts, reverse=True):
        if lacking <= 0:
            break
        lacking, number = lacking - amount, number + 1
    return number


def _path(needs: dict[int, list[Need]], stuck: set[int], start: int) -> list[int]:
    """Return a cycle of stuck jobs that is reachable from `start`, through `start` where possible."""
    place: dict[int, int] = {}
    path = [start]
    while path[-1] not in place:
        place[path[-1]] = len(path) - 1
        unmet = next(need for need in needs[path[-1]] if need.missing > 0)
        blocking = [job_id for job_id in unmet.ids if job_id in stuck]
        path.append(start if start in blocking else min(blocking))
    return path[place[path[-1]] :]

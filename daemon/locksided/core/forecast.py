"""What a terminate would lead to, told beforehand. It changes nothing and promises nothing.

It reckons as if everything that is stopped ended at once, and looks one step ahead.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from locksided.core.gates import Gate, room_for
from locksided.core.jobs import Job
from locksided.core.lines import Line
from locksided.core.model import Condition, Status
from locksided.core.pools import Pool
from locksided.core.ranked import rank
from locksided.core.state import State


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a terminate would do: who is stopped, cancelled and started, by id; which keys are freed."""

    stopped: tuple[int, ...]
    cancelled: tuple[int, ...]
    freed: tuple[str, ...]
    started: tuple[int, ...]


def forecast(state: State, job: Job, now_us: int) -> Forecast:
    """What terminating it now would do."""
    gone = _gone(state, job)
    gates = dict.fromkeys(one.gate for one in gone.values() if one.has_started and one.gate is not None)
    return Forecast(
        stopped=tuple(one.id for one in gone.values() if one.status is Status.PROCESSING),
        cancelled=tuple(one.id for one in gone.values() if not one.has_started),
        freed=tuple(gate.key for gate in gates if all(holder.id in gone for holder in gate.holders)),
        started=tuple(one.id for one in _Aftermath(state, gone, now_us).starting()),
    )


def _gone(state: State, job: Job) -> dict[int, Job]:
    """The job, its descendants, and all who need one of them to end well."""
    gone = {job.id: job, **state.descendants.get(job.id, {})}
    to_tell = list(gone)
    while to_tell:
        job_id = to_tell.pop()
        for other in state.dependants.get(job_id, {}).values():
            if other.id not in gone and other.pending and other.pending[job_id] is Condition.SUCCESS:
                gone[other.id] = other
                to_tell.append(other.id)
    return gone


class _Aftermath:
    """The lines as they would be without those who are gone, and who starts in them."""

    def __init__(self, state: State, gone: dict[int, Job], now_us: int) -> None:
        self._state = state
        self._now_us = now_us
        self._gone = gone
        self._room: dict[str, float] = {}
        self._holders: dict[Gate, list[Job]] = {}

    def starting(self) -> Iterator[Job]:
        """Who takes the locks and slots that become free, in the order in which they start."""
        if self._state.draining is not None or self._state.store_trouble is not None:
            return
        lines = [self._left(line.jobs()) for line in self._lines()]
        lines += [iter([job]) for job in self._set_free()]
        waiting = [(rank(job), job.id, job, rest) for rest in lines if (job := next(rest, None)) is not None]
        heapify(waiting)
        while waiting:
            _, _, job, rest = heappop(waiting)
            if self._starts(job):
                yield job
                following = next(rest, None)
                if following is not None:
                    heappush(waiting, (rank(following), following.id, following, rest))

    def _left(self, jobs: Iterable[Job]) -> Iterator[Job]:
        return (job for job in jobs if job.id not in self._gone)

    def _lines(self) -> Iterable[Line]:
        """Those in which somebody could move up: of the keys and of the pools that are freed."""
        lines: dict[Line, None] = {}
        for job in self._gone.values():
            if job.line is not None:
                lines[job.line] = None
            if job.has_started:
                lines |= dict.fromkeys(job.gate.lines if job.gate is not None else ())
                lines |= {head.line: None for head in job.pool.heads if head.line is not None}
        return lines

    def _set_free(self) -> list[Job]:
        """Who only waited for an end, whatever it be, of those who are gone."""
        dependants = {
            other.id: other
            for job_id in self._gone
            for other in self._state.dependants.get(job_id, {}).values()
            if other.id not in self._gone and other.held is None and (other.start_at_us or 0) <= self._now_us
        }
        return [
            other for other in dependants.values() if all(one in self._gone for one in other.pending or ())
        ]

    def _starts(self, job: Job) -> bool:
        """Whether it would start now; if so it takes its lock and its slot."""
        pool, gate = job.pool, job.gate
        if self._room_in(pool) < 1 or pool.is_paused or pool.is_troubled:
            return False
        if gate is not None:
            holders = self._holders.setdefault(gate, list(self._left(gate.holders)))
            if not room_for(job, holders):
                return False
            holders.append(job)
        self._room[pool.id] -= 1
        return True

    def _room_in(self, pool: Pool) -> float:
        if pool.id not in self._room:
            running = sum(1 for _ in self._left(pool.running.values()))
            self._room[pool.id] = float("inf") if pool.slots is None else pool.slots - running
        return self._room[pool.id]

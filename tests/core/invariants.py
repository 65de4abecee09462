"""What is always true of the core between two steps, recomputed from the jobs alone and compared.

The core's own indexes are not used to find the answers: holders, lines and reasons are searched among all.
"""

from lockside.documents.enums import JobType, Status
from locksided.core.explain import explain
from locksided.core.families import Container
from locksided.core.gates import Gate
from locksided.core.jobs import Job
from locksided.core.model import BY_OTHER_JOBS, Program, ReasonKind
from locksided.core.parallelism import ParallelGate
from locksided.core.pools import Pool
from locksided.core.state import State

R = ReasonKind
NOT_STARTED = (Status.CREATED, Status.WAITING)
STARTED = (Status.PROCESSING, Status.TERMINATING)


def check(state: State) -> None:
    """Raise AssertionError, with the job in it, when anything about the state is not as it must be."""
    check_jobs(state)
    check_gates(state)
    check_lines(state)
    check_pools(state)
    check_families(state)
    check_containers(state)
    check_reasons(state)
    assert state.next_deadline_us() == expected_deadline(state), "the next deadline is wrong"


def started(state: State) -> list[Job]:
    return [job for job in state.jobs.values() if job.status in STARTED]


def in_line(state: State) -> list[Job]:
    """Those that wait for nothing of their own, in the order of all lines."""
    standing = [
        job
        for job in state.jobs.values()
        if job.status in NOT_STARTED
        and job.start_at_us is None
        and job.held is None
        and not job.pending
        and job.program is not Program.SOUGHT
        and not unstarted_above(state, job)
    ]
    return sorted(standing, key=lambda job: (-job.priority, job.order))


def unstarted_above(state: State, job: Job) -> list[Job]:
    """The containers above it, the nearest first, that have not started."""
    found = []
    while job.container is not None:
        job = state.jobs[job.container.id]
        if job.status in NOT_STARTED:
            found.append(job)
    return found


def lines(state: State) -> dict[tuple[str | None, str | None, str], list[Job]]:
    """Who stands where: by project and key (None for jobs that nothing keeps apart) and pool."""
    found: dict[tuple[str | None, str | None, str], list[Job]] = {}
    for job in in_line(state):
        found.setdefault(place(job), []).append(job)
    return found


def gates(state: State) -> dict[tuple[str, str], Gate]:
    return {(project, key): gate for project, keys in state.gates.items() for key, gate in keys.items()}


def place(job: Job) -> tuple[str | None, str | None, str]:
    return (*gate_name(job.project, job.gate), job.pool.id)


def gate_name(project: str, gate: Gate | None) -> tuple[str | None, str | None]:
    if isinstance(gate, ParallelGate):
        return "rows", str(gate.container.id)
    return (project, gate.key) if gate is not None else (None, None)


def pools(state: State) -> list[Pool]:
    return [*state.pools.values(), state.no_pool]


def check_jobs(state: State) -> None:
    for job_id, job in state.jobs.items():
        assert job_id == job.id < state.next_id
        assert job.status in NOT_STARTED + STARTED, f"job {job_id} is {job.status} and still live"
        if isinstance(job, Container):
            assert job.pool is state.no_pool
            assert job.pool_id in state.pools, f"container {job_id} names a pool that is gone"
        else:
            assert state.pools.get(job.pool.id) is job.pool, f"job {job_id} is in a pool that is gone"
        assert job.has_started == (job.status in STARTED)
        run = job.run
        if run is not None:
            most = 1 if isinstance(job, Container) else run.launches
            assert most >= run.starts >= 0, f"job {job_id} started more often than it was meant to"
            assert run.lost_count <= state.max_requeues
        if job.status in STARTED:
            assert run is not None
            assert bool(run.token) != isinstance(job, Container), f"job {job_id} runs without a token"
            assert run.stop_asked == (job.status is Status.TERMINATING)
            assert job.held is None
            assert not job.pending
            assert job.start_at_us is None
        elif run is not None:
            assert run.token is None, f"job {job_id} has not started and has a token"
            assert run.paused_since_us is None
    assert not set(state.waits) - {job.id for job in started(state)}, "somebody waits who does not run"


def check_gates(state: State) -> None:
    members: dict[tuple[str, str], int] = {}
    holders: dict[tuple[str, str], set[int]] = {}
    for job in state.jobs.values():
        if job.gate is not None and job.gate.lock_key is not None:
            key = (job.project, job.gate.key)
            assert state.gates[key[0]].get(key[1]) is job.gate, f"job {job.id} has a gate that was forgotten"
            members[key] = members.get(key, 0) + 1
            if job.status in STARTED:
                holders.setdefault(key, set()).add(job.id)
    kept = gates(state)
    assert set(kept) == set(members), "a gate without live jobs is kept, or one with them is not"
    assert all(state.gates.values()), "a project without gates is kept"
    for key, gate in kept.items():
        assert gate.key == key[1]
        assert gate.members == members[key]
        found = [holder.id for holder in gate.holders]
        assert len(found) == len(set(found))
        assert set(found) == holders.get(key, set()), f"the holders of {key} are wrong"
        if any(not holder.lock_share for holder in gate.holders):
            assert len(found) == 1, f"{key} has an exclusive holder beside another: {found}"
        limits = [holder.lock_share for holder in gate.holders if holder.lock_share]
        assert not limits or len(found) <= max(limits), f"{key} has more holders than its limit: {found}"


def check_lines(state: State) -> None:
    rows = {str(job.id): job.rows for job in state.jobs.values() if isinstance(job, Container) and job.rows}
    every = {**gates(state), **{(job_id, ""): gate for job_id, gate in rows.items()}}
    of_gates = [
        (gate_name(project, gate), line) for (project, _), gate in every.items() for line in gate.lines
    ]
    kept = {(*key, line.pool.id): line for key, line in of_gates}
    opened = {(None, None, pool.id): pool.open_line for pool in pools(state)}
    assert len(of_gates) == len(kept), "two lines of one gate and pool"
    expected = lines(state)
    found = {key: line.jobs() for key, line in (kept | opened).items() if line.jobs()}
    assert found == expected, "somebody stands in the wrong line, or in the wrong order"
    assert all(line.jobs() for line in kept.values()), "an empty line is kept"
    for line in (kept | opened).values():
        assert line.head is (line.jobs()[0] if line.jobs() else None)
        assert len(line) == len(line.jobs())
        assert all(job.line is line for job in line.jobs())
    standing = {job.id for line in found.values() for job in line}
    assert all(job.line is None for job in state.jobs.values() if job.id not in standing)


def check_pools(state: State) -> None:
    for pool in pools(state):
        pool_id = pool.id
        assert state.pools.get(pool_id, state.no_pool) is pool
        running = {job.id for job in started(state) if job.pool is pool}
        assert set(pool.running) == running, f"pool {pool_id} does not know who runs in it"


def check_families(state: State) -> None:
    descendants: dict[int, set[int]] = {}
    dependants: dict[int, set[int]] = {}
    for job in state.jobs.values():
        for ancestor_id in job.lineage if job.container is None else ():
            descendants.setdefault(ancestor_id, set()).add(job.id)
        for other_id in job.pending or ():
            assert other_id in state.jobs, f"job {job.id} waits for job {other_id}, which is final"
            dependants.setdefault(other_id, set()).add(job.id)
    assert {key: set(jobs) for key, jobs in state.descendants.items()} == descendants
    assert {key: set(jobs) for key, jobs in state.dependants.items()} == dependants


def check_containers(state: State) -> None:
    children: dict[int, list[int]] = {}
    for job in state.jobs.values():
        if job.container is not None:
            assert state.jobs.get(job.container.id) is job.container, f"job {job.id} outlived its container"
            assert job.lineage == (*job.container.lineage, job.container.id)
            children.setdefault(job.container.id, []).append(job.id)
            check_child(job, job.container)
    for container in state.jobs.values():
        if isinstance(container, Container):
            assert list(container.children) == children.get(container.id, [])
            assert container.children or not container.has_started, f"{container.id} did not end"
            check_rows(container)


def check_child(job: Job, container: Container) -> None:
    if job.has_started:
        assert container.has_started, f"job {job.id} started before its container"
    if container.status is Status.TERMINATING:
        assert job.status is Status.TERMINATING, f"job {job.id} is {job.status} in a container that stops"
    if container.tally.stopped:
        assert job.has_started, f"job {job.id} still waits after a sibling's stop"
    if job.pending and job.type is JobType.PHASE:
        assert set(job.pending) <= set(container.children), f"phase {job.id} waits for no sibling"


def check_rows(container: Container) -> None:
    running = {child.id for child in container.children.values() if child.has_started}
    if container.rows is not None:
        assert {child.id for child in container.rows.holders} == running
        assert len(running) <= container.rows.limit, f"too many rows of {container.id} run"
        assert all(child.gate is container.rows for child in container.children.values())
    if container.has_started:
        assert not container.delays
    assert set(container.delays) <= set(container.children)


def check_reasons(state: State) -> None:
    """The reasons are right, they give the status, and nobody without one has not started."""
    seen = Seen(state)
    for job in state.jobs.values():
        explanation = explain(state, job, count=False)
        kinds = [(reason.kind, reason.via) for reason in explanation.reasons]
        assert explanation.status is job.status
        assert len(kinds) == len(set(kinds)), f"job {job.id} gives a reason twice: {kinds}"
        if job.status in STARTED:
            assert not kinds, f"job {job.id} has started and says it waits: {kinds}"
            continue
        above = unstarted_above(state, job)
        expected = {(kind, None) for kind in expected_reasons(state, job, seen)}
        expected |= {(kind, one.id) for one in above for kind in expected_reasons(state, one, seen)}
        assert set(kinds) == expected, f"job {job.id} gives wrong reasons: {kinds}, not {expected}"
        assert kinds, f"job {job.id} could start and did not"
        by_others = bool(above) or any(kind in BY_OTHER_JOBS for kind, _ in kinds)
        assert (job.status is Status.WAITING) == by_others, f"job {job.id} is {job.status} with {kinds}"
        for reason in explanation.reasons:
            assert reason.message
            assert reason.unblock
            assert reason.since_us >= job.created_us, f"job {job.id} waits since before it was made: {reason}"


class Seen:
    """Who stands before whom, who runs where and under which key."""

    def __init__(self, state: State) -> None:
        self.ahead = {job.id: number for line in lines(state).values() for number, job in enumerate(line)}
        self.running: dict[str, int] = {}
        self.shares: dict[tuple[str | None, str | None], list[int]] = {}
        for job in started(state):
            self.running[job.pool.id] = self.running.get(job.pool.id, 0) + 1
            if job.gate is not None:
                self.shares.setdefault(gate_name(job.project, job.gate), []).append(job.lock_share)

    def admits(self, job: Job) -> bool:
        assert job.gate is not None
        shares = self.shares.get(gate_name(job.project, job.gate))
        if not shares:
            return True
        return job.lock_share > 0 and all(share > 0 for share in shares) and len(shares) < job.lock_share


def expected_reasons(state: State, job: Job, seen: Seen) -> set[ReasonKind]:
    pool = job.pool
    running = seen.running.get(pool.id, 0)
    waits_for = R.PHASE if job.type is JobType.PHASE else R.DEPENDENCY
    own = {waits_for: job.pending, R.START_TIME: job.start_at_us is not None, R.HELD: job.held is not None}
    kinds = {kind for kind, holds in own.items() if holds}
    is_sought = job.program is Program.SOUGHT
    if not kinds and not is_sought and not unstarted_above(state, job):
        if isinstance(job.gate, ParallelGate):
            running_rows = len(seen.shares.get(gate_name(job.project, job.gate), []))
            if running_rows + seen.ahead[job.id] >= job.gate.limit:
                kinds.add(R.PARALLELISM)
        elif job.gate is not None and (seen.ahead[job.id] or not seen.admits(job)):
            kinds.add(R.CONFIG_LOCK)
        sought = sum(one.program is Program.SOUGHT for one in state.jobs.values() if one.pool is pool)
        if pool.slots is not None and running + sought >= max(pool.slots, 1):
            kinds.add(R.POOL_FULL)
    if pool.paused_by is not None or pool.slots == 0:
        kinds.add(R.POOL_PAUSED)
    if pool.is_troubled or is_sought:
        kinds.add(R.NO_EXECUTOR)
    if state.draining is not None:
        kinds.add(R.DRAINING)
    if state.store_trouble is not None:
        kinds.add(R.STORE_UNAVAILABLE)
    return kinds


def expected_deadline(state: State) -> int | None:
    moments = [job.start_at_us for job in state.jobs.values() if job.start_at_us is not None]
    troubles = [pool.trouble for pool in state.pools.values() if pool.trouble is not None]
    moments += [trouble.retry_at_us for trouble in troubles if trouble.retry_at_us is not None]
    return min(moments, default=None)

"""From a resolved request to the drafts that the core accepts: one job, or a tree of jobs. Pure.

A configuration with parallel rows becomes a container with a child per row; a job with retries becomes a
retry container around its attempts; an orchestration has phases, which have their tasks' trees. The caller
adds what belongs to the outermost job alone (hold, start time, dependencies, labels …).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lockside.documents.enums import JobType
from lockside.documents.runtime import Retry
from locksided.core import model
from locksided.core.errors import Limit
from locksided.core.model import Draft, Needs
from locksided.runs.canonical import freeze
from locksided.runs.orchestration import RunPhase
from locksided.runs.plan import configurations
from locksided.runs.resolved import Resolved
from locksided.runs.specification import Specification, of_container, of_phase, row_by_row
from locksided.runs.task_selection import Decision
from locksided.tables.mapping import output_of, read_entries, read_paths, unchanged_tables
from locksided.tables.names import TableId


class Owner(NamedTuple):
    """The owner of the jobs; children have the owner of the root."""

    project: str
    uid: int
    gid: int
    user: str
    via: str | None = None


class Maker(NamedTuple):
    """What made a job: the wire's `creator`. In a child, `id` is the row, task or phase it represents."""

    type: str
    id: str | None


class TreePosition(NamedTuple):
    """What a job gets from its position: its owner, what made it, and its priority.

    `is_child` says that a container waits for it. No job has more than `max_children` children.
    """

    owner: Owner
    maker: Maker
    priority: int
    is_child: bool
    max_children: int


def work_tree(resolved: Resolved, place: TreePosition) -> Draft:
    """Return the drafts of one job: a single one, parallel rows, or attempts. Raises `Limit`."""
    if resolved.type is JobType.CONTAINER:
        return _container(resolved, place)
    job = job_draft(resolved, place, resolved.spec)
    if resolved.spec.behavior.on_error is not None:
        job = replace(job, on_error=resolved.spec.behavior.on_error)
    return tried_again(job, resolved.spec.retry)


def relocked(tree: Draft, lock_key: str) -> Draft:
    """Return the same tree with another lock key wherever it has one; not for orchestrations."""
    children = tuple(relocked(child, lock_key) for child in tree.children)
    return replace(tree, lock_key=tree.lock_key and lock_key, children=children)


def _container(resolved: Resolved, place: TreePosition) -> Draft:
    """Return a container with its rows as children, which run under its lock. Its `on_error` is its own."""
    _check_number(len(resolved.rows or ()), place.max_children, "$.config")
    parallelism = resolved.spec.parallelism
    return replace(
        job_draft(resolved, place, of_container(resolved.spec)),
        type=JobType.CONTAINER,
        on_error=resolved.spec.behavior.on_error,
        parallelism=None if parallelism == "infinity" else parallelism,
        children=tuple(_rows(resolved, place)),
    )


def _rows(resolved: Resolved, place: TreePosition) -> Sequence[Draft]:
    """Return a draft per row. In an outermost container `behavior` applies to its rows."""
    on_error = None if place.is_child else resolved.spec.behavior.on_error
    rows = []
    for row_id, spec in row_by_row(resolved.spec, on_error):
        at = place._replace(maker=Maker("container", row_id))
        job = replace(job_draft(resolved, at, spec), lock_key=None, lock_share=0, on_error=on_error)
        named = {**job.values, "name": f"{resolved.spec.component}/{resolved.spec.config}#{row_id}"}
        rows.append(tried_again(replace(job, values=named), resolved.spec.retry))
    return rows


def tried_again(job: Draft, policy: Retry | None) -> Draft:
    """Return the job in a retry container, if more than one attempt is allowed.

    The container has the lock, unless it is to be free between attempts: then each attempt takes it.
    """
    if policy is None or policy.max_attempts < 2:
        return job
    lock_key, lock_share = job.lock_key, job.lock_share
    inside, outside = ((lock_key, lock_share), (None, 0))
    if not policy.release_lock:
        inside, outside = outside, inside
    attempt = replace(
        job,
        lock_key=inside[0],
        lock_share=inside[1],
        on_error=None,
        values={**job.values, "creator_type": "retry", "creator_id": None},
    )
    return replace(
        job,
        type=JobType.RETRY,
        lock_key=outside[0],
        lock_share=outside[1],
        children=(attempt,),
        retry=_core_policy(policy),
    )


def doubted(tree: Draft) -> Draft:
    """Return the same tree, marked as lacking a program that its jobs need."""
    return replace(tree, is_program_missing=True, children=tuple(doubted(child) for child in tree.children))


@dataclass(frozen=True, slots=True)
class Inside:
    """The content of one phase: the trees of the tasks that run, and decisions for those that do not."""

    phase: RunPhase
    jobs: tuple[Draft, ...] = ()
    jobless: tuple[Decision, ...] = ()


def orchestration_tree(resolved: Resolved, place: TreePosition, phases: Sequence[Inside]) -> Draft:
    """Return an orchestration with its phases, each after those it depends on."""
    return replace(
        job_draft(resolved, place, of_container(resolved.spec)),
        type=JobType.ORCHESTRATION,
        on_error=resolved.spec.behavior.on_error,
        children=tuple(_phase(resolved, place, inside) for inside in phases),
    )


def _phase(resolved: Resolved, place: TreePosition, inside: Inside) -> Draft:
    phase = inside.phase
    at = place._replace(maker=Maker("orchestration", phase.id))
    spec = of_phase(resolved.spec, phase.on_error, [one.as_result() for one in inside.jobless])
    job = job_draft(resolved, at, spec)
    return replace(
        job,
        type=JobType.PHASE,
        lock_key=None,
        lock_share=0,
        on_error=phase.on_error,
        after=phase.after,
        children=inside.jobs,
        values={**job.values, "name": phase.name or phase.id},
    )


def check_phases(phases: Sequence[RunPhase], max_children: int, path: str) -> None:
    """Raise `Limit` for more phases, or more tasks in one, than a container may have children."""
    _check_number(len(phases), max_children, path)
    for phase in phases:
        _check_number(len(phase.tasks), max_children, path)


def _check_number(number: int, max_children: int, path: str) -> None:
    if number > max_children:
        raise Limit(
            f"It would have {number} children; at most {max_children} are allowed "
            "(setting jobs.max_children).",
            path=path,
        )


def tree_size(tree: Draft) -> int:
    """Return how many jobs a tree creates when it is accepted."""
    return 1 + sum(tree_size(child) for child in tree.children)


def job_draft(resolved: Resolved, place: TreePosition, document: Specification) -> Draft:
    """Return one job, with the lock of its configuration."""
    spec = freeze(document)
    blobs = [(spec.hash, spec.body)]
    environment = None
    if resolved.environment is not None:
        environment = freeze(resolved.environment)
        blobs.append((environment.hash, environment.body))
    owner, pools = place.owner, tuple(document.pools or ("",))
    return Draft(
        project=owner.project,
        owner_uid=owner.uid,
        pool=document.pool or pools[0],
        pools=() if document.pool is not None else pools,
        needs=Needs.from_data(document.needs),
        priority=place.priority,
        lock_key=resolved.lock_key,
        lock_share=resolved.lock_share,
        on_lost=resolved.on_lost,
        values={
            "component": document.component,
            "config": document.config,
            "branch_id": document.branch_id,
            "mode": document.mode.value,
            "name": resolved.name,
            "owner_gid": owner.gid,
            "owner_name": owner.user,
            "owner_via": owner.via,
            "creator_type": place.maker.type,
            "creator_id": place.maker.id,
            "spec_hash": spec.hash,
            "env_hash": environment.hash if environment is not None else None,
        },
        blobs=tuple(blobs),
        reads=_tables_read(document, owner.project),
        warnings=resolved.warnings,
    )


def _tables_read(spec: Specification, project: str) -> tuple[str, ...]:
    """Return the keys of the tables that a run reads, or that must not change while it runs."""
    if not any("storage" in body for body in (spec.root, *(row.configuration for row in spec.rows or ()))):
        return ()
    keys = [
        table.key
        for _, configuration in configurations(spec)
        for entry in read_entries(configuration)
        for table in read_paths(entry, project, spec.branch_id)
    ]
    keys += [
        TableId(project, spec.branch_id, table).key
        for _, configuration in configurations(spec)
        for table in unchanged_tables(output_of(configuration))
    ]
    return tuple(dict.fromkeys(keys))


def _core_policy(policy: Retry) -> model.RetryPolicy:
    most = policy.max_delay_seconds
    return model.RetryPolicy(
        max_attempts=policy.max_attempts,
        delay_us=int(policy.delay_seconds * 1_000_000),
        backoff=policy.backoff,
        max_delay_us=None if most is None else int(most * 1_000_000),
        jitter=policy.jitter,
        on=frozenset(policy.on),
        release_lock=policy.release_lock,
    )

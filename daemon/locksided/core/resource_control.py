"""Resources are created, changed and deleted as their documents are, which are the store's."""

from locksided.core.errors import Conflict
from locksided.core.resources import Resource, ResourceChanged, ResourceKey, ResourceTerms
from locksided.core.state import State
from locksided.core.turn import Turn


def resource_changed(turn: Turn, report: ResourceChanged) -> None:
    """Keep to the newest document. One that live jobs need although it was deleted has a capacity of 0."""
    state, key = turn.state, (report.project, report.resource_id)
    if report.terms is not None:
        keep_to(state, report.terms)
    elif key in state.resources:
        if needed_by(state, key):
            state.resources[key].keep_to(ResourceTerms(*key, 0))
        else:
            del state.resources[key]


def keep_to(state: State, terms: ResourceTerms) -> None:
    """Make the resource what its document says."""
    state.resources.setdefault(terms.key, Resource(*terms.key)).keep_to(terms)


def needed_by(state: State, key: ResourceKey) -> list[int]:
    """The live jobs that need it."""
    return [job.id for job in state.jobs.values() if any(one == key for one, _ in job.demand.key.resources)]


def refuse_deletion(state: State, key: ResourceKey) -> None:
    """Raise Conflict when live jobs need it."""
    jobs = [str(job_id) for job_id in needed_by(state, key)]
    if jobs:
        raise Conflict(
            f"Jobs that have not ended need the resource '{key[1]}': {', '.join(jobs[:5])}"
            f"{' …' * (len(jobs) > 5)}. Let them end or terminate them first.",
            path="$.id",
            jobs=jobs[:20],
        )

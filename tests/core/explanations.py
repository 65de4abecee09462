"""Checks that the reasons a job reports agree with the decision about it."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from locksided.core.admission import blockers
from locksided.core.explanation import explain, waiting_containers
from locksided.core.jobs import Job
from locksided.core.model import ReasonKind
from locksided.core.reasons import Reason
from locksided.core.state import State


def details(reason: Reason) -> dict[str, Any]:
    """Return the fields of a reason except `since_us` and `via`."""
    return {
        one.name: getattr(reason, one.name) for one in fields(reason) if one.name not in ("since_us", "via")
    }


def all_reasons(state: State) -> Iterator[tuple[Job, tuple[Reason, ...]]]:
    """Yield every job that has not started, with its reasons."""
    for job in state.jobs.values():
        if not job.has_started:
            yield job, explain(state, job).reasons


def check_explanations(state: State) -> None:
    """Raise AssertionError with the job's id if its explanation differs from the reasons that block it."""
    for job in state.jobs.values():
        explanation = explain(state, job, count=False)
        found = list(dict.fromkeys((reason.kind, reason.via) for reason in explanation.reasons))
        waits = job.run is not None and job.run.waits_for_tables
        expected = [(ReasonKind.TABLE_LOCK, None)] if waits else []
        if not job.has_started:
            expected = [(kind, None) for kind in blockers(state, job)]
            expected += [(kind, one.id) for one in waiting_containers(job) for kind in blockers(state, one)]
        assert found == expected, f"job {job.id} explains itself by {found}, not by {expected}"
        assert explanation.status is job.status
        for reason in explanation.reasons:
            assert reason.since_us >= job.created_us, f"job {job.id} waits since before it was made: {reason}"

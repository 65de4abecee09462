"""Which step of a run follows one that is over. Pure.

After a step that failed all others are left out but those that are meant for it: they run once a component
has run, and not when the run was terminated or lost.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lockside.documents.enums import FailureKind
from locksided.runs.plan import Step
from locksided.runs.result import RunResult
from locksided.runs.specification import Specification, StepKind
from locksided.runs.verdict import Verdict


class NextStep(NamedTuple):
    """A step by its index, and the tables that it writes, by their paths."""

    step: int
    tables: Sequence[str] = ()


def next_step(
    steps: Sequence[Step], ended: Step, spec: Specification, project: str, results: Sequence[RunResult]
) -> NextStep | None:
    """What follows after a step; None when the run is over. `results` are those of all steps that ran."""
    failed = [one for one in results if not one.success]
    if failed and not (_has_component(results) and all(map(_may_go_on, failed))):
        return None
    for step in steps[ended.index + 1 :]:
        if step.is_after_failure is bool(failed):
            claims = None if step.operation is None else step.operation.claims
            tables = () if claims is None else claims(spec, project, [one.result for one in results])
            if tables is not None:
                return NextStep(step.index, tables)
    return None


def _has_component(results: Sequence[RunResult]) -> bool:
    """Whether a component, or a command, was started."""
    told = (step for one in results for step in one.result.get("steps", ()))
    return any(step["kind"] in (StepKind.COMPONENT.value, StepKind.COMMAND.value) for step in told)


def _may_go_on(failed: RunResult) -> bool:
    is_lost = failed.failure is not None and failed.failure.kind is FailureKind.LOST
    return failed.verdict is Verdict.ERROR and not is_lost

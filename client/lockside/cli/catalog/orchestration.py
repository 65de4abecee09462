"""`orchestration plan`: what an orchestration would run, carry over and skip, before it does."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session

_COLOURS = {"run": "green", "carry": "blue", "skip": "dim"}


def plan(session: Session, parsed: Parsed) -> int:
    """Print the plan phase by phase."""
    previous = parsed.text("previous")
    found = session.call(
        "orchestration.plan",
        config=parsed.required("orchestration").removeprefix("lockside.orchestrator/"),
        branchId=parsed.text("branch"),
        onlyOrchestrationTaskIds=parsed.many("task") or None,
        previousJobId=None if previous is None else session.job_id(previous),
    )
    if session.out.is_given(found):
        return exits.DONE
    rows = [
        [phase["id"], task["id"], (task["action"], _COLOURS.get(task["action"], "")), task["reason"]]
        for phase in found["phases"]
        for task in phase["tasks"]
    ]
    session.out.table(("PHASE", "TASK", "ACTION", ""), rows)
    return exits.DONE

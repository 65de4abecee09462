"""Descriptions of one step: its name in messages, and its entry in the result of the run. Pure."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from locksided.clock import to_text
from locksided.keeper import outcome as endings
from locksided.keeper.messages import Exit, Outcome
from locksided.runs.plan import Step
from locksided.runs.specification import StepKind


def label(step: Step, side: int | None = None, said: str = "") -> str:
    """Return the name of a step at the beginning of messages; empty for the only step of a run.

    `side` is the number of a pipeline's side, `said` the message, which may already name an operation.
    """
    parts = [f"row {step.row}"] if step.is_of_many_rows else []
    if step.total > max(step.rows, 1) and not step.is_after_failure:
        parts.append(f"step {step.index + 1} of {step.total}")
    if step.total > max(step.rows, 1) or step.is_after_failure:
        parts += [] if said.startswith(f"{_title(step)}: ") else [_title(step)]
    if side is not None:
        stages = step.execution.stages
        parts.append(f"side {side} of {len(stages)}, {os.path.basename(stages[side - 1][0])}")
    return ", ".join(parts)


def _title(step: Step) -> str:
    return step.operation.title if step.operation is not None else f"{step.kind.value} {step.component}"


def side_of(step: Step, outcome: Outcome) -> int | None:
    """Return the number of the pipeline's side whose exit is decisive; None for a single process."""
    if len(step.execution.stages) < 2 or len(outcome.exits) != len(step.execution.stages):
        return None
    return outcome.exits.index(endings.effective(list(outcome.exits))) + 1


def log_mark(step: Step) -> dict[str, Any]:
    """Return the mark in the log where one of several steps begins."""
    return {"step": step.index + 1, "total": step.total, **_identity(step)}


def _identity(step: Step) -> dict[str, Any]:
    return {
        "row": step.row,
        "kind": step.kind.value,
        "component": step.component,
        "operation": None if step.operation is None else step.operation.name,
    }


def entry(step: Step, outcome: Outcome, status: str) -> dict[str, Any]:
    """Return the step's entry in `result.steps`."""
    return {
        "step": step.index + 1,
        **_identity(step),
        "tag": None if step.kind is StepKind.OPERATION else step.execution.tag,
        "status": status,
        "exitCode": outcome.exit_code,
        "exitCodes": exit_codes(outcome.exits),
        "signal": outcome.signal,
        "startTime": to_text(outcome.spawn_time),
        "endTime": to_text(outcome.exit_time),
        "usage": usage_of(outcome),
    }


def exit_codes(exits: Sequence[Exit]) -> list[int | None]:
    """Return the exit code of every side of a pipeline; for one ended by a signal its negative number."""
    return [one.exit_code if one.signal is None else -one.signal for one in exits]


def usage_of(outcome: Outcome) -> dict[str, Any]:
    """Return the resources used by the processes of a step."""
    return {
        "userSeconds": outcome.user_seconds,
        "systemSeconds": outcome.system_seconds,
        "maxRssBytes": outcome.max_rss_bytes,
        "source": outcome.usage_source,
    }


def summed(usages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the resources used by several steps: sums of times, and the largest peak."""
    sources = {usage.get("source") for usage in usages if usage.get("source")}
    return {
        "userSeconds": _sum(usage.get("userSeconds") for usage in usages),
        "systemSeconds": _sum(usage.get("systemSeconds") for usage in usages),
        "maxRssBytes": max((usage.get("maxRssBytes") or 0 for usage in usages), default=0),
        "usageSource": "processes" if "processes" in sources else next(iter(sources), None),
    }


def _sum(values: Any) -> float:
    return float(round(sum(value or 0.0 for value in values), 6))

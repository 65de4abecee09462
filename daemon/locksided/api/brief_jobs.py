"""A few plain members of jobs, for those who look at thousands: of few columns, and without documents."""

from collections.abc import Callable, Collection, Mapping
from operator import attrgetter
from typing import Any, Final

from lockside.documents.base import camel
from locksided import clock
from locksided.api.job_views import duration_seconds
from locksided.core.transitions import FINAL
from locksided.store.rows import BriefRow, owner_data

Getter = Callable[[BriefRow], Any]

_PLAIN: Final = ("run_id", "type", "component", "config", "branch_id", "mode", "status", "desired_status")
_TIMES: Final = ("created", "start", "end", "updated")
_MEMBERS: Final[Mapping[str, Getter]] = {
    **{camel(name): attrgetter(name) for name in _PLAIN},
    "id": lambda row: str(row.id),
    "parentRunId": lambda row: row.run_id.rpartition(".")[0] or None,
    "labels": lambda row: row.labels or {},
    "principal": owner_data,
    "isFinished": lambda row: row.status in FINAL,
}


def _time(name: str) -> Getter:
    column = attrgetter(f"{name}_us")
    return lambda row: clock.to_text(column(row))


def _members(project_name: str, now_us: int) -> dict[str, Getter]:
    return {
        **_MEMBERS,
        **{f"{name}Time": _time(name) for name in _TIMES},
        "project": lambda row: {"id": row.project, "name": project_name},
        "durationSeconds": lambda row: duration_seconds(row, now_us),
    }


BRIEF: Final = frozenset(_members("", 0))
"""The members that are shown so."""


def is_brief(fields: Collection[str] | None) -> bool:
    """Whether nothing else is wanted of jobs."""
    return fields is not None and BRIEF.issuperset(fields)


def brief_view(
    fields: Collection[str], project_name: str, now_us: int
) -> Callable[[BriefRow], dict[str, Any]]:
    """What shows these members of a job, and the id, as `JobViews` does."""
    known = _members(project_name, now_us)
    chosen = [(name, known[name]) for name in dict.fromkeys(("id", *fields))]
    return lambda row: {name: member(row) for name, member in chosen}

"""What a schedule tells its job of the moment: a member of the job, its environment, its variables. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from locksided.core.model import Draft

_ENVIRONMENT = {
    "LOCKSIDE_SCHEDULE_ID": "id",
    "LOCKSIDE_SCHEDULED_TIME": "moment",
    "LOCKSIDE_WINDOW_START": "windowStart",
    "LOCKSIDE_WINDOW_END": "windowEnd",
    "LOCKSIDE_LAST_SUCCESS_TIME": "lastSuccessTime",
}
_VARIABLES = {
    "scheduleId": "id",
    "scheduledTime": "moment",
    "scheduledDate": "date",
    "windowStart": "windowStart",
    "windowEnd": "windowEnd",
    "lastSuccessTime": "lastSuccessTime",
}


def environment_of_moment(schedule: Mapping[str, Any] | None) -> dict[str, str]:
    """The variables of a job's environment; what is not known is empty."""
    return {} if schedule is None else {name: schedule[key] or "" for name, key in _ENVIRONMENT.items()}


def variables_of(schedule: Mapping[str, Any] | None) -> dict[str, str]:
    """The values of the variables that a configuration may use; what is not known is empty."""
    return {} if schedule is None else {name: schedule.get(key) or "" for name, key in _VARIABLES.items()}


def told(tree: Draft, schedule: Mapping[str, Any] | None) -> Draft:
    """The same jobs, which all know of the moment."""
    if schedule is None:
        return tree
    children = tuple(told(child, schedule) for child in tree.children)
    return replace(tree, values={**tree.values, "schedule": schedule}, children=children)


def shown(schedule: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The member `schedule` of a job."""
    return None if schedule is None else {name: schedule[name] for name in schedule if name != "date"}

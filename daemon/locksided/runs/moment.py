"""What a schedule tells its job of the moment: a member of the job, its environment, its variables. Pure."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from locksided.core.model import Draft

MOST_BYTES = 32_768
"""Of what a program finds of its causes."""

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


def told(tree: Draft, **about: Mapping[str, Any] | None) -> Draft:
    """The same jobs, which all know of the moment, or of the causes."""
    known = {name: value for name, value in about.items() if value is not None}
    if not known:
        return tree
    children = tuple(told(child, **known) for child in tree.children)
    return replace(tree, values={**tree.values, **known}, children=children)


def environment_of_causes(trigger: Mapping[str, Any] | None) -> dict[str, str]:
    """The variable that has the causes of a job, as JSON; `more` are those that it has no room for."""
    if trigger is None:
        return {}
    kept = list(trigger["causes"])
    while len(text := _text_of(trigger, kept)) > MOST_BYTES and kept:
        del kept[len(kept) // 2 :]
    return {"LOCKSIDE_TRIGGER": text}


def _text_of(trigger: Mapping[str, Any], kept: list[Any]) -> str:
    told = {**trigger, "causes": kept, "more": len(trigger["causes"]) - len(kept)}
    return json.dumps(told, ensure_ascii=True)


def moment_view(schedule: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The member `schedule` of a job."""
    return None if schedule is None else {name: schedule[name] for name in schedule if name != "date"}

"""What a job learns of its schedule's moment: a member of the job, its environment, its variables. Pure."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from locksided.core.model import Draft

MOST_BYTES = 32_768
"""The limit of the causes in a job's environment."""

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
    """Return the variables of a job's environment; unknown values are empty."""
    return {} if schedule is None else {name: schedule[key] or "" for name, key in _ENVIRONMENT.items()}


def variables_of(schedule: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the values of variables for a configuration; unknown values are empty."""
    return {} if schedule is None else {name: schedule.get(key) or "" for name, key in _VARIABLES.items()}


def with_origin(tree: Draft, **about: Mapping[str, Any] | None) -> Draft:
    """Return the same jobs with the moment, or the causes, in all of them."""
    known = {name: value for name, value in about.items() if value is not None}
    if not known:
        return tree
    children = tuple(with_origin(child, **known) for child in tree.children)
    return replace(tree, values={**tree.values, **known}, children=children)


def environment_of_causes(trigger: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the variable with the causes of a job, as JSON; `more` counts those that did not fit."""
    if trigger is None:
        return {}
    kept = list(trigger["causes"])
    while len(text := _text_of(trigger, kept)) > MOST_BYTES and kept:
        del kept[len(kept) // 2 :]
    return {"LOCKSIDE_TRIGGER": text}


def _text_of(trigger: Mapping[str, Any], kept: list[Any]) -> str:
    shortened = {**trigger, "causes": kept, "more": len(trigger["causes"]) - len(kept)}
    return json.dumps(shortened, ensure_ascii=True)


def moment_view(schedule: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the member `schedule` of a job."""
    return None if schedule is None else {name: schedule[name] for name in schedule if name != "date"}

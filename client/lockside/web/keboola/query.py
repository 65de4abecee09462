"""The query of a job search: filters of clients, each as a condition on a wire job.

A filter may be single, repeated, `x[]`, `x[0]` or `filters[x]`. Unknown ones are ignored, as by Keboola.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lockside.web.keboola.job import run_id, token_view
from lockside.web.keboola.problems import bad
from lockside.web.keboola.times import moment
from lockside.web.keboola.words import Components, branch_in

Json = dict[str, Any]
Job = Mapping[str, Any]

MOST_LIMIT: Final = 1000
MOST_OFFSET: Final = 10_000
MOST_SECONDS: Final = 1e9
_ID: Final = re.compile(r"[0-9]{1,18}")
_PART: Final = re.compile(r"^(?:filters\[(\w+)\]|(\w+))(?:\[(\w*)\])?$")
_SAME: Final = {"component": "componentId", "config": "configId", "configRowId": "configRowIds"}
_TIMES: Final = ("createdTime", "startTime", "endTime", "updatedTime")
_VALUES: Final[Mapping[str, Callable[[Job], Iterable[str]]]] = {
    "id": lambda job: [job["id"]],
    "runId": lambda job: [run_id(job, job.get("labels") or {})],
    "parentRunId": lambda job: [run_id(job, job.get("labels") or {}).rpartition(".")[0]],
    "branchId": lambda job: [job.get("branchId") or "default"],
    "tokenId": lambda job: [token_view(job, job.get("labels") or {})["id"]],
    "tokenDescription": lambda job: [token_view(job, job.get("labels") or {})["description"]],
    "componentId": lambda job: [job["component"]],
    "configId": lambda job: [job.get("config") or ""],
    "configRowIds": lambda job: job.get("configRowIds") or [],
    "mode": lambda job: [job["mode"]],
    "status": lambda job: [job["status"]],
    "desiredStatus": lambda job: [job["desiredStatus"]],
    "tag": lambda job: [job.get("tag") or ""],
    "type": lambda job: [job["type"]],
    "variableValuesId": lambda job: [job.get("variableValuesId") or ""],
    "projectId": lambda job: [job["project"]["id"]],
}
"""The values of a job for each filter; one of the requested values must be among them."""


def _listed(read: Callable[[Job], Iterable[str]]) -> Callable[[Job], Any]:
    return lambda job: list(read(job))


def _time_of(name: str) -> Callable[[Job], Any]:
    return lambda job: job.get(name) or ""


SORTED: Final[Mapping[str, Callable[[Job], Any]]] = {
    **{name: _listed(read) for name, read in _VALUES.items()},
    "id": lambda job: int(job["id"]),
    "projectName": lambda job: job["project"]["name"],
    "durationSeconds": lambda job: job.get("durationSeconds") or 0,
    "result": lambda job: job["status"],
    **{name: _time_of(name) for name in _TIMES},
}
"""The sort keys of jobs; jobs without a value come last in both directions."""
_READ: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("runId", "parentRunId"), ("runId", "labels")),
    **dict.fromkeys(("tokenId", "tokenDescription"), ("principal", "labels")),
    **dict.fromkeys(("projectId", "projectName"), ("project",)),
    "componentId": ("component",),
    "configId": ("config",),
    "result": ("status",),
}
"""The fields of a job used by filters, orders and groups, if not the field with their name."""
_NOTHING: Final[tuple[Any, ...]] = ("", [""], [])
_MODES: Final = {"run": ("run", "forceRun")}
"""The daemon's modes for a mode of the Queue API."""
_SECOND: Final = 0.999999
"""Values are shown in whole seconds: an upper bound includes its whole second."""


def parameters(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the parameters by their plain names, whichever form they have."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        match = _PART.match(name)
        plain = (match[1] or match[2]) if match else name
        if match and plain == "componentProps" and match[3]:
            plain = f"componentProps.{match[3]}"
        plain = _SAME.get(plain, plain)
        found.setdefault(plain, []).append(value)
    return found


def fields_of(names: Iterable[str]) -> list[str]:
    """Return the fields of a job used by these filters, orders and groups, and its id."""
    return sorted({"id", *(field for name in names for field in _READ.get(name, (name,)))})


@dataclass(frozen=True, slots=True)
class Query:
    """A query: values by filter, and bounds of times (RFC 3339) and durations (seconds)."""

    values: Mapping[str, frozenset[str]]
    bounds: Mapping[str, tuple[Any, Any]]

    @classmethod
    def read(cls, given: Mapping[str, list[str]], components: Components) -> "Query":
        """Read all filters. Raises Problem."""
        values = {name: frozenset(given[name]) for name in _VALUES if name in given}
        if "branchId" in values:
            values["branchId"] = frozenset(map(branch_in, values["branchId"]))
        if "componentId" in values:
            values["componentId"] = frozenset(map(components.read, values["componentId"]))
        if "mode" in values:
            values["mode"] = frozenset(one for mode in values["mode"] for one in _MODES.get(mode, (mode,)))
        for job_id in sorted(values.get("id", ())):
            if not _ID.fullmatch(job_id):
                raise bad(f'"{job_id[:40]}" is not a job id', "$.id")
        now = datetime.now(UTC)
        bounds: dict[str, tuple[Any, Any]] = {
            name: (_time(given, f"{name}From", now, 0), _time(given, f"{name}To", now, _SECOND))
            for name in _TIMES
        }
        bounds["durationSeconds"] = (
            _number(given, "durationSecondsFrom", 0),
            _number(given, "durationSecondsTo", _SECOND),
        )
        return cls(values, {name: ends for name, ends in bounds.items() if ends != (None, None)})

    def without(self, names: Collection[str]) -> "Query":
        """Return the query without the filters that were already applied."""
        values = {name: wanted for name, wanted in self.values.items() if name not in names}
        return Query(values, {name: ends for name, ends in self.bounds.items() if name not in names})

    def matches(self, job: Job) -> bool:
        """Return whether a job matches."""
        return all(not wanted.isdisjoint(_VALUES[name](job)) for name, wanted in self.values.items()) and all(
            _is_within(job.get(name), *ends) for name, ends in self.bounds.items()
        )

    @property
    def ids(self) -> frozenset[str] | None:
        """The only ids of jobs that can match, None for any; a run id ends with a job's id."""
        named = [self.values["id"]] if "id" in self.values else []
        if "runId" in self.values:
            parts = (run.rpartition(".")[2] for run in self.values["runId"])
            named.append(frozenset(part for part in parts if _ID.fullmatch(part)))
        return frozenset.intersection(*named) if named else None


def _is_within(value: Any, first: Any, last: Any) -> bool:
    if value is None:
        return False
    return (first is None or value >= first) and (last is None or value <= last)


def _time(given: Mapping[str, list[str]], name: str, now: datetime, more_seconds: float) -> str | None:
    """Return a time in the wire's format, comparable as text; whole seconds get `more_seconds`."""
    if not given.get(name):
        return None
    found = moment(given[name][-1], now, name).astimezone(UTC)
    if not found.microsecond:
        found += timedelta(seconds=more_seconds)
    return found.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _number(given: Mapping[str, list[str]], name: str, more_seconds: float) -> float | None:
    if not given.get(name):
        return None
    try:
        found = float(given[name][-1])
    except ValueError:
        found = -1.0
    if not 0 <= found < MOST_SECONDS:
        raise bad(f'"{name}" must be a number of seconds', f"$.{name}")
    return found + more_seconds if found.is_integer() else found


@dataclass(frozen=True, slots=True)
class Page:
    """The part of the result, and its order."""

    limit: int
    offset: int
    sort_by: str
    is_descending: bool

    @classmethod
    def read(cls, given: Mapping[str, list[str]], order: str = "desc") -> "Page":
        """Read the page. Raises Problem."""
        sort_by = given.get("sortBy", ["id"])[-1]
        sort_by = _SAME.get(sort_by, sort_by)
        if sort_by not in SORTED:
            raise bad(f'Jobs cannot be sorted by "{sort_by}"', "$.sortBy")
        direction = given.get("sortOrder", [order])[-1].lower()
        if direction not in ("asc", "desc"):
            raise bad('"sortOrder" must be "asc" or "desc"', "$.sortOrder")
        limit = whole(given, "limit", 100, 1, MOST_LIMIT)
        return cls(limit, whole(given, "offset", 0, 0, MOST_OFFSET), sort_by, direction == "desc")

    def sort(self, jobs: Iterable[Job]) -> list[Job]:
        """Return the jobs in this order; equal ones are ordered by id."""
        key = SORTED[self.sort_by]
        ordered = sorted(jobs, key=lambda job: (key(job), int(job["id"])), reverse=self.is_descending)
        return sorted(ordered, key=lambda job: key(job) in _NOTHING)


def whole(given: Mapping[str, list[str]], name: str, usual: int, least: int, most: int) -> int:
    """Return a whole number of the query. Raises Problem."""
    text = given.get(name, [str(usual)])[-1]
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
        raise bad(f'"{name}" must be a whole number from {least} to {most}', f"$.{name}")
    return int(text)

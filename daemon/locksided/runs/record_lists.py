"""The lists of failed records that the steps of a run left, and what a job shows of them. Pure.

An entry has the `row`, the `path` below the work path, how many records the list has (`count`), how many of
those are rows that an output step left out (`rejected`), and `sizeBytes`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from locksided.runs import failed_records
from locksided.runs.operations import OperationResult
from locksided.runs.plan import Step


def kept_in(step: Step) -> str:
    """Where below the work path the step's folder stays."""
    return f"rows/{step.row}" if step.is_of_many_rows else "data"


def list_of(step: Step, found: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
    """The list of failed records that a component left."""
    if not found.get("count"):
        return ()
    measured = {"count": found["count"], "rejected": 0, "sizeBytes": found["sizeBytes"]}
    return [{"row": step.row, "path": f"{kept_in(step)}/{failed_records.PATH}", **measured}]


def rejected(step: Step, told: OperationResult) -> Sequence[Mapping[str, Any]]:
    """The list to which an output step added the rows that it left out: that of the first row."""
    rows = (step.order or {}).get("rows", ())
    if not told.records_bytes or not rows:
        return ()
    place = f"rows/{rows[0]['row']}" if len(rows) > 1 else "data"
    number = {"count": told.failed_records, "rejected": told.failed_records, "sizeBytes": told.records_bytes}
    return [{"row": rows[0]["row"], "path": f"{place}/{failed_records.PATH}", **number}]


def merged(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each list once: what an output step added to one stands behind what was there."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in records:
        known = found.get(one["path"], {})
        sums = {name: known.get(name, 0) + one[name] for name in ("count", "rejected")}
        found[one["path"]] = {**one, **sums}
    return list(found.values())


def shown(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The member `failedRecords` of the artifacts; several rows have a list each, below `rows`."""
    if not records:
        return {}
    sums = {name: sum(one[name] for one in records) for name in ("count", "sizeBytes")}
    return {"failedRecords": {"path": records[0]["path"] if len(records) == 1 else "rows", **sums}}

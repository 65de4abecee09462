"""Failed records: the step that gives them to a retry, and the lists of them that steps left. Pure.

An entry of a list has the `row`, the `path` below the work path, the number of records in the list (`count`),
how many of them are rows that an output step rejected (`rejected`), and `sizeBytes`.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lockside.documents.component import COMMAND
from locksided.runs import failed_records
from locksided.runs.failed_records import NAME
from locksided.runs.operations import Operation, OperationResult, input_operation
from locksided.runs.plan import Step, configurations
from locksided.runs.specification import GivenRecords, Specification
from locksided.tables.mapping import input_entries, target_of


def kept_in(step: Step) -> str:
    """Return where the step's folder is kept, below the work path."""
    return f"rows/{step.row}" if step.is_of_many_rows else "data"


def list_of(step: Step, found: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
    """Return the list of failed records that a component left."""
    if not found.get("count"):
        return ()
    measured = {"count": found["count"], "rejected": 0, "sizeBytes": found["sizeBytes"]}
    return [{"row": step.row, "path": f"{kept_in(step)}/{failed_records.PATH}", **measured}]


def rejected(step: Step, told: OperationResult) -> Sequence[Mapping[str, Any]]:
    """Return the list to which an output step added the rows it rejected: that of the first row."""
    rows = (step.order or {}).get("rows", ())
    if not told.records_bytes or not rows:
        return ()
    place = f"rows/{rows[0]['row']}" if len(rows) > 1 else "data"
    number = {"count": told.failed_records, "rejected": told.failed_records, "sizeBytes": told.records_bytes}
    return [{"row": rows[0]["row"], "path": f"{place}/{failed_records.PATH}", **number}]


def merged(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Merge entries of the same list: an output step appends to an existing list."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in records:
        known = found.get(one["path"], {})
        sums = {name: known.get(name, 0) + one[name] for name in ("count", "rejected")}
        found[one["path"]] = {**one, **sums}
    return list(found.values())


def shown(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the member `failedRecords` of the artifacts; several rows have one list each, below `rows`."""
    if not records:
        return {}
    sums = {name: sum(one[name] for one in records) for name in ("count", "sizeBytes")}
    return {"failedRecords": {"path": records[0]["path"] if len(records) == 1 else "rows", **sums}}


PROGRAM = (sys.executable, "-I", "-m", "locksided.steps.records")
VARIABLE = "LOCKSIDE_FAILED_RECORDS"


def records_operation(*, has_tables: bool) -> Operation:
    """Return the kind of step; with tables, another step provides those of the input mapping."""

    def order(spec: Specification, row: str | None) -> Mapping[str, Any] | None:
        if spec.records is None or spec.component == COMMAND:
            return None
        configuration = next(content for one, content in configurations(spec) if one == row)
        entries = input_entries(configuration) if has_tables else []
        return {
            **spec.records.of_row(row),
            "mapped": [f"in/tables/{target_of(entry)}" for entry in entries],
        }

    return input_operation(
        name="records",
        title="Failed records",
        program=PROGRAM,
        order=order,
    )


def environment_of_records(spec: Specification, data: str) -> dict[str, str]:
    """Return the variable with the path of the file of all given records."""
    return {} if spec.records is None else {VARIABLE: f"{data}/in/files/{NAME}"}


def as_first_read(entry: Mapping[str, Any], records: GivenRecords) -> Mapping[str, Any]:
    """Return an entry of the input mapping that reads the changes that the first run read."""
    kept = {name: value for name, value in entry.items() if name not in ("changed_since", "days")}
    since = records.since.get(target_of(entry))
    return kept if since is None else {**kept, "changed_since": since}

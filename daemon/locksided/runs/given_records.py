"""The step that gives a retry its failed records: which runs have it, and what it is told of them. Pure."""

import sys
from collections.abc import Mapping
from typing import Any

from lockside.documents.component import COMMAND
from locksided.runs.failed_records import NAME
from locksided.runs.operations import Operation, input_operation
from locksided.runs.plan import configurations
from locksided.runs.specification import GivenRecords, Specification
from locksided.tables.mapping import input_entries, target_of

PROGRAM = (sys.executable, "-I", "-m", "locksided.steps.records")
VARIABLE = "LOCKSIDE_FAILED_RECORDS"


def records_operation(*, has_tables: bool) -> Operation:
    """The kind of step; with tables those of the input mapping are another step's."""

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
    """The variable that tells where all of them are."""
    return {} if spec.records is None else {VARIABLE: f"{data}/in/files/{NAME}"}


def as_first_read(entry: Mapping[str, Any], records: GivenRecords) -> Mapping[str, Any]:
    """An entry of the input mapping that reads the changes that the first run read."""
    kept = {name: value for name, value in entry.items() if name not in ("changed_since", "days")}
    since = records.since.get(target_of(entry))
    return kept if since is None else {**kept, "changed_since": since}

"""The kinds of storage steps: which runs have them, and which tables they write."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from lockside.documents.component import STORAGE
from lockside.documents.enums import FailureKind, Mode
from lockside.documents.reading import from_store
from lockside.documents.storage_jobs import StorageJob
from locksided.runs.job_records import as_first_read
from locksided.runs.operations import Operation, OperationPlace
from locksided.runs.plan import configurations
from locksided.runs.specification import Specification
from locksided.settings import StorageSettings
from locksided.tables.mapping import (
    BadMapping,
    Source,
    default_bucket,
    input_entries,
    loads,
    mapped_sources,
    mapping_objects,
    output_of,
    value_sources,
)
from locksided.tables.names import TableId

GROUP = "lockside.storage"
LAKE = "lake"
ADOPT = "adopt"
UNDO = "undo"
VACUUM = "vacuum"
PUT_FILE = "put_file"
CHECKED = {UNDO: "job.undo", VACUUM: "storage.vacuum"}
"""Operations whose methods check rights and retention before a job is created."""
AFTER_FAILURE_SECONDS = 300
"""The time limit of a step that runs after a failure."""
JOBS = {
    "restore": "Restore",
    "create": "Table",
    "clone": "Clone",
    "import": "Import",
    "export": "Export",
    "delete_rows": "Deletion",
    "set_primary_key": "Primary key",
    "alter": "Alteration",
    ADOPT: "Adoption",
    UNDO: "Undo",
    VACUUM: "Vacuum",
    PUT_FILE: "Stored file",
}
"""The operations that are jobs of their own, and the beginnings of their messages."""


def backend_module(settings: StorageSettings) -> str | None:
    """Return the module that runs as storage steps; None when the daemon keeps no tables."""
    if settings.backend == "local" or (settings.backend == "auto" and find_spec("duckdb") is None):
        return None
    from importlib.metadata import entry_points

    (found,) = entry_points(group=GROUP, name=LAKE)
    return found.value


def operations_of(settings: StorageSettings) -> tuple[Operation, ...]:
    """Return the storage steps of runs under these settings."""
    module = backend_module(settings)
    if module is None:
        return ()
    at = partial(
        Operation,
        program=(sys.executable, "-I", "-m", module),
        memory_bytes=settings.memory_bytes,
        is_located=False,
    )
    output = partial(
        at, name="output", title="Output mapping", stage="output_mapping", failure=FailureKind.OUTPUT
    )
    return (
        at(
            name="input",
            title="Input mapping",
            place=OperationPlace.BEFORE_ROW,
            order=_input_order,
            stage="input_mapping",
            failure=FailureKind.INPUT,
        ),
        output(place=OperationPlace.AFTER_RUN, order=_output_order, claims=_written_tables),
        output(
            place=OperationPlace.AFTER_FAILURE,
            order=partial(_output_order, of_failed_run=True),
            claims=partial(_written_tables, of_failed_run=True),
            timeout_seconds=AFTER_FAILURE_SECONDS,
        ),
        *(
            at(
                name=name,
                title=title,
                place=OperationPlace.ALONE,
                order=partial(_job_order, name),
                stage="running",
                failure=FailureKind.OUTPUT,
                claims=None if name in (VACUUM, "export", PUT_FILE) else _tables_of_job,
            )
            for name, title in JOBS.items()
        ),
    )


def _job_order(name: str, spec: Specification, _row: str | None) -> dict[str, Any] | None:
    """Return the order of a `lockside.storage` job with this operation; None for any other."""
    parameters = spec.root.get("parameters") or {}
    if parameters.get("operation") != name:
        return None
    return {
        "parameters": parameters,
        "entries": input_entries(spec.root),
        "output": output_of(spec.root),
        "storesFiles": name == PUT_FILE,
    }


def _tables_of_job(spec: Specification, project: str, _results: object) -> Sequence[str]:
    tables = from_store(spec.root["parameters"], StorageJob).tables
    return [TableId(project, one.branch, one.id).path for one in tables]


def undo_of(spec: Specification) -> Mapping[str, Any] | None:
    """Return what a run undoes; None for any other run."""
    parameters = spec.root.get("parameters") or {}
    return parameters if spec.component == STORAGE and parameters.get("operation") == UNDO else None


def _input_order(spec: Specification, row: str | None) -> dict[str, Any] | None:
    """Return the part of an input step's order that depends on the specification alone; None without one."""
    manifest = spec.manifest
    if manifest is None or not spec.has_data_folder or manifest.staging_storage.input == "none":
        return None
    configuration = next(content for one, content in configurations(spec) if one == row)
    entries, files = input_entries(configuration), mapping_objects(configuration, "input", "files")
    if not entries and not files:
        return None
    order = {
        "entries": entries,
        "row": row,
        "withNames": not (configuration.get("processors") or {}).get("before"),
        **({"fileEntries": len(files)} if files else {}),
    }
    if spec.records is None:
        return order
    entries = [as_first_read(entry, spec.records) for entry in entries]
    return {**order, "entries": entries, "records": spec.records.of_row(row)}


def _output_order(
    spec: Specification, _row: str | None, *, of_failed_run: bool = False
) -> dict[str, Any] | None:
    """Return the part of an output step's order that depends on the specification alone; None without one.

    The step of a failed run stores only what is always written.
    """
    manifest = spec.manifest
    if manifest is None or not spec.has_data_folder or spec.mode is Mode.DEBUG:
        return None
    if manifest.staging_storage.output == "none":
        return None
    rows = [
        {
            "row": row,
            "output": (output := output_of(configuration)),
            "bucket": default_bucket(
                output,
                spec.component,
                spec.config,
                manifest.default_bucket_stage,
                is_wanted=manifest.default_bucket,
            ),
            "mayStay": spec.config is None,
        }
        for row, configuration in configurations(spec)
    ]
    outputs = (output_of(configuration) for _, configuration in configurations(spec))
    sources = dict.fromkeys(source for output in outputs for source in value_sources(output))
    return {
        "rows": rows,
        "ofFailedRun": of_failed_run,
        "storesFiles": not of_failed_run,
        "dataTypeSupport": manifest.data_type_support,
        "componentType": str(manifest.type),
        "appends": spec.records is not None,
        "entries": [{"source": source} for source in sources],
    }


def _written_tables(
    spec: Specification,
    project: str,
    results: Sequence[Mapping[str, Any]],
    *,
    of_failed_run: bool = False,
) -> Sequence[str] | None:
    """Return the paths of the tables that a run's outputs are stored in; None if nothing is stored."""
    order = _output_order(spec, None)
    assert order is not None
    rows = {place_of_row(order["rows"], row["row"]): row for row in order["rows"]}
    written: dict[str, None] = {}
    is_needed = not of_failed_run and (
        any(mapped_sources(row["output"]) or row["output"].get("files") for row in order["rows"])
        or any(result["output"]["files"] or result["output"].get("hasOrphans") for result in results)
    )
    for listed in (table for result in results for table in result["output"]["tables"]):
        row = rows.get(str(listed.get("path")).partition("/out/")[0])
        if row is None:
            continue
        manifest = {"destination": listed.get("id"), "write_always": listed.get("writeAlways")}
        source = Source(row["row"], str(listed["name"]), manifest)
        for load in loads(
            source, row["output"], row["bucket"], may_stay=row["mayStay"], of_failed_run=of_failed_run
        ):
            if isinstance(load, BadMapping):
                is_needed = True
            elif load.table is not None:
                written[TableId(project, spec.branch_id, load.table).path] = None
    return list(written) if written or is_needed else None


def place_of_row(rows: Sequence[Mapping[str, Any]], row: str | None) -> str:
    """Return the place of a row's folder after all rows have run: each of several rows has its own."""
    return f"rows/{row}" if len(rows) > 1 else "data"

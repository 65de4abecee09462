"""The steps that fetch a job's inputs and archive its files: which runs have them, and their orders."""

import sys
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

from lockside.documents.archive import folder_of
from lockside.documents.enums import FailureKind, Mode
from lockside.documents.reading import from_store
from lockside.documents.staging import SCHEMES, InputSource, packages_of
from locksided import clock
from locksided.runs.operations import Operation, OperationPlace, input_operation
from locksided.runs.specification import Specification
from locksided.settings import StagingSettings
from locksided.store.rows import JobRow

PROGRAM = (sys.executable, "-I", "-m", "locksided.steps.staging")
ARCHIVE = "archive"
SECONDS_AFTER_FAILURE = 300.0
ARCHIVE_PROGRAM = (sys.executable, "-I", "-m", "locksided.steps.archiving")


def transfer_rules(settings: StagingSettings) -> dict[str, Any]:
    """Return the settings that every transfer is given."""
    return {
        "attempts": settings.attempts,
        "maxBytes": settings.max_bytes,
        "fileRoots": list(settings.file_roots),
        "networks": settings.networks,
        "allowHosts": list(settings.allow_hosts),
        "denyHosts": list(settings.deny_hosts),
    }


@cache
def missing_schemes() -> frozenset[str]:
    """Return the schemes whose packages are not installed."""
    return frozenset(
        scheme for scheme in SCHEMES if any(find_spec(module) is None for module in packages_of(scheme))
    )


def stage_operation(settings: StagingSettings) -> Operation:
    """Return the kind of step under these settings. Every row gets its own copy of the inputs."""

    def order(spec: Specification, _row: str | None) -> Mapping[str, Any] | None:
        if not spec.inputs:
            return None
        inputs = [from_store(one, InputSource) for one in spec.inputs]
        return {
            "inputs": [{**given, "target": one.path} for given, one in zip(spec.inputs, inputs, strict=True)],
            **transfer_rules(settings),
        }

    return input_operation(
        name="stage",
        title="Staging",
        program=PROGRAM,
        order=order,
    )


def archive_operations(settings: StagingSettings) -> tuple[Operation, Operation]:
    """Return the kinds of steps that archive the files of all rows: after success, and after a failure."""

    def order(spec: Specification, _row: str | None) -> Mapping[str, Any] | None:
        if spec.archive is None or spec.mode is Mode.DEBUG:
            return None
        rows = [row.id for row in spec.rows or ()]
        return {**spec.archive, "rows": rows, **transfer_rules(settings)}

    def order_on_error(spec: Specification, row: str | None) -> Mapping[str, Any] | None:
        return order(spec, row) if spec.archive is not None and spec.archive["onError"] else None

    at = partial(
        Operation,
        name=ARCHIVE,
        title="Archiving",
        program=ARCHIVE_PROGRAM,
        stage="archiving",
        failure=FailureKind.OUTPUT,
        is_located=False,
    )
    return (
        at(place=OperationPlace.AFTER_RUN, order=order),
        at(
            place=OperationPlace.AFTER_FAILURE,
            order=order_on_error,
            claims=_unless_archived,
            timeout_seconds=SECONDS_AFTER_FAILURE,
        ),
    )


def _unless_archived(
    _spec: Specification, _project: str, results: Sequence[Mapping[str, Any]]
) -> Sequence[str] | None:
    """Return no tables to write; None if an archive was made before another step failed."""
    steps = (step for result in results for step in result["steps"])
    return None if any(step["operation"] == ARCHIVE for step in steps) else ()


def archive_path(spec: Specification, row: JobRow) -> str:
    """Return the folder of a job's archive below the root of its system."""
    assert spec.archive is not None
    places = {
        "JOB_ID": str(row.id),
        "RUN_ID": row.run_id or "",
        "CONFIG": row.config or "",
        "DATE": (clock.to_text(row.created_us) or "")[:10],
    }
    return folder_of(spec.archive["path"], places)

"""The step that fetches a job's inputs: which runs have it, and what it is told."""

import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

from lockside.documents.enums import FailureKind
from lockside.documents.reading import from_store
from lockside.documents.staging import EXTRAS, InputSource
from locksided.runs.operations import Operation, OperationPlace
from locksided.runs.specification import Specification
from locksided.settings import StagingSettings

PROGRAM = (sys.executable, "-I", "-m", "locksided.steps.staging")


@cache
def missing_schemes() -> frozenset[str]:
    """The schemes whose extras are not installed."""
    return frozenset(scheme for scheme, module in EXTRAS.items() if find_spec(module) is None)


def stage_operation(settings: StagingSettings) -> Operation:
    """The kind of step under these settings. Every row gets its own copy of the inputs."""

    def order(spec: Specification, _row: str | None) -> Mapping[str, Any] | None:
        if not spec.inputs:
            return None
        inputs = [from_store(one, InputSource) for one in spec.inputs]
        return {
            "inputs": [{**given, "target": one.path} for given, one in zip(spec.inputs, inputs, strict=True)],
            "attempts": settings.attempts,
            "maxBytes": settings.max_bytes,
            "fileRoots": list(settings.file_roots),
            "networks": settings.networks,
            "allowHosts": list(settings.allow_hosts),
            "denyHosts": list(settings.deny_hosts),
        }

    return Operation(
        name="stage",
        title="Staging",
        place=OperationPlace.BEFORE_ROW,
        program=PROGRAM,
        order=order,
        stage="input_mapping",
        failure=FailureKind.INPUT,
        is_located=False,
    )

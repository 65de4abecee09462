"""The frozen specification of a job: everything a run needs, and what callers see of it.

Equal requests give equal documents; what differs between jobs (ids, times, names, labels) is not included.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from lockside.documents.base import Document
from lockside.documents.component import COMMAND, ORCHESTRATOR, Manifest
from lockside.documents.enums import (
    Mode,
    OnError,
    OnLost,
    OnRecordErrors,
    Part,
    ProcessorPosition,
    RetryScope,
    TaskAction,
)
from lockside.documents.notification import JobNotification
from lockside.documents.partition import Partition
from lockside.documents.reading import stored_form
from lockside.documents.recovery import RecoveryPolicy
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Behavior, Limits, Retry
from lockside.documents.variables import VariableValues

FORMAT = 1

ASKED = ("component_version", "config_version", "lock", "tag")
"""Members taken from stored objects unless the request sets them: a repeat must know which was the case."""


class StepKind(StrEnum):
    """What one step starts."""

    COMPONENT = "component"
    PROCESSOR = "processor"
    COMMAND = "command"
    ACTION = "action"
    OPERATION = "operation"


class SpecifiedRow(Document, frozen=True, kw_only=True):
    """A row that runs."""

    id: str
    configuration: dict[str, Any] = {}


class JoblessTask(Document, frozen=True, kw_only=True):
    """A task of a phase without a job, as shown in `result.tasks`; `job` is the one carried over."""

    id: str
    action: TaskAction
    job: str | None = None


class RecordRun(Document, frozen=True, kw_only=True):
    """Consecutive failed records in a list: `count` from the valid line `line` on.

    `number` is that of the first. `row` is the row whose run listed them, and which gets them.
    """

    path: str
    row: str | None
    line: int
    count: int
    number: int


class GivenRecords(Document, frozen=True, kw_only=True):
    """The records that a retry gets.

    `replace` has replacements for some of them, by their numbers. `since` has the times from which the first
    run read changes, by the names of the files.
    """

    runs: list[RecordRun]
    replace: dict[str, dict[str, Any]] = {}
    since: dict[str, str] = {}

    def of_row(self, row: str | None) -> dict[str, Any]:
        """Return the part for a step of a row."""
        runs = [msgspec.to_builtins(run) for run in self.runs if run.row == row]
        return {"runs": runs, "replace": self.replace}


class Specification(Document, frozen=True, kw_only=True):
    """The frozen content of a job. Configurations still have their `{{ variables }}`: the run replaces them.

    `part` is a job's part in a job split into chunks: its other members are those of the whole.
    `configuration` is the stored one (None if `configData` replaces it). `rows` None means that the
    configuration has no rows and runs as a whole; an empty list runs nothing. Manifests are reduced to what a
    run needs. `asked` names the members of `ASKED` that the request itself set, as in JSON.
    """

    format: int = FORMAT
    component: str = ""
    component_version: int | None = None
    tag: str | None = None
    config: str | None = None
    config_version: int | None = None
    config_data: dict[str, Any] | None = None
    config_row_ids: list[str] = []
    branch_id: str = "default"
    mode: Mode = Mode.RUN
    variable_values_id: str | None = None
    variable_values_data: VariableValues = VariableValues()
    pool: str | None = None
    parallelism: int | Literal["infinity"] | None = None
    backend: dict[str, Any] = {}
    limits: Limits = Limits()
    lock: str | None = None
    on_lost: OnLost | None = None
    on_record_errors: OnRecordErrors | None = OnRecordErrors.SUCCESS
    behavior: Behavior = Behavior()
    retry: Retry | None = None
    recovery: list[RecoveryPolicy] | None = None
    pools: list[str] | None = None
    needs: dict[str, int] | None = None
    inputs: list[dict[str, Any]] | None = None
    archive: dict[str, Any] | None = None
    notifications: list[JobNotification] | None = None
    template: str | None = None
    only_orchestration_task_ids: list[str] | None = None
    previous_job_id: str | None = None
    retry_scope: RetryScope | None = None
    records: GivenRecords | None = None
    partition: Partition | None = None
    part: Part | None = None
    asked: list[str] = []
    manifest: Manifest | None = None
    processors: dict[str, Manifest] = {}
    configuration: dict[str, Any] | None = None
    rows: list[SpecifiedRow] | None = None
    variables: dict[str, str] = {}
    tasks: list[JoblessTask] = []

    @property
    def reads_inputs(self) -> bool:
        """Whether the run starts with its inputs and tables: a chunk and its assembler have others."""
        return self.part in (None, Part.SPLITTER)

    @property
    def stores_outputs(self) -> bool:
        """Whether the run stores its tables and state: those of chunks are assembled first."""
        return self.part in (None, Part.ASSEMBLER)

    @property
    def keeps_state(self) -> bool:
        """Whether a successful run of the configuration saves its state."""
        return self.records is None and self.stores_outputs

    @property
    def root(self) -> dict[str, Any]:
        """The root of the configuration that runs: `configData`, or the stored configuration."""
        return (self.configuration if self.config_data is None else self.config_data) or {}

    @property
    def has_data_folder(self) -> bool:
        """Whether its steps have a data folder: a plain command does if it has inputs or outputs."""
        if self.component == ORCHESTRATOR:
            return False
        is_moved = bool(self.inputs or self.archive or self.root.get("storage"))
        return self.component != COMMAND or is_moved


PASSED_ON = tuple(name for name in Specification.__struct_fields__ if name in JobRequest.__struct_fields__)
"""The members copied from the request, except those that `resolve` decides."""

_STORED = stored_form(Specification)
MOST_BYTES_REMEMBERED = 16_384
"""The largest specification to cache; the jobs of a pipeline share few, and each view of a job reads one."""


NO_SPECIFICATION = Specification()
"""The specification of a job that has none."""


def read_specification(body: bytes) -> Specification:
    """Return the specification of frozen bytes, of any release. It must not be changed."""
    return _read_once(body) if len(body) <= MOST_BYTES_REMEMBERED else _read(body)


def _read(body: bytes) -> Specification:
    try:
        specification: Specification = msgspec.json.decode(body, type=_STORED)
    except msgspec.ValidationError:
        plain = msgspec.json.decode(body)
        if plain.get("retry") == {}:  # the first release's form for no retries
            del plain["retry"]
        specification = msgspec.convert(plain, _STORED)
    return specification


_read_once = lru_cache(64)(_read)


def needed(manifest: Manifest) -> Manifest:
    """Return a manifest without the members that no run needs."""
    return replace(
        manifest,
        tags={},
        description=None,
        schema=None,
        row_schema=None,
        actions=[],
        retry=None,
        recovery=None,
        allowed_processor_position=ProcessorPosition.ANY,
    )


def row_by_row(spec: Specification, on_error: OnError | None) -> Iterator[tuple[str, Specification]]:
    """Yield the specifications of a container's children, one for each row, with the ids of the rows."""
    behavior = Behavior(on_error=on_error)
    for row in spec.rows or ():
        archive = spec.archive
        if archive and archive["path"]:
            archive = {**archive, "path": f"{archive['path']}/{row.id}"}
        own = {"config_row_ids": [row.id], "rows": [row], "archive": archive}
        yield row.id, replace(spec, parallelism=None, behavior=behavior, **own)


def of_container(spec: Specification) -> Specification:
    """Return the specification of a container, which starts nothing: without what only its children need."""
    return replace(spec, rows=None, processors={}, configuration=None)


def as_part(spec: Specification, part: Part) -> Specification:
    """Return the specification of a job that does one part of this one."""
    return replace(spec, part=part, parallelism=None, behavior=Behavior())


def of_phase(spec: Specification, on_error: OnError | None, tasks: Sequence[JoblessTask]) -> Specification:
    """Return the specification of a phase of this orchestration; `tasks` got no job."""
    behavior = Behavior(on_error=on_error)
    return replace(
        of_container(spec), config_data=None, parallelism=None, behavior=behavior, tasks=list(tasks)
    )

"""The steps of a run, from a frozen specification: rows in sequence, processors around each component.

A plan has programs, parameters and contents of files; it does not depend on a folder, a process or a job id.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from msgspec.structs import replace

from lockside.documents.component import COMMAND, STORAGE, Manifest, Program
from lockside.documents.configuration import Configuration, Processor, content_of, merged
from lockside.documents.enums import Part
from lockside.documents.placeholders import parameter_files, with_parameters
from lockside.documents.reading import from_store
from lockside.documents.variables import filled
from locksided.runs.builtin_components import BUILT_IN
from locksided.runs.operations import OPERATIONS, Operation, OperationPlace, is_wanted
from locksided.runs.partition import part_chain
from locksided.runs.processors import processor_key
from locksided.runs.specification import Specification, StepKind

NOTHING_TO_RUN = "No configurations executed."
_STRIPPED = frozenset(("runtime", "processors", "variables", "artifacts", "phases", "tasks"))
_DROPPED_WHEN_EMPTY = ("storage", "authorization")


class DataFolder(Enum):
    """The state of the data folder before a step."""

    NONE = auto()
    """The step has no data folder."""
    FRESH = auto()
    HANDED_ON = auto()
    """It has the output of the previous step as input."""
    AS_LEFT = auto()
    """It is as the previous operation left it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One start of one process tree.

    `config_file` is the content of config.json, None for a step that runs no component. `folder` is the state
    of its data folder; `takes_state` marks the main component, whose state file is written before and read
    after it; `splits` a step that leaves chunks; `ends_row` the last step of its row, `ends_run` the last of
    the steps certain to run. `order` is that of an `operation`. `files` are texts for the folder of inputs,
    by their names. `total` counts the steps that are certain to run, `rows` the rows.
    """

    index: int
    kind: StepKind
    component: str
    row: str | None
    execution: Manifest
    config_file: Mapping[str, Any] | None
    folder: DataFolder
    takes_state: bool = False
    splits: bool = False
    ends_row: bool = False
    ends_run: bool = False
    operation: Operation | None = None
    order: Mapping[str, Any] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    total: int = 1
    rows: int = 0

    @property
    def is_of_many_rows(self) -> bool:
        """Whether it belongs to one of several rows, which have a folder each."""
        return self.row is not None and self.rows > 1

    @property
    def has_data(self) -> bool:
        """Whether it belongs to a component, with a configuration before and outputs after it."""
        return self.config_file is not None

    @property
    def may_be_needless(self) -> bool:
        """Whether the results of earlier steps decide if it runs."""
        return self.is_after_failure or (self.operation is not None and self.operation.claims is not None)

    @property
    def is_after_failure(self) -> bool:
        """Whether it runs only after a step that failed."""
        return self.operation is not None and self.operation.place is OperationPlace.AFTER_FAILURE

    @property
    def gets_state(self) -> bool:
        """Whether in/state.json is written; processors get none."""
        return self.kind in (StepKind.COMPONENT, StepKind.ACTION)


def plan(
    spec: Specification,
    environment: Mapping[str, str] | None = None,
    operations: Sequence[Operation] = OPERATIONS,
) -> tuple[Step, ...]:
    """Return all steps in order; none when every row is disabled.

    `environment` is that of a plain command, which is stored separately from its specification.
    """
    if spec.component == COMMAND and not spec.has_data_folder:
        return _numbered(list(_commands(spec, environment)), spec)
    if spec.component == STORAGE:
        return _numbered(list(_operations(spec, operations, OperationPlace.ALONE, None)), spec)
    steps = list(_rows(spec, operations, environment))
    if steps:
        before = _operations(spec, operations, OperationPlace.BEFORE_RUN, None)
        places = (OperationPlace.AFTER_RUN, OperationPlace.AFTER_FAILURE)
        after = [step for place in places for step in _operations(spec, operations, place, None)]
        steps = [*before, *steps, *after]
        last = max(place for place, step in enumerate(steps) if not step.may_be_needless)
        steps[last] = dataclasses.replace(steps[last], ends_run=True)
    return _numbered(steps, spec)


def _numbered(steps: Sequence[Step], spec: Specification) -> tuple[Step, ...]:
    total, rows = sum(not step.may_be_needless for step in steps), len(spec.rows or ())
    return tuple(
        dataclasses.replace(step, index=index, total=total, rows=rows) for index, step in enumerate(steps)
    )


def configurations(spec: Specification) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yield the configurations that run, row by row, merged and with their variables replaced."""
    if spec.rows is None:
        yield None, filled(spec.root, spec.variables)
        return
    for row in spec.rows:
        yield row.id, filled(merged(spec.root, row.configuration), spec.variables)


def _rows(
    spec: Specification, operations: Sequence[Operation], environment: Mapping[str, str] | None
) -> Iterator[Step]:
    for row, configuration in configurations(spec):
        before = list(_operations(spec, operations, OperationPlace.BEFORE_ROW, row))
        yield from before
        if spec.component == COMMAND:
            steps = [_command(spec, environment, row, configuration, {})]
        else:
            steps = list(_chain(spec, row, configuration))
        first = DataFolder.AS_LEFT if before else DataFolder.FRESH
        steps[0] = dataclasses.replace(steps[0], folder=first)
        yield from steps[:-1]
        yield dataclasses.replace(steps[-1], ends_row=True)


def _operations(
    spec: Specification, operations: Sequence[Operation], place: OperationPlace, row: str | None
) -> Iterator[Step]:
    """Yield the steps of this run with that place."""
    folder = DataFolder.FRESH if place is OperationPlace.BEFORE_ROW else DataFolder.NONE
    for operation in operations:
        is_here = operation.place is place and is_wanted(operation, spec)
        order = operation.order(spec, row) if is_here else None
        if order is not None:
            yield Step(
                index=0,
                kind=StepKind.OPERATION,
                component=spec.component,
                row=row,
                execution=replace(BUILT_IN[COMMAND], command=[*operation.program, operation.name]),
                config_file=None,
                folder=folder,
                operation=operation,
                order=order,
            )
            folder = DataFolder.AS_LEFT if folder is DataFolder.FRESH else folder


def _chain(spec: Specification, row: str | None, configuration: Mapping[str, Any]) -> Iterator[Step]:
    """Yield the component of one row and its processors; a splitter or assembler has no processors."""
    content = content_of(dict(configuration), "configuration", is_stored=True)
    if (part := part_chain(spec)) is not None:
        chain = [(StepKind.COMPONENT, *part)]
    else:
        chain = list(_own_chain(spec, content))
    for kind, manifest, parameters in chain:
        yield Step(
            index=0,
            kind=kind,
            component=manifest.id,
            row=row,
            execution=with_parameters(manifest, parameters),
            files=parameter_files(manifest, parameters),
            config_file=_config_file(kind, configuration, manifest, parameters),
            folder=DataFolder.HANDED_ON,
            takes_state=kind is StepKind.COMPONENT,
            splits=spec.part is Part.SPLITTER,
        )


def _own_chain(
    spec: Specification, content: Configuration
) -> Iterator[tuple[StepKind, Manifest, dict[str, Any]]]:
    for processor in content.processors.before:
        yield StepKind.PROCESSOR, _manifest_of(spec, processor), processor.parameters
    assert spec.manifest is not None
    yield StepKind.COMPONENT, spec.manifest, content.parameters
    for processor in content.processors.after:
        yield StepKind.PROCESSOR, _manifest_of(spec, processor), processor.parameters


def _manifest_of(spec: Specification, processor: Processor) -> Manifest:
    return spec.processors[processor_key(processor.definition.component, processor.definition.tag)]


def _config_file(
    kind: StepKind, configuration: Mapping[str, Any], manifest: Manifest, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return config.json: the component's whole configuration, or only a processor's parameters."""
    whole = configuration if kind is StepKind.COMPONENT else {}
    return config_file(whole, parameters, manifest.image_parameters, action="run")


def config_file(
    configuration: Mapping[str, Any],
    parameters: Mapping[str, Any],
    image_parameters: Mapping[str, Any],
    *,
    action: str,
) -> dict[str, Any]:
    """Return the content of config.json, without members for lockside and without an empty storage."""
    content = {name: value for name, value in configuration.items() if name not in _STRIPPED}
    for name in _DROPPED_WHEN_EMPTY:
        if not content.get(name):
            content.pop(name, None)
    return {
        **content,
        "parameters": dict(parameters),
        "image_parameters": dict(image_parameters),
        "action": action,
    }


def _commands(spec: Specification, environment: Mapping[str, str] | None) -> Iterator[Step]:
    contents = list(configurations(spec))
    for index, (row, configuration) in enumerate(contents):
        step = _command(spec, environment, row, configuration, None)
        yield dataclasses.replace(step, ends_row=True, ends_run=index == len(contents) - 1)


def _command(
    spec: Specification,
    environment: Mapping[str, str] | None,
    row: str | None,
    configuration: Mapping[str, Any],
    config_file: Mapping[str, Any] | None,
) -> Step:
    """Return the step of a plain command, with a data folder if it has a `config_file`."""
    program = program_of(configuration)
    return Step(
        index=0,
        kind=StepKind.COMMAND,
        component=spec.component,
        row=row,
        execution=replace(
            spec.manifest or BUILT_IN[COMMAND],
            command=program.command,
            pipeline=program.pipeline,
            shell=program.shell,
            shell_program=program.shell_program,
            cwd=program.cwd,
            environment={**(environment or {}), **program.environment},
            umask=program.umask,
        ),
        config_file=config_file,
        folder=DataFolder.NONE,
    )


def program_of(configuration: Mapping[str, Any]) -> Program:
    """Return the program of a plain command's configuration."""
    return from_store(configuration.get("parameters") or {}, Program)

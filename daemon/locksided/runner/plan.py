"""The steps of a run, from a frozen specification: rows in sequence, processors around each component.

A plan names programs, parameters and files' contents; it knows no folder, no process and no job id.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from lockside.documents.component import COMMAND, Manifest, Program
from lockside.documents.configuration import Configuration, Processor, content_of, merged
from lockside.documents.reading import from_store
from lockside.documents.variables import filled
from locksided.runner.components import BUILT_IN
from locksided.runner.processors import processor_key
from locksided.runner.specification import Specification
from locksided.runner.words import StepKind

NOTHING_TO_RUN = "No configurations executed."
_STRIPPED = frozenset(("runtime", "processors", "variables", "artifacts", "phases", "tasks"))
_DROPPED_WHEN_EMPTY = ("storage", "authorization")


@dataclass(frozen=True, slots=True)
class Step:
    """One start of one process tree.

    `config_file` is the content of config.json, None for a plain command, which has no data folder.
    `begins_row` asks for a fresh folder (else the step before handed its output on); `takes_state` for the
    main component, whose state file is written before and read after it; `ends_row` for the last of its row,
    `ends_run` for the last of all.
    """

    index: int
    kind: StepKind
    component: str
    row: str | None
    execution: Manifest
    config_file: Mapping[str, Any] | None
    begins_row: bool
    takes_state: bool
    ends_row: bool
    ends_run: bool

    @property
    def has_data(self) -> bool:
        """Whether the step works in a data folder."""
        return self.config_file is not None

    @property
    def gets_state(self) -> bool:
        """Whether in/state.json is written; processors have none."""
        return self.kind in (StepKind.COMPONENT, StepKind.ACTION)


def plan(spec: Specification, environment: Mapping[str, str] | None = None) -> tuple[Step, ...]:
    """All steps in their order; none when every row is disabled.

    `environment` is a plain command's own, which is stored apart from its specification.
    """
    if spec.component == COMMAND:
        return tuple(_commands(spec, environment))
    return tuple(_steps(spec))


def _configurations(spec: Specification) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """What runs, row by row, merged and with its variables filled."""
    if spec.rows is None:
        yield None, filled(spec.root, spec.variables)
        return
    for row in spec.rows:
        yield row.id, filled(merged(spec.root, row.configuration), spec.variables)


def _steps(spec: Specification) -> Iterator[Step]:
    index = 0
    configurations = list(_configurations(spec))
    for number, (row, configuration) in enumerate(configurations, 1):
        content = content_of(configuration, "configuration", is_stored=True)
        chain = list(_chain(spec, content))
        for place, (kind, manifest, parameters) in enumerate(chain):
            yield Step(
                index=index,
                kind=kind,
                component=manifest.id,
                row=row,
                execution=manifest,
                config_file=_config_file(kind, configuration, manifest, parameters),
                begins_row=place == 0,
                takes_state=kind is StepKind.COMPONENT,
                ends_row=place == len(chain) - 1,
                ends_run=place == len(chain) - 1 and number == len(configurations),
            )
            index += 1


def _chain(
    spec: Specification, content: Configuration
) -> Iterator[tuple[StepKind, Manifest, dict[str, Any]]]:
    """The component of one row between its processors: kind, manifest, parameters."""
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
    """config.json: the component's whole configuration, a processor's parameters only."""
    whole = configuration if kind is StepKind.COMPONENT else {}
    return config_file(whole, parameters, manifest.image_parameters, action="run")


def config_file(
    configuration: Mapping[str, Any],
    parameters: Mapping[str, Any],
    image_parameters: Mapping[str, Any],
    *,
    action: str,
) -> dict[str, Any]:
    """The content of config.json, without what only the runner reads and without an empty storage."""
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
    manifest = spec.manifest or BUILT_IN[COMMAND]
    configurations = list(_configurations(spec))
    for index, (row, configuration) in enumerate(configurations):
        program = program_of(configuration)
        yield Step(
            index=index,
            kind=StepKind.COMMAND,
            component=spec.component,
            row=row,
            execution=replace(
                manifest,
                command=program.command,
                pipeline=program.pipeline,
                shell=program.shell,
                cwd=program.cwd,
                environment={**(environment or {}), **program.environment},
                umask=program.umask,
            ),
            config_file=None,
            begins_row=True,
            takes_state=False,
            ends_row=True,
            ends_run=index == len(configurations) - 1,
        )


def program_of(configuration: Mapping[str, Any]) -> Program:
    """The program that a plain command's configuration names."""
    return from_store(configuration.get("parameters") or {}, Program)

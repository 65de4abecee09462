"""The steps of a run, from a frozen specification: rows in sequence, processors around each component.

A plan names programs, parameters and files' contents; it knows no folder, no process and no job id.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from locksided.runner.builtin import COMMAND
from locksided.runner.configuration import merged
from locksided.runner.fields import Fields
from locksided.runner.manifest import Execution, parse_execution
from locksided.runner.processors import SIDES, processor_key
from locksided.runner.program import parse_cwd, parse_environment, parse_program
from locksided.runner.specification import root_of
from locksided.runner.variables import filled
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
    execution: Execution
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


def plan(spec: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> tuple[Step, ...]:
    """All steps in their order; none when every row is disabled.

    `environment` is a plain command's own, which is stored apart from its specification.
    """
    if spec["component"] == COMMAND:
        return tuple(_commands(spec, environment))
    return tuple(_steps(spec))


def _configurations(spec: Mapping[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """What runs, row by row, merged and with its variables filled."""
    root, values = root_of(spec), spec["variables"]
    if spec["rows"] is None:
        yield None, filled(root, values)
        return
    for row in spec["rows"]:
        yield row["id"], filled(merged(root, row["configuration"]), values)


def _steps(spec: Mapping[str, Any]) -> Iterator[Step]:
    index = 0
    configurations = list(_configurations(spec))
    for number, (row, configuration) in enumerate(configurations, 1):
        chain = list(_chain(spec, configuration))
        for place, (kind, component, manifest, parameters) in enumerate(chain):
            execution = parse_execution(Fields(manifest, "$.component"))
            yield Step(
                index=index,
                kind=kind,
                component=component,
                row=row,
                execution=execution,
                config_file=_config_file(kind, configuration, execution, parameters),
                begins_row=place == 0,
                takes_state=kind is StepKind.COMPONENT,
                ends_row=place == len(chain) - 1,
                ends_run=place == len(chain) - 1 and number == len(configurations),
            )
            index += 1


def _chain(
    spec: Mapping[str, Any], configuration: Mapping[str, Any]
) -> Iterator[tuple[StepKind, str, Mapping[str, Any], Mapping[str, Any]]]:
    """The component of one row between its processors: kind, id, manifest, parameters."""
    processors = configuration.get("processors") or {}
    before, after = (processors.get(side) or [] for side in SIDES)
    for processor in before:
        yield _processor(spec, processor)
    yield StepKind.COMPONENT, spec["component"], spec["manifest"], configuration.get("parameters") or {}
    for processor in after:
        yield _processor(spec, processor)


def _processor(
    spec: Mapping[str, Any], processor: Mapping[str, Any]
) -> tuple[StepKind, str, Mapping[str, Any], Mapping[str, Any]]:
    definition = processor["definition"]
    manifest = spec["processors"][processor_key(definition["component"], definition.get("tag"))]
    return StepKind.PROCESSOR, definition["component"], manifest, processor.get("parameters") or {}


def _config_file(
    kind: StepKind, configuration: Mapping[str, Any], execution: Execution, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """config.json: the component's whole configuration, a processor's parameters only."""
    whole = configuration if kind is StepKind.COMPONENT else {}
    return config_file(whole, parameters, execution.image_parameters, action="run")


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


def _commands(spec: Mapping[str, Any], environment: Mapping[str, str] | None) -> Iterator[Step]:
    configurations = list(_configurations(spec))
    for index, (row, configuration) in enumerate(configurations):
        parameters = Fields(configuration, "$.configData").object("parameters")
        own = parse_environment(parameters.object("environment"))
        defaults = parse_execution(Fields({**spec["manifest"], "command": ["/bin/true"]}))
        yield Step(
            index=index,
            kind=StepKind.COMMAND,
            component=spec["component"],
            row=row,
            execution=Execution(
                program=parse_program(parameters),
                cwd=parse_cwd(parameters),
                environment={**(environment or {}), **own},
                image_parameters={},
                stop_signal=defaults.stop_signal,
                grace_seconds=defaults.grace_seconds,
                leftovers=defaults.leftovers,
                exit_codes=defaults.exit_codes,
            ),
            config_file=None,
            begins_row=True,
            takes_state=False,
            ends_row=True,
            ends_run=index == len(configurations) - 1,
        )

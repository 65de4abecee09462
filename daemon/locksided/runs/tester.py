"""How a condition is tested: the step of the test, and the meaning of its outcome. Pure."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from lockside.documents.component import COMMAND, Manifest
from lockside.documents.enums import CheckOutcome
from lockside.documents.recovery import Tester
from locksided.core.errors import Invalid
from locksided.keeper.messages import Outcome
from locksided.runs.action import Action, ActionFailed, value_in
from locksided.runs.builtin_components import BUILT_IN
from locksided.runs.failure_text import readable
from locksided.runs.message_text import cut
from locksided.runs.plan import DataFolder, Step
from locksided.runs.recovery_policy import main_step
from locksided.runs.specification import Specification, StepKind

MAX_MESSAGE_CHARACTERS = 1024
TEST_VARIABLE = "LOCKSIDE_TEST"
_ROOT = str(Path(__file__).resolve().parents[2])
_BOOT = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from locksided.steps.tester import main; raise SystemExit(main())"
)


def plan_test(tester: Tester, spec: Specification, steps: Sequence[Step]) -> Action:
    """Return the step of a test. Raises `Invalid` when the job has no component with actions."""
    limits = replace(spec.limits, timeout_seconds=tester.timeout_seconds)
    main = main_step(steps)
    if tester.action is not None:
        step = _of_action(tester.action, main)
    elif tester.command is not None:
        step = _of_command(tester.command, main)
    else:
        step = _of_lockside(tester)
    return Action(step, replace(spec, limits=limits))


def _of_action(name: str, main: Step | None) -> Step:
    if main is None or main.config_file is None:
        raise Invalid("This job has no component whose action could be asked.")
    content = {key: value for key, value in main.config_file.items() if key != "storage"}
    return Step(
        index=0,
        kind=StepKind.ACTION,
        component=main.component,
        row=main.row,
        execution=main.execution,
        files=main.files,
        config_file={**content, "action": name},
        folder=DataFolder.FRESH,
    )


def _of_command(argv: list[str], main: Step | None) -> Step:
    """Return a step for a command with the environment and image of the job's own step."""
    execution = BUILT_IN[COMMAND] if main is None else main.execution
    program = replace(execution, command=argv, pipeline=None, shell=None, shell_program=None, cwd=None)
    is_component = main is not None and main.kind is StepKind.COMPONENT
    return _without_data(program, StepKind.ACTION if is_component else StepKind.COMMAND)


def _of_lockside(tester: Tester) -> Step:
    order = msgspec.json.encode(tester).decode()
    program = replace(
        BUILT_IN[COMMAND],
        command=[sys.executable, "-I", "-S", "-c", _BOOT, _ROOT],
        environment={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", TEST_VARIABLE: order},
    )
    return _without_data(program, StepKind.COMMAND)


def _without_data(program: Manifest, kind: StepKind) -> Step:
    return Step(
        index=0,
        kind=kind,
        component=program.id,
        row=None,
        execution=program,
        config_file=None,
        folder=DataFolder.NONE,
    )


def found_of(
    outcome: Outcome, stdout: bytes, *, is_action: bool, timeout_seconds: float
) -> tuple[CheckOutcome, str]:
    """Return the result of a test that has ended, and its last line."""
    if outcome.refused is not None:
        return CheckOutcome.NOT_YET, cut(f"It could not be started: {outcome.refused.message}")
    if outcome.stopped == "timeout":
        return CheckOutcome.NOT_YET, f"no answer within {timeout_seconds:g} seconds"
    said = _last_line(outcome)
    if outcome.exit_code is None or outcome.exit_code == 1:
        return CheckOutcome.NOT_YET, said
    if outcome.exit_code > 1:
        return CheckOutcome.HOPELESS, said or f"exit code {outcome.exit_code}"
    return _answered(stdout, said) if is_action else (CheckOutcome.WELL, said)


def _answered(stdout: bytes, said: str) -> tuple[CheckOutcome, str]:
    """Return the result of an action, which may exit with 0 and answer that it failed."""
    try:
        value: Any = value_in(stdout)
    except ActionFailed as failure:
        return CheckOutcome.NOT_YET, cut(failure.message, MAX_MESSAGE_CHARACTERS)
    if isinstance(value, dict) and "error" in (value.get("status"), value.get("type")):
        message = str(value.get("message") or said)
        return CheckOutcome.NOT_YET, cut(message, MAX_MESSAGE_CHARACTERS)
    return CheckOutcome.WELL, said


def _last_line(outcome: Outcome) -> str:
    """Return the last line on stderr, else on stdout; the keeper has truncated and redacted both."""
    for text in (outcome.stderr_tail, outcome.stdout_tail):
        lines = readable(text).strip().splitlines()
        if lines:
            return cut(lines[-1].strip(), MAX_MESSAGE_CHARACTERS)
    return ""

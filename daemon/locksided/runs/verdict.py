"""How a step ended and whose fault it was, from the keeper's outcome and the component's exit codes. Pure.

Only the scheduler knows whether a job was asked to terminate: here `TERMINATED` just means that the keeper
stopped the step on request.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from lockside.documents import signals
from lockside.documents.component import ExitCodes
from lockside.documents.enums import ErrorType, FailureClass, FailureKind
from locksided.keeper.messages import Outcome
from locksided.runs.failure_text import readable, telling_line
from locksided.runs.message_text import MAX_MESSAGE_CHARACTERS, cut, last_of
from locksided.runs.operations import Operation

MAX_SUMMARY_CHARACTERS = 1024


class Verdict(Enum):
    """How a step or a run ended."""

    SUCCESS = auto()
    WARNING = auto()
    ERROR = auto()
    TERMINATED = auto()
    LOST = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """The cause of a failure; the message is for people and contains no secrets.

    `summary` is the most informative line of the message. `step`, `component`, `row` and `side` say where it
    failed, `where` describes it.
    """

    type: ErrorType
    kind: FailureKind
    message: str
    exit_code: int | None = None
    signal: int | None = None
    summary: str = ""
    step: int | None = None
    component: str | None = None
    row: str | None = None
    side: int | None = None
    where: str = ""

    def to_wire(self) -> dict[str, Any]:
        """Return `result.error`."""
        return {
            "type": self.type.value,
            "kind": self.kind.value,
            "exitCode": self.exit_code,
            "signal": self.signal,
            "message": self.message,
            "step": self.step,
            "component": self.component,
            "row": self.row,
            "side": self.side,
        }

    @property
    def texts(self) -> tuple[str, str]:
        """Return the message and its summary, each prefixed with the place of the failure."""
        before = f"{self.where}: " if self.where else ""
        return cut(before + self.message), before + (self.summary or self.message)

    @property
    def retry_class(self) -> FailureClass:
        """The class under which retry policies name it."""
        match self.kind:
            case FailureKind.TIMEOUT:
                return FailureClass.TIMEOUT
            case FailureKind.LOST:
                return FailureClass.LOST
            case _:
                return FailureClass(self.type.value)


@dataclass(frozen=True, slots=True)
class StepEnding:
    """The verdict on a step, and the failure that caused it, if any."""

    verdict: Verdict
    failure: Failure | None = None
    stopped_by: str | None = None


def ending_of(outcome: Outcome, exit_codes: ExitCodes, timeout_seconds: float | None) -> StepEnding:
    """Return the meaning of the keeper's outcome. The exit code of a step stopped on request is ignored."""
    if outcome.refused is not None:
        return failed(
            ErrorType.USER, FailureKind.SPAWN, f"It could not be started: {outcome.refused.message}"
        )
    if outcome.unreadable is not None:
        message = f"How it ended is lost: what its keeper recorded cannot be read ({outcome.unreadable})."
        return failed(ErrorType.APPLICATION, FailureKind.LOST, message)
    if outcome.is_lost:
        lost = failed(ErrorType.APPLICATION, FailureKind.LOST, "The job was lost with its machine or keeper.")
        return StepEnding(Verdict.LOST, lost.failure)
    match outcome.stopped:
        case "terminate":
            return StepEnding(Verdict.TERMINATED, stopped_by=outcome.stopped_by)
        case "timeout":
            limit = "" if timeout_seconds is None else f" of {timeout_seconds:g} seconds"
            sentence = f"It ran longer than its time limit{limit} and was stopped."
            return _died(outcome, ErrorType.APPLICATION, FailureKind.TIMEOUT, sentence)
        case _:
            return _ended_by_itself(outcome, exit_codes)


def operation_ending(
    operation: Operation, ending: StepEnding, message: str, problem: str | None
) -> StepEnding:
    """Return the ending of an operation that did not succeed.

    `message` is the program's own, `problem` what is wrong with the result that it left.
    """
    failure = ending.failure
    if failure is None:
        if ending.verdict is not Verdict.SUCCESS:
            return ending
        return failed(ErrorType.APPLICATION, operation.failure, f"{operation.title}: {problem}")
    if failure.kind is FailureKind.EXIT:
        said = cut(message or failure.message)
        failure = replace(failure, kind=operation.failure, message=said, summary=_summary(said))
    else:
        said, summary = failure.message, failure.summary
        failure = replace(
            failure, message=cut(f"{operation.title}: {said}"), summary=f"{operation.title}: {summary}"
        )
    return StepEnding(ending.verdict, failure)


def failed(error_type: ErrorType, kind: FailureKind, message: str) -> StepEnding:
    """Return an error that does not come from the end of a process."""
    return StepEnding(Verdict.ERROR, Failure(error_type, kind, cut(message), summary=_summary(message)))


def _died(outcome: Outcome, error_type: ErrorType, kind: FailureKind, sentence: str) -> StepEnding:
    """Return a failure in our words, followed by the end of the output."""
    tail = _tail(outcome)
    room = MAX_MESSAGE_CHARACTERS - len(sentence) - 1
    message = f"{sentence}\n{last_of(tail, room)}" if tail else sentence
    failure = Failure(error_type, kind, cut(message), outcome.exit_code, outcome.signal, sentence)
    return StepEnding(Verdict.ERROR, failure)


def _exited(outcome: Outcome, error_type: ErrorType) -> StepEnding:
    """Return a failure in the program's words, if it has any."""
    tail = _tail(outcome)
    message, summary = last_of(tail), telling_line(tail)
    if not tail:
        message = summary = f"exit code {outcome.exit_code}, no output"
    elif len(tail) > MAX_MESSAGE_CHARACTERS and summary not in message:  # it precedes a long trace
        message = f"{cut(summary)}\n{last_of(tail, MAX_MESSAGE_CHARACTERS - len(cut(summary)) - 1)}"
    failure = Failure(
        error_type, FailureKind.EXIT, cut(message), outcome.exit_code, outcome.signal, _summary(summary)
    )
    return StepEnding(Verdict.ERROR, failure)


def _summary(text: str) -> str:
    """Return a message on one line."""
    return cut(" ".join(text.split("\n", 1)[0].split()), MAX_SUMMARY_CHARACTERS)


def _ended_by_itself(outcome: Outcome, exit_codes: ExitCodes) -> StepEnding:
    code, number = outcome.exit_code, outcome.signal
    if number is None and code in exit_codes.success:
        return StepEnding(Verdict.SUCCESS)
    if outcome.out_of_memory:
        sentence = "It needed more memory than its limit allows and was stopped."
        return _died(outcome, ErrorType.APPLICATION, FailureKind.OUT_OF_MEMORY, sentence)
    if number is not None:
        sentence = f"It was ended by {signal_name(number)}."
        return _died(outcome, ErrorType.APPLICATION, FailureKind.SIGNAL, sentence)
    return _exited(
        outcome, ErrorType.USER if code in (exit_codes.user_error or ()) else ErrorType.APPLICATION
    )


def signal_name(number: int) -> str:
    """Return `SIGKILL` for 9; signals without a name get their number."""
    try:
        return signals.name(number)
    except ValueError:
        return f"signal {number}"


def _tail(outcome: Outcome) -> str:
    """Return the end of stderr, else of the GELF log, else of stdout.

    The keeper has truncated and redacted all of them.
    """
    for text in (outcome.stderr_tail, outcome.gelf_tail, outcome.stdout_tail):
        shown = readable(text).strip()
        if shown.strip("… \n"):
            return shown
    return ""

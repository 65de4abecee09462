"""Programs of the daemon that run as steps. Each kind is an entry of a table.

Such a step is started as `PROGRAM NAME FOLDER`. FOLDER belongs to the job's account, is outside the data
folder, and is removed with the step. The program reads FOLDER/order.json and writes FOLDER/result.json
atomically: `{"message": text, "result": {…}}`. Exit code 0 is success, 1 the user's fault, others ours. Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from lockside.documents.enums import FailureKind, Part
from locksided.keeper import strictjson
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH, BadJson
from locksided.runs.specification import Specification

ORDER_FILE = "order.json"
RESULT_FILE = "result.json"
MAX_RESULT_BYTES = 16 * 2**20
MOST_REPEATS = 3
"""How often a step that was lost with its keeper is started again alone, on one boot of the machine."""

Order: TypeAlias = Callable[[Specification, str | None], Mapping[str, Any] | None]

Claims: TypeAlias = Callable[[Specification, str, Sequence[Mapping[str, Any]]], Sequence[str] | None]
"""Which tables a step will write, by their paths, from the project and the results of earlier steps.

None if the step has nothing to do.
"""


class OperationPlace(Enum):
    """The position of an operation in a run."""

    BEFORE_RUN = auto()
    BEFORE_ROW = auto()
    """In the row's fresh data folder, which the row's component then finds as the operation left it."""
    AFTER_RUN = auto()
    AFTER_FAILURE = auto()
    """After a failed step, once a component has run; no other step runs then."""
    ALONE = auto()
    """It is the only step of a job of the component `lockside.storage`, whose parameters name it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of step.

    `order` returns the content of order.json for the specification and the row, or None if a run has no such
    step. `stage` is shown while it runs; `title` begins the message when it dies; `failure` is the kind of
    the faults it reports. `memory_bytes` is its own limit, beside that of the job. A step with `claims` may
    turn out to be unnecessary, and starts when the job has the tables. `timeout_seconds` replaces the rest of
    the job's time limit. `is_located` says whether its messages are prefixed with the step's place in the
    run. `part` is the part of a split job that alone has it.
    """

    name: str
    title: str
    place: OperationPlace
    program: Sequence[str]
    order: Order
    stage: str
    failure: FailureKind
    memory_bytes: int | None = None
    claims: Claims | None = None
    timeout_seconds: float | None = None
    is_located: bool = True
    part: Part | None = None


input_operation = partial(
    Operation,
    place=OperationPlace.BEFORE_ROW,
    stage="input_mapping",
    failure=FailureKind.INPUT,
    is_located=False,
)
"""A kind of step that provides each row's input."""

OPERATIONS: tuple[Operation, ...] = ()


def is_wanted(operation: Operation, spec: Specification) -> bool:
    """Return whether a run has the operation: in a split job some belong to one part alone."""
    if operation.part is not None:
        return spec.part is operation.part
    if operation.place in (OperationPlace.BEFORE_RUN, OperationPlace.BEFORE_ROW):
        return spec.reads_inputs
    return spec.stores_outputs


class BadResult(Exception):
    """The program left no usable result; the message says what is wrong with it."""


class OperationResult(NamedTuple):
    """The content of result.json: a message, members of the job's result, and unchecked commits of tables.

    `failed_records` counts the records it rejected, `records_bytes` is the size of the list they were added
    to; 0 without one. `files` are those it stored, unchecked.
    """

    message: str
    result: Mapping[str, Any]
    commits: Any
    is_warning: bool
    failed_records: int = 0
    records_bytes: int = 0
    files: Any = ()


def read_result(content: bytes | None) -> OperationResult:
    """Parse result.json. Raises BadResult."""
    if content is None:
        raise BadResult(f"It left no {RESULT_FILE}.")
    try:
        document = strictjson.read(content, MAX_DOCUMENT_DEPTH)
    except BadJson as problem:
        raise BadResult(f"Its {RESULT_FILE} {problem}.") from None
    if not isinstance(document, dict):
        raise BadResult(f"Its {RESULT_FILE} is not an object.")
    message, result = document.get("message", ""), document.get("result", {})
    if not isinstance(message, str) or not isinstance(result, dict):
        raise BadResult(f"Its {RESULT_FILE} must have a text as 'message' and an object as 'result'.")
    failed, size = (_number(document, name) for name in ("failedRecords", "recordsBytes"))
    is_warning = document.get("warning") is True
    return OperationResult(
        message, result, document.get("commits", []), is_warning, failed, size, document.get("files", [])
    )


def _number(document: Mapping[str, Any], name: str) -> int:
    found = document.get(name, 0)
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise BadResult(f"Its {RESULT_FILE} must have a number of 0 or more as {name!r}.")
    return found

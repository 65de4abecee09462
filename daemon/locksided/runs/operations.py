"""Programs of the daemon's own that run as steps. Each kind is an entry of a table.

Such a step is started as `PROGRAM NAME FOLDER`. FOLDER belongs to the job's account, is no part of the data
folder, and goes with the step. The program reads FOLDER/order.json and writes FOLDER/result.json, whole or
not at all: `{"message": text, "result": {…}}`. Exit code 0 is done, 1 the user's fault, above it ours. Pure.
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
"""So often a step that was lost with its keeper is started again alone, on one boot of the machine."""

Order: TypeAlias = Callable[[Specification, str | None], Mapping[str, Any] | None]

Claims: TypeAlias = Callable[[Specification, str, Sequence[Mapping[str, Any]]], Sequence[str] | None]
"""Which tables a step will write, by their paths, from the project and the results of the steps before it.

None when there is nothing for it to do.
"""


class OperationPlace(Enum):
    """Where in a run an operation stands."""

    BEFORE_RUN = auto()
    BEFORE_ROW = auto()
    """In the row's fresh data folder, which the row's component then finds as the operation left it."""
    AFTER_RUN = auto()
    AFTER_FAILURE = auto()
    """After a step that failed, once a component has run; no other step runs then."""
    ALONE = auto()
    """It is all of a job of the component `lockside.storage`, whose parameters name it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of step.

    `order` makes the content of order.json from the specification and the row, or None where a run has no
    such step. `stage` is what the job shows while it runs; `title` begins the message when it dies; `failure`
    is the kind of what it finds wrong. `memory_bytes` is its own limit, beside that of the job. A step with
    `claims` may turn out to be needless, and begins when the job has the tables. `timeout_seconds` is a time
    of its own, instead of what is left of the job's. `is_located` tells whether its messages stand behind
    the step's place in the run. `part` is that of the jobs that have it alone.
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
"""A kind of step that gives each row its input."""

OPERATIONS: tuple[Operation, ...] = ()


def is_wanted(operation: Operation, spec: Specification) -> bool:
    """Whether a run has it at all: of a job that is cut some belong to one part alone."""
    if operation.part is not None:
        return spec.part is operation.part
    if operation.place in (OperationPlace.BEFORE_RUN, OperationPlace.BEFORE_ROW):
        return spec.reads_inputs
    return spec.stores_outputs


class BadResult(Exception):
    """The program left no result that can be used; the message says what is wrong with it."""


class OperationResult(NamedTuple):
    """What result.json says: a message, members of the job's result, and commits of tables, not checked.

    `failed_records` is how many records it left out, `records_bytes` how long the list is to which it added
    them; 0 without one. `files` are those that it stored, not checked.
    """

    message: str
    result: Mapping[str, Any]
    commits: Any
    is_warning: bool
    failed_records: int = 0
    records_bytes: int = 0
    files: Any = ()


def read_result(content: bytes | None) -> OperationResult:
    """What result.json says. Raises BadResult."""
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

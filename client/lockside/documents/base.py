"""The base of all types of documents: strict input, lenient output, and the bounds of ids, names and numbers.

Field names are snake case in Python and camel case in JSON. Text forms ("1.5GB", "high", "02:30:00") are
accepted as input and converted to numbers when the object is created.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct
from msgspec.structs import force_setattr

from lockside.documents import quantities, signals, times

NAME_PATTERN = r"^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)"
JOB_ID_PATTERN = (
    r"^([0-9]{1,18}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})$(?!\n)"
)
NUMBER_PATTERN = r"^[0-9]{1,18}$(?!\n)"
RUN_ID_PATTERN = r"^[0-9]{1,18}(\.[0-9]{1,18})*$(?!\n)"
RUN_ID_PREFIX_PATTERN = r"^[0-9]{1,18}(\.[0-9]{1,18})*\.?$(?!\n)"
LOCK_PATTERN = r"^(exclusive|none|shared:([1-9][0-9]{0,5}|1000000))$(?!\n)"
VARIABLE_PATTERN = r"^#?[A-Za-z_][A-Za-z0-9_.-]*$(?!\n)"
NO_NUL_PATTERN = r"^[^\x00]*$"
ENVIRONMENT_NAME_PATTERN = r"^[^=\x00]+$"
UMASK_PATTERN = r"^(0?[0-7]{3})?$(?!\n)"
PATH_PATTERN = r"^/[^\x00]*$"
HEX_PATTERN = r"^[0-9a-f]{1,64}$(?!\n)"
HEADER_PATTERN = r"^[A-Za-z0-9-]{1,64}$(?!\n)"
OPTIONAL_URL_PATTERN = r"^(https?://.+)?$"
KEY_ID_PATTERN = r"^[0-9a-f]{8}$(?!\n)"

MAX_INTEGER = 2**53 - 1

JobId = Annotated[str, Meta(pattern=JOB_ID_PATTERN, description="A job's id or uuid.", examples=["1234"])]
RunId = Annotated[str, Meta(pattern=RUN_ID_PATTERN, max_length=4096, examples=["12.15"])]
RunIdPrefix = Annotated[str, Meta(pattern=RUN_ID_PREFIX_PATTERN, max_length=4096)]
ProjectId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=64)]
BranchId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=64)]
ComponentId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=80)]
ConfigId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=255)]
RowId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=255)]
PoolId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=255)]
ResourceId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=64)]
SystemId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=64, examples=["archive"])]
VariablesId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=255)]
TaskId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=255)]
Tag = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=128)]
ActionName = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=64)]
DeduplicationId = Annotated[str, Meta(min_length=1, max_length=255)]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=NO_NUL_PATTERN)]
Text = Annotated[str, Meta(max_length=16_384, pattern=NO_NUL_PATTERN)]
Label = Annotated[str, Meta(max_length=255, pattern=NO_NUL_PATTERN)]
Labels = Annotated[dict[Name, Label], Meta(max_length=64)]
EventKind = Annotated[str, Meta(min_length=1, max_length=32)]
TemplateName = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]
LockPolicy = Annotated[str, Meta(pattern=LOCK_PATTERN, examples=["exclusive", "shared:3", "none"])]
LockKey = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]
Argument = Annotated[str, Meta(max_length=131_072, pattern=NO_NUL_PATTERN)]
Arguments = Annotated[list[Argument], Meta(min_length=1, max_length=10_000)]
Environment = dict[Annotated[str, Meta(pattern=ENVIRONMENT_NAME_PATTERN, max_length=1024)], Argument]
ExitCode = Annotated[int, Meta(ge=0, le=255)]
Umask = Annotated[str, Meta(pattern=UMASK_PATTERN, examples=["022", "077"])]
Sequence = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
StoredVersion = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]

VariableName = Annotated[str, Meta(pattern=VARIABLE_PATTERN, max_length=255)]


def _text(pattern: str, *examples: str) -> Any:
    """A text form; its pattern is only documented, because the function that reads the text has a better
    message.
    """
    return Annotated[
        str, Meta(max_length=255, examples=list(examples), extra_json_schema={"pattern": pattern})
    ]


if TYPE_CHECKING:  # the canonical value; more forms are accepted, below
    Time = str
    Priority = int
    MemoryBytes = int
    Seconds = float
    DelaySeconds = float
    GraceSeconds = float
    TimeoutSeconds = float
    Share = float
    Slots = int | Literal["infinity"]
    Version = int
    Signal = str
else:
    _Duration = _text(quantities.DURATION_PATTERN, "02:30:00", "1h30m", "90s")
    Time = _text(times.TIME_PATTERN, "2026-01-31T08:00:00Z")
    Priority = Annotated[int, Meta(ge=-100, le=100)] | _text(quantities.PRIORITY_PATTERN, "high")
    MemoryBytes = Annotated[int, Meta(ge=1, le=quantities.MAX_BYTES)] | _text(
        quantities.SIZE_PATTERN, "1.5GB"
    )
    Seconds = Annotated[float, Meta(ge=0, le=quantities.MAX_SECONDS)] | _Duration
    DelaySeconds = Annotated[float, Meta(ge=0, le=quantities.MAX_DELAY_SECONDS)] | _Duration
    GraceSeconds = Annotated[float, Meta(ge=0, le=quantities.MAX_GRACE_SECONDS)] | _Duration
    TimeoutSeconds = Annotated[float, Meta(gt=0, le=quantities.MAX_SECONDS)] | _Duration
    Share = Annotated[float, Meta(ge=0, le=1)] | bool
    Slots = Annotated[int, Meta(ge=0, le=quantities.MAX_COUNT)] | _text(
        quantities.COUNT_PATTERN, "infinity", "4"
    )
    Version = StoredVersion | _text(quantities.VERSION_PATTERN, "16")
    Signal = Annotated[int, Meta(ge=1, le=64)] | _text(signals.PATTERN, "SIGTERM")


class FieldError(ValueError):
    """A value that the type allows but is invalid; `field` is its field in the object."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(f"{message} - at `.{field}`")
        self.message, self.field = message, field


def camel(name: str) -> str:
    """Return the wire's spelling of a field."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


@cache
def snake(name: str) -> str:
    """Return Python's spelling of a name of the wire."""
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


class Document(Struct, frozen=True, kw_only=True, rename="camel"):
    """A JSON object whose text forms are converted on creation; unknown members are accepted.

    `reads` maps fields to the functions that return their canonical values. `same_as` has types whose members
    of the same name have the same meaning, for the reference.

    Attributes:
        project: The project: the namespace of configurations, locks and deduplication ids.
        deduplication_id: A repeated call with the same id by the same user has no further effect.
        deduplicated: True if the call repeated an earlier one with the same `deduplicationId`.
        fields: Return only these members of a job, and its id.
        component: The component's id.
        config: The configuration's id.
        branch_id: The branch of the configuration.
        pool: The pool's id.
        job: The job's id.
        jobs: The jobs.
        row: The row's id.
        version: The version; null means the current one.
        tag: The component's tag to run.
        id: The id.
        name: A name for people.
        description: A description for people.
        time: When it happened.
        is_disabled: Whether it is refused unless the mode is `forceRun`.
        values: The names and values.
        change_description: What changed and why, for the list of versions.
        run_id: The ids of the job and of all jobs above it, joined by dots.
        principal: Who caused it.
        count: The number.
        dry_run: Check the request and return what would happen; change nothing.
        changed_by: Who created this version.
        is_deleted: Whether it is deleted; its versions stay readable.
        table: The table's id.
        tables: The tables.
        subscription: The id of the subscription.
        primary_key: The columns of the primary key.
        pid: The process id.
        moment: The moment.
        error: Why it failed.
    """

    reads: ClassVar[Mapping[str, Callable[[Any], object]]] = {}
    same_as: ClassVar[tuple[type, ...]] = ()
    is_stored: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, read in self.reads.items():
            value = getattr(self, name)
            if value is None or value is UNSET:
                continue
            try:
                force_setattr(self, name, read(value))
            except ValueError as problem:
                named = dict(zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True))
                raise FieldError(str(problem), named[name]) from None
        self.check()

    def check(self) -> None:
        """Raises FieldError for values that the types of the fields allow but that are invalid."""


class In(Document, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Input from a caller: an unknown member is an error that names it."""


class Out(Document, frozen=True, kw_only=True):
    """Output of the daemon: a newer daemon may add members."""


class ListPage(Out, frozen=True, kw_only=True):
    """A page of a list.

    Attributes:
        next_cursor: The `cursor` of the next page; null on the last one.
    """

    next_cursor: str | None = None

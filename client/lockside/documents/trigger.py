"""Triggers: what must happen for a job to be created, and which job."""

from typing import Annotated

from msgspec import Meta, field
from msgspec.structs import force_setattr

from lockside.documents import quantities
from lockside.documents.base import (
    NO_NUL_PATTERN,
    PATH_PATTERN,
    BranchId,
    ComponentId,
    ConfigId,
    DelaySeconds,
    FieldError,
    GraceSeconds,
    In,
    camel,
)
from lockside.documents.enums import FINAL, Status, TriggerWhen
from lockside.documents.schedule import JobMaker
from lockside.documents.storage import TableId

Pattern = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]


class JobCondition(In, frozen=True, kw_only=True):
    """Which jobs match: those of a component, or of one configuration of it.

    Attributes:
        branch_id: The branch of the configuration; null means any.
    """

    component: ComponentId
    config: ConfigId | None = None
    branch_id: BranchId | None = None


class FilesCondition(In, frozen=True, kw_only=True):
    """Which files match: regular files in a folder, without links and subfolders.

    Attributes:
        folder: The absolute path of the folder; it need not exist yet.
        match: A pattern for the file's name; `*` matches any characters, `?` one.
        exclude: Patterns of names that are ignored.
        settle_seconds: A file counts once its size and time have not changed for so long.
        existing: Whether files count that exist when the trigger is stored.
        poll_seconds: The interval of listing the folder, for network file systems, which report no changes.
    """

    reads = {"settle_seconds": quantities.grace_period, "poll_seconds": quantities.grace_period}

    folder: Annotated[str, Meta(min_length=1, max_length=4000, pattern=PATH_PATTERN)]
    match: Pattern = "*"
    exclude: Annotated[list[Pattern], Meta(max_length=100)] = field(
        default_factory=lambda: [".*", "*.part", "*.tmp"]
    )
    settle_seconds: GraceSeconds = 2.0
    existing: bool = False
    poll_seconds: GraceSeconds | None = None

    def check(self) -> None:
        """Raises FieldError for an interval below 1 second."""
        if self.poll_seconds is not None and self.poll_seconds < 1:
            raise FieldError("It must be at least 1 second", "pollSeconds")


class Condition(In, frozen=True, kw_only=True):
    """A condition: exactly one of `table`, `job` and `files` is given.

    Attributes:
        table: The id of a table; a new version of it becomes visible.
        branch_id: The branch of the table; null means `default`.
        job: The jobs that end.
        status: The final statuses of these jobs; null means `success` and `warning`.
        files: The files that appear.
    """

    table: TableId | None = None
    branch_id: BranchId | None = None
    job: JobCondition | None = None
    status: Annotated[list[Status], Meta(min_length=1, max_length=5)] | None = None
    files: FilesCondition | None = None

    def check(self) -> None:
        """Raises FieldError unless exactly one condition is given, and for members of another condition."""
        given = [name for name in ("table", "job", "files") if getattr(self, name) is not None]
        if len(given) != 1:
            raise FieldError("Give exactly one of `table`, `job` and `files`", (given or ["job"])[-1])
        for name, whose in (("branch_id", "table"), ("status", "job")):
            if getattr(self, name) is not None and whose not in given:
                raise FieldError(f"It belongs to `{whose}`: omit it", camel(name))
        for place, status in enumerate(self.status or ()):
            if status not in FINAL:
                text = (
                    f"No job ends as {status.value}: name one of {', '.join(s for s in Status if s in FINAL)}"
                )
                raise FieldError(text, f"status[{place}]")
        if self.job is not None and self.status is None:
            force_setattr(self, "status", [Status.SUCCESS, Status.WARNING])


class TriggerSpec(JobMaker, frozen=True, kw_only=True):
    """What must happen for a job to be created, and which job.

    Attributes:
        id: The trigger's id; in a file, the file's name.
        on: The conditions.
        when: Whether one condition is enough (`any`), or each is required since the last firing (`all`).
        cool_down_seconds: The minimum time between two firings; causes in between are kept.
        quiet_seconds: It fires once nothing more has happened for so long.
        max_wait_seconds: The maximum time to wait for `quietSeconds` to pass.
    """

    reads = {
        "cool_down_seconds": quantities.delay,
        "quiet_seconds": quantities.delay,
        "max_wait_seconds": quantities.delay,
    }

    on: Annotated[list[Condition], Meta(min_length=1, max_length=100)]
    when: TriggerWhen = TriggerWhen.ANY
    cool_down_seconds: DelaySeconds = 0.0
    quiet_seconds: DelaySeconds = 0.0
    max_wait_seconds: DelaySeconds = 3600.0

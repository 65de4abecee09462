"""The methods that change, end or rerun a job."""

from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, UnsetType, field

from lockside.documents import quantities
from lockside.documents.base import FieldError, JobId, Labels, Name, Priority, Text
from lockside.documents.enums import RetryScope
from lockside.documents.request import JobChanges
from lockside.documents.storage import TableId
from lockside.protocol.declaration import Mutation, OtherUse, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import CREATION, ONE, JobFields
from lockside.protocol.types.jobs import Job, Jobs, Purged, TerminationPlan
from lockside.protocol.types.storage import UndoPlan
from lockside.protocol.words import Role

MOST_NUMBERS: Final = 10_000
RecordNumber = Annotated[int, Meta(ge=1)]
STEERING: Final = (ErrorKind.NOT_FOUND, ErrorKind.INVALID_TRANSITION)


class JobAction(Mutation, frozen=True, kw_only=True):
    """A job to act on.

    Attributes:
        id: The job's id or uuid.
    """

    id: JobId
    fields: JobFields | None = None


@method(
    "job.terminate",
    Role.OPERATOR,
    answers=Job,
    other=OtherUse(
        given="dry_run",
        answers=TerminationPlan,
        called="job.preview_terminate",
        summary="Return what `job.terminate` would stop, cancel, free and let start.",
    ),
    refuses=[ErrorKind.NOT_FOUND],
    example=ONE,
)
class JobTerminate(JobAction, frozen=True, kw_only=True):
    """Stop or cancel a job and all jobs below it."""

    dry_run: bool = False


@method("job.hold", Role.OPERATOR, answers=Job, refuses=STEERING, example=ONE)
class JobHold(JobAction, frozen=True, kw_only=True):
    """Keep a job that has not started from starting."""


@method("job.release", Role.OPERATOR, answers=Job, refuses=STEERING, example=ONE)
class JobRelease(JobAction, frozen=True, kw_only=True):
    """Let a held job start."""


@method("job.unblock", Role.OPERATOR, answers=Job, refuses=STEERING, example=ONE)
class JobUnblock(JobAction, frozen=True, kw_only=True):
    """Release a job that recovery blocks, without a test: it starts again from the beginning."""


@method("job.pause", Role.OPERATOR, answers=Job, refuses=(*STEERING, ErrorKind.DISABLED), example=ONE)
class JobPause(JobAction, frozen=True, kw_only=True):
    """Suspend the processes of a running job, or of all running jobs in a container."""


@method("job.resume", Role.OPERATOR, answers=Job, refuses=STEERING, example=ONE)
class JobResume(JobAction, frozen=True, kw_only=True):
    """Continue a paused job, or the paused jobs in a container."""


@method(
    "job.reprioritise", Role.OPERATOR, answers=Job, refuses=STEERING, example={"id": "17", "priority": "high"}
)
class JobReprioritise(JobAction, frozen=True, kw_only=True):
    """Change the priority of a job that has not started.

    Attributes:
        priority: The new priority: -100 to 100, or lowest, low, normal, high, highest.
    """

    reads = {"priority": quantities.priority}

    priority: Priority


@method(
    "job.annotate",
    Role.OPERATOR,
    answers=Job,
    refuses=[ErrorKind.NOT_FOUND],
    example={"id": "17", "name": "nightly"},
)
class JobAnnotate(JobAction, frozen=True, kw_only=True):
    """Change the name, description and labels of a job.

    A member that is not given stays as it is; null removes it.

    Attributes:
        name: The new name; null removes it.
        description: The new description; null removes it.
        labels: The new labels, all of them.
    """

    name: Name | UnsetType | None = UNSET
    description: Text | UnsetType | None = UNSET
    labels: Labels | UnsetType = UNSET


@method("job.hide", Role.OPERATOR, answers=Job, refuses=[ErrorKind.NOT_FOUND], example=ONE)
class JobHide(JobAction, frozen=True, kw_only=True):
    """Hide a job from lists."""


@method("job.unhide", Role.OPERATOR, answers=Job, refuses=[ErrorKind.NOT_FOUND], example=ONE)
class JobUnhide(JobAction, frozen=True, kw_only=True):
    """Show a hidden job in lists again."""


@method(
    "job.acknowledge",
    Role.OPERATOR,
    answers=Job,
    refuses=STEERING,
    positional=["comment"],
    example={"id": "17", "comment": "the source was down"},
)
class JobAcknowledge(JobAction, frozen=True, kw_only=True):
    """Record that a failure was seen; lists of open failures omit the job.

    Attributes:
        comment: Why nothing more needs to be done.
    """

    comment: Text | None = None


@method("job.unacknowledge", Role.OPERATOR, answers=Job, refuses=[ErrorKind.NOT_FOUND], example=ONE)
class JobUnacknowledge(JobAction, frozen=True, kw_only=True):
    """Revoke an acknowledgement."""


@method("job.purge", Role.ADMIN, answers=Purged, refuses=STEERING, example=ONE)
class JobPurge(Mutation, frozen=True, kw_only=True):
    """Remove a final job; only one event remains.

    Attributes:
        id: The job's id or uuid.
    """

    id: JobId


@method(
    "job.retry", Role.OPERATOR, answers=Job, refuses=[*CREATION, ErrorKind.INVALID_TRANSITION], example=ONE
)
class JobRetry(JobAction, frozen=True, kw_only=True):
    """Run a final job again as its retry.

    A retry of failed records reads only those: of the job, of the jobs below it and of their retries.

    Attributes:
        resume: Carry over what succeeded, down to rows: only the rest and later phases run.
        scope: Whether it processes everything, only open failed records, or only the chunks that did not
            succeed.
        numbers: Only these failed records, as numbered by `job.records`; all if empty.
        replace: Corrected contents of some of the records, by number.
        dry_run: Return what would be created, with the `plan` of an orchestration; create nothing.
    """

    resume: bool = False
    scope: RetryScope = RetryScope.ALL
    numbers: Annotated[list[RecordNumber], Meta(max_length=MOST_NUMBERS)] = []
    replace: Annotated[dict[str, dict[str, Any]], Meta(max_length=MOST_NUMBERS)] = {}
    dry_run: bool = False

    def check(self) -> None:
        """Raises FieldError for parameters that require another scope."""
        if self.scope is not RetryScope.FAILED_RECORDS:
            for name in ("numbers", "replace"):
                if getattr(self, name):
                    raise FieldError("It goes with the scope failedRecords alone", name)
        if self.resume and self.scope is not RetryScope.ALL:
            raise FieldError("What is carried over is said by `scope` already", "resume")


@method("job.retryAllFailed", Role.OPERATOR, answers=Jobs, refuses=CREATION, example=ONE)
class JobRetryAllFailed(JobAction, frozen=True, kw_only=True):
    """Retry every failed job below a job, or all open failed records.

    Attributes:
        scope: Whether each failed job runs again, only its failed chunks, or only its open failed records.
    """

    scope: RetryScope = RetryScope.ALL


@method(
    "job.resubmit",
    Role.OPERATOR,
    answers=Job,
    refuses=CREATION,
    positional=["changes"],
    example={"id": "17", "with": {"mode": "debug"}},
)
class JobResubmit(JobAction, frozen=True, kw_only=True):
    """Create an independent job from the same request.

    Attributes:
        changes: The members of the request to change.
        pinned: Whether it reads the table versions that the first job read.
    """

    changes: JobChanges = field(default_factory=JobChanges, name="with")
    pinned: bool = False


@method(
    "job.undo",
    Role.OPERATOR,
    answers=Job,
    other=OtherUse(
        given="dry_run",
        answers=UndoPlan,
        called="job.preview_undo",
        summary="Return what `job.undo` would change, and which jobs changed it since.",
    ),
    refuses=[*CREATION, ErrorKind.DISABLED, ErrorKind.INVALID_TRANSITION],
    positional=["tables"],
    example=ONE,
)
class JobUndo(JobAction, frozen=True, kw_only=True):
    """Restore the tables that a job wrote and the states that it saved to what they were before it.

    Tables get new versions with the old content; tables that the job created go to the trash. All changes
    become visible at once. The result is the job that makes them.

    Attributes:
        tables: Only these tables, and no states; all tables and states of the job if empty.
        force: Also restore what other jobs have changed since; their changes are lost.
    """

    tables: Annotated[list[TableId], Meta(max_length=1000)] = []
    dry_run: bool = False
    force: bool = False


@method(
    "job.amend",
    Role.OPERATOR,
    answers=Job,
    refuses=[*CREATION, ErrorKind.INVALID_TRANSITION],
    example={"id": "17", "with": {"priority": "low"}},
)
class JobAmend(JobAction, frozen=True, kw_only=True):
    """Replace a job that never started; the new one keeps its place in the queue.

    Attributes:
        changes: The members of the request to change.
    """

    changes: JobChanges = field(name="with")

"""The results of tools as data. Texts written by jobs are between marks here, too."""

from typing import Any

from lockside.documents.base import Out


class JobBrief(Out, frozen=True, kw_only=True):
    """A summary of a job.

    Attributes:
        status: created, waiting, processing, terminating, success, warning, error, cancelled or terminated.
        duration_seconds: How long it has been running.
        message: The message of the job or its failure, between marks.
    """

    id: str
    name: str | None = None
    status: str
    component: str | None = None
    config: str | None = None
    created_time: str
    start_time: str | None = None
    end_time: str | None = None
    duration_seconds: float | None = None
    message: str = ""


class JobsAnswer(Out, frozen=True, kw_only=True):
    """Jobs, the newest first.

    Attributes:
        cursor: Pass it for the next jobs; null at the end.
    """

    jobs: list[JobBrief]
    cursor: str | None = None


class JobAnswer(Out, frozen=True, kw_only=True):
    """One job.

    Attributes:
        job: The summary of the job.
        error_kind: The kind of failure.
        exit_code: The exit code of its process.
        pool: Its pool.
        parent: The parent job.
        children: The number of its children by status.
        reasons: Why it waits, in sentences.
        deduplicated: Whether an earlier call with the same `deduplicationId` created it.
    """

    job: JobBrief
    error_kind: str | None = None
    exit_code: int | None = None
    pool: str | None = None
    parent: str | None = None
    labels: dict[str, str] = {}
    children: dict[str, int] = {}
    reasons: list[str] = []
    deduplicated: bool = False


class Why(Out, frozen=True, kw_only=True):
    """A reason why a job waits.

    Attributes:
        kind: The kind of reason.
        since: Since when it holds.
        message: The reason in a sentence.
        unblock: What would clear it.
    """

    kind: str
    since: str
    message: str
    unblock: str


class WhyAnswer(Out, frozen=True, kw_only=True):
    """Why a job waits.

    Attributes:
        id: The job.
        status: Its status.
        reasons: All reasons; empty if it does not wait.
        position: Its position in the queue of its pool.
    """

    id: str
    status: str
    reasons: list[Why]
    position: int | None = None


class LogAnswer(Out, frozen=True, kw_only=True):
    """A part of a log.

    Attributes:
        id: The job.
        output: Its output, between marks.
        cursor: Pass it for the next part, now or later; null if the log has ended.
        is_complete: Whether the log has ended.
    """

    id: str
    output: str
    cursor: str | None = None
    is_complete: bool


class StatsAnswer(Out, frozen=True, kw_only=True):
    """Counts and durations of jobs.

    Attributes:
        groups: Each group with its count and its durations in seconds.
        is_cut: Whether there are more groups than were returned.
    """

    groups: list[dict[str, Any]]
    is_cut: bool = False


class DocumentAnswer(Out, frozen=True, kw_only=True):
    """A stored document, or a part of it.

    Attributes:
        version: Its version.
        text: The document as JSON, or a part of that text.
        cursor: Pass it for the rest; null at the end.
    """

    component: str
    config: str
    version: int
    text: str
    cursor: str | None = None


class ComponentBrief(Out, frozen=True, kw_only=True):
    """A summary of a component.

    Attributes:
        type: The type of component.
    """

    id: str
    name: str | None = None
    type: str | None = None
    version: int | None = None
    description: str | None = None


class ComponentsAnswer(Out, frozen=True, kw_only=True):
    """Components, by id.

    Attributes:
        components: The components.
        cursor: Pass it for the next ones; null at the end.
    """

    components: list[ComponentBrief]
    cursor: str | None = None


class KillAnswer(Out, frozen=True, kw_only=True):
    """What a kill would do, or did.

    Attributes:
        id: The job.
        is_done: Whether the job was told to stop; false for a preview.
        stopped: The jobs whose processes are stopped.
        cancelled: The jobs that will never start.
        freed: The locks that become free.
        started: The jobs that start as a result.
        confirm: The word that confirms this preview, valid for 60 seconds; null once it is done.
        status: The job's status after it.
    """

    id: str
    is_done: bool
    stopped: list[str] = []
    cancelled: list[str] = []
    freed: list[str] = []
    started: list[str] = []
    confirm: str | None = None
    status: str

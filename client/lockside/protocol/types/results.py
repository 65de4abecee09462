# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""What a run leaves behind: its process, its result, and what a stop ended."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out
from lockside.documents.enums import ErrorType, FailureKind, TaskAction


class Process(Out, frozen=True, kw_only=True):
    """The last process of a job. Processor time in seconds, memory in bytes.

    Attributes:
        pid: The process id.
        start_token: The token of the start.
        spawn_time: When it was started.
        exit_time: When it ended.
        exit_code: Its exit code.
        signal: The signal that ended it.
        user_seconds: Processor time in user mode.
        system_seconds: Processor time in the kernel.
        max_rss_bytes: The most memory that it used.
    """

    pid: int | None = None
    start_token: str | None = None
    spawn_time: str | None = None
    exit_time: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    user_seconds: float | None = None
    system_seconds: float | None = None
    max_rss_bytes: int | None = None


class JobError(Out, frozen=True, kw_only=True):
    """How a job failed and whose fault it was.

    Attributes:
        type: Whose fault it was.
        kind: How the job failed.
        exit_code: The exit code, if a program ended by itself.
        signal: The signal, if one ended it.
        message: What the program wrote to stderr, at most its last 4 KiB, or a sentence of the daemon.
    """

    type: ErrorType
    kind: FailureKind
    exit_code: int | None = None
    signal: int | None = None
    message: str | None = None


class MappedData(Out, frozen=True, kw_only=True):
    """Tables and files that were read or written.

    Attributes:
        tables: The tables.
        files: The files.
        omitted: How many of both are not listed: 10,000 of each are.
    """

    tables: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    omitted: int | UnsetType = UNSET


class Counts(Out, frozen=True, kw_only=True):
    """Records that went well, failed and were left out.

    Attributes:
        success: Records that went well.
        error: Records that failed.
        ignored: Records that were left out.
    """

    success: int = 0
    error: int = 0
    ignored: int = 0


class TaskResult(Out, frozen=True, kw_only=True):
    """What was done with a task of a phase; `job` is null when no job was created.

    Attributes:
        id: The task's id.
        action: What was done with the task.
        job: The job of the task.
    """

    id: str
    action: TaskAction
    job: str | None = None


class Result(Out, frozen=True, kw_only=True):
    """The result of a job.

    Attributes:
        message: How it ended, in a sentence.
        config_version: The version of the configuration that ran.
        images: The images that ran.
        input: What was read.
        output: What was written.
        counts: Records, as the job reported them.
        artifacts: Artifacts; `stages` lists the archives of mode debug.
        variables: The values of variables that were used.
        tasks: What was done with each task of a phase.
        error: Why the job failed; null when it did not.
    """

    message: str | None = None
    config_version: int | None = None
    images: list[Any] = []
    input: MappedData = MappedData()
    output: MappedData = MappedData()
    counts: Counts = Counts()
    artifacts: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    tasks: list[TaskResult] = []
    error: JobError | None = None


class KilledProcess(Out, frozen=True, kw_only=True):
    """One process that was stopped, and with which signal.

    Attributes:
        pid: The process id.
        name: The program's name.
        signal: The signal that was sent.
        time: When it was sent.
    """

    pid: int
    name: str
    signal: int | None = None
    time: str | None = None


class KillReport(Out, frozen=True, kw_only=True):
    """What a stop ended, and how it is known that nothing is left; empty without a stop.

    Attributes:
        proof: How it is known that nothing is left.
        processes: The processes that were stopped.
        omitted: How many of them are not listed: 1,000 are.
    """

    proof: Literal["cgroup", "scan"] | UnsetType = UNSET
    processes: list[KilledProcess] | UnsetType = UNSET
    omitted: int | UnsetType = UNSET

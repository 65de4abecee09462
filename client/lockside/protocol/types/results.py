"""The outcome of a run: its process, its result, and the processes that a stop ended."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out
from lockside.documents.enums import ErrorType, FailureKind, RecoveryEnd, Status, TaskAction


class StepUsage(Out, frozen=True, kw_only=True):
    """The resources that the processes of a step used.

    Attributes:
        user_seconds: Processor time in user mode.
        system_seconds: Processor time in the kernel.
        max_rss_bytes: The most memory that it used.
        source: `cgroup` if it counts all processes, `processes` if only those that were waited for.
    """

    user_seconds: float | None = None
    system_seconds: float | None = None
    max_rss_bytes: int | None = None
    source: Literal["cgroup", "processes"] | None = None


class StepResult(Out, frozen=True, kw_only=True):
    """One step of a run that has ended.

    Attributes:
        step: Its number, from 1.
        row: The row; null for the configuration itself.
        kind: Whether a component, a processor, a plain command or an operation of the daemon ran.
        component: The component.
        operation: The operation.
        tag: The tag of the component's version.
        status: How it ended.
        exit_code: Its exit code; of a pipeline that of the side that decides.
        exit_codes: The exit codes of all sides of a pipeline; a negative number is the signal that ended the
            side.
        signal: The signal that ended it.
        start_time: When it was started.
        end_time: When it ended.
        usage: The resources that its processes used.
    """

    step: int
    row: str | None = None
    kind: Literal["component", "processor", "command", "action", "operation"] = "component"
    component: str | None = None
    operation: str | None = None
    tag: str | None = None
    status: Literal["success", "warning", "error", "terminated", "lost"] = "success"
    exit_code: int | None = None
    exit_codes: list[int | None] = []
    signal: int | None = None
    start_time: str | None = None
    end_time: str | None = None
    usage: StepUsage = StepUsage()


class LeftProcess(Out, frozen=True, kw_only=True):
    """A process that outlives the program that started it.

    Attributes:
        name: The program's name.
    """

    pid: int
    name: str


class Process(Out, frozen=True, kw_only=True):
    """The last process of a job, and the resources that the processes of all steps used.

    Attributes:
        start_token: The token of the start.
        spawn_time: When it was started.
        exit_time: When it ended.
        exit_code: Its exit code.
        signal: The signal that ended it.
        user_seconds: Processor time in user mode.
        system_seconds: Processor time in the kernel.
        max_rss_bytes: The most memory that a step used.
        usage_source: `cgroup` if it counts all processes, `processes` if only those that were waited for.
        leftovers: In the stage `leftovers` the processes that still live.
        leftovers_stop_time: When they will be stopped; null if they are waited for.
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
    usage_source: Literal["cgroup", "processes"] | None = None
    leftovers: list[LeftProcess] = []
    leftovers_stop_time: str | None = None


class GivenUp(Out, frozen=True, kw_only=True):
    """Why recovery gave up.

    Attributes:
        cause: `expired`, `max_blocks`, `hopeless`, or `limit`: the project has too many conditions.
        blocks: How often the job was blocked.
        since: When it was first blocked.
        last_message: The last line of the last test.
    """

    cause: RecoveryEnd
    blocks: int
    since: str | None = None
    last_message: str | None = None


class FailureCause(Out, frozen=True, kw_only=True):
    """The job whose failure made a container fail.

    Attributes:
        job: Its id. It is never a container.
        message: The most informative line about its failure.
    """

    job: str
    message: str


class JobError(Out, frozen=True, kw_only=True):
    """How a job failed and whose fault it was.

    Attributes:
        type: Whose fault it was.
        kind: How the job failed.
        exit_code: The exit code, if a program ended by itself.
        signal: The signal, if one ended it.
        message: The last 4 KiB at most of the program's stderr, or a sentence of the daemon.
        step: The number of the step that failed, from 1.
        component: The component of that step.
        row: The row of that step.
        side: The number of the side of its pipeline that failed, from 1.
        recovery: Why recovery gave up; null if it did not.
        cause: The job whose failure made this container fail.
    """

    type: ErrorType
    kind: FailureKind
    exit_code: int | None = None
    signal: int | None = None
    message: str | None = None
    step: int | None = None
    component: str | None = None
    row: str | None = None
    side: int | None = None
    recovery: GivenUp | None = None
    cause: FailureCause | None = None


class MappedData(Out, frozen=True, kw_only=True):
    """Tables and files that were read or written.

    Attributes:
        files: The files.
        omitted: How many of both are not listed; at most 10,000 of each are.
    """

    tables: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    omitted: int | UnsetType = UNSET


class Counts(Out, frozen=True, kw_only=True):
    """Records that were processed, failed and ignored.

    Attributes:
        success: Records that were processed.
        error: Records that failed.
        ignored: Records that were ignored.
    """

    success: int = 0
    error: int = 0
    ignored: int = 0


class TaskResult(Out, frozen=True, kw_only=True):
    """What was done with a task of a phase.

    Attributes:
        id: The task's id.
        action: What was done with the task.
        job: The job of the task; null if none was created.
    """

    id: str
    action: TaskAction
    job: str | None = None


class ChunkResult(Out, frozen=True, kw_only=True):
    """What was done with a chunk.

    Attributes:
        chunk: Its number, from 1.
        job: The job that ran it; if it is carried over, a job of an earlier run.
        action: `run`, or `carry` if it succeeded in an earlier run.
        status: The status of that job.
        counts: The records of that job.
    """

    chunk: int
    job: str
    action: Literal["run", "carry"]
    status: Status
    counts: Counts = Counts()


class Result(Out, frozen=True, kw_only=True):
    """The result of a job.

    Attributes:
        message: How it ended; of a failed job the step and at most the last 4 KiB that the program wrote.
        config_version: The version of the configuration that ran.
        images: The images that ran.
        input: The tables and files that were read.
        output: The tables and files that were written.
        counts: Records, as the job reports them; while it runs, those of its current step.
        artifacts: Artifacts; `stages` lists the archives of mode debug.
        variables: The values of variables that were used.
        tasks: What was done with each task of a phase.
        steps: The steps of the run that have ended.
        chunks: What was done with each chunk of a partitioned job.
        error: Why the job failed; null if it did not.
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
    steps: list[StepResult] = []
    chunks: list[ChunkResult] = []
    error: JobError | None = None


class KilledProcess(Out, frozen=True, kw_only=True):
    """A process that was stopped.

    Attributes:
        name: The program's name.
        signal: The signal that was sent.
        time: When it was sent.
    """

    pid: int
    name: str
    signal: int | None = None
    time: str | None = None


class KillReport(Out, frozen=True, kw_only=True):
    """The processes that a stop ended, and the proof that none is left; empty without a stop.

    Attributes:
        proof: How it is known that nothing is left: the run's `cgroup` was empty, a `scan` found nothing, the
            `engine` reports the end, the machine has booted (`boot`), or its `lease` has expired.
        processes: The processes that were stopped.
        omitted: How many of them are not listed; at most 1,000 are.
    """

    proof: Literal["cgroup", "scan", "engine", "boot", "lease"] | UnsetType = UNSET
    processes: list[KilledProcess] | UnsetType = UNSET
    omitted: int | UnsetType = UNSET

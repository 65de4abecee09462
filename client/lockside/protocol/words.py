"""The closed vocabularies of the wire, and the words of other systems that mean the same statuses.

Only names stand here; which status may follow which is the daemon's core to know.
"""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Final


class Status(StrEnum):
    """Where a job stands. Five of the nine are final."""

    CREATED = "created"
    WAITING = "waiting"
    PROCESSING = "processing"
    TERMINATING = "terminating"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"


FINAL: Final = frozenset(
    {Status.SUCCESS, Status.WARNING, Status.ERROR, Status.CANCELLED, Status.TERMINATED},
)


class DesiredStatus(StrEnum):
    """What was asked for; it goes from the first to the second and never back."""

    PROCESSING = "processing"
    TERMINATING = "terminating"


class Stage(StrEnum):
    """The finer steps of a job, in their order."""

    ACCEPTED = "accepted"
    VALIDATED = "validated"
    PREPARING = "preparing"
    INPUT_MAPPING = "input_mapping"
    PARTITIONING = "partitioning"
    RUNNING = "running"
    MERGING = "merging"
    OUTPUT_MAPPING = "output_mapping"
    ARCHIVING = "archiving"
    CLEANING_UP = "cleaning_up"
    DONE = "done"


class JobType(StrEnum):
    """Chosen by the daemon, never by the caller: `standard` works, the others stand for their children."""

    STANDARD = "standard"
    CONTAINER = "container"
    PHASE_CONTAINER = "phaseContainer"
    ORCHESTRATION_CONTAINER = "orchestrationContainer"
    RETRY_CONTAINER = "retryContainer"


class Mode(StrEnum):
    """How a configuration is run: `forceRun` also when it is disabled, `debug` without storing anything."""

    RUN = "run"
    FORCE_RUN = "forceRun"
    DEBUG = "debug"


class Relation(StrEnum):
    """A strong child counts for its container; a weak one is only terminated with its parent."""

    WEAK = "weak"
    STRONG = "strong"


class CreatorType(StrEnum):
    """What created a job."""

    USER = "user"
    SCHEDULE = "schedule"
    ORCHESTRATION = "orchestration"
    CONTAINER = "container"
    RETRY = "retry"
    TRIGGER = "trigger"


class OnError(StrEnum):
    """What a failed child does to its container."""

    FAIL = "fail"
    WARNING = "warning"
    STOP = "stop"


class OnLost(StrEnum):
    """What happens to a job that was lost with its machine or keeper."""

    REQUEUE = "requeue"
    ERROR = "error"


class OnRecordErrors(StrEnum):
    """The status of a job that ended well but reported failed records."""

    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class Leftovers(StrEnum):
    """What happens to processes that outlive their program."""

    STOP = "stop"
    WAIT = "wait"


class DependencyCondition(StrEnum):
    """Which end of the other job satisfies the dependency."""

    SUCCESS = "success"
    FINAL = "final"


class Backoff(StrEnum):
    """How the pause between attempts grows."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"


class RetryOn(StrEnum):
    """Which failures are retried."""

    USER = "user"
    APPLICATION = "application"
    TIMEOUT = "timeout"
    LOST = "lost"


class ErrorType(StrEnum):
    """Whose fault a failed job is."""

    USER = "user"
    APPLICATION = "application"


class FailureKind(StrEnum):
    """How a job failed."""

    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    LOST = "lost"
    SPAWN = "spawn"
    INPUT = "input"
    OUTPUT = "output"
    DEPENDENCY = "dependency"


class ComponentType(StrEnum):
    """What a component is for; people sort by it, the daemon does not."""

    EXTRACTOR = "extractor"
    TRANSFORMATION = "transformation"
    WRITER = "writer"
    APPLICATION = "application"
    PROCESSOR = "processor"
    OTHER = "other"


class ProcessorPosition(StrEnum):
    """Where a processor may stand."""

    ANY = "any"
    BEFORE = "before"
    AFTER = "after"


class Stream(StrEnum):
    """Which output of a job a log frame comes from."""

    STDOUT = "stdout"
    STDERR = "stderr"


class TaskAction(StrEnum):
    """What an orchestration does with one of its tasks."""

    RUN = "run"
    CARRY = "carry"
    SKIP = "skip"


class Role(IntEnum):
    """What a caller may do; each role may all that the lower ones may."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as settings and messages write it."""
        return self.name.lower()


_ENDED_WELL = (Status.SUCCESS, Status.WARNING)
_NOT_STARTED = (Status.CREATED, Status.WAITING)
_STOPPED = (Status.TERMINATED, Status.CANCELLED)

FOREIGN_STATUSES: Final[dict[str, tuple[Status, ...]]] = {
    "canceled": (Status.CANCELLED,),
    "idle": (Status.CREATED,),
    "new": (Status.CREATED,),
    "accepted": (Status.CREATED,),
    "blocked": (Status.CREATED,),
    "uploading": (Status.CREATED,),
    "pending": _NOT_STARTED,
    "queued": _NOT_STARTED,
    "paused": (Status.CREATED, Status.PROCESSING),
    "started": (Status.PROCESSING,),
    "running": (Status.PROCESSING,),
    "processing_inputs": (Status.PROCESSING,),
    "staging_inputs": (Status.PROCESSING,),
    "staged": (Status.PROCESSING,),
    "staging_job": (Status.PROCESSING,),
    "submitting": (Status.PROCESSING,),
    "partitioning": (Status.PROCESSING,),
    "partitioned": (Status.PROCESSING,),
    "tasks_completed": (Status.PROCESSING,),
    "merging": (Status.PROCESSING,),
    "merged": (Status.PROCESSING,),
    "downloading": (Status.PROCESSING,),
    "archiving": (Status.PROCESSING,),
    "cleaning_up": (Status.PROCESSING,),
    "pending_stoppage": (Status.TERMINATING,),
    "stopping": (Status.TERMINATING,),
    "cancelling": (Status.TERMINATING,),
    "canceling": (Status.TERMINATING,),
    "complete": _ENDED_WELL,
    "completed": _ENDED_WELL,
    "finished": _ENDED_WELL,
    "failed": (Status.ERROR,),
    "stopped": _STOPPED,
    "killed": _STOPPED,
}


def statuses(words: Iterable[str]) -> list[Status]:
    """The statuses that these words mean, each once, in the order of `Status`; any capitals are accepted.

    Raises ValueError naming the first word that means none.
    """
    found: set[Status] = set()
    for word in words:
        plain = word.lower().removeprefix("job_state_")
        if plain in FOREIGN_STATUSES:
            found.update(FOREIGN_STATUSES[plain])
            continue
        try:
            found.add(Status(plain))
        except ValueError:
            raise ValueError(f"{word!r} is no status; they are {', '.join(Status)}") from None
    return [status for status in Status if status in found]

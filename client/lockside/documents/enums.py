"""The enums of documents and jobs. Standard library only: the daemon's core imports it."""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The status of a job. Five of the nine are final."""

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
    """The requested status; it changes from the first to the second and never back."""

    PROCESSING = "processing"
    TERMINATING = "terminating"


class Stage(StrEnum):
    """The stages of a job, in order."""

    ACCEPTED = "accepted"
    VALIDATED = "validated"
    PREPARING = "preparing"
    INPUT_MAPPING = "input_mapping"
    SUBMITTING = "submitting"
    QUEUED = "queued"
    PARTITIONING = "partitioning"
    RUNNING = "running"
    LEFTOVERS = "leftovers"
    MERGING = "merging"
    OUTPUT_MAPPING = "output_mapping"
    ARCHIVING = "archiving"
    CLEANING_UP = "cleaning_up"
    DONE = "done"


class JobType(StrEnum):
    """Set by the daemon, never the caller: `standard` runs programs, the others represent their children."""

    STANDARD = "standard"
    CONTAINER = "container"
    PHASE = "phaseContainer"
    ORCHESTRATION = "orchestrationContainer"
    RETRY = "retryContainer"


class Mode(StrEnum):
    """How a configuration is run: `forceRun` even if it is disabled, `debug` without storing anything."""

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
    DAEMON = "daemon"


class OnError(StrEnum):
    """The effect of a failed child on its container."""

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


class RetryScope(StrEnum):
    """Which part of a job a retry by hand runs again."""

    ALL = "all"
    FAILED_RECORDS = "failedRecords"
    FAILED_CHUNKS = "failedChunks"


class OnChunkError(StrEnum):
    """The effect of a failed chunk on the partitioned job."""

    FAIL = "fail"
    MERGE = "merge"


class Part(StrEnum):
    """The role of a job in a partitioned one."""

    SPLITTER = "splitter"
    CHUNK = "chunk"
    ASSEMBLER = "assembler"


class StateFormat(StrEnum):
    """Where a component writes its state: in `out/state.json`, or on stdout as Singer targets print it."""

    FILE = "file"
    SINGER = "singer"


class Leftovers(StrEnum):
    """What happens to processes that outlive their program."""

    STOP = "stop"
    WAIT = "wait"


class DependencyCondition(StrEnum):
    """Which end of the other job satisfies the dependency."""

    SUCCESS = "success"
    FAILED = "failed"
    FINAL = "final"


class Backoff(StrEnum):
    """How the pause between attempts grows."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"


class FailureClass(StrEnum):
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
    """The purpose of a component, for people; the daemon ignores it."""

    EXTRACTOR = "extractor"
    TRANSFORMATION = "transformation"
    WRITER = "writer"
    APPLICATION = "application"
    PROCESSOR = "processor"
    OTHER = "other"


class ProcessorPosition(StrEnum):
    """Where a processor may be used."""

    ANY = "any"
    BEFORE = "before"
    AFTER = "after"


class TaskAction(StrEnum):
    """What an orchestration does with one of its tasks."""

    RUN = "run"
    CARRY = "carry"
    SKIP = "skip"


class ScheduleState(StrEnum):
    """Whether a schedule or trigger creates jobs."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class ScheduleStatus(StrEnum):
    """The status of a schedule."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    FINISHED = "finished"
    BROKEN = "broken"


class MisfirePolicy(StrEnum):
    """What happens to moments that were missed: one run for all, none, or a run for each."""

    LAST = "last"
    SKIP = "skip"
    ALL = "all"


class OverlapPolicy(StrEnum):
    """What happens to a moment while a job of an earlier moment is live."""

    QUEUE = "queue"
    SKIP = "skip"
    REPLACE = "replace"
    ALLOW = "allow"


class MomentOutcome(StrEnum):
    """The outcome of a moment."""

    FIRED = "fired"
    MERGED = "merged"
    SKIPPED = "skipped"
    MISSED = "missed"
    FAILED = "failed"


class MomentCause(StrEnum):
    """The cause of a moment's outcome; for a failed moment it is the kind of the error."""

    TIME = "time"
    MISFIRE = "misfire"
    OVERLAP = "overlap"
    PAUSED = "paused"
    DISABLED = "disabled"
    EXCLUDED = "excluded"
    DST_GAP = "dst_gap"
    TOO_LATE = "too_late"
    LIMIT = "limit"


class TriggerWhen(StrEnum):
    """How many of a trigger's conditions are required."""

    ANY = "any"
    ALL = "all"


class LogType(StrEnum):
    """Whether a component logs by its output only, or also by GELF."""

    STANDARD = "standard"
    GELF = "gelf"


class Transport(StrEnum):
    """How GELF messages are sent."""

    TCP = "tcp"
    UDP = "udp"
    HTTP = "http"


class Visibility(StrEnum):
    """What is kept of a message: nothing, its short text, all of it, or all of it for admins only."""

    NONE = "none"
    NORMAL = "normal"
    VERBOSE = "verbose"
    CAMOUFLAGE = "camouflage"


class CheckOutcome(StrEnum):
    """The result of a check of an external system: it is ready, not yet ready, or never will be."""

    WELL = "well"
    NOT_YET = "not_yet"
    HOPELESS = "hopeless"


class RecoveryEnd(StrEnum):
    """Why recovery no longer blocks a failed job."""

    EXPIRED = "expired"
    MAX_BLOCKS = "max_blocks"
    HOPELESS = "hopeless"
    LIMIT = "limit"

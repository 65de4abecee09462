"""The closed vocabularies of documents and jobs. Standard library only: the daemon's core imports it."""

from enum import StrEnum
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
    """Chosen by the daemon, never by the caller: `standard` works, the others stand for their children."""

    STANDARD = "standard"
    CONTAINER = "container"
    PHASE = "phaseContainer"
    ORCHESTRATION = "orchestrationContainer"
    RETRY = "retryContainer"


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
    DAEMON = "daemon"


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


class RetryScope(StrEnum):
    """What of a job a retry by hand runs again."""

    ALL = "all"
    FAILED_RECORDS = "failedRecords"
    FAILED_CHUNKS = "failedChunks"


class OnChunkError(StrEnum):
    """What a chunk that failed does to the job that was cut."""

    FAIL = "fail"
    MERGE = "merge"


class Part(StrEnum):
    """What a job does for one that is cut into chunks."""

    SPLITTER = "splitter"
    CHUNK = "chunk"
    ASSEMBLER = "assembler"


class StateFormat(StrEnum):
    """Where a component leaves its state: in `out/state.json`, or on stdout as Singer targets print it."""

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


class TaskAction(StrEnum):
    """What an orchestration does with one of its tasks."""

    RUN = "run"
    CARRY = "carry"
    SKIP = "skip"


class ScheduleState(StrEnum):
    """Whether a schedule or trigger makes jobs."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class ScheduleStatus(StrEnum):
    """Where a schedule stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    FINISHED = "finished"
    BROKEN = "broken"


class MisfirePolicy(StrEnum):
    """What becomes of moments that were missed: one run for all, none, or a run for each."""

    LAST = "last"
    SKIP = "skip"
    ALL = "all"


class OverlapPolicy(StrEnum):
    """What becomes of a moment while a job of the moment before is live."""

    QUEUE = "queue"
    SKIP = "skip"
    REPLACE = "replace"
    ALLOW = "allow"


class MomentOutcome(StrEnum):
    """What became of a moment."""

    FIRED = "fired"
    MERGED = "merged"
    SKIPPED = "skipped"
    MISSED = "missed"
    FAILED = "failed"


class MomentCause(StrEnum):
    """Why a moment had its outcome; a failed one has the kind of the error."""

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
    """How many of a trigger's conditions are needed."""

    ANY = "any"
    ALL = "all"


class LogType(StrEnum):
    """Whether a component logs by its output alone, or by GELF too."""

    STANDARD = "standard"
    GELF = "gelf"


class Transport(StrEnum):
    """How GELF messages are sent."""

    TCP = "tcp"
    UDP = "udp"
    HTTP = "http"


class Visibility(StrEnum):
    """What is kept of a message: nothing, its short text, all of it, or all of it for admins alone."""

    NONE = "none"
    NORMAL = "normal"
    VERBOSE = "verbose"
    CAMOUFLAGE = "camouflage"


class CheckOutcome(StrEnum):
    """What a check of the world outside says: it is ready, it is not yet, or it never will be."""

    WELL = "well"
    NOT_YET = "not_yet"
    HOPELESS = "hopeless"


class RecoveryEnd(StrEnum):
    """Why a job that failed is not blocked any more, or not again."""

    EXPIRED = "expired"
    MAX_BLOCKS = "max_blocks"
    HOPELESS = "hopeless"
    LIMIT = "limit"

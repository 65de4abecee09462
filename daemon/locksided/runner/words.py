"""The words of a job's specification as enums; each value is the word on the wire."""

from enum import StrEnum


class Mode(StrEnum):
    """How a configuration is run."""

    RUN = "run"
    FORCE_RUN = "forceRun"
    DEBUG = "debug"


class OnRecordErrors(StrEnum):
    """What failed records make of a job whose program ended well."""

    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class OnError(StrEnum):
    """What a failed child makes of its container."""

    FAIL = "fail"
    WARNING = "warning"
    STOP = "stop"


class Leftovers(StrEnum):
    """What is done with processes that outlive their leader."""

    STOP = "stop"
    WAIT = "wait"


class Backoff(StrEnum):
    """How the pause between attempts grows."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"


class RetryOn(StrEnum):
    """A class of failure that may be tried again."""

    USER = "user"
    APPLICATION = "application"
    TIMEOUT = "timeout"
    LOST = "lost"


class ErrorType(StrEnum):
    """Whose fault a failed run is."""

    USER = "user"
    APPLICATION = "application"


class ErrorKind(StrEnum):
    """How a run failed."""

    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    LOST = "lost"
    SPAWN = "spawn"
    INPUT = "input"
    OUTPUT = "output"
    DEPENDENCY = "dependency"


class StepKind(StrEnum):
    """What one step starts."""

    COMPONENT = "component"
    PROCESSOR = "processor"
    COMMAND = "command"
    ACTION = "action"

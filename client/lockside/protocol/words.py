"""The enums of the wire that documents do not use, and other systems' words for the statuses."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Final

from lockside.documents.enums import Status


class Stream(StrEnum):
    """The output of a job that a log frame comes from."""

    STDOUT = "stdout"
    STDERR = "stderr"
    GELF = "gelf"


class Role(IntEnum):
    """The role of a caller; each role includes the rights of the lower ones."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as written in settings and messages."""
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
    """Return the statuses that these words mean, without duplicates, in the order of `Status`. Case is
    ignored. Raises ValueError with the first word that means none.
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
            raise ValueError(f"{word!r} is not a status: write one of {', '.join(Status)}.") from None
    return [status for status in Status if status in found]

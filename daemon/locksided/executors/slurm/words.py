"""What Slurm's words mean: the states of its jobs, its reasons, the errors of `sbatch`. Pure."""

import re

from locksided.executors.engine import State, Status

FORMAT = "%i|%j|%T|%r|%S|%N"
"""Of `squeue`: id, name, state, reason, start, nodes."""

STATES = {
    **dict.fromkeys(("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"), State.QUEUED),
    **dict.fromkeys(("RESV_DEL_HOLD", "SPECIAL_EXIT"), State.QUEUED),
    **dict.fromkeys(("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING"), State.RUNNING),
    **dict.fromkeys(("RESIZING", "STAGE_OUT"), State.RUNNING),
    **dict.fromkeys(("COMPLETED", "FAILED", "BOOT_FAIL", "REVOKED"), State.ENDED),
    **dict.fromkeys(("TIMEOUT", "DEADLINE"), State.TIMEOUT),
    "OUT_OF_MEMORY": State.OUT_OF_MEMORY,
    "PREEMPTED": State.STOPPED,
    "NODE_FAIL": State.NODE_DOWN,
    "CANCELLED": State.CANCELLED,
}

HOPELESS = frozenset(
    (
        *("BadConstraints", "PartitionConfig", "PartitionTimeLimit", "PartitionNodeLimit"),
        *("InvalidAccount", "InvalidQOS", "AccountNotAllowed"),
    )
)
"""Reasons that nothing but a change of the request ends."""

_REFUSED = re.compile(
    r"invalid (partition|account|qos|feature|user|job|time|node|constraint|generic|wckey|cluster|numeric)"
    r"|invalid argument"
    r"|configuration is not available|can not be satisfied|more processors requested|not permitted"
    r"|permission denied|time limit is invalid|unrecognized option|invalid option|count specification"
    r"|does not exist|no such partition",
    re.IGNORECASE,
)


def is_refusal(words: str) -> bool:
    """Whether what `sbatch` says will be said again, however often it is asked."""
    return _REFUSED.search(words) is not None


def cause(words: str) -> str:
    """What a command said, without its own name."""
    lines = [line.partition("error: ")[2] or line for line in words.strip().splitlines()]
    return "; ".join(lines[-2:]) or "it said nothing"


def statuses(text: str) -> dict[str, Status]:
    """What `squeue` says in `FORMAT`, by id."""
    found = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 6 and fields[2] in STATES:
            id_, name, word, reason, start, nodes = fields
            found[id_] = Status(
                STATES[word],
                word,
                "" if reason == "None" else reason,
                nodes or None,
                None if start == "N/A" else start,
                name,
                reason in HOPELESS,
            )
    return found

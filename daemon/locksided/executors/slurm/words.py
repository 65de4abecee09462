"""The meanings of Slurm's words: job states, reasons, errors of `sbatch`. Pure."""

import re
from datetime import UTC, datetime

from locksided.executors.engine import State, Status

FORMAT = "%i|%U|%j|%T|%r|%S|%P|%N"
"""Of `squeue`: id, user's number, name, state, reason, start, partition, nodes."""

ACCOUNTED = "JobID,State,NodeList,JobName"
"""Of `sacct`."""

WHY = {
    "Resources": "it waits for nodes to be free",
    "Priority": "jobs with a higher priority go first",
    "Dependency": "it waits for another job of Slurm's",
    "BeginTime": "it may not begin yet",
    "JobHeldUser": "somebody holds it: `scontrol release` releases it",
    "JobHeldAdmin": "the administrator holds it",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition is inactive",
    "PartitionTimeLimit": "it asks for more time than its partition allows",
    "PartitionNodeLimit": "it asks for more nodes than its partition allows",
    "ReqNodeNotAvail": "a node that it needs is down, drained or reserved",
    "NodeDown": "a node that it needs is down",
    "BadConstraints": "no node has what it asks for",
    "Licenses": "it waits for a licence",
    "Reservation": "its reservation has not begun",
    "JobArrayTaskLimit": "its array may not run more at once",
    "QOSMaxJobsPerUserLimit": "its user may not run more at once with this QOS",
    "AssocMaxJobsLimit": "its account may not run more at once",
    "AssocGrpCpuLimit": "its account may not use more processors at once",
    "AssocGrpMemLimit": "its account may not use more memory at once",
    "MaxCpuPerAccount": "its account may not use more processors at once",
    "Cleaning": "the remains of its earlier run are being removed",
}
"""The meanings of Slurm's words for why a job waits."""

STATES = {
    **dict.fromkeys(("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"), State.QUEUED),
    **dict.fromkeys(("RESV_DEL_HOLD", "SPECIAL_EXIT"), State.QUEUED),
    **dict.fromkeys(("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING"), State.RUNNING),
    **dict.fromkeys(("RESIZING", "STAGE_OUT"), State.RUNNING),
    **dict.fromkeys(("COMPLETED", "FAILED", "BOOT_FAIL", "REVOKED"), State.ENDED),
    **dict.fromkeys(("TIMEOUT", "DEADLINE"), State.TIMEOUT),
    "OUT_OF_MEMORY": State.OUT_OF_MEMORY,
    "PREEMPTED": State.PREEMPTED,
    "NODE_FAIL": State.NODE_DOWN,
    "CANCELLED": State.CANCELLED,
}

HOPELESS = frozenset(
    (
        *("BadConstraints", "PartitionConfig", "PartitionTimeLimit", "PartitionNodeLimit"),
        *("InvalidAccount", "InvalidQOS", "AccountNotAllowed"),
    )
)
"""Reasons that only a change of the request can end."""

_FIELD = re.compile(r"(\w+)=(\S+)")
_REFUSED = re.compile(
    r"invalid (partition|account|qos|feature|user|job|time|node|constraint|generic|wckey|cluster|numeric)"
    r"|invalid argument"
    r"|configuration is not available|can not be satisfied|more processors requested|not permitted"
    r"|permission denied|time limit is invalid|unrecognized option|invalid option|count specification"
    r"|does not exist|no such partition",
    re.IGNORECASE,
)


def is_refusal(words: str) -> bool:
    """Return whether this error of `sbatch` will recur however often it is retried."""
    return _REFUSED.search(words) is not None


def cause(words: str) -> str:
    """Return the output of a command without the command's name."""
    lines = [line.partition("error: ")[2] or line for line in words.strip().splitlines()]
    return "; ".join(lines[-2:]) or "it gave no reason"


def statuses(text: str, mark: str) -> dict[str, Status]:
    """Return the statuses by id from `squeue` output in `FORMAT` after an unpredictable mark.

    Owners choose the names, which may imitate whole lines.
    """
    found = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 9 and fields[0] == mark and fields[4] in STATES:
            _, id_, uid, name, word, reason, start, queue, nodes = fields
            found[id_] = Status(
                STATES[word],
                word,
                "" if reason == "None" else reason,
                nodes or None,
                _utc(start),
                name,
                is_hopeless=reason in HOPELESS,
                queue=queue or None,
                is_suspended=word == "SUSPENDED",
                uid=int(uid),
            )
    return found


def accounted(text: str, mark: str) -> dict[str, Status]:
    """Return the statuses of ended jobs by id from `sacct` output in `ACCOUNTED`; `by` is a user's number.

    The mark separates its fields.
    """
    found = {}
    for line in text.splitlines():
        id_, state_text, node, name = [*line.split(mark, 3), "", "", ""][:4]
        word, _, by = state_text.partition(" by ")
        state = STATES.get(word)
        if state not in (None, State.QUEUED, State.RUNNING):
            found[id_] = Status(state, word, node=_node_name(node), name=name, by=by or None)
    return found


def _node_name(node: str) -> str | None:
    return None if node in ("", "None assigned") else node


def nodes(text: str) -> dict[str, tuple[bool, int | None]]:
    """Return, by node, whether it answers and when it booted (microseconds), from `scontrol show node -o`."""
    found = {}
    for line in text.splitlines():
        fields = dict(_FIELD.findall(line))
        state, boot = fields.get("State", ""), _moment(fields.get("BootTime", ""))
        is_up = not re.search(r"DOWN|\*|UNKNOWN|POWER(ED|ING)_DOWN", state)
        found[fields.get("NodeName", "")] = (is_up, None if boot is None else round(boot.timestamp() * 1e6))
    return found


def _moment(text: str) -> datetime | None:
    """Return a time of Slurm's, which is in this machine's local time; None for anything else."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None


def _utc(text: str) -> str | None:
    moment = _moment(text)
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

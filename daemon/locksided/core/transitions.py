"""The life cycle as data: the table of transitions and what is derived from it."""

from collections.abc import Sequence

from lockside.documents.enums import Status
from locksided.core.errors import InvalidTransition

S = Status

TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    S.CREATED: (S.WAITING, S.PROCESSING, S.TERMINATING, S.CANCELLED, S.ERROR),
    S.WAITING: (S.CREATED, S.PROCESSING, S.TERMINATING, S.CANCELLED, S.ERROR),
    S.PROCESSING: (S.SUCCESS, S.WARNING, S.ERROR, S.TERMINATING, S.CREATED),
    S.TERMINATING: (S.TERMINATED, S.CANCELLED),
    S.SUCCESS: (),
    S.WARNING: (),
    S.ERROR: (),
    S.CANCELLED: (),
    S.TERMINATED: (),
}

CAUSES: dict[tuple[Status, Status], str] = {
    (S.CREATED, S.WAITING): "another job holds its lock, is ahead in its queue or must end first; or its "
    "container has not started",
    (S.CREATED, S.PROCESSING): "it has no reason to wait",
    (S.CREATED, S.TERMINATING): "terminated or cancelled after an earlier start",
    (S.CREATED, S.CANCELLED): "terminated before any start, its dependency cannot be satisfied, its "
    "container cancels it, or it was amended",
    (S.CREATED, S.ERROR): "it can never start: its program, its folder or its user does not exist; or its "
    "recovery was given up",
    (S.WAITING, S.CREATED): "no other job keeps it from starting; the platform still may",
    (S.WAITING, S.PROCESSING): "its last reason to wait is gone",
    (S.WAITING, S.TERMINATING): "terminated or cancelled after an earlier start",
    (S.WAITING, S.CANCELLED): "terminated before any start, its dependency cannot be satisfied, its "
    "container cancels it, or it was amended",
    (S.WAITING, S.ERROR): "it can never start: its program, its folder or its user does not exist",
    (S.PROCESSING, S.SUCCESS): "it ended well, and so did all of its children",
    (S.PROCESSING, S.WARNING): "it or one of its children ended with tolerated errors",
    (S.PROCESSING, S.ERROR): "it or one of its children failed",
    (
        S.PROCESSING,
        S.TERMINATING,
    ): "somebody asked to terminate it or its last attempt, or had its engine end it, or a failed sibling "
    "keeps it from running again",
    (S.PROCESSING, S.CREATED): "the machine failed, not the job; no process could be started; or recovery "
    "blocks it",
    (S.TERMINATING, S.TERMINATED): "no process of it is left, or all of its children are final",
    (S.TERMINATING, S.CANCELLED): "it is proved that no process of it or below it was started",
}
"""Each arrow's cause in a sentence: the documentation's diagram and table are generated from it."""

FINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
NOT_STARTED = frozenset({S.CREATED, S.WAITING})
STARTED = frozenset({S.PROCESSING, S.TERMINATING})


class IllegalTransition(AssertionError):
    """The core tried a transition that is not in the table: a fault of the core, never the caller's.

    `story` describes the job and lists its last inputs and transitions.
    """

    def __init__(self, job_id: int, current: Status, following: Status, story: Sequence[str] = ()) -> None:
        super().__init__("\n  ".join((f"job {job_id} cannot go from {current} to {following}", *story)))
        self.job_id = job_id
        self.current = current
        self.following = following
        self.story = tuple(story)


def refuse_unless(job_id: int, current: Status, allowed: frozenset[Status], action: str) -> None:
    """Refuse an action that a job's status does not allow."""
    if current not in allowed:
        wanted = " or ".join(sorted(allowed))
        raise InvalidTransition(
            f"Job {job_id} is {current}: only a job that is {wanted} can be {action}.",
            status=current.value,
        )


def diagram() -> str:
    """Return the state diagram in Mermaid's notation, generated from the table."""
    lines = ["stateDiagram-v2", "    [*] --> created"]
    lines += [f"    {a} --> {b}" for a, following in TRANSITIONS.items() for b in following]
    lines += [f"    {status} --> [*]" for status in TRANSITIONS if status in FINAL]
    return "\n".join(lines)


def table() -> str:
    """Return every transition with its cause, as a Markdown table; the documentation repeats it verbatim."""
    lines = ["| from | to | because |", "| --- | --- | --- |"]
    lines += [
        f"| `{a}` | `{b}` | {CAUSES[a, b]} |" for a, following in TRANSITIONS.items() for b in following
    ]
    return "\n".join(lines)

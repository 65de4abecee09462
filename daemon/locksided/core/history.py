"""The last inputs and transitions, in a ring buffer: a fault in the core is reported with the job's story."""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lockside.documents.enums import Status
    from locksided.core.jobs import Job

KEPT: Final = 2000
"""Entries of all jobs together. A job that waits for long has none, and costs nothing."""
LAST_ENTRIES: Final = 16


class History:
    """A bounded record that drops its oldest entries. An input precedes the transitions it caused."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: deque[tuple[Any, ...]] = deque(maxlen=KEPT)

    def add_input(self, now_us: int, given: Any) -> None:
        """Record an input by its type, job and token. Its other values may be large, or secret."""
        entry = (now_us, getattr(given, "job_id", None), type(given).__name__, getattr(given, "token", None))
        self._entries.append(entry)

    def add_transition(self, now_us: int, job_id: int, before: "Status", after: "Status", cause: str) -> None:
        """Record that a job's status changed."""
        self._entries.append((now_us, job_id, before, after, cause))

    def story(self, job: "Job", now_us: int) -> tuple[str, ...]:
        """Describe the job and its last inputs and transitions; times are seconds relative to now."""
        lines = [f"{(at_us - now_us) / 1e6:+.6f} s {what}" for at_us, what in self._entries_of(job.id)]
        return (describe(job), *lines[-LAST_ENTRIES:])

    def last_input(self) -> str:
        """Return the name of the input that is being handled."""
        return next((_name(entry) for entry in reversed(self._entries) if len(entry) == 4), "nothing")

    def _entries_of(self, job_id: int) -> Iterator[tuple[int, str]]:
        during = "an input that is no longer kept"
        for entry in self._entries:
            if len(entry) == 4:
                during = _name(entry)
                if entry[1] == job_id:
                    yield entry[0], during
            elif entry[1] == job_id:
                yield entry[0], f"{entry[2]} -> {entry[3]} ({entry[4]}) during {during}"


def _name(entry: tuple[Any, ...]) -> str:
    _, job_id, kind, token = entry
    about = f" of job {job_id}" if job_id is not None else ""
    return f"{kind}{about}{f', token {token}' if token is not None else ''}"


def describe(job: "Job") -> str:
    """Describe a live job and its run in one line."""
    values: dict[str, Any] = {
        "type": job.type,
        "status": job.status,
        "project": job.project,
        "pool": job.pool.id,
        "lock": job.gate.lock_key if job.gate is not None else None,
        "container": job.container.id if job.container is not None else None,
        "start_at_us": job.start_at_us,
        "held_by": job.held.by if job.held is not None else None,
        "pending": sorted(job.pending or ()),
        "in_line": job.line is not None,
    }
    if job.run is not None:
        values |= {name: getattr(job.run, name) for name in job.run.__slots__ if name != "stages"}
    return f"job {job.id}: " + ", ".join(f"{name}={value}" for name, value in values.items() if value)

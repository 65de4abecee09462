"""Trees of named jobs, so that a scenario reads like the orchestration that it describes.

`job("orders")` is one job of that name, and so on; World.make submits a tree and returns the ids by name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from lockside.documents.enums import Backoff, FailureClass, JobType, OnError
from locksided.core.model import Draft, RetryPolicy

SECOND = 1_000_000
PLAIN = Draft("default", 1000, "default")


def job(name: str, *, on_error: str | None = None, delay: float | None = None, **wishes: Any) -> Draft:
    """One job; `lock` is its key, `delay` counts in seconds from the start of its phase."""
    wishes = {{"lock": "lock_key"}.get(wish, wish): value for wish, value in wishes.items()}
    return replace(
        PLAIN,
        values={"name": name},
        on_error=None if on_error is None else OnError(on_error),
        delay_us=None if delay is None else round(delay * SECOND),
        **wishes,
    )


def rows(name: str, number: int | Sequence[str], at_once: int | None, **wishes: Any) -> Draft:
    """A container with rows `name 1`, `name 2` … or the given names; `at_once` limits the running rows."""
    on_error = wishes.pop("row_on_error", None)
    pool = wishes.get("pool", "default")
    names = [f"{name} {place}" for place in range(1, number + 1)] if isinstance(number, int) else number
    children = tuple(job(one, on_error=on_error, pool=pool) for one in names)
    return of_rows(name, children, at_once, **wishes)


def of_rows(name: str, children: Sequence[Draft], at_once: int | None, **wishes: Any) -> Draft:
    """Return a container of these rows."""
    return replace(job(name, **wishes), type=JobType.CONTAINER, parallelism=at_once, children=tuple(children))


def phase(
    name: str, *tasks: Draft, after: str | Sequence[str] = (), on_error: str | None = None
) -> tuple[Draft, Sequence[str]]:
    """Return a phase with its tasks and the names of the phases that must finish first."""
    draft = replace(job(name, on_error=on_error), type=JobType.PHASE, children=tasks)
    return draft, [after] if isinstance(after, str) else after


def orchestration(name: str, *phases: tuple[Draft, Sequence[str]], **wishes: Any) -> Draft:
    """Return an orchestration with its phases."""
    places = {draft.values["name"]: place for place, (draft, _) in enumerate(phases)}
    children = [replace(draft, after=tuple(places[one] for one in after)) for draft, after in phases]
    return replace(job(name, **wishes), type=JobType.ORCHESTRATION, children=tuple(children))


def retried(
    name: str,
    attempts: int,
    *,
    pause: float = 0,
    longest: float | None = None,
    grows: bool = False,
    jitter: float = 0.0,
    on: Sequence[str] = ("application", "timeout", "lost"),
    lock: str | None = None,
    lock_each: bool = False,
    **wishes: Any,
) -> Draft:
    """Return a job with this maximum number of attempts, `name 1`, `name 2` …

    `lock_each` releases the lock between attempts.
    """
    policy = RetryPolicy(
        max_attempts=attempts,
        delay_us=round(pause * SECOND),
        backoff=Backoff.EXPONENTIAL if grows else Backoff.FIXED,
        max_delay_us=None if longest is None else round(longest * SECOND),
        jitter=jitter,
        on=frozenset(map(FailureClass, on)),
        release_lock=lock_each,
    )
    places = {one: wishes[one] for one in ("pool", "pools", "needs") if one in wishes}
    attempt = job(f"{name} 1", **places, lock_key=lock if lock_each else None)
    return replace(
        job(name, lock_key=None if lock_each else lock, **wishes),
        type=JobType.RETRY,
        retry=policy,
        children=(attempt,),
    )


def all_drafts(draft: Draft) -> Iterator[Draft]:
    """Return the draft and its descendants, in the order of their ids."""
    yield draft
    for child in draft.children:
        yield from all_drafts(child)

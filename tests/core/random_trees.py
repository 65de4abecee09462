"""Random trees of jobs, of every kind that the daemon makes."""

from dataclasses import replace
from random import Random
from typing import Any

from lockside.documents.enums import Backoff, FailureClass, JobType, OnError, OnLost
from locksided.core.model import Draft, Needs, RetryPolicy

PLAIN = Draft("default", 1000, "default")
BEHAVIOURS = [None, None, OnError.FAIL, OnError.WARNING, OnError.STOP]
POOLS = ["default", "other", "third"]
RESOURCES = {"api": 3, "gpu": 2}
"""As much as there is of each."""
KEYS = ["a", "b", "c", None]
KEYS_OF_TASKS = ["x", "y", None]
"""Tasks never need what an orchestration holds: two of those could wait for each other for ever."""


def place(random: Random) -> dict[str, Any]:
    """Return where a job may run and what it needs there; mostly one pool, and one slot of it."""
    pools = random.sample(POOLS, random.choice([1, 1, 1, 2, 3]))
    resources = random.sample(list(RESOURCES), random.choice([0, 0, 0, 0, 1, 2]))
    amounts = tuple((name, random.randint(1, RESOURCES[name])) for name in resources)
    needs = Needs(random.choice([1, 1, 1, 1, 2, 3]), amounts)
    return {"pool": pools[0], "pools": tuple(pools) if len(pools) > 1 else (), "needs": needs}


class Trees:
    """Grows drafts from the same random generator as everything else of a day."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def tree(self) -> Draft:
        """Return a container of some kind, with its descendants."""
        kind = self.random.choice([self.rows, self.rows, self.retried, self.orchestration, self.cut])
        return kind(self.job(self.random.choice(KEYS)))

    def job(self, key: str | None = None) -> Draft:
        return replace(
            PLAIN,
            lock_key=key,
            lock_share=self.random.choice([0, 0, 2]) if key is not None else 0,
            **place(self.random),
            on_error=self.random.choice(BEHAVIOURS),
            on_lost=self.random.choice(list(OnLost)),
        )

    def rows(self, job: Draft) -> Draft:
        """Return parallel rows, some of which are retried."""
        rows = [self.job() for _ in range(self.random.randrange(6))]
        at_once = self.random.choice([1, 1, 2, 3, None])
        if self.random.random() < 0.25:
            rows = [self.retried(row) for row in rows]
        return replace(job, type=JobType.CONTAINER, parallelism=at_once, children=tuple(rows))

    def retried(self, job: Draft) -> Draft:
        policy = RetryPolicy(
            max_attempts=self.random.choice([2, 2, 3]),
            delay_us=self.random.choice([0, 500_000, 3_000_000]),
            backoff=self.random.choice(list(Backoff)),
            max_delay_us=self.random.choice([None, 4_000_000]),
            jitter=self.random.choice([0.0, 0.5]),
            on=frozenset(self.random.sample(list(FailureClass), 3)),
            release_lock=self.random.random() < 0.4,
        )
        attempt = replace(job, on_error=None)
        if policy.release_lock:
            job = replace(job, lock_key=None, lock_share=0)
        else:
            attempt = replace(attempt, lock_key=None, lock_share=0)
        return replace(job, type=JobType.RETRY, retry=policy, children=(attempt,))

    def orchestration(self, job: Draft) -> Draft:
        """Return an orchestration of up to four phases; each depends on some of the earlier ones."""
        phases = []
        for place in range(self.random.randrange(5)):
            after = [other for other in range(place) if self.random.random() < 0.6]
            tasks = tuple(self.task() for _ in range(self.random.randrange(4)))
            phase = replace(self.job(), type=JobType.PHASE, after=tuple(after), children=tasks)
            phases.append(replace(phase, values={"name": f"phase {place}"}))
        return replace(job, type=JobType.ORCHESTRATION, children=tuple(phases))

    def cut(self, job: Draft) -> Draft:
        """Return a job cut into chunks: all, or all but some, are known only when its splitter ends."""
        splitter, assembler = self.job(), self.job()
        names = ["splitter", "chunks", "assembler"]
        jobs: list[tuple[Draft, ...]] = [(splitter,), (), (assembler,)]
        if self.random.random() < 0.2:
            names, jobs = (
                names[1:],
                [tuple(self.job() for _ in range(self.random.randrange(3))), (assembler,)],
            )
        phases = [
            replace(
                PLAIN,
                type=JobType.PHASE,
                after=(number - 1,) if number else (),
                children=inside,
                parallelism=self.random.choice([1, 2, None]) if name == "chunks" else None,
                values={"name": name},
            )
            for number, (name, inside) in enumerate(zip(names, jobs, strict=True))
        ]
        return replace(job, type=JobType.CONTAINER, children=tuple(phases))

    def task(self) -> Draft:
        job = self.job(self.random.choice(KEYS_OF_TASKS))
        if self.random.random() < 0.2:
            job = replace(job, delay_us=self.random.randrange(5_000_000))
        if self.random.random() < 0.15:
            return self.rows(job)
        return self.retried(job) if self.random.random() < 0.2 else job

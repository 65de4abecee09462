"""Figure 10: the cost of a decision of the core among a hundred thousand waiting jobs, without I/O.

A decision is the end of a job, the start of the next, and the submission of another. Jobs ask for one pool,
for one of two pools, or for resources and several slots.
"""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.figure import Figure, at_most, rounds
from bench.place import Scale
from lockside.documents.enums import Status
from locksided.core import inputs as i
from locksided.core.model import Draft, Needs, Principal
from locksided.core.resources import ResourceChanged, ResourceTerms
from locksided.core.scheduler import Scheduler
from locksided.core.state import State

ANNA = Principal(1000, "anna", 1000)
NOW_US = 1_000_000_000_000
SHAPES: dict[str, list[dict[str, Any]]] = {
    "one pool": [{"pool": "a"}],
    "a list of two pools": [{"pool": "a", "pools": ("a", "b")}],
    "three lists of two pools": [
        {"pool": "a", "pools": ("a", "b")},
        {"pool": "b", "pools": ("b", "a")},
        {"pool": "b"},
    ],
    "a resource, and some two slots": [
        {"pool": "a", "needs": Needs(1, (("gpu", 1),))},
        {"pool": "a", "needs": Needs(2, (("gpu", 1),))},
    ],
}


class Crowd:
    """A core with two full pools and a number of waiting jobs of one shape."""

    def __init__(self, shape: str, number: int) -> None:
        self.core = Scheduler(State())
        self._shape = SHAPES[shape]
        self._number = 0
        for pool in "ab":
            self._handle(i.PutPool(pool, 4, "local", "", ANNA))
        terms = ResourceTerms("default", "gpu", 4, ("0", "1", "2", "3"))
        self._handle(ResourceChanged("default", "gpu", terms))
        for _ in range(number):
            self.submit()

    def _handle(self, asked: Any) -> None:
        self.core.handle(asked, NOW_US)
        self.core.saved()

    def submit(self) -> None:
        self._number += 1
        asked = self._shape[self._number % len(self._shape)]
        draft = Draft("default", 1000, lock_key=f"key {self._number}", **asked)
        self._handle(i.Submit((draft,), ANNA))

    def seconds(self, decisions: int) -> float:
        """Return the processor time of this number of decisions."""
        begin = time.process_time()
        for _ in range(decisions):
            job = self.core.started_jobs()[0]
            assert job.run is not None
            assert job.run.token is not None
            self._handle(i.Finished(job.id, job.run.token, Status.SUCCESS, {}))
            self.submit()
        return time.process_time() - begin


def figures(scale: Scale) -> Iterator[Figure]:
    many, decisions = scale.of(100_000, 50), scale.of(500, 10)
    crowds = [Crowd(shape, many) for shape in SHAPES]
    measured = rounds(4 * scale.rounds, *(partial(crowd.seconds, decisions) for crowd in crowds))
    each = [seconds / decisions * 1e6 for seconds in measured]
    for shape, value in zip(list(SHAPES)[1:], each[1:], strict=True):
        name = f"10 decision among {many} that ask for {shape}"
        target = at_most(1.2 if "pools" in shape else 1.5)
        yield Figure(name, value, "us", each[0], "the same of one pool", target)

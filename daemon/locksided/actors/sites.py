"""The backends of this daemon: `local`, and one for each kind of executor that a pool names."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from locksided.backends.base import Backend, Reports
from locksided.core.pools import Site
from locksided.keeper.messages import ListedRun


class Runnable(Backend, Protocol):
    """A backend that has a task of its own."""

    @property
    def capabilities(self) -> frozenset[str] | None:
        """The abilities of its executor; None until it has reported them."""

    @property
    def engine(self) -> str | None:
        """The engine of its executor, in its own words; None while there is none."""

    async def listed(self, prefix: str) -> Sequence[ListedRun]:
        """Return the engine's runs with that prefix that its executor does not know, if it can list them."""

    async def run(self, reports: Reports) -> None:
        """Serve its owners of runs until cancelled."""


class Sites:
    """Finds the backend of a pool. `make` creates the backend of a kind when a pool first names it."""

    def __init__(self, local: Backend, make: Callable[[str], Runnable]) -> None:
        self.local = local
        self._make = make
        self._others: dict[str, Runnable] = {}

    def reach(self, kind: str) -> Runnable | None:
        """Return the backend of a kind if it is new and must be run from now on."""
        if kind in self._others:
            return None
        made = self._others[kind] = self._make(kind)
        return made

    def of(self, site: Site | None) -> Backend | None:
        """Return the backend of a pool's jobs; None for the local one."""
        return None if site is None else self._others.get(site.executor)

    def kind(self, kind: str) -> Runnable | None:
        """Return the backend of a kind, once a pool has named it."""
        return self._others.get(kind)

    def __iter__(self) -> Iterator[Runnable]:
        """Iterate over all backends except the local one."""
        return iter(list(self._others.values()))

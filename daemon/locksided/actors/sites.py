"""The backends of this daemon: `local`, and one for each kind of executor that a pool names."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from locksided.backends.base import Backend, Reports
from locksided.core.pools import Site
from locksided.keeper.messages import ListedRun


class Runnable(Backend, Protocol):
    """A backend that has to be attended to."""

    @property
    def capabilities(self) -> frozenset[str] | None:
        """What its executor can do; None until that has told it."""

    @property
    def engine(self) -> str | None:
        """The engine behind its executor, in its own words; None while there is none."""

    async def listed(self, prefix: str) -> Sequence[ListedRun]:
        """What the engine has under names with that prefix and its executor does not know of, if it tells."""

    async def run(self, reports: Reports) -> None:
        """Attend to its owners of runs until cancelled."""


class Sites:
    """Finds the backend of a pool. `make` makes that of a kind, when the first pool names it."""

    def __init__(self, local: Backend, make: Callable[[str], Runnable]) -> None:
        self.local = local
        self._make = make
        self._others: dict[str, Runnable] = {}

    def reach(self, kind: str) -> Runnable | None:
        """The backend of a kind, if it is new and has to be attended to from now on."""
        if kind in self._others:
            return None
        made = self._others[kind] = self._make(kind)
        return made

    def of(self, site: Site | None) -> Backend | None:
        """The backend of a pool's jobs; None for the local one."""
        return None if site is None else self._others.get(site.executor)

    def kind(self, kind: str) -> Runnable | None:
        """The backend of a kind, once a pool has named it."""
        return self._others.get(kind)

    def __iter__(self) -> Iterator[Runnable]:
        """All but the local one."""
        return iter(list(self._others.values()))

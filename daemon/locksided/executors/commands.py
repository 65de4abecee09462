"""What the engine is told about runs that it has: that they are to end, or to look what is asked of them."""

import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from locksided.executors.engine import Engine, Status
from locksided.executors.remote_run import RemoteRun
from locksided.executors.workers import Worker
from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop

CANCEL_SECONDS = 0.2
MOST_LISTED = 100

SIGNALS = {"stop": signal.SIGTERM, "pause": signal.SIGUSR1, "resume": signal.SIGUSR2}


class Commands:
    """Has one engine do something, one thing after another, and waits for none."""

    def __init__(
        self,
        loop: Loop,
        journal: Journal,
        engine: Engine,
        runs: Mapping[str, RemoteRun],
        tell: Callable[[Any], None],
    ) -> None:
        self._loop = loop
        self._journal = journal
        self._engine = engine
        self._runs = runs
        self._tell = tell
        self._worker = Worker(loop)
        self._to_cancel: list[tuple[str, RemoteRun | None]] = []

    def cancel(self, ids: Sequence[str], prefix: str, run: RemoteRun | None = None) -> None:
        """Have the engine end submissions, together with others; whether it does is seen later.

        Without their `run` they are those that the engine has told just now.
        """
        if ids and not self._to_cancel:
            self._loop.after(CANCEL_SECONDS, lambda: self._cancel(prefix))
        self._to_cancel += [(id_, run) for id_ in ids]

    def _cancel(self, prefix: str) -> None:
        given, self._to_cancel = self._to_cancel, []
        self._worker.do(lambda: self._engine.cancel(self._ours(given), prefix), self._noted)

    def _ours(self, given: Sequence[tuple[str, RemoteRun | None]]) -> list[str]:
        """The ids that have not become another's; in the worker's thread. Raises NotNow."""
        if not self._engine.knows_names:
            return [id_ for id_, _ in given]
        told = self._engine.status([id_ for id_, _ in given])
        return [id_ for id_, run in given if run is None or (id_ in told and run.is_of(told[id_]))]

    def signal(self, run: RemoteRun, what: str) -> None:
        """Have the runner look what is asked; it does so at its next lease anyway."""
        if run.engine_id is not None:
            ids = [(run.engine_id, run)]
            self._worker.do(lambda: self._engine.signal(self._ours(ids), SIGNALS[what]), self._noted)

    def _noted(self, came_to: Any) -> None:
        if isinstance(came_to, Exception):
            self._journal.write("the engine did not do it", error=str(came_to))

    def list_named(self, prefix: str) -> None:
        """Report the engine's runs whose names begin with `prefix` and that are unknown here."""

        def told(came_to: Any) -> None:
            self._noted(came_to)
            known = {id_ for run in self._runs.values() for id_ in run.record.ids}
            found: Mapping[str, Status] = {} if isinstance(came_to, Exception) else came_to
            runs = [(id_, one) for id_, one in found.items() if id_ not in known]
            listed = [{"id": id_, "name": one.name, "state": one.word} for id_, one in runs[:MOST_LISTED]]
            self._tell({"op": "listed", "runs": listed})

        self._worker.do(lambda: self._engine.named(prefix), told)

"""Commands to the engine about its runs: cancel them, or signal them to read their requests."""

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
    """Queues commands for one engine, which run one after another; never waits for them."""

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
        """Cancel submissions, together with others; the result is seen later in their status.

        Without `run` the engine has reported the ids just now.
        """
        if ids and not self._to_cancel:
            self._loop.after(CANCEL_SECONDS, lambda: self._cancel(prefix))
        self._to_cancel += [(id_, run) for id_ in ids]

    def _cancel(self, prefix: str) -> None:
        given, self._to_cancel = self._to_cancel, []
        self._worker.do(lambda: self._engine.cancel(self._still_ours(given), prefix), self._noted)

    def _still_ours(self, given: Sequence[tuple[str, RemoteRun | None]]) -> list[str]:
        """Return the ids that still belong to their runs; called in the worker's thread. Raises NotNow."""
        if not self._engine.knows_names:
            return [id_ for id_, _ in given]
        statuses = self._engine.status([id_ for id_, _ in given])
        return [id_ for id_, run in given if run is None or (id_ in statuses and run.is_of(statuses[id_]))]

    def signal(self, run: RemoteRun, what: str) -> None:
        """Signal the runner to read its requests; at its next lease it reads them anyway."""
        if run.engine_id is not None:
            ids = [(run.engine_id, run)]
            self._worker.do(lambda: self._engine.signal(self._still_ours(ids), SIGNALS[what]), self._noted)

    def _noted(self, result: Any) -> None:
        if isinstance(result, Exception):
            self._journal.write("the engine did not do it", error=str(result))

    def list_named(self, prefix: str) -> None:
        """Report the engine's runs whose names begin with `prefix` and that are unknown here."""

        def told(result: Any) -> None:
            self._noted(result)
            known = {id_ for run in self._runs.values() for id_ in run.record.ids}
            found: Mapping[str, Status] = {} if isinstance(result, Exception) else result
            runs = [(id_, one) for id_, one in found.items() if id_ not in known]
            listed = [{"id": id_, "name": one.name, "state": one.word} for id_, one in runs[:MOST_LISTED]]
            self._tell({"op": "listed", "runs": listed})

        self._worker.do(lambda: self._engine.named(prefix), told)

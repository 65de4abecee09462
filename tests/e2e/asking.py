"""A daemon that runs asides for tests: `python asking.py --state-dir …` requests what STATE/ask lists.

An outcome is delivered as an event of the kind `KIND`.
"""

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

from anyio.abc import TaskGroup

from locksided import clock, command, daemon
from locksided.actors.asides import Aside
from locksided.api.service import Service
from locksided.joblog.reader import stream_bytes
from locksided.keeper.log.format import STDOUT
from locksided.keeper.messages import Outcome, StartOrder
from locksided.store.transaction import Transaction

KIND = "aside.delivered"


async def deliver(aside: Aside, outcome: Outcome) -> Any:
    said = stream_bytes(aside.folder.log, STDOUT, 1000).decode()
    data = {
        "reference": dict(aside.reference),
        "exitCode": outcome.exit_code,
        "stopped": outcome.stopped,
        "isLost": outcome.is_lost,
        "refused": outcome.refused and outcome.refused.kind,
        "said": said,
    }

    def write(tx: Transaction) -> None:
        tx.event(clock.now_us(), KIND, "default", data=data)

    return write


class Asking(daemon.Daemon):
    """The daemon, with a task that requests asides."""

    purposes: ClassVar[Any] = {"test": deliver}

    async def _serve(self, store: Any, tasks: TaskGroup) -> None:
        self._tasks = tasks
        await super()._serve(store, tasks)

    def _parts(self, *arguments: Any) -> Service:
        service = super()._parts(*arguments)
        self._tasks.start_soon(ask, service)
        return service


async def ask(service: Service) -> None:
    """Request what the file lists; it is removed first, so that a later daemon does not request it again."""
    file = Path(service.state_dir.root, "ask")
    if not file.exists():
        return
    lines = file.read_text().splitlines()
    file.unlink()
    await service.backend.until_up()
    for line in lines:
        asked = json.loads(line)
        token = service.asides.new_token()
        folder = service.asides.folder(token)
        order = StartOrder(
            token=token,
            folder=folder.control(1, 0),
            pipeline=[["/bin/sh", "-c", asked["shell"]]],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            log_folder=folder.log,
            max_log_bytes=2**20,
            grace_seconds=1.0,
            timeout_seconds=asked.get("timeout"),
        )
        await service.asides.begin("test", {"name": asked["name"]}, order)


if __name__ == "__main__":
    command.Daemon = Asking  # type: ignore[misc]
    sys.exit(command.main())

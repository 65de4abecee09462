"""What an executor says of itself and of its runs to a daemon that has come."""

import os
from collections.abc import Iterable

from locksided.executors.engine import Engine
from locksided.executors.remote_run import RemoteRun
from locksided.keeper import clock, wire
from locksided.keeper.messages import Hello
from locksided.keeper.tree import proc


def hello(engine: Engine, runs: Iterable[RemoteRun], build: str) -> Hello:
    """The first message of a connection."""
    return Hello(
        wire.VERSION,
        os.getpid(),
        runs=tuple(run.describe() for run in runs),
        build=build,
        start_ticks=proc.start_ticks(os.getpid()),
        boot_id=clock.boot_id(),
        kind=engine.kind,
        capabilities=engine.capabilities,
        engine=engine.version or engine.kind,
    )

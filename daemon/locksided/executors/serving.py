"""Starts an executor: takes the socket, takes over the runs of its predecessor, runs the loop."""

import argparse
import os
import signal
from contextlib import suppress

from locksided.executors.engine import Engine
from locksided.executors.executor import Executor
from locksided.executors.records import Records
from locksided.keeper import listener, systemd
from locksided.keeper.journal import Journal
from locksided.keeper.listener import KeeperLives
from locksided.keeper.loop import Loop
from locksided.keeper.main import EXIT_KEEPER_LIVES, watch_signals


def serve(engine: Engine, arguments: list[str] | None = None) -> int:
    """Run the executor of an engine until nobody needs it; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog=f"executor {engine.kind}")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--state", required=True, help="the folder of what it knows of its runs")
    parser.add_argument("--linger", type=float, default=60.0)
    parser.add_argument("--build", default="")
    options = parser.parse_args(arguments)
    passed = systemd.passed_socket()
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        listener.take_lock(options.socket)
    except KeeperLives as error:
        print(f"executor: {error}")
        return EXIT_KEEPER_LIVES
    listening = passed or listener.listen(options.socket)
    loop, journal = Loop(), Journal(None)
    executor = Executor(
        loop, journal, listening, engine, Records(options.state, journal), options.linger, options.build
    )
    watch_signals(loop, {signal.SIGTERM: executor.leave, signal.SIGINT: executor.leave}, lambda: None)
    journal.write("ready", pid=os.getpid(), kind=engine.kind)
    systemd.notify("READY=1")
    loop.run()
    listening.close()
    if passed is None:
        with suppress(FileNotFoundError):
            os.unlink(options.socket)
    return 0

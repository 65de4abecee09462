"""Who suffers when a client does not behave: one beside it that does, and the daemon's memory."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS
from e2e.wire import Refusal, Wire


@contextmanager
def well_behaved(daemon: Daemon) -> Iterator[list[float]]:
    """A client that asks one thing after another and notes how long each answer took."""
    stop, waits, faults = threading.Event(), [], []
    served = threading.Event()

    def work() -> None:
        with Wire(daemon.socket) as wire:
            while not stop.is_set() or len(waits) < 5:
                begun = time.monotonic()
                try:
                    assert wire.call("pool.get", id="default")["id"] == "default"
                except (OSError, Refusal, AssertionError) as fault:
                    faults.append(fault)
                    return
                waits.append(time.monotonic() - begun)
                served.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert served.wait(PATIENCE_SECONDS), "nobody was served even before"
    try:
        yield waits
    finally:
        stop.set()
        thread.join()
    assert not faults
    assert max(waits) < 5, f"an answer took {max(waits):.1f} s beside them"


def memory_of(daemon: Daemon) -> int:
    """How many bytes of memory the daemon has now."""
    assert daemon.process is not None
    with open(f"/proc/{daemon.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def open_files_of(daemon: Daemon) -> int:
    """How many descriptors the daemon has open."""
    assert daemon.process is not None
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))

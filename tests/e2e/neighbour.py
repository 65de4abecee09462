"""Measures the harm that a misbehaving client does: to a well-behaved client, and to the daemon's memory."""

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
    """A client that sends one request after another and records how long each answer took."""
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
    assert served.wait(PATIENCE_SECONDS), "no client was served even before"
    try:
        yield waits
    finally:
        stop.set()
        thread.join()
    assert not faults
    assert max(waits) < 5, f"an answer took {max(waits):.1f} s beside them"


def memory_of(daemon: Daemon) -> int:
    """Return the memory that the daemon uses now, in bytes."""
    assert daemon.process is not None
    with open(f"/proc/{daemon.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def open_files_of(daemon: Daemon) -> int:
    """Return the number of open descriptors of the daemon."""
    assert daemon.process is not None
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))

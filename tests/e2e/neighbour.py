"""A client that behaves well, beside one that does not: all its calls must be answered, and soon."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.harness import Daemon, Refusal, Wire


@contextmanager
def well_behaved(daemon: Daemon) -> Iterator[list[float]]:
    """A client that asks one thing after another and notes how long each answer took."""
    stop, waits, faults = threading.Event(), [], []

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

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()
    assert not faults
    assert max(waits) < 5, f"an answer took {max(waits):.1f} s beside them"

"""A thread that waits for other programs, and hands results back to the loop."""

import os
import queue
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from locksided.keeper.loop import Loop

T = TypeVar("T")
Then = Callable[[T | Exception], object]


class Worker:
    """Does one thing after another in its own thread."""

    def __init__(self, loop: Loop) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Then[Any]]] = queue.SimpleQueue()
        self._done: deque[tuple[Then[Any], Any]] = deque()
        self._reading, self._writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        loop.watch(self._reading, self._hand_over)
        threading.Thread(target=self._run, daemon=True).start()

    def do(self, work: Callable[[], T], then: Then[T]) -> None:
        """Queue the work; `then` is called in the loop with its result or exception."""
        self._work.put((work, then))

    def _run(self) -> None:
        while True:
            work, then = self._work.get()
            try:
                result: Any = work()
            except Exception as error:  # noqa: BLE001 - an engine may raise anything; the loop reports it
                result = error
            self._done.append((then, result))
            with suppress(BlockingIOError):
                os.write(self._writing, b"x")

    def _hand_over(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._reading, 4096)
        while self._done:
            then, result = self._done.popleft()
            then(result)

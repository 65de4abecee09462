"""Work done in a forked child, and its result."""

import os
import pickle
import select
import traceback
from collections.abc import Callable
from typing import Any, Self

SECONDS = 60


class Child:
    """A forked child that does `work` and returns its result; `result` raises if it failed or hangs."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._results, sending = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._results)
            _do(work, sending)
        os.close(sending)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._results)
        os.waitpid(self._pid, 0)

    def result(self) -> Any:
        """Wait for the result of the work."""
        text = b""
        while True:
            readable, _, _ = select.select([self._results], [], [], SECONDS)
            if not readable:
                os.kill(self._pid, 9)
                raise AssertionError("the child hangs")
            chunk = os.read(self._results, 65536)
            if not chunk:
                break
            text += chunk
        is_good, value = pickle.loads(text)
        assert is_good, value
        return value


def in_child(work: Callable[[], Any]) -> Any:
    """Do the work in a forked child and return its result."""
    with Child(work) as child:
        return child.result()


def _do(work: Callable[[], Any], sending: int) -> None:
    code = 1
    try:
        try:
            answer = (True, work())
        except BaseException:  # noqa: BLE001 - it is raised in the parent
            answer = (False, traceback.format_exc())
        with os.fdopen(sending, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
        code = 0
    finally:
        os._exit(code)

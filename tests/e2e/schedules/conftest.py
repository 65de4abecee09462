"""The daemon for tests of schedules and triggers: each test has its own, with a clock that it advances."""

from collections.abc import Iterator

import pytest

from e2e.harness import Daemon
from e2e.scheduling import MORNING, at


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Its clock starts at 8 o'clock on a Monday in January."""
    with at(MORNING) as one:
        yield one

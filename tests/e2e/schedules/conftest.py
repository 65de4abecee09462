"""The daemon of tests of schedules and triggers: each has one of its own, with a clock that it moves."""

from collections.abc import Iterator

import pytest

from e2e.harness import Daemon
from e2e.scheduling import MORNING, at


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """At 8 o'clock on a Monday in January."""
    with at(MORNING) as one:
        yield one

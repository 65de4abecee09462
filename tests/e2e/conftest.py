"""Fixtures: a daemon shared by a module, a daemon for a single test, and gates and ears for jobs."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from e2e.harness import Daemon, python, running, short_folder
from e2e.orchestrating import BODY
from e2e.people import ANNA, BERT, OPERATORS, VIEWERS, Person
from e2e.receiving import Receiver, receiving
from e2e.signs import Ear, Gate
from e2e.wire import Wire, connected, put_component

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon that the tests of a module share; its pool `default` has 4 slots."""
    with running() as one:
        yield one


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with Wire(daemon.socket) as opened:
        yield opened


@pytest.fixture
def body(wire: Wire) -> Wire:
    """A connection to a daemon that has a connected keeper and the component that follows its parameters."""
    connected(wire)
    put_component(wire, "acme.body", command=python(BODY))
    return wire


@pytest.fixture
def fresh() -> Iterator[Callable[..., Daemon]]:
    """Starts daemons for this test alone; the settings are passed in the environment."""
    with ExitStack() as stack:

        def make(**settings: str) -> Daemon:
            return stack.enter_context(running(**settings))

        yield make


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short path."""
    with short_folder() as folder:
        yield folder


@pytest.fixture
def gate(place: Path) -> Iterator[Gate]:
    made = Gate(place)
    yield made
    made.open()


@pytest.fixture
def gates(place: Path) -> Iterator[Callable[[str], Gate]]:
    """Creates gates by name."""
    made: list[Gate] = []

    def make(name: str) -> Gate:
        made.append(Gate(place, f"gate-{name}"))
        return made[-1]

    yield make
    for one in made:
        one.open()


@pytest.fixture
def ear(place: Path) -> Iterator[Ear]:
    made = Ear(place)
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def viewer(daemon: Daemon) -> Person:
    """A user who has only the role `viewer` in a daemon of `used_by_groups`."""
    return Person(daemon, ANNA, VIEWERS)


@pytest.fixture
def anna(daemon: Daemon) -> Person:
    return Person(daemon, ANNA, OPERATORS)


@pytest.fixture
def bert(daemon: Daemon) -> Person:
    return Person(daemon, BERT, OPERATORS)

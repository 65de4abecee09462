"""A daemon and a web server for each module."""

from collections.abc import Iterator

import pytest

from e2e.harness import LAKE, Daemon, running, short_folder
from e2e.signs import Gate
from e2e.wire import Wire
from web.webserver import Web, serving


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(**LAKE) as one:
        yield one


@pytest.fixture(scope="module")
def web(daemon: Daemon) -> Iterator[Web]:
    with serving(daemon) as one:
        yield one


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with Wire(daemon.socket) as opened:
        yield opened


@pytest.fixture(scope="module")
def token(daemon: Daemon) -> str:
    with Wire(daemon.socket) as wire:
        secret: str = wire.call("token.create", name="queue", role="operator")["secret"]
        return secret


@pytest.fixture
def gate() -> Iterator[Gate]:
    with short_folder() as folder:
        made = Gate(folder)
        yield made
        made.open()

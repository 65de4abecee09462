"""Fixtures: one booted machine for all tests, with lockside enabled as the handbook describes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import short_folder
from e2e.wire import Wire
from systemd.machine import Machine, booted, installation, is_possible

SOCKET = "/run/lockside/lockside.sock"


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    if not os.environ.get("LOCKSIDE_TEST_SYSTEMD"):
        pytest.skip("LOCKSIDE_TEST_SYSTEMD=1 tries the units on a machine of their own")
    if not is_possible():
        pytest.skip("it takes root and systemd-nspawn (Debian's package systemd-container)")
    with short_folder() as base, booted(base) as made:
        for line in installation():
            if line.startswith("system"):
                made.run("sh", "-c", line)
        made.run("mkdir", "-m", "0777", "/var/lib/lockside-test")
        yield made


@pytest.fixture
def wire(machine: Machine) -> Iterator[Wire]:
    with Wire(machine.path(SOCKET)) as opened:
        yield opened


class Latch:
    """A pipe in the machine at which a job waits until the test lets it go."""

    def __init__(self, machine: Machine) -> None:
        self.text = "read line < /var/lib/lockside-test/latch"
        self._path = machine.path("/var/lib/lockside-test/latch")
        os.mkfifo(self._path)
        self._path.chmod(0o666)

    def open(self) -> None:
        with open(self._path, "w") as pipe:
            pipe.write("go\n")

    def remove(self) -> None:
        self._path.unlink()


@pytest.fixture
def latch(machine: Machine) -> Iterator[Latch]:
    made = Latch(machine)
    yield made
    made.remove()


@pytest.fixture
def drop_in(machine: Machine) -> Iterator["DropIns"]:
    made = DropIns(machine)
    yield made
    made.remove()


class DropIns:
    """The drop-in files that an operator writes with `systemctl edit`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._made: list[Path] = []

    def write(self, unit: str, text: str) -> None:
        path = self._machine.path(f"/etc/systemd/system/{unit}.d/test.conf")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"[Service]\n{text}\n")
        self._made.append(path)
        self._machine.run("systemctl", "daemon-reload")

    def remove(self) -> None:
        for path in self._made:
            path.unlink()
        self._machine.run("systemctl", "daemon-reload")

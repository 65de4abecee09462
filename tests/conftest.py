"""Marks the tests of real processes, and shows the figures of the campaigns when a run has ended."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

import surroundings
from campaign.figures import MARK, table

TESTS = Path(__file__).parent
REAL_PROCESSES = frozenset(("campaign", "e2e", "handbook", "interop", "keeper", "systemd", "transcripts"))
"""Folders whose tests all start programs; in other folders the modules that do have the mark."""
LONGEST = ("handbook", "web", "campaign", "fuzz", "simulation")
"""Folders whose modules take longest: one that began last would run alone at the end."""


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    """Steps set the umask of their process, which is that of the tests where one calls them as functions."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def pytest_configure() -> None:
    """Make the surroundings plain before the first module is read, in each worker, too."""
    surroundings.make_plain()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try tests of real processes twice, and no others: a retry of a pure test would hide a fault.

    On a busy machine a program can be slower than any time-out. The longest come first, the pure ones last.
    """
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in REAL_PROCESSES:
            item.add_marker("real_processes")
        if item.get_closest_marker("real_processes"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=_begins)


def _begins(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST) + (folder not in REAL_PROCESSES)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """One table, whichever worker ran the tests; nothing when none of them did."""
    reports = [one for one in terminalreporter.getreports("passed") if isinstance(one, pytest.TestReport)]
    rows = [value for report in reports for name, value in report.user_properties if name == MARK]
    if rows:
        terminalreporter.section("campaigns")
        for line in table(rows):
            terminalreporter.write_line(line)

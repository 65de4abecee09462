"""Marks the tests of real processes, and shows the figures of the campaigns at the end of a run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

import surroundings
from campaign.figures import MARK, table

TESTS = Path(__file__).parent
REAL_PROCESSES = frozenset(("campaign", "e2e", "handbook", "interop", "keeper", "systemd", "transcripts"))
"""Folders whose tests all start programs; in other folders, modules that do so have the mark."""
LONGEST = (
    "web/test_page_journeys.py",
    "handbook/test_examples.py",
    "e2e/test_recovery.py",
    "web/test_page_shape.py",
    "e2e/test_notifications.py",
    "e2e/test_restore.py",
    "e2e/test_upgrade.py",
    "e2e/test_failed_records.py",
    "e2e/test_real_components.py",
    "e2e/test_hostile_jobs.py",
    "e2e/test_doctor.py",
    "e2e/schedules/test_triggers.py",
    "e2e/test_real_bodies.py",
    "e2e/test_executor_survival.py",
    "e2e/schedules/test_clocks.py",
    "e2e/schedules/test_file_triggers.py",
    "campaign/test_kill_sweep.py",
    "bench/test_smoke.py",
    "e2e/test_chunks.py",
    "e2e/test_clock.py",
    "e2e/test_floods.py",
    "web/test_page_live.py",
    "e2e/test_slurm.py",
)
"""The modules that take longest: if one began last, it would run alone at the end."""


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    """Restore the umask: a step sets it, and a test that calls a step as a function shares its process."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def pytest_configure() -> None:
    """Make the surroundings plain before the first module is imported, in each worker too."""
    surroundings.make_plain()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try tests of real processes twice, and no others: a retry of a pure test would hide a fault.

    On a busy machine a program can exceed any time-out. The longest modules come first, pure tests last.
    """
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in REAL_PROCESSES:
            item.add_marker("real_processes")
        if item.get_closest_marker("real_processes"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=_begins)


def _begins(item: pytest.Item) -> int:
    path = item.path.relative_to(TESTS)
    if (name := path.as_posix()) in LONGEST:
        return LONGEST.index(name)
    return len(LONGEST) + (path.parts[0] not in REAL_PROCESSES)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show one table for the tests of all workers; nothing if no campaign ran."""
    reports = [one for one in terminalreporter.getreports("passed") if isinstance(one, pytest.TestReport)]
    rows = [value for report in reports for name, value in report.user_properties if name == MARK]
    if rows:
        terminalreporter.section("campaigns")
        for line in table(rows):
            terminalreporter.write_line(line)

"""Shows the figures of the campaigns when a run has ended."""

import pytest
from _pytest.terminal import TerminalReporter

from campaign.figures import MARK, table


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """One table, whichever worker ran the tests; nothing when none of them did."""
    reports = [one for one in terminalreporter.getreports("passed") if isinstance(one, pytest.TestReport)]
    rows = [value for report in reports for name, value in report.user_properties if name == MARK]
    if rows:
        terminalreporter.section("campaigns")
        for line in table(rows):
            terminalreporter.write_line(line)

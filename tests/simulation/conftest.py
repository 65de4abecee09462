"""Shows after the tests what all simulated worlds went through."""

from typing import Any

from simulation.figures import Figures


def pytest_terminal_summary(terminalreporter: Any) -> None:
    total = Figures()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figures":
                total.add(Figures(**value))
    if total.events:
        terminalreporter.write_line(f"simulated: {total.text()}")

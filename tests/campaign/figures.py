"""The figures of the campaigns: each test records its own, and a table is shown at the end of the run."""

import os
from collections.abc import Callable

import pytest

LONG = bool(os.environ.get("LOCKSIDE_TEST_LONG"))
in_long_form = pytest.mark.skipif(not LONG, reason="in the long form only (LOCKSIDE_TEST_LONG=1)")
MARK = "campaign"
NEVER = ("lost", "doubled", "overlapping", "cancelled but ran", "wrong exit code", "leaked")
"""A test that finds one of these fails; that it ended well is what makes these figures 0."""


class Figures:
    """The results of one campaign, by name; they are part of the test's report from the beginning."""

    def __init__(self, campaign: str, record: Callable[[str, object], None]) -> None:
        self.counts: dict[str, str | int] = {MARK: campaign}
        record(MARK, self.counts)

    def add(self, name: str, count: int = 1) -> None:
        before = self.counts.get(name, 0)
        assert isinstance(before, int), name
        self.counts[name] = before + count


def table(rows: list[dict[str, object]]) -> list[str]:
    """Return the lines of the table: one for each campaign, with its work and its violations."""
    width = max(len(str(row[MARK])) for row in rows)
    lines = []
    for row in rows:
        done = ", ".join(f"{name} {count}" for name, count in row.items() if name != MARK)
        lines.append(f"{row[MARK]!s:<{width}}  {done}")
    return [*lines, f"{'in all of them':<{width}}  " + ", ".join(f"{name} 0" for name in NEVER)]

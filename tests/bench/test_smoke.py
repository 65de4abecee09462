"""Checks that every part of the benchmark produces figures, with too little work for meaningful values."""

from pathlib import Path

import pytest

from bench import report
from bench.place import Scale
from bench.run import PARTS, measured
from campaign.figures import LONG

DEAR = {"tables", "table_jobs", "history", "waiting"}
"""What takes long however little there is to do."""


@pytest.mark.parametrize("part", PARTS if LONG else sorted(set(PARTS) - DEAR))
def test_every_part_of_the_benchmark_produces_figures(part: str, tmp_path: Path) -> None:
    scale = Scale(Path("/tmp"), tmp_path, rounds=1, share=0.0005)
    figures = measured([part], scale)
    assert figures
    file = tmp_path / "figures.json"
    report.write(file, figures)
    assert figures[0].name in report.figures_table(figures)
    assert figures[0].name in report.comparison(file, figures)

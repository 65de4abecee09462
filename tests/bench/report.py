"""The figures as a table for people, and as JSON for comparison with later versions."""

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.figure import Figure

HEAD = ("figure", "value", "bare", "ratio", "target", "", "bare is")


def number(value: float | None) -> str:
    """Format a number with three significant digits."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cells(figure: Figure) -> tuple[str, ...]:
    reached = {None: "", True: "reached", False: "NOT REACHED"}[figure.is_reached]
    target = "" if figure.target is None else str(figure.target)
    return (
        figure.name,
        f"{number(figure.value)} {figure.unit}",
        number(figure.bare),
        f"{figure.ratio:.2f}x" if figure.ratio is not None else "",
        target,
        reached,
        figure.bare_name,
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return the text of a table whose first row is the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def figures_table(figures: Sequence[Figure]) -> str:
    """Return a table for each group of figures."""
    texts = []
    for group in dict.fromkeys(figure.group for figure in figures):
        rows = [cells(figure) for figure in figures if figure.group == group]
        texts.append(f"{group}\n\n" * bool(group) + table([HEAD, *rows]))
    return "\n\n".join(texts)


def machine() -> dict[str, Any]:
    """Describe the machine on which the figures were measured."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "kernel": platform.release(),
        "arguments": sys.argv[1:],
    }


def write(path: Path, figures: Sequence[Figure]) -> None:
    """Write all figures; an existing figure of the same name is replaced, so parts can be measured apart."""
    old = json.loads(path.read_text())["figures"] if path.exists() else []
    fresh = {figure.name: figure.as_json() for figure in figures}
    kept = {each["name"]: each for each in old}
    whole = {"machine": machine(), "figures": list({**kept, **fresh}.values())}
    path.write_text(json.dumps(whole, indent=1) + "\n")


def comparison(old: Path, figures: Sequence[Figure]) -> str:
    """Compare each figure with that of an older run: by its ratio if it has one, else by its value."""
    before = {each["name"]: each for each in json.loads(old.read_text())["figures"]}
    rows = [("figure", "before", "now", "now/before")]
    for figure in figures:
        if (then := before.get(figure.name)) is None:
            continue
        was, now, unit = then["value"], figure.value, f" {figure.unit}"
        if then["ratio"] and figure.ratio:
            was, now, unit = then["ratio"], figure.ratio, "x"
        change = f"{now / was:.2f}" if was else ""
        rows.append((figure.name, f"{number(was)}{unit}", f"{number(now)}{unit}", change))
    return table(rows)

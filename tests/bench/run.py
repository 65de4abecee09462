"""Measures lockside: `python tests/bench/run.py [--only NAMES] [--json FILE] [--compare FILE] [--quick]`.

Every figure stands beside a bare measurement of the same run. Nothing here is a test; `test_smoke.py` shows
that the benchmark runs.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench import report
from bench.figure import Figure
from bench.place import Scale

PARTS = {
    "throughput": "1: no-op jobs from the first request to the last final state",
    "creation": "2: job.create, one at a time and from 64 connections",
    "delays": "3: start, end, idleness",
    "waiting": "4: a hundred thousand jobs that wait; with --millions a million, too",
    "history": "5: a million jobs that ended",
    "memory": "6: daemon and keeper at rest",
    "schedules": "ten thousand schedules, lateness, a year of missed minutes",
    "tables": "storage steps beside DuckDB: loads, upserts, exports, previews, memory",
    "table_jobs": "jobs with tables, ten thousand loads of one table, ten thousand tables",
    "staging": "inputs over http, beside curl",
    "notifications": "throughput beside 26 receivers that never answer",
    "logs": "7: 2 GB of output, and ten followers",
    "commandline": "8: the command line",
    "work": "9: processor time for each job, with --beside in turn with other code",
    "decisions": "10: a decision among a hundred thousand that wait for several pools, or resources",
    "peers": "the same work through other queues that are on PATH",
}


def figures_of(part: str) -> Callable[[Scale], Iterator[Figure]]:
    found: Callable[[Scale], Iterator[Figure]] = import_module(f"bench.{part}").figures
    return found


def measured(parts: list[str], scale: Scale) -> list[Figure]:
    """Return all figures of these parts, and print each one as soon as it is known."""
    figures = []
    for part in parts:
        for figure in figures_of(part)(scale):
            print(f"  {figure.name}: {report.number(figure.value)} {figure.unit}", file=sys.stderr)
            figures.append(figure)
    return figures


def main() -> int:
    """Measure according to the arguments; SIGTERM also ends daemons and jobs."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    listed = "\n".join(f"  {name:12}{text}" for name, text in PARTS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"parts:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--rounds", type=int, default=5, help="how often bare and ours take turns")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, two rounds")
    parser.add_argument("--json", type=Path, help="write the figures here, into what is there")
    parser.add_argument("--compare", type=Path, help="the figures of an older run")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="a folder on a disk")
    parser.add_argument("--cache", type=Path, help="a folder in which big databases are kept")
    parser.add_argument("--millions", action="store_true", help="a million waiting jobs, too: minutes more")
    parser.add_argument("--beside", type=Path, help="a checkout of other code, installed in its .venv")
    given = parser.parse_args()
    if given.cache is None:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            given.cache = Path(folder)
            return measure(parser, given)
    return measure(parser, given)


def measure(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    unknown = set(given.only.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    rounds, share = (2, 0.1) if given.quick else (given.rounds, 1.0)
    scale = Scale(given.folder, given.cache, rounds, share, given.millions, given.beside)
    figures = measured(given.only.split(","), scale)
    print(report.figures_table(figures))
    if given.compare:
        print()
        print(report.comparison(given.compare, figures))
    if given.json:
        report.write(given.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())

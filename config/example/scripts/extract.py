"""Extract:

read the world's airports from a compressed CSV file and put them where the next step finds them.
"""

import csv
import gzip
from pathlib import Path

from component import (
    last_state,
    output_file,
    paced,
    parameters,
    refuse,
    replace_file,
    report,
    save_state,
    say,
)

HOME = Path(__file__).resolve().parent.parent / "data"
NEEDED = {"icao", "iata", "name", "country", "elevation", "lat", "lon"}


def read(source):
    """Read all rows; a missing file or column is the user's to mend."""
    try:
        with gzip.open(source, "rt", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        refuse(f"The source {source} cannot be read: {error.strerror or error}.")
    missing = NEEDED - set(rows[0] if rows else ())
    if missing:
        refuse(f"The source {source} lacks the columns {', '.join(sorted(missing))}.")
    return rows


def main():
    """Read, copy at the asked pace, and remember how many there were."""
    asked = parameters()
    source = HOME / asked["source"]
    before = last_state().get("rows")
    say(f"reading {source.name}" + (f", which had {before:,} rows the last time" if before else ""))
    rows = read(source)
    done = []
    for start, slice_ in paced(rows, float(asked.get("pace_seconds", 0))):
        done += slice_
        report(len(done) / len(rows), f"{len(done):,} of {len(rows):,} airports", success=len(done))
        say(f"rows {start + 1:>6,} to {len(done):>6,}: from {slice_[0]['icao']} to {slice_[-1]['icao']}")
    target = output_file("airports.csv")
    replace_file(target, lambda file: write(file, done))
    save_state({"rows": len(done)})
    say(f"{len(done):,} airports are in {target.name}")


def write(file, rows):
    """Write rows as CSV."""
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows(rows)


main()

"""Load: put airports and countries into a SQLite database, in one transaction, in place of what was there."""

import csv
import sqlite3
from pathlib import Path

from component import input_file, parameters, refuse, report, say

TABLES = {
    "airports": {"icao": "TEXT PRIMARY KEY", "elevation": "REAL", "lat": "REAL", "lon": "REAL"},
    "countries": {
        "country": "TEXT PRIMARY KEY",
        "airports": "INTEGER",
        "with_iata": "INTEGER",
        "median_elevation_ft": "INTEGER",
        "highest_ft": "INTEGER",
    },
}


def rows_of(path):
    """Read a CSV file: its columns and its rows."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            columns, *rows = csv.reader(file)
    except FileNotFoundError:
        refuse(f"There is no {path.name} in {path.parent} yet: run airports.transform first.")
    return columns, rows


def load(database, table, path):
    """Replace one table by a file's rows; names come from the file's own heading."""
    columns, rows = rows_of(path)
    types = TABLES[table]
    spelled = ", ".join(f'"{column}" {types.get(column, "TEXT")}' for column in columns)
    database.execute(f"DROP TABLE IF EXISTS {table}")
    database.execute(f"CREATE TABLE {table} ({spelled})")
    marks = ", ".join("?" * len(columns))
    database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - the table is one of ours
    say(f"{table}: {len(rows):,} rows")
    return len(rows)


def main():
    """Load both tables, or neither."""
    asked = parameters()
    folder = Path(asked["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / asked["database"], isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    total = 0
    for done, table in enumerate(TABLES, 1):
        total += load(database, table, input_file(f"{table}.csv"))
        report(done / len(TABLES), f"{table} loaded", success=total)
    database.execute("COMMIT")
    database.close()
    say(f"{total:,} rows are in {folder / asked['database']}")


main()

"""Transform: leave out airports whose position cannot be, and sum the others up by country."""

import csv
from collections import defaultdict
from statistics import median

from component import input_file, output_file, paced, parameters, refuse, replace_file, report, say

COLUMNS = ["country", "airports", "with_iata", "median_elevation_ft", "highest_ft", "highest", "northernmost"]


def is_on_earth(airport):
    """Check a position and an elevation."""
    try:
        return (
            abs(float(airport["lat"])) <= 90
            and abs(float(airport["lon"])) <= 180
            and -1500 <= float(airport["elevation"]) <= 20000
        )
    except ValueError:
        return False


def summary(country, airports):
    """Sum one country up."""
    highest = max(airports, key=lambda each: float(each["elevation"]))
    return {
        "country": country,
        "airports": len(airports),
        "with_iata": sum(bool(each["iata"]) for each in airports),
        "median_elevation_ft": round(median(float(each["elevation"]) for each in airports)),
        "highest_ft": round(float(highest["elevation"])),
        "highest": highest["name"],
        "northernmost": max(airports, key=lambda each: float(each["lat"]))["name"],
    }


def countries_in(found):
    return "1 country" if len(found) == 1 else f"{len(found)} countries"


def main():
    """Read what extract left, check it, and write countries."""
    asked = parameters()
    source = input_file("airports.csv")
    try:
        with source.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        refuse(f"There are no airports in {source.parent} yet: run airports.extract first.")
    by_country = defaultdict(list)
    good = ignored = 0
    for start, slice_ in paced(rows, float(asked.get("pace_seconds", 0))):
        for airport in slice_:
            if is_on_earth(airport):
                by_country[airport["country"]].append(airport)
                good += 1
            else:
                ignored += 1
        share = (start + len(slice_)) / len(rows)
        report(share, f"{countries_in(by_country)} so far", success=good, ignored=ignored)
        say(f"checked {start + len(slice_):>6,} airports of {countries_in(by_country):>13}")
    countries = sorted((summary(*each) for each in by_country.items()), key=lambda each: -each["airports"])
    replace_file(output_file("countries.csv"), lambda file: write(file, countries))
    say(f"{countries_in(countries)}; {good:,} airports are fine, {ignored} left out")


def write(file, rows):
    """Write rows as CSV."""
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)


main()

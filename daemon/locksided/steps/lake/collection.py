"""Everything in out/tables of all rows of a job: each source with its load, or the problem with it."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from lockside.documents.storage import Output
from locksided.steps.lake.sources import Found, found_in
from locksided.tables import mapping as mappings
from locksided.tables.mapping import BadMapping, Load, loads, mapped_sources, settings_of


@dataclass(slots=True)
class Collected:
    """All loads of a job with their source files, and all problems."""

    loads: list[tuple[Load, Found, Output]] = field(default_factory=list)
    stay: list[Load] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def collected_in(order: Mapping[str, Any]) -> Collected:
    """Collect the loads of all rows."""
    collected, of_failed_run = Collected(), order.get("ofFailedRun", False)
    for row in order["rows"]:
        found, problems = found_in(Path(row["folder"]) / "out" / "tables")
        if not of_failed_run:
            collected.problems += [*problems, *_missing(row["output"], found)]
        settings = settings_of(row["output"])
        for one in found:
            source = mappings.Source(row["row"], one.name, one.manifest)
            for load in loads(
                source, row["output"], row["bucket"], may_stay=row["mayStay"], of_failed_run=of_failed_run
            ):
                sort_in(collected, _added(load) if order.get("appends") else load, one, settings)
    return collected


def _missing(output: Mapping[str, Any], found: Sequence[Found]) -> Iterator[str]:
    """Yield a problem if the mapping names sources that do not exist."""
    known = {one.name for one in found}
    missing = [name for name in mapped_sources(output) if name not in known]
    if missing:
        listed = ", ".join(f'"{name}"' for name in missing)
        yield f"Table sources not found: {listed}"


def _added(load: Load | BadMapping) -> Load | BadMapping:
    """Return the load of a retry of failed records: it adds to the rows stored by the first run."""
    if isinstance(load, BadMapping):
        return load
    rules: dict[str, Any] = {"delete_where": [], "delete_where_column": None, "delete_where_values": None}
    return dataclasses.replace(load, mapping=replace(load.mapping, incremental=True, **rules))


def sort_in(collected: Collected, load: Load | BadMapping, found: Found, settings: Output) -> None:
    """Add a load, or the problem that prevents it, to the collection."""
    if isinstance(load, BadMapping):
        collected.problems.append(str(load))
    elif load.table is None:
        collected.stay.append(load)
    else:
        collected.loads.append((load, found, settings))

"""Tables with foreign or missing entries, or with commits that cannot be published."""

from collections.abc import Iterable

from locksided.checks.problem import Problem
from locksided.runs.inspection import REMEDY, Inspection
from locksided.store.store import Store
from locksided.store.troubles import troubled


async def check(store: Store, inspection: Inspection) -> list[Problem]:
    """Inspect all tables and return their troubles."""
    await inspection.inspect_all()
    return [
        Problem(
            f"{trouble['kind']}_table",
            f"Table {row.id} is {trouble['kind']}: {trouble['cause']}",
            REMEDY[trouble["kind"]],
            details={"table": row.id, "branchId": row.branch_id, "version": trouble["version"]},
        )
        for row in await store.read(troubled)
        if (trouble := row.trouble) is not None
    ]


def unpublished(commits: Iterable[tuple[str, int, str, int]]) -> list[Problem]:
    """Return the commits that could not be published: table, version, cause, and since when."""
    return [
        Problem(
            "unpublished_table",
            f"Version {version} of table {table} cannot be published: {cause}.",
            "make room on the disk or mend it; the daemon tries again by itself",
            since_us,
            details={"table": table, "version": version},
        )
        for table, version, cause, since_us in commits
    ]

"""`table delete-rows`, `table alter` and `doctor --adopt`: changes of existing tables."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Session
from lockside.cli.storage.tables import finish

ALL = "all"


def delete_rows(session: Session, parsed: Parsed) -> int:
    """Delete the rows that meet all conditions."""
    given = parsed.many("where")
    if bool(given) == parsed.flag("all"):
        raise UsageError("name rows with --where COLUMN=VALUE, or delete --all.", "table delete-rows")
    filters = []
    for text in given:
        column, mark, value = text.partition("=")
        if not mark:
            raise UsageError(f"--where {text}: write COLUMN=VALUE.", "table delete-rows")
        filters.append({"column": column, "values_from_set": [value]})
    rules = [{"where_filters": filters}]
    job = session.call("storage.table.deleteRows", **parsed.members(), delete_where=rules)
    return finish(session, parsed, job)


def adopt(session: Session, parsed: Parsed) -> int:
    """Adopt versions of other programs: of the given tables, or of all that have any."""
    asked = [{"id": table} for table in parsed.many("adopt")]
    if asked == [{"id": ALL}]:
        foreign = session.call("storage.status")["foreign"]
        asked = [{"id": one["table"], "branchId": one["branchId"]} for one in foreign]
    jobs = [session.call("storage.table.adopt", **one) for one in asked]
    return max((finish(session, parsed, job) for job in jobs), default=exits.DONE)


def alter(session: Session, parsed: Parsed) -> int:
    """Add and drop columns, and change types."""
    added = [{"name": name, **kind} for name, kind in map(_typed, parsed.many("add"))]
    types = dict(map(_typed, parsed.many("type")))
    job = session.call("storage.table.alter", **parsed.members(), addColumns=added, types=types)
    return finish(session, parsed, job)


def _typed(text: str) -> tuple[str, dict[str, str]]:
    """Parse a column and its type, from `COLUMN=TYPE` or `COLUMN=TYPE:LENGTH`."""
    column, _, kind = text.partition("=")
    base, _, length = kind.partition(":")
    return column, {"type": base or "STRING", **({"length": length} if length else {})}

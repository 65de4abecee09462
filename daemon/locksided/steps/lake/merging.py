"""Small files of a table are merged within a load: in a version of its own that changes no row.

delta-rs can merge, too, but commits by itself: nothing would be staged, and the tables of a job would change
one by one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import duckdb
import msgspec

from locksided.steps.lake import deltalog, loading
from locksided.steps.lake.deletion import NOTHING
from locksided.steps.lake.loading import Target
from locksided.tables.orders import Commit

SMALL_BYTES = 32 * 2**20
MANY = 64
OPTIMIZE = "OPTIMIZE"


def merged(
    connection: duckdb.DuckDBPyConnection, order: Mapping[str, Any], target: Target, commit: Commit
) -> Commit | None:
    """Return a commit after the load's own that merges small files; None if there are few."""
    files = deltalog.Files(dict(target.files.adds))
    files.take(target.actions)
    small = [path for path, add in files.adds.items() if add["size"] < SMALL_BYTES]
    if not commit.staged or len(small) < MANY:
        return None
    table = msgspec.structs.replace(target.order, version=commit.version, serial=target.order.serial + 1)
    merge = replace(target, order=table, files=files, deleted=NOTHING, actions=[])
    loading.rewrite(connection, merge, small)
    actions = [
        *deltalog.commit_actions(order, table, merge.time_us, OPTIMIZE),
        *map(_without_data_change, merge.actions),
    ]
    files.take(actions)
    return msgspec.structs.replace(
        commit,
        version=commit.version + 1,
        staged=deltalog.stage(target.folder, commit.version + 1, actions),
        operation=OPTIMIZE,
        size_bytes=files.size_bytes,
        counts={},
        sources=[],
    )


def _without_data_change(action: Mapping[str, Any]) -> dict[str, Any]:
    """Mark an action as changing no row."""
    return {kind: {**content, "dataChange": False} for kind, content in action.items()}

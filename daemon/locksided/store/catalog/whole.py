"""Everything of a project's catalog as it is now, to be compared with what it should be."""

import sqlite3
from dataclasses import dataclass

from locksided.store import reads
from locksided.store.catalog import branches, components, objects, variables
from locksided.store.catalog.branches import require_branch
from locksided.store.catalog.configs import ConfigId
from locksided.store.catalog.objects import Kind
from locksided.store.rows import PoolRow, Stored

_BEHIND_ALL = "\x7f"  # no scope sorts behind it: ids begin with letters and digits


@dataclass(frozen=True, slots=True)
class Whole:
    """The current versions of all that is not deleted, by id; configurations of every branch."""

    components: dict[str, Stored]
    variables: dict[str, Stored]
    configs: dict[ConfigId, Stored]
    pools: dict[str, PoolRow]


def whole(connection: sqlite3.Connection, project: str, branch: str) -> Whole:
    """Answer a project's catalog in one snapshot; NotFound unless there is such a branch."""
    with reads.snapshot(connection):
        require_branch(connection, project, branch)
        configs = objects.listed(connection, project, Kind.CONFIG, first="", last=_BEHIND_ALL)
        named = {one.id for one in branches.branches(connection, project)} | {branches.DEFAULT}
        return Whole(
            components={one.id: one for one in components.list_components(connection, project)},
            variables={one.id: one for one in variables.list_variables(connection, project)},
            configs={
                _config_id(project, one): one for one in configs if one.scope.partition("/")[0] in named
            },
            pools={one.id: one for one in reads.pools(connection)},
        )


def _config_id(project: str, stored: Stored) -> ConfigId:
    branch, _, component = stored.scope.partition("/")
    return ConfigId(component, stored.id, branch, project)

"""Which jobs made which versions of tables, and from what."""

from typing import Literal

from lockside.documents.base import Out


class LineageNode(Out, frozen=True, kw_only=True):
    """A version of a table, or a job.

    Attributes:
        id: Its name in `edges`.
        kind: What it is.
        branch_id: The table's branch.
        version: The table's version.
        component: The job's component; null when the job was purged.
        config: The job's configuration.
        status: The job's status; null when the job was purged.
        time: When the job was created.
    """

    id: str
    kind: Literal["table", "job"]
    table: str | None = None
    branch_id: str | None = None
    version: int | None = None
    job: str | None = None
    component: str | None = None
    config: str | None = None
    status: str | None = None
    time: str | None = None


class LineageEdge(Out, frozen=True, kw_only=True):
    """What was read by a job, or made by one.

    Attributes:
        from_id: What was read, or the job that made it.
        to_id: The job that read it, or what was made.
    """

    from_id: str
    to_id: str


class Lineage(Out, frozen=True, kw_only=True):
    """How data went from table to table.

    Attributes:
        nodes: Versions of tables, and jobs.
        edges: From what was read to who read it, and from who made it to what was made.
        is_truncated: Whether there is more than was answered.
    """

    nodes: list[LineageNode]
    edges: list[LineageEdge]
    is_truncated: bool = False

"""Rows of failed records: runs of lines in the lists that jobs left."""

from dataclasses import dataclass, fields, replace
from typing import Literal

Standing = Literal["open", "given", "resolved", "rejected", "void"]


@dataclass(frozen=True, slots=True)
class RecordRow:
    """Consecutive records with equal properties: `number` and `line` are those of the first."""

    family_id: int
    number: int
    count: int
    job_id: int
    retry_id: int | None
    row: str
    path: str
    line: int
    is_rejected: bool
    given_to: int | None
    standing: Standing = "open"

    def cut(self, first: int, end: int) -> "RecordRow":
        """Return the part between two indexes."""
        return replace(self, number=self.number + first, line=self.line + first, count=end - first)


STORED = tuple(field.name for field in fields(RecordRow))[:-1]
_STANDING = """CASE WHEN is_rejected THEN 'rejected'
    WHEN given_to IS NOT NULL AND ifnull(given.status, 'success') IN ('success', 'warning') THEN 'resolved'
    WHEN given.status IN ('created', 'waiting', 'processing', 'terminating') THEN 'given'
    WHEN retry.status IN ('error', 'terminated', 'cancelled') THEN 'void'
    ELSE 'open' END AS standing"""
RECORD_COLUMNS = (*(f"failed_records.{name}" for name in STORED), _STANDING)

# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Failed records as they are answered."""

from typing import Any

from lockside.documents.base import Out


class FailedRecord(Out, frozen=True, kw_only=True):
    """A record that a job could not process.

    Attributes:
        number: Its number among the records of the outermost job and all retries.
        input: The file below in/ that it came from; null when the component did not say.
        record: The record.
        id: What the component calls it.
        message: Why it failed.
        code: The component's word for that; `rejected` for a row that an output mapping left out.
        job: The job that could not process it.
        row: The row of that job's configuration.
        resolved_by: The retry that was given it and ended well.
    """

    number: int
    input: str | None = None
    record: dict[str, Any] = {}
    id: Any = None
    message: Any = None
    code: Any = None
    job: str
    row: str | None = None
    resolved_by: str | None = None


class RecordPage(Out, frozen=True, kw_only=True):
    """A page of failed records.

    Attributes:
        records: The records, by their numbers. There may be fewer than `limit` and more to come.
        total: How many there are.
        open: How many of them can be retried.
    """

    records: list[FailedRecord]
    total: int
    open: int

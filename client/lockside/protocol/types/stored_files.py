# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Stored files."""

from lockside.documents.base import ListPage, Out


class File(Out, frozen=True, kw_only=True):
    """A stored file. It is never changed; its tags are.

    Attributes:
        name: The name that it had.
        tags: Its tags.
        size_bytes: How large it is.
        checksum: `sha256:` and the digits.
        is_permanent: Whether it is kept until somebody deletes it.
        is_public: What its manifest said; without effect.
        is_encrypted: What its manifest said; without effect.
        created: When it was stored.
        expires: When it is deleted; null for one that is permanent.
        job: The job that stored it.
        component: The component of that job.
        config: The configuration of that job.
        user: Whose job it was.
        path: Where it is. The user whose job stored it can read it.
    """

    id: str
    name: str
    branch_id: str
    tags: list[str] = []
    size_bytes: int
    checksum: str
    is_permanent: bool
    is_public: bool
    is_encrypted: bool
    created: str
    expires: str | None
    job: str | None
    component: str | None
    config: str | None
    user: str | None
    path: str


class Files(ListPage, frozen=True, kw_only=True):
    """Stored files, the newest first.

    Attributes:
        files: The files.
    """

    files: list[File]


class FileDeleted(Out, frozen=True, kw_only=True):
    """A file that is there no more; it is removed after `[storage] trash_days`."""

    id: str

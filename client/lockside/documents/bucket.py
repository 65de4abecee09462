"""Buckets: folders of tables with one owner, and what others may do there."""

from enum import Enum
from typing import Annotated

from msgspec import Meta

from lockside.documents.base import In, Text
from lockside.documents.storage import BucketId, KeyValue


class Access(Enum):
    """Who may read and write the tables of a bucket, beside its owner."""

    PRIVATE = "private"
    GROUP_READ = "groupRead"
    GROUP_WRITE = "groupWrite"
    ALL_READ = "allRead"


class BucketSpec(In, frozen=True, kw_only=True):
    """A bucket of tables.

    Attributes:
        id: The bucket's id.
        display_name: Its name for people.
        access: What others may do than its owner, who made its first table: `private` nothing, `groupRead`
            and `groupWrite` those of its group, `allRead` everybody. It stays when there are tables.
        metadata: Metadata of the bucket.
    """

    id: BucketId
    display_name: Annotated[str, Meta(max_length=255)] | None = None
    description: Text | None = None
    access: Access = Access.PRIVATE
    metadata: Annotated[list[KeyValue], Meta(max_length=1000)] = []

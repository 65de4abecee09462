"""What the parameters of all methods have."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from lockside.documents.base import DeduplicationId, In, ProjectId

Cursor = Annotated[str, Meta(min_length=1, max_length=1024)]
PageLimit = Annotated[int, Meta(ge=1, le=1000)]


class Params(In, frozen=True, kw_only=True):
    """What every method takes."""

    project: ProjectId = "default"


class ListParams(Params, frozen=True, kw_only=True):
    """What every list takes: a page ends after `limit` entries, or earlier when a line would be too long.

    Attributes:
        limit: How many entries a page has at most.
        cursor: The `nextCursor` of the page before; the other parameters must be the same.
    """

    limit: PageLimit = 1000
    cursor: Cursor | None = None


def fields_of(kind: type[Struct]) -> Any:
    """The type of a list of members of an object, by which only these members are asked for."""
    names = tuple(name for name in kind.__struct_encode_fields__ if name != "deduplicated")
    return Annotated[
        list[Literal[names]],  # type: ignore[valid-type]
        Meta(max_length=200, description="Only these members of each are answered, and its id."),
    ]


class Mutating(Params, frozen=True, kw_only=True):
    """What every method takes that changes something: a repeat with the same id is not done twice."""

    deduplication_id: DeduplicationId | None = None

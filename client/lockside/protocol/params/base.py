"""What the parameters of all methods have."""

from lockside.documents.base import DeduplicationId, In, ProjectId


class Params(In, frozen=True, kw_only=True):
    """What every method takes."""

    project: ProjectId = "default"


class Mutating(Params, frozen=True, kw_only=True):
    """What every method takes that changes something: a repeat with the same id is not done twice."""

    deduplication_id: DeduplicationId | None = None

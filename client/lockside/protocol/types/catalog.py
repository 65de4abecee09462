"""The differences between a folder and the stored objects."""

from typing import TYPE_CHECKING, Any, Literal

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out
from lockside.kinds import with_files

if TYPE_CHECKING:
    Word = str
else:
    Word = Literal[tuple(kind.word for kind in with_files())]


class FieldChange(Out, frozen=True, kw_only=True):
    """A field that differs; without `old` if it was added, without `new` if it was removed.

    Attributes:
        path: The field, as in `configuration.parameters.since`.
        old: The stored value.
        new: The value after the change.
        is_long: Both values are omitted because the plan would not fit in a line.
    """

    path: str
    old: Any | UnsetType = UNSET
    new: Any | UnsetType = UNSET
    is_long: bool | UnsetType = UNSET


class CatalogChange(Out, frozen=True, kw_only=True):
    """An object that differs.

    Attributes:
        kind: The kind of the object.
        action: What is done with it.
        component: The component of a configuration.
        fields: The fields that differ.
        version: The version that the change created.
    """

    kind: Word
    id: str
    action: Literal["create", "change", "delete"]
    component: str | None = None
    fields: list[FieldChange] = []
    version: int | None = None


class Staged(Out, frozen=True, kw_only=True):
    """The size of a draft after another part.

    Attributes:
        draft: The draft's name.
        count: How many objects it has.
        size_bytes: Their total length as JSON.
    """

    draft: str
    count: int
    size_bytes: int


class CatalogPlan(Out, frozen=True, kw_only=True):
    """The differences from the stored objects.

    Attributes:
        changes: The objects that differ.
        unchanged: The number of objects that do not differ.
        warnings: Sentences about objects that are stored but look wrong.
        plan: The name of exactly this plan; `catalog.apply` with it is refused if anything else would change.
        is_applied: Whether the changes were made.
    """

    changes: list[CatalogChange]
    unchanged: int
    warnings: list[str] = []
    plan: str
    is_applied: bool = False
    deduplicated: bool | UnsetType = UNSET

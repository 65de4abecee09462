# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Many stored objects at once: a configuration among them, the plan of what differs, one field's change."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from lockside.protocol.base import ComponentId, ConfigId, FieldError, In, Out, Text
from lockside.protocol.configuration import check_configuration
from lockside.protocol.types.stored import Config, Row


class ConfigSpec(In, frozen=True, kw_only=True):
    """A configuration to store in the branch that the request names."""

    same_as = (Config,)

    component: ComponentId
    config: ConfigId
    name: Annotated[str, Meta(max_length=255)] | None = None
    description: Text | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}
    rows: Annotated[list[Row], Meta(max_length=10_000)] = []

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self.configuration, self.rows)


def check_config(configuration: dict[str, Any], rows: list[Row]) -> None:
    """Refuse a body that cannot be read, and two rows of one id."""
    check_configuration(configuration, "configuration")
    seen: set[str] = set()
    for place, row in enumerate(rows):
        if row.id in seen:
            raise FieldError(f"Two rows have the id {row.id!r}", f"rows[{place}].id")
        seen.add(row.id)


class FieldChange(Out, frozen=True, kw_only=True):
    """A field that differs; only `new` when it is added, only `old` when it is removed.

    Attributes:
        path: The field, as in `configuration.parameters.since`.
        old: The stored value.
        new: The value after the change.
    """

    path: str
    old: Any | UnsetType = UNSET
    new: Any | UnsetType = UNSET


class CatalogChange(Out, frozen=True, kw_only=True):
    """An object that differs.

    Attributes:
        kind: The kind of the object.
        action: What is done with it.
        component: The component of a configuration.
        fields: The fields that differ.
        version: The version that the change made.
    """

    kind: Literal["pool", "component", "variables", "config"]
    id: str
    action: Literal["create", "change", "delete"]
    component: str | None = None
    fields: list[FieldChange] = []
    version: int | None = None


class CatalogPlan(Out, frozen=True, kw_only=True):
    """What differs from what is stored.

    Attributes:
        changes: The objects that differ.
        unchanged: How many objects are the same already.
        warnings: What is stored but looks wrong.
        plan: The name of exactly this plan; `catalog.apply` with it is refused when anything else would
            change.
        is_applied: Whether the changes were made.
    """

    changes: list[CatalogChange]
    unchanged: int
    warnings: list[str] = []
    plan: str
    is_applied: bool = False
    deduplicated: bool | UnsetType = UNSET

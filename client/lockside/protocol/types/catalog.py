# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""What differs between a folder and what is stored."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out


class FieldChange(Out, frozen=True, kw_only=True):
    """One field that differs: only `new` when it is added, only `old` when it is taken away."""

    path: str
    old: Any | UnsetType = UNSET
    new: Any | UnsetType = UNSET


class CatalogChange(Out, frozen=True, kw_only=True):
    """One object that differs. `version` is the one that it got; `fields` are those of a `change`."""

    kind: Literal["pool", "component", "variables", "config"]
    id: str
    action: Literal["create", "change", "delete"]
    component: str | None = None
    fields: list[FieldChange] = []
    version: int | None = None


class CatalogPlan(Out, frozen=True, kw_only=True):
    """What differs from what is stored; `plan` names exactly these differences."""

    changes: list[CatalogChange]
    unchanged: int
    warnings: list[str] = []
    plan: str
    is_applied: bool = False
    deduplicated: bool | UnsetType = UNSET

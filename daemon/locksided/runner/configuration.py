"""A stored configuration: checked when it is stored; its rows chosen and merged when a job is created."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from locksided.core.errors import Invalid, NotFound
from locksided.runner.fields import Fields, as_object, as_text, checked_id, join
from locksided.runner.variables import refuse_deep

ROOT_KEYS = frozenset(
    (
        "parameters",
        "storage",
        "processors",
        "runtime",
        "variables",
        "authorization",
        "artifacts",
        "phases",
        "tasks",
    )
)
RUNTIME_KEYS = frozenset(("tag", "parallelism", "pool", "backend", "limits", "lock", "onLost", "retry"))
_OBJECTS = ("parameters", "storage", "processors", "runtime", "variables", "authorization")
_MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is stored; `index` is its place in the configuration."""

    index: int
    id: str
    is_disabled: bool
    configuration: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Where its configuration stands."""
        return f"$.rows[{self.index}].configuration"


def check_configuration(body: Mapping[str, Any]) -> list[str]:
    """Raises `Invalid` for a body that no job could use; answers warnings, one per unknown key."""
    fields = Fields(body)
    root = fields.object("configuration")
    warnings = check_content(root)
    rows = read_rows(body)
    refuse_processors_twice(root, rows)
    for row in rows:
        check_content(Fields(row.configuration, row.path))
    return warnings


def check_content(root: Fields) -> list[str]:
    """Checks what stands under `configuration`; unknown keys are kept, with a warning each."""
    refuse_deep(root.values, root.path)
    for name in _OBJECTS:
        root.object(name)
    processors = root.object("processors")
    for side in ("before", "after"):
        for index, processor in enumerate(processors.list(side)):
            _check_processor(Fields.read(processor, join(processors.at(side), index)))
    unknown = [root.at(name) for name in root.values if name not in ROOT_KEYS]
    runtime = root.object("runtime")
    unknown += [runtime.at(name) for name in runtime.values if name not in RUNTIME_KEYS]
    return [f"{path} is unknown; it is kept and has no effect." for path in unknown]


def _check_processor(processor: Fields) -> None:
    definition = processor.object("definition")
    if definition.id("component") is None:
        at = definition.at("component")
        raise Invalid(f"{at} is missing: name the processor's component.", path=at)
    definition.text("tag")
    processor.object("parameters")


def refuse_processors_twice(root: Fields, rows: Sequence[Row]) -> None:
    """Raises `Invalid` when both the root and a row name processors."""
    if not has_processors(root.values):
        return
    for row in rows:
        if has_processors(row.configuration):
            at = join(row.path, "processors")
            raise Invalid(f"{at}: processors stand in the root or in rows, not in both.", path=at)


def has_processors(configuration: Mapping[str, Any]) -> bool:
    """Whether any processor is named."""
    processors = configuration.get("processors") or {}
    return bool(processors.get("before") or processors.get("after"))


def read_rows(body: Mapping[str, Any]) -> list[Row]:
    """All rows in their order. Raises `Invalid` for a missing or doubled id."""
    rows: list[Row] = []
    seen: set[str] = set()
    items = Fields(body).list("rows")
    if len(items) > _MAX_ROWS:
        raise Invalid(f"$.rows has {len(items)} rows; at most {_MAX_ROWS} are allowed.", path="$.rows")
    for index, item in enumerate(items):
        at = join("$", "rows", index)
        fields = Fields(as_object(item, at), at)
        row_id = checked_id(as_text(fields.get("id"), fields.at("id")), fields.at("id"))
        if row_id in seen:
            raise Invalid(f"{fields.at('id')}: there are two rows {row_id!r}.", path=fields.at("id"))
        seen.add(row_id)
        rows.append(
            Row(index, row_id, bool(fields.flag("isDisabled")), fields.object("configuration").values)
        )
    return rows


def choose_rows(rows: Sequence[Row], asked: Sequence[str], config: str) -> list[Row]:
    """The rows that run, in the configuration's order.

    Those asked for run disabled or not, else all enabled ones. Raises `NotFound` for one that does not exist.
    """
    if not asked:
        return [row for row in rows if not row.is_disabled]
    known = {row.id for row in rows}
    for index, row_id in enumerate(asked):
        if row_id not in known:
            shown = ", ".join(sorted(known)[:20]) or "none"
            raise NotFound(
                f"Configuration {config} has no row {row_id!r}. Its rows: {shown}.",
                path=f"$.configRowIds[{index}]",
            )
    return [row for row in rows if row.id in set(asked)]


def merged(root: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The root with a row's values over it: objects are merged at any depth, all else is replaced."""
    result = dict(root)
    for key, above in over.items():
        value = above
        below = result.get(key)
        if isinstance(below, Mapping) and value in ({}, []):
            continue
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = merged(below, value)
        result[key] = value
    return result

# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""What stands under `configuration` and `configData`: the members the daemon acts on, typed; all others kept.

The stored object stays the caller's own JSON; these types are a reading of it. Keboola's own files are
accepted as they are: unknown keys anywhere, `[]` for an empty object, numbers for ids, `componentId`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockside.documents.enums import Mode, OnLost
from lockside.protocol import texts
from lockside.protocol.base import (
    ComponentId,
    ConfigId,
    FieldError,
    LockPolicy,
    PoolId,
    Priority,
    RowId,
    Seconds,
    Slots,
    Tag,
    TaskId,
    Wire,
)
from lockside.protocol.specification import (
    Behavior,
    Limits,
    Processor,
    ProcessorDefinition,
    Retry,
    VariableValues,
)

if TYPE_CHECKING:
    AnyTaskId = str
else:
    AnyTaskId = TaskId | Annotated[int, Meta(ge=0)]


class OpenLimits(Limits, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Limits, with foreign keys beside them."""


class OpenRetry(Retry, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A retry policy, with foreign keys beside it."""


class OpenBehavior(Behavior, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A behaviour, with foreign keys beside it."""


class OpenVariableValues(VariableValues, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Variable values, with foreign keys beside them."""


class OpenProcessorDefinition(ProcessorDefinition, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A processor's component, with foreign keys beside it."""


class OpenProcessor(Processor, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A processor, with foreign keys beside it."""

    definition: OpenProcessorDefinition


class Processors(Wire, frozen=True, kw_only=True):
    """What runs before and after the component's own step."""

    before: list[OpenProcessor] = []
    after: list[OpenProcessor] = []


class Runtime(Wire, frozen=True, kw_only=True):
    """How a configuration is run; what it does not say is looked up further down."""

    reads = {"parallelism": texts.count}

    tag: Tag | None = None
    parallelism: Slots | None = None
    pool: PoolId | None = None
    backend: dict[str, Any] = {}
    limits: OpenLimits | None = None
    lock: LockPolicy | None = None
    on_lost: OnLost | None = None
    retry: OpenRetry | None = None


class TaskSpecification(Wire, frozen=True, kw_only=True):
    """The job that a task of an orchestration makes."""

    reads = {"parallelism": texts.count, "priority": texts.priority, "delay": texts.duration_seconds}

    component: ComponentId
    config: ConfigId | None = None
    config_data: dict[str, Any] | None = None
    config_row_ids: list[RowId] = []
    mode: Mode = Mode.RUN
    tag: Tag | None = None
    parallelism: Slots | None = None
    priority: Priority | None = None
    pool: PoolId | None = None
    backend: dict[str, Any] = {}
    limits: OpenLimits | None = None
    retry: OpenRetry | None = None
    behavior: OpenBehavior | None = None
    variable_values_data: OpenVariableValues | None = None
    delay: Seconds | None = None


class Task(Wire, frozen=True, kw_only=True):
    """A task of an orchestration."""

    id: AnyTaskId
    phase: AnyTaskId
    task: TaskSpecification
    name: str | None = None
    enabled: bool = True
    continue_on_failure: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        msgspec.structs.force_setattr(self, "id", str(self.id))
        msgspec.structs.force_setattr(self, "phase", str(self.phase))


class Phase(Wire, frozen=True, kw_only=True):
    """A phase of an orchestration."""

    id: AnyTaskId
    name: str | None = None
    depends_on: list[AnyTaskId] = []
    behavior: OpenBehavior | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        msgspec.structs.force_setattr(self, "id", str(self.id))
        msgspec.structs.force_setattr(self, "depends_on", [str(phase) for phase in self.depends_on])


class Configuration(Wire, frozen=True, kw_only=True):
    """A configuration's or a row's body, as far as the daemon acts on it."""

    parameters: dict[str, Any] = {}
    storage: dict[str, Any] = {}
    processors: Processors | None = None
    runtime: Runtime = Runtime()
    variables: dict[str, Any] = {}
    authorization: dict[str, Any] = {}
    artifacts: dict[str, Any] = {}
    phases: list[Phase] | UnsetType = UNSET
    tasks: list[Task] | UnsetType = UNSET


_OBJECTS = ("parameters", "storage", "processors", "runtime", "variables", "authorization", "artifacts")
_OBJECTS_OF_PARTS = ("backend", "limits", "retry", "behavior", "variableValuesData", "parameters")


def read_configuration(body: dict[str, Any]) -> Configuration:
    """The typed reading of a body. Raises msgspec.ValidationError with the path inside the body."""
    plain = _objects_for_empty_lists(body, _OBJECTS)
    if isinstance(plain.get("runtime"), dict):
        plain["runtime"] = _objects_for_empty_lists(plain["runtime"], _OBJECTS_OF_PARTS)
    for name in ("phases", "tasks"):
        if isinstance(plain.get(name), list):
            plain[name] = [_own_spelling(part) for part in plain[name]]
    return msgspec.convert(plain, Configuration)


def check_configuration(body: dict[str, Any], field: str) -> None:
    """Refuse a body that cannot be read, with the whole path from its field on."""
    try:
        read_configuration(body)
    except msgspec.ValidationError as problem:
        message, _, path = str(problem).partition(" - at `$")
        raise FieldError(message, field + path.removesuffix("`")) from None


def unknown_keys(body: dict[str, Any]) -> list[str]:
    """The paths of keys that are kept but mean nothing to the daemon, to warn of."""
    found = list(_unknown(body, Configuration, "$"))
    for name, kind in (("runtime", Runtime), ("processors", Processors)):
        if isinstance(body.get(name), dict):
            found += _unknown(body[name], kind, f"$.{name}")
    return found


def _unknown(body: dict[str, Any], kind: type[msgspec.Struct], path: str) -> Iterator[str]:
    known = set(kind.__struct_encode_fields__)
    return (f"{path}.{key}" for key in body if key not in known)


def _objects_for_empty_lists(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """PHP cannot tell an empty object from an empty list, so its files have `[]` where `{}` is meant."""
    return body | {name: {} for name in names if body.get(name) == []}


def _own_spelling(part: Any) -> Any:
    """A phase or task as the daemon names its members."""
    if not isinstance(part, dict):
        return part
    part = _objects_for_empty_lists(part, _OBJECTS_OF_PARTS)
    task = part.get("task")
    if not isinstance(task, dict):
        return part
    task = _objects_for_empty_lists(task, (*_OBJECTS_OF_PARTS, "configData"))
    for foreign, own in (("componentId", "component"), ("configId", "config")):
        if foreign in task and own not in task:
            task[own] = task[foreign]
    return part | {"task": task}

# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Stored objects: components, configurations, branches, variables, states and pools."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from lockside.documents.enums import ComponentType, Leftovers, OnLost, ProcessorPosition
from lockside.protocol.base import (
    ActionName,
    Argument,
    Arguments,
    BranchId,
    ComponentId,
    Environment,
    FieldError,
    In,
    LockPolicy,
    Name,
    Out,
    PoolId,
    RowId,
    Seconds,
    Slots,
    Tag,
    Text,
    VariablesId,
)
from lockside.protocol.configuration import check_configuration
from lockside.protocol.specification import Limits, Retry, VariableValue
from lockside.protocol.texts import count, duration_seconds
from lockside.protocol.types.jobs import PrincipalRef


class ExitCodes(In, frozen=True, kw_only=True):
    """Which exit codes mean success and which a user's error; all others are the application's."""

    success: Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(max_length=256)] = field(
        default_factory=lambda: [0]
    )
    user_error: Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(max_length=256)] = field(
        default_factory=lambda: [1]
    )


_WAYS_TO_RUN = ("command", "pipeline", "shell")


class Manifest(In, frozen=True, kw_only=True):
    """What a component is: how it is started, with which limits, and what its parameters must look like."""

    reads = {"grace_seconds": duration_seconds}

    id: ComponentId
    name: Annotated[str, Meta(max_length=255)] | None = None
    type: ComponentType = ComponentType.OTHER
    description: Text | None = None
    command: Arguments | None = None
    pipeline: Annotated[list[Arguments], Meta(min_length=1, max_length=100)] | None = None
    shell: Annotated[Argument, Meta(min_length=1)] | None = None
    cwd: Argument | None = None
    environment: Environment = {}
    user: Name | None = None
    image_parameters: dict[str, Any] = {}
    tag: Tag | None = None
    tags: dict[Tag, dict[str, Any]] = {}
    limits: Limits = Limits()
    grace_seconds: Seconds | None = None
    stop_signal: Annotated[str, Meta(pattern=r"^SIG[A-Z0-9+]{1,12}$(?!\n)")] | None = None
    schema: dict[str, Any] | None = None
    row_schema: dict[str, Any] | None = None
    actions: Annotated[list[ActionName], Meta(max_length=100)] = []
    lock: LockPolicy | None = None
    pool: PoolId | None = None
    retry: Retry | None = None
    on_lost: OnLost | None = None
    leftovers: Leftovers = Leftovers.STOP
    exit_codes: ExitCodes = ExitCodes()
    allowed_processor_position: ProcessorPosition = ProcessorPosition.ANY

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(getattr(self, way) is not None for way in _WAYS_TO_RUN) != 1:
            raise FieldError("Give exactly one of `command`, `pipeline` and `shell`", "command")
        for tag in self.tags:
            self._check_tag(tag)

    def at_tag(self, tag: str | None) -> "Manifest":
        """This component with what differs under a tag; unchanged for a tag that says nothing of its own.

        Raises msgspec.ValidationError for differences that make no component.
        """
        changes = self.tags.get(tag) if tag is not None else None
        if changes is None:
            return self
        plain: dict[str, Any] = msgspec.to_builtins(self) | {"tag": tag, "tags": {}}
        if not changes.keys().isdisjoint(_WAYS_TO_RUN):
            plain |= dict.fromkeys(_WAYS_TO_RUN)
        return msgspec.convert(plain | changes, Manifest)

    def _check_tag(self, tag: str) -> None:
        try:
            self.at_tag(tag)
        except msgspec.ValidationError as problem:
            message, _, path = str(problem).partition(" - at `$")
            raise FieldError(message, f"tags[...]{path.removesuffix('`')}") from None


class Stored(Out, frozen=True, kw_only=True):
    """What the daemon adds to every object that is put: its version, its times and who changed it."""

    version: int | None = None
    created_time: str | None = None
    updated_time: str | None = None
    changed_by: PrincipalRef | None = None
    is_deleted: bool = False
    deduplicated: bool | UnsetType = UNSET


class Component(Stored, frozen=True, kw_only=True):
    """A component as it is stored; members that were not given have their defaults."""

    reads = {"grace_seconds": duration_seconds}

    id: str
    name: str | None = None
    type: ComponentType = ComponentType.OTHER
    description: str | None = None
    command: list[str] | None = None
    pipeline: list[list[str]] | None = None
    shell: str | None = None
    cwd: str | None = None
    environment: dict[str, str] = {}
    user: str | None = None
    image_parameters: dict[str, Any] = {}
    tag: str | None = None
    tags: dict[str, dict[str, Any]] = {}
    limits: Limits = Limits()
    grace_seconds: Seconds | None = None
    stop_signal: str | None = None
    schema: dict[str, Any] | None = None
    row_schema: dict[str, Any] | None = None
    actions: list[str] = []
    lock: str | None = None
    pool: str | None = None
    retry: Retry | None = None
    on_lost: OnLost | None = None
    leftovers: Leftovers = Leftovers.STOP
    exit_codes: ExitCodes = ExitCodes()
    allowed_processor_position: ProcessorPosition = ProcessorPosition.ANY


class Components(Out, frozen=True, kw_only=True):
    """Several components."""

    components: list[Component]


class Row(In, frozen=True, kw_only=True):
    """A part of a configuration that can be run on its own."""

    id: RowId
    name: Annotated[str, Meta(max_length=255)] | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}

    def __post_init__(self) -> None:
        check_configuration(self.configuration, "configuration")


class Config(Stored, frozen=True, kw_only=True):
    """A configuration as it is stored; `warnings` name the keys that are kept but mean nothing here."""

    component: str
    config: str
    branch_id: str = "default"
    name: str | None = None
    description: str | None = None
    is_disabled: bool = False
    configuration: dict[str, Any] = {}
    rows: list[Row] = []
    change_description: str | None = None
    warnings: list[str] = []


class Configs(Out, frozen=True, kw_only=True):
    """Several configurations."""

    configs: list[Config]


class ConfigVersion(Out, frozen=True, kw_only=True):
    """One change of a configuration."""

    version: int
    time: str
    changed_by: PrincipalRef | None = None
    change_description: str | None = None
    is_deleted: bool = False


class ConfigVersions(Out, frozen=True, kw_only=True):
    """The changes of a configuration, newest first."""

    versions: list[ConfigVersion]


class BranchSpec(In, frozen=True, kw_only=True):
    """A line of development."""

    id: BranchId
    name: Annotated[str, Meta(max_length=255)] | None = None


class Branch(Stored, frozen=True, kw_only=True):
    """A branch as it is stored."""

    id: str
    name: str | None = None


class Branches(Out, frozen=True, kw_only=True):
    """Several branches."""

    branches: list[Branch]


class VariablesSpec(In, frozen=True, kw_only=True):
    """A named set of values."""

    id: VariablesId
    values: Annotated[list[VariableValue], Meta(max_length=1000)] = []


class Variables(Stored, frozen=True, kw_only=True):
    """A set of values as it is stored."""

    id: str
    values: list[VariableValue] = []


class VariablesList(Out, frozen=True, kw_only=True):
    """Several sets of values."""

    variables: list[Variables]


class State(Out, frozen=True, kw_only=True):
    """What the last successful run of a configuration or row left for the next; version 0 is none yet."""

    state: dict[str, Any]
    version: int
    deduplicated: bool | UnsetType = UNSET


class PoolSpec(In, frozen=True, kw_only=True):
    """A line with slots of its own; no slots pauses it."""

    reads = {"slots": count}

    id: PoolId
    slots: Slots = 1
    executor: Literal["local"] = "local"
    description: Text | None = None


class Pool(Stored, frozen=True, kw_only=True):
    """A pool as it is stored, and how full it is."""

    id: str
    slots: int | Literal["infinity"]
    executor: str = "local"
    description: str | None = None
    is_paused: bool = False
    paused_by: str | None = None
    paused_time: str | None = None
    comment: str | None = None
    running: int = 0
    queued: int = 0


class Pools(Out, frozen=True, kw_only=True):
    """Several pools."""

    pools: list[Pool]


class Deleted(Out, frozen=True, kw_only=True):
    """The id of what was deleted."""

    id: str
    deleted_time: str | None = None
    deduplicated: bool | UnsetType = UNSET

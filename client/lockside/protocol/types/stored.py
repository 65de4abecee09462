# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Stored objects: components, configurations, branches, variables, states and pools."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from lockside.documents import quantities
from lockside.documents.base import GraceSeconds, Out
from lockside.documents.component import ExitCodes
from lockside.documents.configuration import Row
from lockside.documents.enums import ComponentType, Leftovers, OnLost, ProcessorPosition
from lockside.documents.runtime import Limits, Retry
from lockside.documents.variables import VariableValue
from lockside.protocol.types.jobs import PrincipalRef


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

    reads = {"grace_seconds": quantities.grace_period}

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
    grace_seconds: GraceSeconds | None = None
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


class Branch(Stored, frozen=True, kw_only=True):
    """A branch as it is stored."""

    id: str
    name: str | None = None


class Branches(Out, frozen=True, kw_only=True):
    """Several branches."""

    branches: list[Branch]


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

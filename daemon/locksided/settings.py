# ruff: noqa: RUF012 - `reads` is a ClassVar of the base
"""Settings: `lockside.toml`, then `conf.d/*.toml` beside it, then `LOCKSIDE_SECTION__KEY`, in rising order.

Every setting has its default here and a sentence in `config/lockside.toml`; a test keeps the two equal.
Durations and sizes are also read from texts, with the functions of the documents: "90s", "64MiB".
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from lockside.documents.base import Document, GraceSeconds, LockPolicy, TimeoutSeconds
from lockside.documents.paths import split_problem
from lockside.documents.quantities import grace_period, size, time_limit

Positive = Annotated[int, msgspec.Meta(ge=1)]
Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]

if TYPE_CHECKING:
    Bytes = int
else:
    Bytes = int | str


class SettingsError(Exception):
    """A setting is unknown, of the wrong type or out of bounds; the message names it and where it stands."""


def _at_least(least: int) -> Callable[[Any], int]:
    """Reads a number of bytes, or a text such as "64MiB"."""

    def read(value: Any) -> int:
        count = size(value, bare="B")
        if count < least:
            raise ValueError(f"It must be at least {least} bytes")
        return count

    return read


class Section(Document, forbid_unknown_fields=True, frozen=True, kw_only=True, rename="lower"):
    """A table of the file."""


class DaemonSettings(Section, frozen=True):
    """Where it lives and how it ends. Empty paths are found by the rules of the command line."""

    state_dir: str = ""
    socket: str = ""
    socket_group: str = ""
    on_stop: Literal["keep", "drain", "terminate"] = "keep"
    log_format: Literal["auto", "console", "json", "systemd"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class JobSettings(Section, frozen=True):
    """What holds for jobs that do not say otherwise."""

    reads = {"timeout_seconds": time_limit, "grace_seconds": grace_period, "max_log_bytes": _at_least(65_536)}

    timeout_seconds: TimeoutSeconds = 3600.0
    grace_seconds: GraceSeconds = 10.0
    max_log_bytes: Bytes = 67_108_864
    retention_days: Days = 30.0
    lock: LockPolicy = "exclusive"
    max_requeues: Annotated[int, msgspec.Meta(ge=0)] = 3
    max_children: Positive = 10_000


class PoolSettings(Section, frozen=True):
    """A pool that exists from the first start on. `slots` 0 means the number of processors."""

    slots: Annotated[int, msgspec.Meta(ge=0)] = 0


class LimitSettings(Section, frozen=True):
    """What one client may ask for at once."""

    reads = {
        "line_bytes": _at_least(1024),
        "unread_bytes": _at_least(4096),
        "unfinished_bytes": _at_least(65_536),
    }

    line_bytes: Bytes = 8_388_608
    batch: Positive = 1000
    in_flight: Positive = 256
    connections: Positive = 1000
    unread_bytes: Bytes = 1_048_576
    unfinished_bytes: Bytes = 67_108_864
    subscriptions: Positive = 100
    staged_bytes: Annotated[int, msgspec.Meta(ge=65536)] = 268_435_456


class AccessSettings(Section, frozen=True):
    """Which Unix groups may do what. Root and the daemon's own user are always admins."""

    admin_groups: tuple[str, ...] = ()
    operator_groups: tuple[str, ...] = ()
    viewer_groups: tuple[str, ...] = ()
    default_role: Literal["admin", "operator", "viewer", "none"] = "operator"
    group_shares: bool = False


class EventSettings(Section, frozen=True):
    """How long the history is kept: both bounds must be passed before an event goes."""

    keep_days: Days = 30.0
    keep_min: Positive = 100_000


class KeeperSettings(Section, frozen=True):
    """The process that owns the jobs' processes. Behind sockets that are named somebody else starts it."""

    reads = {"linger_seconds": time_limit}

    socket: str = ""
    cgroups: Literal["auto", "off"] = "auto"
    linger_seconds: TimeoutSeconds = 60.0


class DebugSettings(Section, frozen=True):
    """Aids for finding faults of the daemon itself."""

    check_invariants: bool = False
    record_inputs: bool = False


class ProjectSettings(Section, frozen=True):
    """The project that a request means when it names none."""

    id: str = "default"
    name: str = "default"


class Settings(Section, frozen=True):
    """Everything that can be set."""

    daemon: DaemonSettings = DaemonSettings()
    jobs: JobSettings = JobSettings()
    pools: dict[str, PoolSettings] = msgspec.field(default_factory=lambda: {"default": PoolSettings()})
    limits: LimitSettings = LimitSettings()
    access: AccessSettings = AccessSettings()
    events: EventSettings = EventSettings()
    keeper: KeeperSettings = KeeperSettings()
    project: ProjectSettings = ProjectSettings()
    debug: DebugSettings = DebugSettings()


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read all sources. A file that is named must exist. Raises SettingsError."""
    merged: dict[str, Any] = {}
    for path in _files(file):
        _merge(merged, _read(path))
    for name, value in sorted(environment.items()):
        if name.startswith("LOCKSIDE_") and "__" in name:
            _set_from_environment(merged, name, value)
    try:
        return msgspec.convert(merged, Settings, strict=False)
    except msgspec.ValidationError as error:
        message, place = split_problem(str(error))
        raise SettingsError(f"settings: {place.removeprefix('$.')}: {message}") from error
    except UnicodeEncodeError as error:
        raise SettingsError(f"settings: {error}") from error


def _files(file: Path | None) -> list[Path]:
    if file is None:
        return []
    return [file, *sorted((file.parent / "conf.d").glob("*.toml"))]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:  # of TOML, of UTF-8, of a number with thousands of digits
        raise SettingsError(f"{path}: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: it is nested too deep") from error


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _set_from_environment(merged: dict[str, Any], name: str, value: str) -> None:
    keys = name.removeprefix("LOCKSIDE_").lower().split("__")
    table = merged
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise SettingsError(f"{name}: '{key}' is not a section")
    table[keys[-1]] = value.split(",") if keys[-1].endswith("_groups") else value


def default_slots() -> int:
    """As many as this process may use processors."""
    return len(os.sched_getaffinity(0))

"""Settings: `lockside.toml`, then `conf.d/*.toml` beside it, then `LOCKSIDE_SECTION__KEY`; last wins.

The file is the one that is named, else that of the state folder; only a daemon with the system's state folder
reads the one in /etc.

Every setting has its default here and a sentence in `config/lockside.toml`; a test compares the two. The pool
`default` exists whatever other pools are named.
Durations and sizes can also be texts, parsed by the functions of the documents: "90s", "64MiB".
"""

import os
from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from lockside.calendar.zones import zone
from lockside.documents.base import (
    GraceSeconds,
    LockPolicy,
    PoolId,
    ProjectId,
    TimeoutSeconds,
    Umask,
)
from lockside.documents.quantities import MAX_COUNT, MAX_NOTIFICATIONS, grace_period, size, time_limit
from lockside.documents.settings_files import Files, Section, read_settings
from lockside.documents.web_settings import WebSettings

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]

FILE = "lockside.toml"
SYSTEM_STATE_DIR = Path("/var/lib/lockside")
SYSTEM_FILE = Path("/etc/lockside", FILE)

if TYPE_CHECKING:
    Bytes = int
else:
    Bytes = int | str


def _at_least(least: int) -> Callable[[Any], int]:
    """Return a parser of a number of bytes, or a text such as "64MiB"; 0 only where that is the least."""

    def read(value: Any) -> int:
        count = 0 if value in (0, "0") and not least else size(value, bare="B")
        if count < least:
            raise ValueError(f"It must be at least {least} bytes")
        return count

    return read


class DaemonSettings(Section, frozen=True):
    """The daemon's location and end. Empty paths are found by the rules of the command line."""

    state_dir: str = ""
    socket: str = ""
    socket_group: str = ""
    on_stop: Literal["keep", "drain", "terminate"] = "keep"
    log_format: Literal["auto", "console", "json", "systemd"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class JobSettings(Section, frozen=True):
    """Defaults for jobs."""

    reads = {"timeout_seconds": time_limit, "grace_seconds": grace_period, "max_log_bytes": _at_least(65_536)}

    timeout_seconds: TimeoutSeconds = 3600.0
    grace_seconds: GraceSeconds = 10.0
    max_log_bytes: Bytes = 67_108_864
    retention_days: Days = 30.0
    lock: LockPolicy = "exclusive"
    max_requeues: Count = 3
    max_children: Positive = 10_000
    umask: Umask = ""


class PoolSettings(Section, frozen=True):
    """A pool that exists from the first start on. `slots` 0 means the number of processors."""

    slots: Count = 0


class LimitSettings(Section, frozen=True):
    """Limits for one client."""

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
    """The rights of Unix groups. Root and the daemon's own user are always admins."""

    admin_groups: tuple[str, ...] = ()
    operator_groups: tuple[str, ...] = ()
    viewer_groups: tuple[str, ...] = ()
    default_role: Literal["admin", "operator", "viewer", "none"] = "operator"
    group_shares: bool = False
    delegates: tuple[str, ...] = ()
    delegate_role: Literal["admin", "operator", "viewer"] = "operator"


class EventSettings(Section, frozen=True):
    """How long the history is kept: both limits must be exceeded before an event is deleted."""

    keep_days: Days = 30.0
    keep_min: Annotated[int, msgspec.Meta(ge=1, le=10**12)] = 100_000


class KeeperSettings(Section, frozen=True):
    """The process that owns the jobs' processes. Keepers behind named sockets are started by others."""

    reads = {"linger_seconds": time_limit}

    socket: str = ""
    executors: str = ""
    cgroups: Literal["auto", "off"] = "auto"
    linger_seconds: TimeoutSeconds = 60.0


class StorageSettings(Section, frozen=True):
    """Tables. An empty root is `lake` in the state folder; 0 threads means the number of processors."""

    reads = {"memory_bytes": _at_least(134_217_728), "min_free_bytes": _at_least(0)}

    root: str = ""
    backend: Literal["auto", "lake", "local"] = "auto"
    memory_bytes: Bytes = 1_073_741_824
    threads: Count = 0
    keep_days: Days = 7.0
    keep_versions: Count = 10
    trash_days: Days = 7.0
    file_days: Days = 15.0
    keep_output: bool = False
    min_free_bytes: Bytes = 1_073_741_824


class StagingSettings(Section, frozen=True):
    """Files that jobs fetch before they start. Networks "public" allows only public addresses.

    `max_bytes` 0 is no limit. `deny_hosts` overrides `allow_hosts`, which overrides `networks`.
    """

    reads = {"max_bytes": _at_least(0)}

    attempts: Positive = 5
    file_roots: tuple[str, ...] = ("/",)
    networks: Literal["any", "public"] = "any"
    allow_hosts: tuple[str, ...] = ()
    deny_hosts: tuple[str, ...] = ()
    max_bytes: Bytes = 0


class SecretSettings(Section, frozen=True):
    """The keys that encrypt stored secrets. An empty path is the state folder's own file."""

    key_file: str = ""


class ContainerSettings(Section, frozen=True):
    """How images of components are run and fetched."""

    podman: Annotated[str, msgspec.Meta(min_length=1)] = "podman"
    auth_file: str = ""
    keep_days: Days = 30.0


class SchedulingSettings(Section, frozen=True):
    """Which of the waiting jobs starts."""

    reads = {"reserve_seconds": lambda value: inf if value == "infinity" else time_limit(value)}

    reserve_seconds: TimeoutSeconds = 600.0


class DebugSettings(Section, frozen=True):
    """Aids for finding faults of the daemon itself."""

    check_invariants: bool = False
    record_inputs: bool = False


class ScheduleSettings(Section, frozen=True):
    """Defaults for schedules, and how long their ledgers are kept."""

    reads = {"timezone": lambda name: zone(name).name}

    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] = "UTC"
    ledger_days: Days = 400.0
    max_backfill: Positive = 1000
    clock_back_hours: Annotated[float, msgspec.Meta(gt=0, le=8784)] = 3.0


class TriggerSettings(Section, frozen=True):
    """The limit for triggers that fire each other."""

    max_depth: Positive = 20


class TemplateSettings(Section, frozen=True):
    """The limit of templates per project."""

    max_per_project: Positive = 1000


class ProjectSettings(Section, frozen=True):
    """The default project of requests."""

    id: ProjectId = "default"
    name: Annotated[str, msgspec.Meta(max_length=255)] = "default"


class NotificationSettings(Section, frozen=True):
    """Which addresses couriers may use beside public ones, when they retry, and what is kept."""

    allow: tuple[str, ...] = ()
    attempts_seconds: tuple[Annotated[float, msgspec.Meta(ge=0, le=10**7)], ...] = (
        *(5, 300, 1800, 7200),
        *(18_000, 36_000, 36_000),
    )
    per_minute: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 60
    max_pending: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 100_000
    max_per_project: Positive = 1000
    max_per_job: Annotated[int, msgspec.Meta(ge=1, le=MAX_NOTIFICATIONS)] = 20
    delivered_days: Days = 7.0
    dead_days: Days = 30.0


class EmailSettings(Section, frozen=True):
    """The server for outgoing mail. Without a host none is sent."""

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    sender: str = ""
    allow_domains: tuple[str, ...] = ()


class Settings(Section, frozen=True):
    """All settings."""

    daemon: DaemonSettings = DaemonSettings()
    jobs: JobSettings = JobSettings()
    pools: dict[PoolId, PoolSettings] = msgspec.field(default_factory=lambda: {"default": PoolSettings()})
    limits: LimitSettings = LimitSettings()
    access: AccessSettings = AccessSettings()
    events: EventSettings = EventSettings()
    keeper: KeeperSettings = KeeperSettings()
    containers: ContainerSettings = ContainerSettings()
    notifications: NotificationSettings = NotificationSettings()
    email: EmailSettings = EmailSettings()
    project: ProjectSettings = ProjectSettings()
    scheduling: SchedulingSettings = SchedulingSettings()
    schedules: ScheduleSettings = ScheduleSettings()
    triggers: TriggerSettings = TriggerSettings()
    templates: TemplateSettings = TemplateSettings()
    storage: StorageSettings = StorageSettings()
    staging: StagingSettings = StagingSettings()
    secrets: SecretSettings = SecretSettings()
    web: WebSettings = WebSettings()
    debug: DebugSettings = DebugSettings()


def files_of(named: Path | None, state_dir: Path) -> Files:
    """Return the settings files of a daemon with this state folder, unless a file is named."""
    if named is not None:
        return Files(named)
    return Files(SYSTEM_FILE if state_dir == SYSTEM_STATE_DIR else state_dir / FILE, is_named=False)


def load(files: Sequence[Path], environment: Mapping[str, str]) -> Settings:
    """Read all sources. Raises SettingsError with all faults."""
    return read_settings(files, environment, Settings, {"pools": {"default": {}}})


def default_slots() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))

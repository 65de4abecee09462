"""Stored objects: components, configurations, branches, variables, states, pools and resources."""

from typing import TYPE_CHECKING, Any, Literal

from msgspec import UNSET, UnsetType, defstruct
from msgspec.structs import fields

from lockside.documents.base import ListPage, Out
from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.pool import BranchSpec, PoolSpec, ResourceSpec
from lockside.documents.reading import stored_form
from lockside.documents.system import SystemSpec
from lockside.documents.table import BucketSpec
from lockside.documents.template import TemplateSpec
from lockside.documents.variables import VariablesSpec
from lockside.protocol.types.origins import PrincipalRef


class Stored(Out, frozen=True, kw_only=True):
    """What the daemon adds to every stored object: its version, its times and who changed it.

    Attributes:
        version: The version, 1 first.
        created_time: When it was first stored.
        updated_time: When it last changed.
    """

    version: int | None = None
    created_time: str | None = None
    updated_time: str | None = None
    changed_by: PrincipalRef | None = None
    change_description: str | None = None
    is_deleted: bool = False
    deduplicated: bool | UnsetType = UNSET


if TYPE_CHECKING:

    class StoredManifest(Manifest, Stored, frozen=True, kw_only=True): ...

    class StoredConfig(ConfigSpec, Stored, frozen=True, kw_only=True): ...

    class StoredBranch(BranchSpec, Stored, frozen=True, kw_only=True): ...

    class StoredVariables(VariablesSpec, Stored, frozen=True, kw_only=True): ...

    class StoredPool(PoolSpec, Stored, frozen=True, kw_only=True): ...

    class StoredResource(ResourceSpec, Stored, frozen=True, kw_only=True): ...

    class StoredTemplate(TemplateSpec, Stored, frozen=True, kw_only=True): ...

    class StoredBucket(BucketSpec, Stored, frozen=True, kw_only=True): ...

    class StoredSystem(SystemSpec, Stored, frozen=True, kw_only=True): ...

    def stored_as(document: Any) -> Any: ...

else:

    def stored_as(document):
        """Return the type of a stored document, with the members that the daemon adds."""
        form = stored_form(document)
        added = [(one.name, one.type, one.default) for one in fields(Stored)]
        added += [  # lists with `fields` omit the other members
            (one.name, one.type | UnsetType, UNSET)
            for one in fields(form)
            if one.required and one.name != "id"
        ]
        options = {"frozen": True, "kw_only": True, "module": __name__, "namespace": {"same_as": (Stored,)}}
        return defstruct(f"Stored{document.__name__}", added, bases=(form,), **options)

    StoredManifest = stored_as(Manifest)
    StoredConfig = stored_as(ConfigSpec)
    StoredBranch = stored_as(BranchSpec)
    StoredVariables = stored_as(VariablesSpec)
    StoredPool = stored_as(PoolSpec)
    StoredResource = stored_as(ResourceSpec)
    StoredTemplate = stored_as(TemplateSpec)
    StoredBucket = stored_as(BucketSpec)
    StoredSystem = stored_as(SystemSpec)


class Config(StoredConfig, frozen=True, kw_only=True):
    """A stored configuration.

    Attributes:
        warnings: Keys that are stored and have no meaning to lockside.
    """

    branch_id: str = "default"
    warnings: list[str] = []


class Component(StoredManifest, frozen=True, kw_only=True):
    """A stored component, with defaults for members that were not given.

    Attributes:
        configs: In the result of `component.list` with `expand`: its configurations in the default branch.
    """

    configs: list[Config] | UnsetType = UNSET


class Components(ListPage, frozen=True, kw_only=True):
    """Several components."""

    components: list[Component]


class Configs(ListPage, frozen=True, kw_only=True):
    """Several configurations.

    Attributes:
        configs: The configurations.
    """

    configs: list[Config]


class Bucket(StoredBucket, frozen=True, kw_only=True):
    """A stored bucket."""

    branch_id: str = "default"


class Buckets(ListPage, frozen=True, kw_only=True):
    """Several buckets."""

    buckets: list[Bucket]


class ConfigVersion(Out, frozen=True, kw_only=True):
    """One change of a stored object.

    Attributes:
        version: The version.
        time: When it was created.
    """

    version: int
    time: str
    changed_by: PrincipalRef | None = None
    change_description: str | None = None
    is_deleted: bool = False


class ConfigVersions(ListPage, frozen=True, kw_only=True):
    """The changes of a stored object, newest first.

    Attributes:
        versions: The versions, newest first.
    """

    versions: list[ConfigVersion]


class Variables(StoredVariables, frozen=True, kw_only=True):
    """A stored set of variables."""


class VariablesList(ListPage, frozen=True, kw_only=True):
    """Several sets of variables.

    Attributes:
        variables: The sets.
    """

    variables: list[Variables]


class Branch(StoredBranch, frozen=True, kw_only=True):
    """A stored branch."""


class Branches(ListPage, frozen=True, kw_only=True):
    """Several branches."""

    branches: list[Branch]


class Template(StoredTemplate, frozen=True, kw_only=True):
    """A stored template."""


class Templates(ListPage, frozen=True, kw_only=True):
    """Several templates."""

    templates: list[Template]


class State(Out, frozen=True, kw_only=True):
    """The state of a configuration or row after its last successful run; version 0 means none yet.

    Attributes:
        state: The `out/state.json` of the last successful run.
        version: How often it was saved.
        storage: How far adaptive inputs were read.
    """

    state: dict[str, Any]
    version: int
    storage: dict[str, Any] = {}
    deduplicated: bool | UnsetType = UNSET


class Pool(StoredPool, frozen=True, kw_only=True):
    """A stored pool and its usage.

    Attributes:
        is_paused: Whether no job starts in it.
        paused_by: Who paused it.
        paused_time: When it was paused.
        comment: The comment given with the pause.
        running: How many of its jobs run.
        slots_taken: How many slots they and the jobs that are about to start take.
        queued: How many jobs are in its queue.
        engine_queued: How many of the running jobs wait for the pool's engine to find a machine.
    """

    is_paused: bool = False
    paused_by: str | None = None
    paused_time: str | None = None
    comment: str | None = None
    running: int = 0
    slots_taken: int = 0
    queued: int = 0
    engine_queued: int = 0


class ExecutorView(Out, frozen=True, kw_only=True):
    """A kind of executor.

    Attributes:
        kind: Its name in pools.
        version: The version of the plug-in; null for kinds that come with lockside.
        is_up: Whether an executor of the kind runs and answers; it starts when a pool names the kind.
        cause: Why it cannot be used.
        capabilities: What it can do: `pause`, `queue` jobs by itself, use several `nodes` for one.
        options_schema: The JSON Schema of the options of its pools.
        engine: The engine that finds the machines, and its version; null while no executor of the kind runs.
    """

    kind: str
    version: str | None = None
    is_up: bool = False
    cause: str | None = None
    capabilities: list[str] = []
    options_schema: dict[str, Any] = {}
    engine: str | None = None


class ExecutorKinds(Out, frozen=True, kw_only=True):
    """The available kinds of executors.

    Attributes:
        executors: The kinds.
    """

    executors: list[ExecutorView]


class Pools(ListPage, frozen=True, kw_only=True):
    """Several pools."""

    pools: list[Pool]


class Resource(StoredResource, frozen=True, kw_only=True):
    """A stored resource and its users.

    Attributes:
        used: How much of it is held.
        free: How much of it is free.
        holders: The jobs that hold some of it.
        waiting: How many jobs that need it have not started.
    """

    used: int = 0
    free: int | Literal["infinity"] = 0
    holders: list[str] = []
    waiting: int = 0


class Resources(ListPage, frozen=True, kw_only=True):
    """Several resources."""

    resources: list[Resource]


class Deleted(Out, frozen=True, kw_only=True):
    """The object that was deleted.

    Attributes:
        deleted_time: When it was deleted.
    """

    id: str
    deleted_time: str | None = None
    deduplicated: bool | UnsetType = UNSET


class System(StoredSystem, frozen=True, kw_only=True):
    """A stored system; only admins see its options, with secrets encrypted."""


class Systems(ListPage, frozen=True, kw_only=True):
    """Several systems.

    Attributes:
        systems: The systems.
    """

    systems: list[System]

"""The kinds of stored objects, one record each: words, keys, files, and the functions of each.

The daemon's part of a record (rights, checks, hidden members) is in `locksided.catalog`. This module uses
only the standard library, because the command line loads it at every start; functions are named as
`module:function`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


VERBS = ("put", "get", "list", "delete", "versions", "rollback", "diff", "copy")


class Kind:
    """One kind of stored object.

    `word` is the prefix of its events and, after its `group`, of its methods (`methods`); `verbs` are the
    common methods that it has, none for a kind that the daemon's core manages. `plural` is its parameter in
    `catalog.apply` and, unless `listed` is another word, the member of its lists. `key` has the members that
    identify an object in its project, or in its branch. `filters` are further filters of a list, beside all
    members of the key but the last; `content` is a member that the library accepts by position in `put`.
    `role` is required to change an object. `put` has the document under `member`, by default the kind's word,
    or, if it `is_flat`, its members as parameters. `command` is the first word of its commands.

    `about` and `example`, the name of an object, are shown in the help; `columns` are the members in tables,
    followed by the first of `described_by` that an object has.

    `files` is the path of an object in a folder: `things/{id}.toml`, or `things.toml` with a table for each;
    empty for a kind without files. `references` yields a document's references, `faults` its faults beyond
    the type; `read`, `write` and `schema` are for files whose format differs from the document's.
    """

    def __init__(
        self,
        word: str,
        plural: str,
        document: str,
        *,
        member: str = "",
        listed: str = "",
        command: str = "",
        group: str = "",
        title: str = "",
        titles: str = "",
        key: Sequence[str] = ("id",),
        in_branch: bool = False,
        is_flat: bool = False,
        verbs: Sequence[str] = VERBS,
        filters: Sequence[str] = (),
        content: str = "",
        about: str = "",
        example: str = "NAME",
        columns: Sequence[str] = ("version",),
        described_by: Sequence[str] = (),
        role: str = "operator",
        files: str = "",
        references: str = "lockside.documents.references:nothing",
        faults: str = "lockside.documents.references:nothing",
        read: str = "lockside.cli.files.object_file:plain",
        write: str = "lockside.cli.catalog.file_text:plain",
        schema: str = "lockside.cli.files.file_schema:plain",
    ) -> None:
        self.word = word
        self.methods = group + word
        self.plural = plural
        self.listed = listed or plural
        self.member = member or word
        self.command = command or word
        self.title = title or word
        self.titles = titles or self.title + "s"
        self.key = tuple(key)
        self.in_branch = in_branch
        self.is_flat = is_flat
        self.verbs = tuple(verbs)
        self.filters = (*key[:-1], *filters)
        self.content = content
        self.about = about or self.titles
        self.example = example
        self.columns = tuple(columns)
        self.described_by = tuple(described_by)
        self.role = role
        self.files = files
        self._code = {"document": document, "references": references, "faults": faults}
        self._code |= {"read": read, "write": write, "schema": schema}

    @property
    def put_verb(self) -> str:
        """The verb that stores an object: `put`, or `create`, which refuses an existing one."""
        return "create" if "create" in self.verbs else "put"

    @property
    def metavar(self) -> str:
        """The placeholder of its key on the command line: COMPONENT, or COMPONENT/CONFIG."""
        return "/".join(self.key).upper() if len(self.key) > 1 else self.word.upper()

    @property
    def document(self) -> Any:
        """The type of its documents."""
        return loaded(self._code["document"])

    @property
    def references(self) -> Any:
        """The function that yields a document's references: `(document, path) -> Iterator[Reference]`."""
        return loaded(self._code["references"])

    @property
    def faults(self) -> Any:
        """The function that checks a document: `(document, find_component, path) -> Iterator[Fault]`."""
        return loaded(self._code["faults"])

    @property
    def read(self) -> Any:
        """The function that reads an object from its file: `(kind, file, key, text) -> Item`."""
        return loaded(self._code["read"])

    @property
    def write(self) -> Any:
        """The function that writes an object's file: `(kind, stored, folder) -> Text`. If objects share a
        file, it writes the table of one.
        """
        return loaded(self._code["write"])

    @property
    def schema(self) -> Any:
        """The function that returns the JSON Schema of its file: `(kind, schemas of types) -> schema`."""
        return loaded(self._code["schema"])

    @property
    def is_one_file(self) -> bool:
        """Whether all objects share a file, with a table for each."""
        return bool(self.files) and "{" not in self.files

    @property
    def place(self) -> str:
        """The name of the folder of its files, or of their common file without its suffix."""
        return self.files.partition("/")[0].partition(".")[0]

    def key_of(self, body: Any) -> tuple[str, ...]:
        """Return the key of an object."""
        return tuple(str(body[name]) for name in self.key)


def loaded(where: str) -> Any:
    """Import and return a `module:name`."""
    from importlib import import_module

    module, _, name = where.partition(":")
    return getattr(import_module(module), name)


POOL = Kind(
    "pool",
    "pools",
    "lockside.documents.pool:PoolSpec",
    verbs=(),
    role="admin",
    files="pools.toml",
    write="lockside.cli.catalog.file_text:pool",
    example="loads",
    described_by=("description",),
)
RESOURCE = Kind(
    "resource",
    "resources",
    "lockside.documents.pool:ResourceSpec",
    about="what jobs share: devices, licences, connections",
    example="gpu",
    columns=("used", "free", "waiting"),
    described_by=("description",),
    role="admin",
    files="resources.toml",
    write="lockside.cli.catalog.file_text:table_of",
)
COMPONENT = Kind(
    "component",
    "components",
    "lockside.documents.component:Manifest",
    about="programs that lockside can run",
    example="airports.extract",
    columns=("type", "version"),
    described_by=("description", "name"),
    filters=("type",),
    role="admin",
    files="components/{id}.toml",
    references="lockside.documents.references:of_component",
    read="lockside.cli.files.object_file:component",
    write="lockside.cli.catalog.file_text:component",
)
VARIABLES = Kind(
    "variables",
    "variables",
    "lockside.documents.variables:VariablesSpec",
    title="set of variables",
    titles="sets of variables",
    about="sets of variables for configurations",
    example="eu",
    content="values",
    files="variables/{id}.toml",
    read="lockside.cli.files.object_file:variables",
    write="lockside.cli.catalog.file_text:variables",
    schema="lockside.cli.files.file_schema:variables",
)
CONFIG = Kind(
    "config",
    "configs",
    "lockside.documents.configuration:ConfigSpec",
    title="configuration",
    about="how components run: parameters, rows, limits",
    example="airports.extract/daily",
    columns=("version", "isDisabled"),
    described_by=("description", "name"),
    key=("component", "config"),
    content="configuration",
    in_branch=True,
    is_flat=True,
    files="configs/{component}/{config}.toml",
    references="lockside.documents.references:of_config",
    faults="lockside.documents.parameters:all_faults",
    read="lockside.cli.files.config_file:config",
    write="lockside.cli.catalog.file_text:config",
    schema="lockside.cli.files.file_schema:config",
)
BRANCH = Kind(
    "branch",
    "branches",
    "lockside.documents.pool:BranchSpec",
    titles="branches",
    about="lines of development, each with its own configurations",
    example="new-api",
    described_by=("name",),
    content="name",
    verbs=("create", *VERBS[1:-1]),  # a copy would lack the configurations
)

TEMPLATE = Kind(
    "template",
    "templates",
    "lockside.documents.template:TemplateSpec",
    about="stored job requests with values to fill in",
    files="templates/{id}.toml",
    references="lockside.documents.references:of_template",
)

SCHEDULE = Kind(
    "schedule",
    "schedules",
    "lockside.documents.schedule:ScheduleSpec",
    about="when jobs are created automatically",
    example="nightly",
    described_by=("description", "name"),
    files="schedules/{id}.toml",
    references="lockside.documents.references:of_schedule",
)

TRIGGER = Kind(
    "trigger",
    "triggers",
    "lockside.documents.trigger:TriggerSpec",
    about="jobs created when jobs end, tables change or files arrive",
    example="report",
    described_by=("description", "name"),
    files="triggers/{id}.toml",
    references="lockside.documents.references:of_trigger",
)

NOTIFICATION = Kind(
    "notification",
    "notifications",
    "lockside.documents.notification:SubscriptionSpec",
    member="subscription",
    listed="subscriptions",
    command="notify",
    title="subscription",
    about="notifications about jobs: who gets them, and deliveries",
    example="failures",
    columns=("state", "version"),
    described_by=("description", "name"),
    files="notifications/{id}.toml",
)

BUCKET = Kind(
    "bucket",
    "buckets",
    "lockside.documents.table:BucketSpec",
    group="storage.",
    about="groups of tables, and who may read them",
    example="in.c-shop",
    columns=("access",),
    described_by=("description", "displayName"),
    in_branch=True,
    verbs=VERBS[:-1],  # a copy would be without tables
    files="buckets.toml",
    write="lockside.cli.catalog.file_text:bucket",
)

SYSTEM = Kind(
    "system",
    "systems",
    "lockside.documents.system:SystemSpec",
    about="external systems that files are copied from and to",
    example="archive",
    columns=("type", "isWritable", "version"),
    described_by=("description", "root"),
    role="admin",
    files="systems.toml",
    write="lockside.cli.catalog.file_text:table_of",
)

KINDS = {
    kind.word: kind
    for kind in (
        *(POOL, RESOURCE, SYSTEM, COMPONENT, VARIABLES, CONFIG, TEMPLATE, BRANCH),
        *(SCHEDULE, TRIGGER, NOTIFICATION, BUCKET),
    )
}
"""All kinds. `catalog.apply` stores those with files in this order, and deletes in the reverse order."""


def with_files() -> list[Kind]:
    """Return the kinds with files, which `catalog.apply` stores."""
    return [kind for kind in KINDS.values() if kind.files]

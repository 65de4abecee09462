"""Components: the programs that can be run. A manifest says how one is started and what its parameters must
be.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

from lockside.documents import quantities, signals
from lockside.documents.base import (
    ActionName,
    Argument,
    Arguments,
    ComponentId,
    Environment,
    ExitCode,
    FieldError,
    GraceSeconds,
    In,
    LockPolicy,
    Name,
    PoolId,
    Signal,
    SystemId,
    Tag,
    Text,
    Umask,
)
from lockside.documents.enums import (
    ComponentType,
    Leftovers,
    LogType,
    OnLost,
    ProcessorPosition,
    StateFormat,
    Transport,
    Visibility,
)
from lockside.documents.fault_messages import explain
from lockside.documents.image import ImageName, ImageOptions, Network, has_version, image_reference
from lockside.documents.paths import join
from lockside.documents.recovery import RecoveryPolicies, check_policies
from lockside.documents.runtime import Limits, Needs, Pools, Retry, check_pools
from lockside.documents.schemas import SchemaError, check_schema
from lockside.documents.variables import names_in

Level: TypeAlias = Literal["100", "200", "250", "300", "400", "500", "550", "600"]

SYSLOG_LEVELS: Final[dict[Level, int]] = {
    "100": 7,
    "200": 6,
    "250": 5,
    "300": 4,
    "400": 3,
    "500": 2,
    "550": 1,
    "600": 0,
}
_DEFAULTS: Final[dict[Level, Visibility]] = {
    "100": Visibility.NONE,
    "500": Visibility.CAMOUFLAGE,
    "550": Visibility.CAMOUFLAGE,
    "600": Visibility.CAMOUFLAGE,
}


class Logging(In, frozen=True, kw_only=True):
    """How a component logs beside stdout and stderr, which are logged in any case.

    Attributes:
        type: `gelf` gives it a listener for GELF messages, whose address is in `KBC_LOGGER_ADDR` and
            `KBC_LOGGER_PORT`.
        transport: How it sends the messages.
        verbosity: What is kept of the messages of a level: `none`, the short text (`normal`), all
            (`verbose`), or all for admins and "Application error." for everybody else (`camouflage`). The
            levels are 100 debug, 200 info, 250 notice, 300 warning, 400 error, 500 critical, 550 alert and
            600 emergency.
    """

    type: LogType = LogType.STANDARD
    transport: Transport = Transport.TCP
    verbosity: dict[Level, Visibility] = {}

    def visibility(self, level: Level) -> Visibility:
        """Return which part of a message of that level is kept."""
        return self.verbosity.get(level, _DEFAULTS.get(level, Visibility.NORMAL))


COMMAND, ORCHESTRATOR, STORAGE = "lockside.command", "lockside.orchestrator", "lockside.storage"

_FORMS = ("command", "pipeline", "shell")
SHELL = ["/bin/sh", "-c"]
"""The default of `shellProgram`; the text for the shell is its last argument."""
_MERGED = ("environment", "imageParameters", "imageOptions", "limits", "exitCodes")
_NOT_OF_A_TAG = frozenset(("id", "name", "type", "tag", "tags"))


class Program(In, frozen=True, kw_only=True):
    """What is executed: one command, several joined by pipes, or a text for a shell."""

    command: Arguments | None = None
    pipeline: Annotated[list[Arguments], Meta(min_length=1, max_length=100)] | None = None
    shell: Annotated[Argument, Meta(min_length=1)] | None = None
    shell_program: Annotated[Arguments, Meta(examples=[["bash", "-euo", "pipefail", "-c"]])] | None = None
    cwd: Argument | None = None
    environment: Environment = {}
    umask: Umask = ""

    def check(self) -> None:
        """Raises FieldError unless it is exactly one program that can be executed."""
        given = sum(getattr(self, form) is not None for form in _FORMS)
        if given > 1 or (given == 0 and not self.has_own_program):
            raise FieldError("Give exactly one of `command`, `pipeline` and `shell`", "command")
        if self.shell is not None and not self.shell.strip():
            raise FieldError("The text for the shell is empty", "shell")
        if self.shell_program is not None and self.shell is None:
            raise FieldError("It is used only with `shell`: give `shell`, or omit it", "shellProgram")
        for field, argv in [*self._commands(), ("shellProgram", self.shell_program or SHELL)]:
            if not argv[0]:
                raise FieldError("It must begin with the name of a program", field)
        if self.cwd is not None and not self.cwd.startswith(("/", "{datadir}")):
            raise FieldError("It must be an absolute path, or begin with {datadir}", "cwd")

    def _commands(self) -> list[tuple[str, list[str]]]:
        if self.command is not None:
            return [("command", self.command)]
        return [(f"pipeline[{place}]", argv) for place, argv in enumerate(self.pipeline or ())]

    @property
    def has_own_program(self) -> bool:
        """Whether a program is executed that is not named here."""
        return False

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """The argv of each stage of the pipe: one for a single program, none if there is no program."""
        if self.shell is not None:
            return ((*(self.shell_program or SHELL), self.shell),)
        return tuple(tuple(argv) for _, argv in self._commands())


class ExitCodes(In, frozen=True, kw_only=True):
    """Which exit codes mean success and which a user error; all others mean an application error.

    Attributes:
        success: Exit codes that mean success.
        user_error: Exit codes that mean a user error.
    """

    success: Annotated[list[ExitCode], Meta(max_length=256)] = msgspec.field(default_factory=lambda: [0])
    user_error: Annotated[list[ExitCode], Meta(max_length=256)] | None = None

    def __post_init__(self) -> None:
        if self.user_error is None:
            force_setattr(self, "user_error", [code for code in (1,) if code not in self.success])
        super().__post_init__()

    def check(self) -> None:
        """Raises FieldError for a code in both lists."""
        for place, code in enumerate(self.user_error or ()):
            if code in self.success:
                raise FieldError(f"{code} cannot be a success and a user error", f"userError[{place}]")


class StagingStorage(In, frozen=True, kw_only=True):
    """Where a component's tables and files come from and go to.

    Attributes:
        input: `none` if it reads none.
        output: `none` if it writes none.
    """

    input: str = "local"
    output: str = "local"


class Manifest(Program, frozen=True, kw_only=True):
    """A component: how it is started, with which limits, and what its parameters must be.

    Attributes:
        id: The component's id; in a file, the file's name.
        type: The purpose of the component, for people.
        command: The program and its arguments; never split by a shell. `{datadir}` is replaced by the data
            folder, `{{ name }}` by the parameter of that name, `{state}` and `{parameters}` by the paths of
            files with only the state or the parameters.
        pipeline: Several commands, joined by pipes, with the same placeholders.
        shell: A text for `sh -c`. Of `a | b` only the exit code of `b` counts: use `pipeline` or
            `shellProgram`.
        shell_program: The program, with its arguments, that gets the text of `shell` as the last argument;
            `["bash", "-euo", "pipefail", "-c"]` also fails if the first side of a pipe fails.
        cwd: The working folder; null means an empty folder.
        environment: Variables added to the program's environment.
        umask: The permissions that new files do not get, in octal digits; empty: the setting `jobs.umask`.
        user: The Unix user that runs it; only an admin may name one.
        image: A container image in which the program runs; without a program, the image's own runs. `tag` is
            the image's tag, `latest` by default, unless the name has a tag or a digest.
        image_options: How the image is run.
        logging: How it logs beside its output.
        image_parameters: Fixed parameters, written to `config.json` as `image_parameters`.
        tag: The default tag.
        tags: The members that differ for each tag.
        limits: The maximum limits of its jobs, which are also the defaults.
        grace_seconds: The time between the stop signal and SIGKILL.
        stop_signal: The signal that stops it; SIGTERM by default.
        schema: A JSON Schema for `parameters`.
        row_schema: A JSON Schema for the `parameters` of rows.
        actions: The names of its synchronous actions.
        lock: The lock policy of its configurations.
        pool: The pool of its jobs.
        pools: The pools in which its jobs may run, the preferred one first; instead of `pool`.
        needs: What each of its jobs holds while it runs: `slots` of its pool, and amounts of resources by
            their ids.
        retry: The retry policy of its jobs.
        recovery: What happens to its jobs that fail because an external system is not ready.
        on_lost: What happens to a job that is lost with its machine or keeper.
        leftovers: What happens to processes that outlive the program: `stop` them after the grace period,
            or `wait`.
        exit_codes: What exit codes mean.
        state: Where the program writes its state: `file` is `out/state.json`, `singer` the last line of
            stdout that is a JSON object, as Singer targets print it. A run without such a line leaves the
            state unchanged.
        allowed_processor_position: Where it may be used as a processor.
        data_type_support: The effect of types in its manifests: with `authoritative` they are the columns'
            types, with `hints` and `none` all columns are texts.
        default_bucket: Whether tables without a bucket go to a bucket of its configuration.
        default_bucket_stage: The stage of that bucket.
        default_system: The system of inputs that give only a path.
        staging_storage: Where its tables and files come from and go to; `none` means no mapping on that side.
    """

    reads = {"grace_seconds": quantities.grace_period, "stop_signal": signals.name}

    id: ComponentId
    name: Annotated[str, Meta(max_length=255)] | None = None
    type: ComponentType = ComponentType.OTHER
    description: Text | None = None
    user: Name | None = None
    image_parameters: dict[str, Any] = {}
    tag: Tag | None = None
    tags: dict[Tag, dict[str, Any]] = {}
    limits: Limits = Limits()
    grace_seconds: GraceSeconds | None = None
    stop_signal: Signal | None = None
    schema: dict[str, Any] | None = None
    row_schema: dict[str, Any] | None = None
    image: ImageName | None = None
    image_options: ImageOptions = ImageOptions()
    logging: Logging = Logging()
    actions: Annotated[list[ActionName], Meta(max_length=100)] = []
    lock: LockPolicy | None = None
    pool: PoolId | None = None
    pools: Pools | None = None
    needs: Needs | None = None
    retry: Retry | None = None
    recovery: RecoveryPolicies | None = None
    on_lost: OnLost | None = None
    leftovers: Leftovers = Leftovers.STOP
    exit_codes: ExitCodes = ExitCodes()
    state: StateFormat = StateFormat.FILE
    allowed_processor_position: ProcessorPosition = ProcessorPosition.ANY
    data_type_support: Literal["authoritative", "hints", "none"] = "authoritative"
    default_bucket: bool = True
    default_bucket_stage: Literal["in", "out"] = "in"
    default_system: SystemId | None = None
    staging_storage: StagingStorage = StagingStorage()

    def check(self) -> None:
        """Raises FieldError for a component that no job could use, for any of its tags."""
        super().check()
        check_policies(self.recovery)
        check_pools(self.pool, self.pools)
        for field, argv in self._commands():
            _check_places(field, argv)
        if self.image is not None and self.tag is not None and has_version(self.image):
            raise FieldError("The image's name has a tag or a digest already: give it without `tag`", "tag")
        if self.logging.type is LogType.GELF and self.image_options.network is not Network.HOST:
            raise FieldError("A component that logs by GELF needs the network `host`", "imageOptions.network")
        for field, schema in (("schema", self.schema), ("rowSchema", self.row_schema)):
            try:
                check_schema(schema or {})
            except SchemaError as problem:
                text = f"It is not a usable JSON Schema: {problem}"
                raise FieldError(text, join(field, *problem.steps)) from None
        for tag, changes in self.tags.items():
            _check_tag(self, tag, changes)

    @property
    def has_own_program(self) -> bool:
        """Whether it has an image, which has a program of its own."""
        return self.image is not None

    @property
    def image_reference(self) -> str | None:
        """The full name of its image, or None."""
        return None if self.image is None else image_reference(self.image, self.tag)

    def misplaced(self, side: ProcessorPosition) -> str | None:
        """Return why it cannot be used as a processor on that side of a component, or None."""
        allowed = self.allowed_processor_position
        if allowed in (ProcessorPosition.ANY, side):
            return None
        return f"Processor {self.id} can only run {allowed.value} a component"

    def at_tag(self, tag: str | None) -> "Manifest | None":
        """Return the component at a tag (None: its own) without `tags`; None if it has no such tag. A
        component without `tags` is the same at every tag: the tag is then only recorded.
        """
        tag = self.tag if tag is None else tag
        if tag is not None and tag in self.tags:
            return _changed(self, tag, self.tags[tag])
        if tag == self.tag or not self.tags:
            return msgspec.structs.replace(self, tag=tag, tags={})
        return None


def _check_places(field: str, argv: Sequence[str]) -> None:
    """Raises FieldError for a parameter in the program's name, and for a secret in an argument."""
    if names_in(argv[0]):
        raise FieldError("The program cannot be a parameter: only its arguments can", f"{field}[0]")
    for place, word in enumerate(argv):
        if any(name.startswith("#") for name in names_in(word)):
            text = "Other users can read arguments, so no secret may be one: give the program {parameters}"
            raise FieldError(text, f"{field}[{place}]")


def _check_tag(manifest: Manifest, tag: str, changes: dict[str, Any]) -> None:
    field = join("", "tags", tag).removeprefix(".")
    if fixed := _NOT_OF_A_TAG & changes.keys():
        name = min(fixed)
        raise FieldError(f"`{name}` cannot differ by tag", f"{field}.{name}")
    try:
        _changed(manifest, tag, changes)
    except msgspec.ValidationError as problem:
        message, path = explain(problem, type(manifest))
        raise FieldError(message, f"{field}{path.removeprefix('$')}") from None


def _changed(manifest: Manifest, tag: str, changes: dict[str, Any]) -> Manifest:
    plain: dict[str, Any] = msgspec.to_builtins(manifest) | {"tag": tag, "tags": {}}
    if any(changes.get(form) is not None for form in _FORMS):
        plain |= dict.fromkeys(_FORMS)
        plain |= {} if changes.get("shell") is not None else {"shellProgram": None}
    if "pool" in changes or "pools" in changes:
        plain |= {"pool": None, "pools": None}
    merged = {
        name: plain[name] | changes[name] if isinstance(changes[name], dict) else changes[name]
        for name in _MERGED
        if name in changes
    }
    return msgspec.convert(plain | changes | merged, type(manifest))

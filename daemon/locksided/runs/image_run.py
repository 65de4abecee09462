"""How a step whose component is an image is started: podman's command line and environment.

Only the command is wrapped: podman is a program of the run like any other, and the container's processes stay
below the keeper and in the run's cgroup. The images found at the beginning are stored in the run's folder:
all its steps and its result use the same ones.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from lockside.documents.component import Manifest
from lockside.documents.enums import LogType
from lockside.documents.image import ImageUser, Pull
from lockside.documents.placeholders import with_paths
from locksided.core.errors import Refused
from locksided.keeper.messages import Outcome
from locksided.runs.folder import RunFolder

DATA, TMP = "/data", "/tmp"  # noqa: S108 - inside the container
PID_FILE = "pid"
_OF_THE_RUN = ("LOCKSIDE_PROGRESS_FD", "LOCKSIDE_START_TOKEN", "LOCKSIDE_START_FOLDER")
"""Variables that the keeper adds to the environment of every run."""
_OF_THE_LISTENER = ("KBC_LOGGER_ADDR", "KBC_LOGGER_PORT")
"""Variables that it adds for a run that logs by GELF."""
OWN_CODES = range(125, 128)
"""Exit codes that are podman's own when no program has started."""
INIT_REFUSAL = "failed to exec"
"""The message of the container's init when there is no program to start."""


FOR_GOOD = (
    "image not known",
    "manifest unknown",
    "name unknown",
    "not found",
    "denied",
    "unauthorized",
    "invalid reference",
    "short-name",
    "does not resolve to an image id",
    "cannot be pulled",
)
"""Parts of podman's messages about an image that another attempt will not find."""
_LOCAL = "localhost/"
"""The prefix podman gives to images that came from no registry."""
_RUNTIME = "XDG_RUNTIME_DIR"
_FETCH = """
id=$1 source=$2 folder=$3; shift 3
[ -z "$folder" ] || mkdir -p -m 700 "$folder" || exit
"$@" image exists "$id" && exit
[ -n "$source" ] || { echo "it is not in podman's storage, and cannot be pulled there" >&2; exit 1; }
"$@" pull --quiet "$source"
"""


class NoImage(Refused):
    """An image that a job needs cannot be obtained, now or later."""


class Image(Struct, frozen=True):
    """An image as found when the run began. `uid` and `gid` are those of its user inside the container."""

    reference: str
    id: str
    digests: tuple[str, ...] = ()
    uid: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    gid: Annotated[int, Meta(ge=0, lt=2**32)] = 0

    def to_wire(self) -> dict[str, object]:
        """Return an entry of `result.images`."""
        return {"id": self.reference, "digests": list(self.digests) or [f"sha256:{self.id}"]}


def container_name(store: str, token: str) -> str:
    """Return the name of a run's container."""
    return f"ls-{store}-{token}"


@dataclass(frozen=True, slots=True)
class Podman:
    """Podman as one account uses it, and the images of a run by their references.

    `command` begins every command line, `environment` is podman's own. `store` has the first eight digits of
    the store's identity, for the names of containers.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    is_root: bool
    store: str
    images: Mapping[str, Image]

    def on_nodes(self, container_root: str | None, uid: int) -> "Podman":
        """Return the podman for other machines, with images in a folder there; None: podman's own folder."""
        environment = {name: value for name, value in self.environment.items() if name != _RUNTIME}
        if container_root is None:
            return replace(self, command=self.command[:1], environment=environment)
        folder = f"{container_root}/{uid}"
        places = (f"--root={folder}/images", f"--runroot={folder}/run")
        environment[_RUNTIME] = folder
        return replace(self, command=(self.command[0], *places), environment=environment)

    def image_order(self, execution: Manifest, token: str) -> dict[str, object]:
        """Return how a runner gets the image of a step: exactly the one found when the run began."""
        assert execution.image_reference is not None, "only steps with an image need one"
        image = self.images[execution.image_reference]
        may_pull = execution.image_options.pull is not Pull.NEVER and not image.reference.startswith(_LOCAL)
        source = image.digests[0] if image.digests and may_pull else ""
        found = ["sh", image.id, source, self.environment.get(_RUNTIME, ""), *self.command]
        return {
            "reference": image.reference,
            "fetch": ["/bin/sh", "-c", _FETCH, *found],
            "clear": [*self.command, "rm", "--force", "--ignore", self.container(token)],
            "env": dict(self.environment),
            "final": list(FOR_GOOD),
        }

    def container(self, token: str) -> str:
        """Return the name of a run's container."""
        return container_name(self.store, token)


@dataclass(frozen=True, slots=True)
class ImageRun:
    """One step in an image. `data`, `tmp` and `own` are folders of the job; `own` is not mounted.

    `variables` are those of a step without an image.
    """

    podman: Podman
    execution: Manifest
    token: str
    data: str
    tmp: str
    own: str
    variables: Mapping[str, str]

    @property
    def pipeline(self) -> list[list[str]]:
        """The argv of each stage: one container each; the first writes the pid file."""
        stages = self.execution.stages or ((),)
        return [
            self._stage(place, [self._mapped(word) for word in argv]) for place, argv in enumerate(stages)
        ]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of podman, which passes the container's variables on by name."""
        return {**self._variables_inside(), **self.podman.environment}

    def _variables_inside(self) -> dict[str, str]:
        """Return the container's variables: HOME and PATH are the image's, paths are those inside."""
        inside = {**self.variables, "KBC_DATADIR": f"{DATA}/", "TMPDIR": TMP}
        for name in ("PATH", "HOME"):
            if name not in self.execution.environment:
                inside.pop(name, None)
        for name in ("LOCKSIDE_SOCKET", "LOCKSIDE_JOB_SOCKET"):
            reached = self._mounted_path(inside.pop(name, ""))
            inside.update({} if reached is None else {name: reached})
        return inside

    def _mounted_path(self, path: str) -> str | None:
        """Return the path inside the container of a path of the machine, None if it is not mounted."""
        for mount in self.execution.image_options.mounts:
            if path and PurePosixPath(path).is_relative_to(mount.source):
                return str(PurePosixPath(mount.target) / PurePosixPath(path).relative_to(mount.source))
        return None

    def _mapped(self, text: str) -> str:
        return with_paths(text, f"{DATA}/")

    def _stage(self, place: int, argv: Sequence[str]) -> list[str]:
        name = self.podman.container(self.token)
        first = ["--pidfile", f"{self.own}/{PID_FILE}"] if place == 0 else []
        return [
            *self.podman.command,
            "run",
            "--rm",
            "--init",
            "--interactive",
            f"--name={name}" if place == 0 else f"--name={name}-{place}",
            *first,
            *self._options(),
            *self._variable_options(),
            *([f"--entrypoint={json.dumps([argv[0]])}"] if argv else []),
            self.image.id,
            *argv[1:],
        ]

    @property
    def image(self) -> Image:
        """The image found for the step."""
        reference = self.execution.image_reference
        assert reference is not None, "only steps with an image are run in one"
        return self.podman.images[reference]

    def _options(self) -> Iterator[str]:
        options = self.execution.image_options
        yield from ("--pull=never", "--log-driver=passthrough", "--cgroups=disabled", "--preserve-fds=1")
        yield from ("--security-opt=no-new-privileges", f"--network={options.network.value}")
        yield from self._user()
        if options.read_only:
            yield "--read-only"
        if self.execution.cwd is not None:
            yield f"--workdir={self._mapped(self.execution.cwd)}"
        yield from (f"--volume={self.data}:{DATA}", f"--volume={self.tmp}:{TMP}")
        for mount in options.mounts:
            yield f"--volume={mount.source}:{mount.target}{':ro' if mount.read_only else ''}"

    def _user(self) -> Iterator[str]:
        """Yield the options that make all users inside the job's user outside: root is, others are mapped.

        Containers of root have no user namespace: root inside is the job's user.
        """
        if self.podman.is_root:
            yield "--user=0:0"
        elif self.execution.image_options.user is ImageUser.JOB:
            yield "--userns=keep-id"
        elif self.image.uid:
            yield f"--userns=keep-id:uid={self.image.uid},gid={self.image.gid}"
            yield f"--user={self.image.uid}:{self.image.gid}"

    def _variable_options(self) -> Iterator[str]:
        """Yield variables by name, so that no value is on a command line, unless podman has its own."""
        for name, value in self._variables_inside().items():
            yield f"--env={name}={value}" if name in self.podman.environment else f"--env={name}"
        has_listener = self.execution.logging.type is LogType.GELF
        for name in (*_OF_THE_RUN, *(_OF_THE_LISTENER if has_listener else ())):
            yield f"--env={name}"


def began(outcome: Outcome, *, has_pid: bool) -> bool:
    """Return whether a program of the image was started, from podman's exit code and last line."""
    last_line = outcome.stderr_tail.rstrip().rpartition("\n")[2]
    if INIT_REFUSAL in last_line:
        return False
    return has_pid or outcome.exit_code not in OWN_CODES


def keep_images(folder: RunFolder, images: Mapping[str, Image]) -> None:
    """Store the images of a new run, by their references. Raises OSError."""
    with open(folder.images, "wb") as file:
        file.write(msgspec.json.encode(images))


def kept_images(folder: RunFolder) -> dict[str, Image]:
    """Return the stored images of a run; empty before it has begun."""
    try:
        with open(folder.images, "rb") as file:
            return msgspec.json.decode(file.read(), type=dict[str, Image])
    except FileNotFoundError:
        return {}

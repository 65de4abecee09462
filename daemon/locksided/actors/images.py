"""Container images of jobs: pulled and looked up before a run, one program at a time per image and account.

The program is an aside with the job's account. Its result is reused for some seconds; a run keeps the image
it started with. A registry that does not answer is asked again after a pause.
"""

import asyncio
import os
import pwd
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import structlog
from anyio.abc import TaskGroup

from lockside.documents.component import Manifest
from lockside.documents.image import Pull
from locksided import clock, threads
from locksided.actors.asides import GRACE_SECONDS, Asides
from locksided.core.errors import Refused, Unavailable
from locksided.joblog.reader import stream_bytes
from locksided.keeper.log.format import STDOUT
from locksided.keeper.messages import Outcome, StartOrder, User
from locksided.paths import StateDir
from locksided.runs import data_folder
from locksided.runs.accounts import account_of
from locksided.runs.environment import PLAIN_PATH, JobContext
from locksided.runs.image_run import FOR_GOOD, Image, NoImage, Podman, container_name
from locksided.settings import ContainerSettings

log = structlog.get_logger("images")

PULLED = "its image is being pulled"
TRUSTED_US = 10_000_000
PULL_SECONDS = 3600.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
_LOG_BYTES = 2**20
_CONFIGURATION, _STORAGE = "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"
_NO_IDS = (
    "User {uid} has no subordinate ids in {file}, which containers need: an administrator gives them with "
    "`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`."
)
_FIND = """
image=$1 pull=$2 folder=$3 now=$4; shift 4
case $pull in
  always) is_pulled=1;;
  missing) "$@" image exists "$image" || is_pulled=1;;
esac
[ -z "$is_pulled" ] || "$@" pull --quiet "$image" >/dev/null || exit
user=$("$@" image inspect --format '{{.Config.User}}' "$image") || exit
case $(id -u)$user in
  0*) ;;
  *[!0-9:]*) user=$("$@" unshare sh -c '
    image=$1 user=$2; shift 2
    root=$("$@" image mount "$image") || exit
    grep "^${user%%:*}:" "$root/etc/passwd" | cut -d: -f3,4
    "$@" image unmount "$image" >/dev/null' sh "$image" "$user" "$@");;
esac
found=$("$@" image inspect --format '{{.Id}}:{{json .RepoDigests}}' "$image") || exit
mkdir -p "$folder/used" && touch -d "@$now" "$folder/used/${found%%:*}"
echo "$found"; echo "$user"
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image for one account (None: the daemon's own)."""

    reference: str
    pull: Pull
    account: User | None


@dataclass(slots=True)
class Search:
    """A search in progress. Everyone who waits for it is told when the cause of the wait changes."""

    image: "asyncio.Future[Image]"
    waiters: list[Callable[[str], None]] = field(default_factory=list)
    cause: str = PULLED

    def tell(self, cause: str) -> None:
        """Set the cause of the wait and report it to every waiter."""
        self.cause = cause
        for awaits in self.waiters:
            awaits(cause)


class Images:
    """Finds images. `tasks` outlive the callers: a pull continues when nobody waits for it any more."""

    def __init__(
        self, asides: Asides, settings: ContainerSettings, state_dir: StateDir, store: str, tasks: TaskGroup
    ) -> None:
        self._asides = asides
        self._settings = settings
        self._state_dir = state_dir
        self._store = store
        self._tasks = tasks
        self._found: dict[Wanted, tuple[int, Image]] = {}
        self._searches: dict[Wanted, Search] = {}

    async def find(
        self,
        executions: Iterable[Manifest],
        context: JobContext,
        awaits: Callable[[str], None] = lambda cause: None,
    ) -> Podman:
        """Return podman for the job with the images of these components.

        `awaits` is called with the cause of a delay. Raises NoImage.
        """
        podman = await self._podman_of(context)
        images = {}
        for execution in executions:
            if execution.image_reference is not None:
                wanted = Wanted(execution.image_reference, execution.image_options.pull, context.run_as)
                images[wanted.reference] = await self._find(wanted, podman, awaits)
        return replace(podman, images=images)

    async def known(self, images: Mapping[str, Image], context: JobContext) -> Podman:
        """Return podman for the job with images that were found before."""
        podman = await self._podman_of(context)
        return replace(podman, images=images)

    def clear_soon(self, token: str, context: JobContext) -> None:
        """Remove the container of a killed run from podman's records."""
        self._tasks.start_soon(self._clear, token, context)

    async def _clear(self, token: str, context: JobContext) -> None:
        try:
            await self.output_of(_uid(context.run_as), [], "rm", "--force", "--ignore", self.container(token))
        except (Refused, OSError) as failure:
            log.warning("podman still has a container that is gone", token=token, cause=str(failure))

    # -- podman's storage ----------------------------------------------------------------------------------

    @property
    def is_own_storage(self) -> bool:
        """Whether the images are in the daemon's own folder."""
        return _STORAGE not in os.environ

    def folder(self, uid: int) -> Path:
        """Return the folder of an account's images."""
        return self._state_dir.containers / str(uid)

    def container(self, token: str) -> str:
        """Return the name of a run's container."""
        return container_name(self._store, token)

    def accounts(self) -> list[int]:
        """Return the uids of the accounts that have had images."""
        place = self._state_dir.containers
        names = os.listdir(place) if place.is_dir() else []
        return sorted(int(name) for name in names if name.isdecimal())

    async def output_of(self, uid: int, before: list[str], *arguments: str) -> str:
        """Run podman as an account and return its output; `before` is a program that gets podman's command.

        Raises Refused, Unavailable.
        """
        account, home = await threads.run_sync(account_of, uid, None, None)
        podman = await threads.run_sync(self._podman, account, home)
        outcome, output = await self._run([*before, *podman.command, *arguments], podman, account)
        if outcome.exit_code != 0:
            words = outcome.refused.message if outcome.refused else outcome.stderr_tail.strip()
            raise Unavailable(words or "podman was stopped")
        return output.decode(errors="replace").strip()

    # -- the account's podman -----------------------------------------------------------------------------

    async def _podman_of(self, context: JobContext) -> Podman:
        return await threads.run_sync(self._podman, context.run_as, context.home)

    def _podman(self, account: User | None, home: str) -> Podman:
        """Create the account's folders, unless the storage is configured elsewhere."""
        uid = _uid(account)
        _require_subordinate_ids(uid)
        folder = self.folder(uid)
        for path in (folder.parent, folder):
            path.mkdir(mode=0o711 if path == folder.parent else 0o700, parents=True, exist_ok=True)
        if account is not None:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)
        passed = _configuration(is_own=account is None)
        places = () if _STORAGE in passed else (f"--root={folder}/images", f"--runroot={folder}/run")
        credentials = {"REGISTRY_AUTH_FILE": self._settings.auth_file} if self._settings.auth_file else {}
        environment = {"PATH": PLAIN_PATH, "HOME": home, "XDG_RUNTIME_DIR": str(folder)}
        return Podman(
            command=(self._settings.podman, *places),
            environment={**environment, **passed, **credentials},
            is_root=uid == 0,
            store=self._store,
            images={},
        )

    # -- one image ----------------------------------------------------------------------------------------

    async def _find(self, wanted: Wanted, podman: Podman, awaits: Callable[[str], None]) -> Image:
        until_us, image = self._found.get(wanted, (0, None))
        if image is not None and clock.boot_us() < until_us:
            return image
        search = self._searches.get(wanted)
        if search is None:
            search = self._searches[wanted] = Search(asyncio.get_running_loop().create_future())
            self._tasks.start_soon(self._search, wanted, podman, search)
        search.waiters.append(awaits)
        awaits(search.cause)
        return await asyncio.shield(search.image)

    async def _search(self, wanted: Wanted, podman: Podman, search: Search) -> None:
        try:
            image = await self._retry(wanted, podman, search)
        except NoImage as refusal:
            search.image.set_exception(refusal)
            search.image.exception()  # prevents a warning if nobody waits for it
        else:
            self._found[wanted] = clock.boot_us() + TRUSTED_US, image
            search.image.set_result(image)
        finally:
            del self._searches[wanted]

    async def _retry(self, wanted: Wanted, podman: Podman, search: Search) -> Image:
        """Try until the image is found or cannot be obtained. Raises NoImage."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._ask_podman(wanted, podman)
            except (Unavailable, OSError) as failure:
                log.warning("an image cannot be pulled now", image=wanted.reference, cause=str(failure))
                search.tell(f"its image cannot be pulled now ({failure}); it is tried again")
            await clock.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    async def _ask_podman(self, wanted: Wanted, podman: Podman) -> Image:
        """Ask podman once. Raises NoImage, or Unavailable for a failure that may be temporary."""
        used = (str(self.folder(_uid(wanted.account))), str(clock.now_us() // clock.SECOND_US))
        asked = ["/bin/sh", "-c", _FIND, "sh", wanted.reference, wanted.pull.value, *used]
        return _image(wanted, *await self._run([*asked, *podman.command], podman, wanted.account))

    async def _run(self, argv: list[str], podman: Podman, account: User | None) -> tuple[Outcome, bytes]:
        """Run a program as that account; returns its outcome and its output. Raises Unavailable."""
        token = self._asides.new_token()
        folder = self._asides.folder(token)
        order = StartOrder(
            token=token,
            folder=folder.control(1, 0),
            pipeline=[argv],
            cwd="/",
            env=dict(podman.environment),
            user=account,
            timeout_seconds=PULL_SECONDS,
            log_folder=folder.log,
            max_log_bytes=_LOG_BYTES,
            grace_seconds=GRACE_SECONDS,
        )
        outcome = await self._asides.run(order)
        output = await threads.run_sync(stream_bytes, folder.log, STDOUT, _LOG_BYTES)
        await threads.run_sync(data_folder.remove_folder, folder, account)
        return outcome, output


def _uid(account: User | None) -> int:
    return os.geteuid() if account is None else account.uid


def _configuration(*, is_own: bool) -> dict[str, str]:
    """Return podman's configuration from the daemon's environment; the home only for its own account."""
    names = [_CONFIGURATION, _STORAGE]
    if is_own and _STORAGE in os.environ:
        names += ["HOME", "XDG_RUNTIME_DIR"]
    return {name: os.environ[name] for name in names if name in os.environ}


def _require_subordinate_ids(uid: int) -> None:
    """Raise NoImage for an account whose containers could have only one user."""
    if uid == 0:
        return
    with suppress(KeyError, OSError):
        names = {str(uid), pwd.getpwuid(uid).pw_name}
        for file in ("/etc/subuid", "/etc/subgid"):
            with open(file, encoding="utf-8") as lines:
                if not any(line.partition(":")[0] in names for line in lines):
                    raise NoImage(_NO_IDS.format(uid=uid, file=file))


def _image(wanted: Wanted, outcome: Outcome, output: bytes) -> Image:
    if outcome.exit_code == 0:
        try:
            return _found_image(wanted.reference, output)
        except ValueError as problem:  # the image's author and the account decide what podman prints
            raise NoImage(f"What podman says of {wanted.reference} cannot be read: {problem}.") from problem
    words = outcome.refused.message if outcome.refused else outcome.stderr_tail.strip().rpartition("\n")[2]
    if outcome.exit_code is not None and any(part in words.lower() for part in FOR_GOOD):
        raise NoImage(f"The image {wanted.reference} cannot be fetched: {words}")
    raise Unavailable(words or "podman was stopped")


def _found_image(reference: str, output: bytes) -> Image:
    """Return the image that `_FIND` printed. Raises ValueError."""
    found, user = output.decode().split("\n")[:2]
    image_id, _, digests = found.partition(":")
    uid, _, gid = (user or "0").partition(":")
    about = {"reference": reference, "id": image_id, "digests": msgspec.json.decode(digests) or ()}
    return msgspec.convert({**about, "uid": int(uid), "gid": int(gid or uid)}, Image)

"""The order to start a run, checked field by field. Whether it can be carried out is not checked."""

import re
from typing import Any, NamedTuple

from locksided.keeper.gelf.messages import LEVELS, VISIBILITIES
from locksided.keeper.messages import Gelf, ReapOrder, User
from locksided.keeper.wire import Message

DEFAULT_LOG_BYTES = 64 * 1024 * 1024
DEFAULT_GRACE_SECONDS = 10.0
SIGTERM = 15
LARGEST_NUMBER = 2**62
LARGEST_ID = 2**32 - 2
"""The next number means `unchanged` to the kernel: a job would keep the rights of the keeper."""

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


_TEXT = frozenset((str,))


class BadOrder(ValueError):
    """A field of an order is missing or of the wrong type; the message names it."""


class Order(NamedTuple):
    """How to start, limit and stop one run; strings for the kernel are already bytes."""

    token: str
    folder: str
    stages: list[list[bytes]]
    cwd: bytes
    environment: dict[bytes, bytes]
    user: User | None
    umask: int | None
    """None for the umask that the keeper was started with."""
    timeout_seconds: float | None
    grace_seconds: float
    stop_signal: int
    memory_bytes: int | None
    cpus: float | None
    waits_for_leftovers: bool
    secrets: list[str]
    log_folder: str
    max_log_bytes: int
    empty_folders: list[str]
    """Folders created for the run; they are removed after it, unless something was left in them."""
    spare_folder: str | None
    """The folder that holds such folders for the next run, in the same file system."""
    is_noted_late: bool
    """Whether its notes are not read while this keeper lives."""
    log_mark: dict[str, Any] | None
    """Precedes the output in the log."""
    gelf: Gelf | None
    """Its additional logging by GELF."""


def parse(message: Message) -> Order:
    """Check and convert an order. Raises BadOrder."""
    folder, cwd, log_folder = (_path(message, field) for field in ("folder", "cwd", "logFolder"))
    spare_folder = None if message.get("spareFolder") is None else _path(message, "spareFolder")
    empty_folders = _paths(message, "emptyFolders")
    raw_cwd, *_ = raws([cwd, folder, log_folder, spare_folder or "", *empty_folders])
    return Order(
        token=token_of(message),
        folder=folder,
        stages=_stages(message),
        cwd=raw_cwd,
        environment=_environment(message),
        user=_user(message),
        umask=_umask(message),
        timeout_seconds=_positive(message, "timeoutSeconds"),
        grace_seconds=_grace(message),
        stop_signal=_signal(message),
        memory_bytes=_whole(_positive(message, "memoryBytes")),
        cpus=_positive(message, "cpus"),
        waits_for_leftovers=message.get("leftovers") == "wait",
        secrets=_texts(message.get("secrets") or [], "secrets"),
        log_folder=log_folder,
        max_log_bytes=_whole(_positive(message, "maxLogBytes")) or DEFAULT_LOG_BYTES,
        empty_folders=empty_folders,
        spare_folder=spare_folder,
        is_noted_late=message.get("notedLate") is True,
        log_mark=_object(message, "logMark"),
        gelf=_gelf(message),
    )


def parse_reap(message: Message) -> ReapOrder:
    """Check and convert an order to reap. Raises BadOrder."""
    folder = _path(message, "folder")
    raws([folder])
    return ReapOrder(token_of(message), folder, _grace(message), _signal(message))


def token_of(message: Message) -> str:
    token = message.get("token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise BadOrder("token: letters, digits, '.', '_' and '-' are expected")
    return token


def seq_of(message: Message) -> int:
    seq = message.get("seq")
    if not isinstance(seq, int):
        raise BadOrder("seq: the number of a frame is expected")
    return seq


def raws(texts: list[str]) -> list[bytes]:
    """Return the bytes of texts from or for the system, converted together.

    Raises BadOrder if the kernel cannot accept them.
    """
    try:
        found = "\0".join(texts).encode("utf-8", "surrogateescape").split(b"\0")
    except UnicodeEncodeError as error:
        raise BadOrder(f"not a text that can be given to the system: {error.reason}") from error
    if len(found) != len(texts) and texts:
        raise BadOrder("a text for the system must not contain NUL")
    return found[: len(texts)]


def _path(message: Message, field: str) -> str:
    path = message.get(field)
    if not isinstance(path, str) or not path.startswith("/"):
        raise BadOrder(f"{field}: an absolute path is expected")
    return path


def _paths(message: Message, field: str) -> list[str]:
    paths = _texts(message.get(field) or [], field)
    if not all(path.startswith("/") for path in paths):
        raise BadOrder(f"{field}: absolute paths are expected")
    return paths


def _stages(message: Message) -> list[list[bytes]]:
    pipeline = message.get("pipeline")
    if not isinstance(pipeline, list) or not pipeline:
        raise BadOrder("pipeline: a list of commands is expected")
    stages = [_texts(stage, f"pipeline[{place}]") for place, stage in enumerate(pipeline)]
    if not all(stages) or not all(stage[0] for stage in stages):
        raise BadOrder("pipeline: every command needs a program")
    shell = [b"/bin/sh", b"-c"] if message.get("shell") else []
    return [shell + raws(stage) for stage in stages]


def _environment(message: Message) -> dict[bytes, bytes]:
    env = message.get("env")
    if not isinstance(env, dict):
        raise BadOrder("env: an object is expected")
    names, values = _texts([*env], "env"), _texts([*env.values()], "env")
    if "" in env or "=" in "".join(names):
        raise BadOrder("env: a name must not be empty or contain '='")
    read = raws(names + values)
    return dict(zip(read[: len(names)], read[len(names) :], strict=True))


def _user(message: Message) -> User | None:
    user = message.get("user")
    if user is None:
        return None
    if not isinstance(user, dict) or not isinstance(user.get("groups", []), list):
        raise BadOrder("user: an object with uid, gid and groups is expected")
    groups = tuple(_id(group) for group in user.get("groups", []))
    return User(_id(user.get("uid")), _id(user.get("gid")), groups)


def _umask(message: Message) -> int | None:
    value = message.get("umask")
    if value is not None and (type(value) is not int or not 0 <= value <= 0o777):
        raise BadOrder("umask: a number from 0 to 511 is expected")
    return value


def _object(message: Message, field: str) -> dict[str, Any] | None:
    value = message.get(field)
    if value is not None and not isinstance(value, dict):
        raise BadOrder(f"{field}: an object is expected")
    return value


def _gelf(message: Message) -> Gelf | None:
    match _object(message, "gelf"):
        case None:
            return None
        case {"transport": "tcp" | "udp" | "http" as transport, "visibilities": str(letters)}:
            if len(letters) == len(LEVELS) and VISIBILITIES.issuperset(letters):
                return Gelf(transport, letters)
    raise BadOrder("gelf: a transport and a letter for each of eight levels are expected")


def _id(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_ID:
        raise BadOrder("user: ids of users and groups are numbers from 0")
    return value


def _positive(message: Message, field: str) -> float | None:
    value = message.get(field)
    if value is None:
        return None
    if not _is_number(value) or not 0 < value <= LARGEST_NUMBER:
        raise BadOrder(f"{field}: a number above 0 is expected")
    return float(value)


def _grace(message: Message) -> float:
    value = message.get("graceSeconds", DEFAULT_GRACE_SECONDS)
    if not _is_number(value) or not 0 <= value <= LARGEST_NUMBER:
        raise BadOrder("graceSeconds: a number from 0 is expected")
    return float(value)


def _signal(message: Message) -> int:
    value = message.get("stopSignal", SIGTERM)
    if not isinstance(value, int) or not 1 <= value <= 64:
        raise BadOrder("stopSignal: a signal number is expected")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _texts(values: Any, field: str) -> list[str]:
    if not isinstance(values, list) or not _TEXT.issuperset(map(type, values)):
        raise BadOrder(f"{field}: a list of texts is expected")
    return values

"""The files by which an executor and a runner on another machine communicate: names, writing, reading.

All are written completely, then renamed into place. They may belong to another user, so links are not
followed and the length is limited.

    in the control folder       by           content
    order.json                  executor     the order, until the runner has claimed it
    claim                       both         a link: the first claim, `burnt` or `started ID NODE NONCE`
    asks                        executor     {stop, pause}: the requests to the run
    run.json, outcome.json      runner       as on one machine
    lease                       runner       {beat, paused, progress, signalled}: proof of life, progress,
                                             whether the engine has asked it to end

    in the inbox of the work root
    TOKEN.started, TOKEN.ended  runner       which run has changed
"""

import errno
import os
import stat
from contextlib import suppress
from secrets import token_hex
from typing import Any, NamedTuple

from locksided.keeper import strictjson, wire
from locksided.keeper.start.claim import BURNT, STARTED
from locksided.keeper.strictjson import BadJson
from locksided.keeper.wire import Message

ORDER, CLAIM, ASKS, LEASE = "order.json", "claim", "asks", "lease"
BEGAN, OVER = "started", "ended"
MOST_BYTES = 1024 * 1024
ORDER_BYTES = wire.MAX_LINE_BYTES
LEASE_SECONDS = 10.0
"""The interval at which the runner renews its lease and reads its requests."""
NO_FILE = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EACCES})
"""A link, a socket or a closed folder in place of a file, which a job may have made of its own files. This is
not a failure of the file system to wait for.
"""
NO_LINK = NO_FILE | {errno.EINVAL}
ALONE_SECONDS = 60.0
"""A runner that could not renew its lease for this long stops its run."""


def inbox(work_root: str) -> str:
    """Return the folder in which runners announce changes."""
    return f"{work_root}/.lockside/inbox"


def require_own(path: str, work_root: str) -> None:
    """Raise PermissionError for a folder or link of another user, who may have made it before us."""
    if os.lstat(path).st_uid not in (os.geteuid(), os.stat(work_root).st_uid):
        raise PermissionError(errno.EPERM, "it belongs to another user", path)


def write(folder: str, name: str, content: Any, owner: tuple[int, int] | None = None) -> None:
    """Write a JSON document atomically; `owner` is a user and a group. Raises OSError."""
    path = os.path.join(folder, name)
    temporary = f"{path}.{os.getpid()}"
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        data = wire.encode(content)
        while data:
            data = data[os.write(fd, data) :]
        if owner is not None:
            os.fchown(fd, *owner)
    finally:
        os.close(fd)
    os.rename(temporary, path)


def content(folder: str, name: str, most_bytes: int) -> bytes | None:
    """Return the content of a regular file, at most one byte over the limit; None if none. Raises OSError."""
    try:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in NO_FILE:
            return None
        raise
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        return file.read(most_bytes + 1)


def read(folder: str, name: str, most_bytes: int = MOST_BYTES) -> Message | None:
    """Return the object in a file; None if there is none, or it is invalid. Raises OSError."""
    data = content(folder, name, most_bytes)
    if data is None or len(data) > most_bytes:
        return None
    try:
        found = strictjson.read(data, wire.MAX_LEVELS)
    except BadJson:
        return None
    return found if isinstance(found, dict) else None


def is_claimed(folder: str, word: str) -> bool:
    """Claim the token of this control folder; return whether that succeeded. Raises OSError.

    A claim with one's own words is won: a network file system may answer a repetition of a request.
    """
    try:
        os.symlink(word, os.path.join(folder, CLAIM))
    except FileExistsError:
        return claim_of(folder) == word
    return True


def claim_of(folder: str) -> str | None:
    """Return the words of the claim; None if the token is not claimed. Raises OSError."""
    try:
        return os.readlink(os.path.join(folder, CLAIM))
    except OSError as error:
        if error.errno in NO_LINK:
            return None
        raise


def burn(folder: str) -> bool:
    """Burn the token; return whether nothing was or will be started under it. Raises OSError."""
    return is_claimed(folder, BURNT)


def runners_claim(engine_id: str, node: str, nonce: str) -> str:
    """Return the words of a runner's claim; the nonce begins with its pid."""
    return f"{STARTED} {engine_id or '-'} {node} {nonce}"


class Claimant(NamedTuple):
    """The runner that claimed: the engine's id of the submission, the machine, the runner's pid there."""

    engine_id: str
    node: str
    pid: str


def claimed_by(claim: str) -> Claimant | None:
    """Return the claimant named by a runner's claim; None for any other claim.

    The job's user may have made the claim: its words go to the daemon and to terminals.
    """
    words = claim.split(" ")
    if len(words) != 4 or words[0] != STARTED or not (claim.isascii() and claim.isprintable()):
        return None
    return Claimant(words[1], words[2], words[3].partition("-")[0])


def report(work_root: str, token: str, what: str) -> None:
    """Create an entry in the inbox. Raises OSError."""
    os.rename(entry(work_root), os.path.join(inbox(work_root), f"{token}.{what}"))


def entry(work_root: str) -> str:
    """Create a new file in the inbox, where other users have files, too; return its path. Raises OSError."""
    path = os.path.join(inbox(work_root), f".{token_hex(8)}")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
    return path


def forget(work_root: str, token: str) -> None:
    """Remove the entries of a run that is over."""
    for what in (BEGAN, OVER):
        with suppress(OSError):
            os.unlink(os.path.join(inbox(work_root), f"{token}.{what}"))

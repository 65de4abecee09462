"""The files by which an executor and the runner of a run on another machine speak: names, writing, reading.

All are written whole and renamed into place. What is read may be another user's, so links are not followed
and nothing longer than it may be is taken.

    in the control folder       by           what it says
    order.json                  executor     the order, until the runner has claimed it
    claim                       both         a link: who decided the token, `burnt` or `started ID NODE NONCE`
    asks                        executor     {stop, pause}: what is asked of the run
    run.json, outcome.json      runner       as on one machine
    lease                       runner       {beat, paused, progress, signalled}: that it lives, what it said
                                             last, whether the engine has asked it to end

    in the inbox of the work root
    TOKEN.started, TOKEN.ended  runner       where to look
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
"""So often the runner says that it lives, and looks what is asked."""
NO_FILE = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EACCES})
"""A link, a socket or a closed folder in place of a file: a job may have made that of its own files. It is no
trouble of the file system, whose end would be waited for.
"""
NO_LINK = NO_FILE | {errno.EINVAL}
ALONE_SECONDS = 60.0
"""A runner that could not say so for so long stops its run."""


def inbox(work_root: str) -> str:
    """The folder in which runners say that there is something to look at."""
    return f"{work_root}/.lockside/inbox"


def write(folder: str, name: str, content: Any, owner: tuple[int, int] | None = None) -> None:
    """Put a JSON document in place whole; `owner` is a user and a group. Raises OSError."""
    path = os.path.join(folder, name)
    made = f"{path}.{os.getpid()}"
    with suppress(FileNotFoundError):
        os.unlink(made)
    fd = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        data = wire.encode(content)
        while data:
            data = data[os.write(fd, data) :]
        if owner is not None:
            os.fchown(fd, *owner)
    finally:
        os.close(fd)
    os.rename(made, path)


def content(folder: str, name: str, most_bytes: int) -> bytes | None:
    """What begins a plain file, one byte more at most; None where there is none. Raises OSError."""
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
    """The object in a file; None where there is none, or none that may be taken. Raises OSError."""
    data = content(folder, name, most_bytes)
    if data is None or len(data) > most_bytes:
        return None
    try:
        found = strictjson.read(data, wire.MAX_LEVELS)
    except BadJson:
        return None
    return found if isinstance(found, dict) else None


def is_claimed(folder: str, word: str) -> bool:
    """Claim the token whose control folder this is, unless somebody did. Raises OSError.

    Whoever meets a claim in its own words has won: a network file system may answer a repeat of itself.
    """
    try:
        os.symlink(word, os.path.join(folder, CLAIM))
    except FileExistsError:
        return claim_of(folder) == word
    return True


def claim_of(folder: str) -> str | None:
    """The words of the claim; None when the token is open. Raises OSError."""
    try:
        return os.readlink(os.path.join(folder, CLAIM))
    except OSError as error:
        if error.errno in NO_LINK:
            return None
        raise


def burn(folder: str) -> bool:
    """Whether the token is burnt now: nothing was or will be started under it. Raises OSError."""
    return is_claimed(folder, BURNT)


def runners_claim(engine_id: str, node: str, nonce: str) -> str:
    """The words by which one runner claims; the nonce begins with its pid."""
    return f"{STARTED} {engine_id or '-'} {node} {nonce}"


class Claimant(NamedTuple):
    """Which runner claimed: the engine's id of the submission, the machine, the runner's pid there."""

    engine_id: str
    node: str
    pid: str


def claimed_by(claim: str) -> Claimant | None:
    """Who a runner's claim names; None for any other claim."""
    words = claim.split(" ")
    if len(words) != 4 or words[0] != STARTED:
        return None
    return Claimant(words[1], words[2], words[3].partition("-")[0])


def report(work_root: str, token: str, what: str) -> None:
    """Leave an entry in the inbox. Raises OSError."""
    os.rename(entry(work_root), os.path.join(inbox(work_root), f"{token}.{what}"))


def entry(work_root: str) -> str:
    """Make a new file in the inbox, where any user may have made others; returns its path. Raises OSError."""
    path = os.path.join(inbox(work_root), f".{token_hex(8)}")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
    return path


def forget(work_root: str, token: str) -> None:
    """Remove the entries of a run that is over."""
    for what in (BEGAN, OVER):
        with suppress(OSError):
            os.unlink(os.path.join(inbox(work_root), f"{token}.{what}"))

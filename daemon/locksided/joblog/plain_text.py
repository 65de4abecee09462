"""A whole log as a text, as those may read it who are no admins."""

import os
from contextlib import suppress
from typing import BinaryIO

from locksided.joblog.reader import Gap, Item, read_page
from locksided.keeper.log.format import GELF, STDERR, STDOUT, read_gelf
from locksided.keeper.messages import User


def write_text(folder: str, path: str, owner: User | None) -> None:
    """Writes all that is there, in the order in which it came, into a new file that its owner alone can read.

    None is the daemon's own account. A file of that name is replaced.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        if owner is not None:
            os.fchown(file.fileno(), owner.uid, owner.gid)
        _write(folder, file)


def _write(folder: str, file: BinaryIO) -> None:
    offset, at_end = 0, False
    while not at_end:
        page = read_page(folder, offset)
        file.writelines(map(_text_of, page.items))
        offset, at_end = page.next_offset, page.at_end


def _text_of(item: Item) -> bytes:
    if isinstance(item, Gap):
        return f"[{item.to_seq - item.from_seq + 1} parts of the log are no more]\n".encode()
    if item.stream != GELF:
        return item.payload if item.stream in (STDOUT, STDERR) else b""
    message = read_gelf(item.payload)
    return b"" if message is None or message.for_admins else message.text + b"\n"

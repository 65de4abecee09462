"""A data folder as one zip for inspection: all plain files unchanged, without secrets.

It runs inside the folder, here or in a helper process under the job's account. Standard library only.
"""

import json
import os
import re
import stat
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from locksided.keeper.log.redact import Redactor
from locksided.runs.safefs import NotPlain, opened_folder, read_file

LEFT_OUT = frozenset(("out/state.json",))
_DOCUMENT = re.compile(r"config\.json|in/(state|parameters(\.[^/]*)?)\.json")
_MAX_DOCUMENT_BYTES = 64 * 2**20
_CHUNK_BYTES = 2**20
_MAX_DEPTH = 32
_FAST = 1
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_HIDDEN = "[hidden]"
_FIRST_SECOND, _LAST_SECOND = 315_532_800, 4_354_819_198
"""The times that a zip can express: 1980-01-01 to 2107-12-31. A program can give its files any other."""


def pack(data_fd: int, argument: Mapping[str, Any]) -> None:
    """Write the zip to the open file `out_fd`. `secrets` are texts that must not appear in it.

    Links, devices and files that vanish meanwhile are omitted; so is the state that the program wrote.
    """
    redactor = Redactor(list(argument["secrets"]))
    with (
        os.fdopen(argument["out_fd"], "wb", closefd=False) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as archive,
    ):
        for path, folder, name in _walk(data_fd, "", _MAX_DEPTH):
            with suppress(FileNotFoundError, PermissionError, NotPlain):
                _add(archive, redactor, path, folder, name)


def _walk(folder: int, prefix: str, depth: int) -> Iterator[tuple[str, int, str]]:
    """Yield every entry below a folder: its path, the descriptor of its folder, its name there."""
    for name in sorted(os.listdir(folder)):
        path = f"{prefix}{name}"
        yield path, folder, name
        with suppress(FileNotFoundError, PermissionError, NotPlain):
            if depth > 1 and stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                with opened_folder(name, folder) as inner:
                    yield from _walk(inner, f"{path}/", depth - 1)


def _add(archive: zipfile.ZipFile, redactor: Redactor, path: str, folder: int, name: str) -> None:
    status = os.lstat(name, dir_fd=folder)
    if stat.S_ISDIR(status.st_mode):
        archive.writestr(_zip_info(f"{path}/", status), b"")
    elif stat.S_ISREG(status.st_mode) and path not in LEFT_OUT:
        if _DOCUMENT.fullmatch(path):
            _add_document(archive, redactor, path, folder, name)
        else:
            _add_file(archive, redactor, path, folder, name)


def _zip_info(path: str, status: os.stat_result) -> zipfile.ZipInfo:
    shown = path.encode("utf-8", "replace").decode()
    moment = time.gmtime(min(max(status.st_mtime, _FIRST_SECOND), _LAST_SECOND))
    about = zipfile.ZipInfo(shown, moment[:6])
    about.external_attr = (status.st_mode & 0xFFFF) << 16
    about.compress_type = zipfile.ZIP_DEFLATED
    return about


def _add_document(archive: zipfile.ZipFile, redactor: Redactor, path: str, folder: int, name: str) -> None:
    """Add a JSON file with the values of `#` keys hidden, even short ones."""
    content = read_file(name, folder, _MAX_DOCUMENT_BYTES) or b""
    with suppress(ValueError, RecursionError):
        content = json.dumps(_without_secrets(json.loads(content)), ensure_ascii=False, indent=2).encode(
            "utf-8", "surrogatepass"
        )
    archive.writestr(_zip_info(path, os.lstat(name, dir_fd=folder)), redactor.hide(content))


def _without_secrets(document: Any) -> Any:
    match document:
        case dict():
            return {
                key: _HIDDEN if key.startswith("#") else _without_secrets(value)
                for key, value in document.items()
            }
        case list():
            return [_without_secrets(value) for value in document]
        case _:
            return document


def _add_file(archive: zipfile.ZipFile, redactor: Redactor, path: str, folder: int, name: str) -> None:
    stream = redactor.fork()
    fd = os.open(name, _FILE, dir_fd=folder)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotPlain(f"{name} is not a plain file")
        about = _zip_info(path, status)
        about.file_size = status.st_size
        with archive.open(about, "w", force_zip64=True) as entry:
            while chunk := os.read(fd, _CHUNK_BYTES):
                entry.write(stream.feed(chunk))
            entry.write(stream.finish())
    finally:
        os.close(fd)

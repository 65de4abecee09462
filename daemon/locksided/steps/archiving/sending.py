"""Files on their way to a place: each is compared with what came there."""

import hashlib
import os
import stat
from dataclasses import dataclass, field
from posixpath import dirname
from typing import Any, BinaryIO

from locksided.steps.archiving.left_files import LeftFile
from locksided.steps.program import ApplicationFault, UserFault
from locksided.steps.staging.places import Place
from locksided.steps.staging.remote import Session, refuse_outside
from locksided.steps.staging.retries import Retries
from locksided.steps.staging.sources import CHUNK_BYTES, Broken


@dataclass(slots=True, kw_only=True)
class Shipment:
    """Files on their way. `listed` are those that are there."""

    place: Place
    retries: Retries
    listed: list[dict[str, Any]] = field(default_factory=list)

    def send(self, files: list[LeftFile]) -> None:
        """Sends the files and the list. Raises Refused, ApplicationFault, OSError."""
        left = list(reversed(files))
        while True:
            self.retries.attempts += 1
            before = len(left)
            try:
                with self.place.connect()() as session:
                    folders: set[str] = set()
                    while left:
                        self._send_file(session, left[-1], folders)
                        left.pop()
                    self._finish(session, folders)
            except Broken as problem:
                self.retries.wait_after(problem, has_progressed=len(left) < before)
            else:
                return

    def _send_file(self, session: Session, one: LeftFile, folders: set[str]) -> None:
        with _opened(one, self.retries.done) as file:
            sent = Sent(file, session.checksum)
            self.put(session, one.path, sent, os.fstat(file.fileno()).st_size, folders)
        self.listed.append(
            {"path": one.path, "sizeBytes": sent.size_bytes, "sha256": sent.sha256.hexdigest()}
        )

    def _finish(self, session: Session, folders: set[str]) -> None:
        """Sends what comes behind all files."""

    def put(self, session: Session, path: str, content: "Sent", size_bytes: int, folders: set[str]) -> None:
        whole = f"{self.place.path}/{path}"
        folder = dirname(whole)
        if folder not in folders:
            session.make_folder(folder)
            refuse_outside(session, folder, self.place.root)
            folders.add(folder)
        session.put(whole, content, size_bytes)
        _verify(session, whole, path, content, self.retries.done)


class Sent:
    """What is sent, with its sha256 and a checksum of the kind that the server tells."""

    def __init__(self, file: BinaryIO, kind: str | None) -> None:
        self._file = file
        self.size_bytes = 0
        self.sha256 = hashlib.sha256()
        self.told = None if kind is None else hashlib.new(kind, usedforsecurity=False)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        chunk = self._file.read(size)
        self.size_bytes += len(chunk)
        self.sha256.update(chunk)
        if self.told is not None:
            self.told.update(chunk)
        return chunk


def _opened(one: LeftFile, done: str) -> BinaryIO:
    try:
        descriptor = os.open(one.file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise UserFault(f"{one.path} could not be {done}: {problem.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UserFault(f"{one.path} could not be {done}: it is not a regular file")
    return os.fdopen(descriptor, "rb", buffering=0)


def _verify(session: Session, whole: str, path: str, sent: Sent, done: str) -> None:
    """Compares what came there with what was sent: by the server's own checksum, else by reading it.

    Raises ApplicationFault for another content.
    """
    stamp = session.stamp(whole)
    if stamp.size_bytes != sent.size_bytes:
        text = f"{path} came there with {stamp.size_bytes} of {sent.size_bytes} bytes"
        raise ApplicationFault(f"It could not be {done}: {text}.")
    if sent.told is not None and (stamp.etag or "").strip('"') == sent.told.hexdigest():
        return
    back = hashlib.sha256()
    with session.reading(whole, 0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            back.update(chunk)
    if back.digest() != sent.sha256.digest():
        raise ApplicationFault(f"It could not be {done}: {path} is another content when it is read back.")

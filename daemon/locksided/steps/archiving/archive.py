"""Archives what a job left: files are sent and compared with what came there; a list of them comes last.

Without the list there is no archive: it is removed before an archive of an earlier start is overwritten.
"""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from posixpath import dirname
from typing import Any, BinaryIO
from urllib.parse import quote

from lockside.documents.staging import SYSTEM
from locksided.steps.archiving.left_files import LeftFile, left_files
from locksided.steps.program import ApplicationFault, UserFault, say
from locksided.steps.staging.places import Place
from locksided.steps.staging.remote import Session, refuse_outside
from locksided.steps.staging.retries import Retries
from locksided.steps.staging.sources import CHUNK_BYTES, Broken, Missing, Refused

LIST = "lockside-archive.json"
MOST_LIST_BYTES = 2**28


def archive(order: Mapping[str, Any]) -> dict[str, Any]:
    """Archives all; `result.artifacts.archive` tells of it. A fault may be a warning alone."""
    try:
        return {"result": {"artifacts": {"archive": _archived(order)}}}
    except (UserFault, ApplicationFault) as fault:
        if order["onFailure"] != "warning":
            raise
        return {"message": str(fault), "warning": True}


def _archived(order: Mapping[str, Any]) -> dict[str, Any]:
    if "refusal" in order:
        raise UserFault(f"It could not be archived: {order['refusal']}")
    place = Place.of(f"{SYSTEM}://{order['system']}/{quote(order['path'])}", {}, order)
    shipment = Shipment(
        place, order["job"], order["uuid"], Retries(place.shown, "archived", order["attempts"])
    )
    try:
        shipment.take_over()
        shipment.send(left_files(order))
    except Refused as problem:
        raise UserFault(f"{place.shown} could not be archived: {problem}") from None
    except OSError as problem:
        raise ApplicationFault(f"{place.shown} could not be archived: {problem.strerror}") from None
    listed = shipment.listed
    size = sum(one["sizeBytes"] for one in listed)
    say(f"archived {len(listed)} files, {size} bytes, to {place.shown}")
    told = {"system": order["system"], "path": order["path"], "uri": place.shown}
    return {**told, "files": len(listed), "sizeBytes": size}


@dataclass(slots=True)
class Shipment:
    """An archive on its way. `listed` are the files that are there."""

    place: Place
    job: str
    uuid: str
    retries: Retries
    listed: list[dict[str, Any]] = field(default_factory=list)

    def take_over(self) -> None:
        """Makes sure that the place is nobody else's, and removes the list of an earlier start.

        Raises UserFault for the archive of another job.
        """
        while True:
            self.retries.attempts += 1
            try:
                with self.place.connect()() as session:
                    self._remove_own_list(session)
            except Missing:
                return
            except Broken as problem:
                self.retries.wait_after(problem, has_progressed=False)
            else:
                return

    def _remove_own_list(self, session: Session) -> None:
        path = f"{self.place.path}/{LIST}"
        refuse_outside(session, path, self.place.root)
        with session.reading(path, 0) as stream:
            content = stream.read(MOST_LIST_BYTES)
        if _owner(content) != self.uuid:
            raise UserFault(f"{self.place.shown} is the archive of another job.")
        session.remove(path)

    def send(self, files: list[LeftFile]) -> None:
        """Sends the files and the list. Raises Refused, ApplicationFault, OSError."""
        self._send(files, self._send_list)

    def send_alone(self, files: list[LeftFile]) -> None:
        """Sends files that are no archive. Raises as `send`."""
        self._send(files, lambda _session, _folders: None)

    def _send(self, files: list[LeftFile], finish: Callable[[Session, set[str]], None]) -> None:
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
                    finish(session, folders)
            except Broken as problem:
                self.retries.wait_after(problem, has_progressed=len(left) < before)
            else:
                return

    def _send_file(self, session: Session, one: LeftFile, folders: set[str]) -> None:
        with _opened(one) as file:
            sent = Sent(file, session.checksum)
            self._put(session, one.path, sent, os.fstat(file.fileno()).st_size, folders)
        self.listed.append(
            {"path": one.path, "sizeBytes": sent.size_bytes, "sha256": sent.sha256.hexdigest()}
        )

    def _send_list(self, session: Session, folders: set[str]) -> None:
        document = {"job": self.job, "uuid": self.uuid, "files": self.listed}
        content = json.dumps(document, ensure_ascii=False, indent=1).encode()
        self._put(session, LIST, Sent(BytesIO(content), session.checksum), len(content), folders)

    def _put(self, session: Session, path: str, content: "Sent", size_bytes: int, folders: set[str]) -> None:
        whole = f"{self.place.path}/{path}"
        folder = dirname(whole)
        if folder not in folders:
            session.make_folder(folder)
            refuse_outside(session, folder, self.place.root)
            folders.add(folder)
        session.put(whole, content, size_bytes)
        _verify(session, whole, path, content)


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


def _opened(one: LeftFile) -> BinaryIO:
    try:
        descriptor = os.open(one.file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise UserFault(f"{one.path} could not be archived: {problem.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UserFault(f"{one.path} could not be archived: it is no plain file")
    return os.fdopen(descriptor, "rb", buffering=0)


def _verify(session: Session, whole: str, path: str, sent: Sent) -> None:
    """Compares what came there with what was sent: by the server's own checksum, else by reading it.

    Raises ApplicationFault for another content.
    """
    stamp = session.stamp(whole)
    if stamp.size_bytes != sent.size_bytes:
        text = f"{path} came there with {stamp.size_bytes} of {sent.size_bytes} bytes"
        raise ApplicationFault(f"It could not be archived: {text}.")
    if sent.told is not None and (stamp.etag or "").strip('"') == sent.told.hexdigest():
        return
    back = hashlib.sha256()
    with session.reading(whole, 0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            back.update(chunk)
    if back.digest() != sent.sha256.digest():
        raise ApplicationFault(f"It could not be archived: {path} is another content when it is read back.")


def _owner(content: bytes) -> str | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document.get("uuid") if isinstance(document, dict) else None

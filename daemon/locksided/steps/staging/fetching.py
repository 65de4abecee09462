"""Fetches the inputs of a job; each is written under a hidden name, synced, verified and renamed."""

import hashlib
import http.client
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lockside.documents.staging import shown_source
from locksided.steps.durable import sync
from locksided.steps.program import ApplicationFault, UserFault, refuse_full_disk, say
from locksided.steps.staging.places import Place
from locksided.steps.staging.remote import NO_SPACE
from locksided.steps.staging.retries import Retries
from locksided.steps.staging.sources import CHUNK_BYTES, Broken, Missing, Opened, Refused, Source, Stamp


def stage(order: Mapping[str, Any]) -> dict[str, Any]:
    """Fetch all inputs of an order; `result.input.files` describes each."""
    refuse_full_disk(order, order["data"])
    return {"result": {"input": {"tables": [], "files": [_staged(one, order) for one in order["inputs"]]}}}


def _staged(one: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    """Fetch one input. Raises UserFault and ApplicationFault, which name it."""
    shown = shown_source(one["source"])
    names = {"source": shown, "target": one["target"]}
    target = Path(order["data"], one["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    kinds = dict.fromkeys(("sha256", (one.get("checksum") or "sha256").partition(":")[0]))
    source = Place.of(one["source"], one.get("options") or {}, order).source(one.get("headers") or {})
    retries = Retries(shown, "fetched", order["attempts"])
    transfer = Transfer(source, target, retries, order["maxBytes"], tuple(kinds))
    try:
        transfer.fetch()
        transfer.verify(one.get("sizeBytes"), one.get("checksum"))
    except Missing as problem:
        if one.get("optional"):
            return {**names, "missing": True}
        raise UserFault(f"{shown} could not be fetched: {problem}") from None
    except Refused as problem:
        raise UserFault(f"{shown} could not be fetched: {problem}") from None
    except OSError as problem:
        if problem.errno not in NO_SPACE:
            raise
        raise ApplicationFault(f"{shown} could not be fetched: {problem.strerror}") from None
    transfer.publish()
    say(f"fetched {shown}: {transfer.size_bytes} bytes")
    return {**names, **transfer.described()}


@dataclass(slots=True)
class Transfer:
    """A file being fetched into `target`. `most_bytes` 0: unlimited; `kinds`: checksums to compute."""

    source: Source
    target: Path
    retries: Retries
    most_bytes: int
    kinds: tuple[str, ...] = ("sha256",)
    resumed_bytes: int = 0
    size_bytes: int = 0
    stamp: Stamp | None = None
    hashes: Sequence[Any] = ()

    @property
    def part(self) -> Path:
        """The file that holds the bytes until all have been received."""
        return self.target.with_name(f".{self.target.name}.part")

    def fetch(self) -> None:
        """Read the whole source. Raises Refused, ApplicationFault, OSError."""
        with self.part.open("wb", buffering=0) as file:
            while True:
                self.retries.attempts += 1
                before = self.size_bytes
                try:
                    self._read_on(file)
                    break
                except Broken as problem:
                    detail = f"{self.size_bytes} bytes were received, "
                    self.retries.wait_after(problem, has_progressed=self.size_bytes > before, detail=detail)
            os.fsync(file.fileno())

    def _read_on(self, file: BinaryIO) -> None:
        with self.source.open(self.size_bytes, self.stamp) as opened:
            self._begin_at(opened, file)
            try:
                while chunk := opened.stream.read(CHUNK_BYTES):
                    self._take(chunk, file)
            except (OSError, http.client.HTTPException) as problem:
                if isinstance(problem, OSError) and problem.errno in NO_SPACE:
                    raise
                raise Broken(f"the connection broke: {problem}") from None
            whole = opened.stamp.size_bytes
            if whole is not None and self.size_bytes < whole:
                raise Broken(f"the connection ended after {self.size_bytes} of {whole} bytes")

    def _begin_at(self, opened: Opened, file: BinaryIO) -> None:
        self.stamp = opened.stamp
        if opened.offset:
            self.resumed_bytes += opened.offset
            return
        file.seek(0)
        file.truncate()
        self.size_bytes, self.hashes = 0, [hashlib.new(kind) for kind in self.kinds]

    def _take(self, chunk: bytes, file: BinaryIO) -> None:
        self.size_bytes += len(chunk)
        if self.most_bytes and self.size_bytes > self.most_bytes:
            raise Refused(f"it has more than the {self.most_bytes} bytes of [staging] max_bytes")
        for one in self.hashes:
            one.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[file.write(view) :]

    def verify(self, size_bytes: int | None, checksum: str | None) -> None:
        """Compare the received size and checksum with the expected ones. Raises Refused."""
        if size_bytes is not None and size_bytes != self.size_bytes:
            raise Refused(f"it has {self.size_bytes} bytes, not {size_bytes}")
        known = {f"{one.name}:{one.hexdigest()}" for one in self.hashes}
        if checksum is not None and checksum not in known:
            kind = checksum.partition(":")[0]
            found = next(one for one in known if one.startswith(kind))
            raise Refused(f"its checksum is {found}, not {checksum}")

    def publish(self) -> None:
        """Rename the complete file to its final name."""
        os.rename(self.part, self.target)
        sync(self.target.parent)

    def described(self) -> dict[str, Any]:
        """Return the description of the transfer for the job's result."""
        stamp = self.stamp or Stamp()
        return {
            "sizeBytes": self.size_bytes,
            "checksum": f"sha256:{self.hashes[0].hexdigest()}",
            "etag": stamp.etag,
            "modifiedTime": stamp.modified,
            "attempts": self.retries.attempts,
            "resumedBytes": self.resumed_bytes,
        }

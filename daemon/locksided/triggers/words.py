"""The output of watchers: read from their logs, stored as causes together with the position reached."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec

from lockside.documents.reading import from_store
from lockside.documents.trigger import Condition, TriggerSpec
from locksided import clock
from locksided.joblog.reader import Gap, read_page
from locksided.keeper.log.format import STDOUT
from locksided.store import triggers, watching
from locksided.store.time_rows import MakerName, TriggerRow, WatcherRow
from locksided.store.transaction import Transaction
from locksided.store.watching import FileIdentity, FileName
from locksided.triggers.hearing import Heard, file_appeared, keep
from locksided.triggers.names import is_meant
from locksided.triggers.standing import planned, tell, watch_key

BYTES_AT_ONCE = 64 * 1024

Word = Mapping[str, Any]


class Words(NamedTuple):
    """Whole lines of a log, the frame after them, and the one after everything there is now.

    `is_torn` if lines before them are lost.
    """

    said: list[Word]
    next_seq: int
    end_seq: int
    is_torn: bool = False


def words_from(log_folder: str, from_seq: int) -> Words:
    """Read some of a watcher's output from a frame on that begins a line."""
    page = read_page(log_folder, from_seq, stream=STDOUT, max_bytes=BYTES_AT_ONCE)
    whole, begun, next_seq = b"", b"", from_seq
    for item in page.items:
        if isinstance(item, Gap):
            return Words([], from_seq, from_seq, is_torn=True)
        begun += item.payload
        if begun.endswith(b"\n"):
            whole, begun, next_seq = whole + begun, b"", item.seq + 1
    said = [msgspec.json.decode(line) for line in whole.splitlines()]
    return Words(said, next_seq, page.next_offset)


def keep_words(tx: Transaction, watcher: WatcherRow, words: Words) -> None:
    """Store the output, once: another reader may have stored it meanwhile."""
    given_up = {word["watch"] for word in words.said if "broken" in word}
    watches = [
        # Differs from any wanted watch: else a trigger repaired at once keeps a watcher that ignores it.
        {**one, "broken": True} if number in given_up else one
        for number, one in enumerate(watcher.watches)
    ]
    if not watching.advance(tx, watcher, words.next_seq, watches):
        return
    said: dict[tuple[MakerName, str], list[Word]] = defaultdict(list)
    for word in words.said:
        watch = watcher.watches[word["watch"]]
        said[MakerName(watch["project"], watch["id"]), watch["folder"]].append(word)
    for (name, folder), own in said.items():
        found = triggers.with_document(tx.connection, name)
        if found is not None:
            row, body = found
            _Folder(tx, name, row, from_store(body, TriggerSpec), folder, watcher.token).take(own)


class _Folder(NamedTuple):
    """A folder that a trigger watches, in the transaction that handles a watcher's output about it."""

    tx: Transaction
    name: MakerName
    row: TriggerRow
    spec: TriggerSpec
    folder: str
    token: str

    def take(self, said: Iterable[Word]) -> None:
        """Store what is reported of its files, in that order."""
        keep(self.tx, self.name, self.spec, list(self._heard(said)))

    def _heard(self, said: Iterable[Word]) -> Iterator[Heard]:
        for word in said:
            if "name" in word:
                yield from self._file_cause(word)
            elif "gone" in word:
                watching.note_gone(self.tx, self._file(word["gone"]), clock.now_us())
            elif "listed" in word:
                watching.note_others_gone(self.tx, self.name, self.folder, self.token, clock.now_us())
            else:
                self._broken(word["broken"])

    def _file_cause(self, word: Word) -> Iterator[Heard]:
        """Yield the file as a cause unless it is known. Its conditions decide whether it existed before."""
        file, identity = self._file(word["name"]), FileIdentity(word["inode"], word["size"], word["mtime"])
        is_known = watching.known(self.tx.connection, file) == identity
        watching.know(self.tx, file, identity, self.token)
        if not is_known:
            path, time_us = f"{self.folder}/{file.name}", clock.seen_us(word["changed"] // 1000)
            meets = partial(self._meets, file.name, word["changed"])
            yield file_appeared(path, identity.size_bytes, time_us, meets)

    def _file(self, name: str) -> FileName:
        return FileName(*self.name, self.folder, name)

    def _meets(self, name: str, changed_ns: int, condition: Condition) -> bool:
        files = condition.files
        return (
            files is not None
            and files.folder == self.folder
            and is_meant(name, files.match, files.exclude)
            and changed_ns >= self.row.watched.get(watch_key(files), 0)
        )

    def _broken(self, why: str) -> None:
        row = triggers.find(self.tx.connection, self.name)
        if row is not None:
            text = f"{self.folder}: {why} Move some away, and store the trigger again."
            tell(self.tx, self.name, "failed", count=0, job=None, cause="broken", error={"message": text})
            planned(self.tx, msgspec.structs.replace(row, broken=text), self.spec)


def watches_of(name: MakerName, spec: TriggerSpec) -> Iterator[dict[str, Any]]:
    """Yield what is to be watched for a trigger."""
    for files in (one.files for one in spec.on if one.files is not None):
        yield {
            "project": name.project,
            "id": name.id,
            "folder": files.folder,
            "match": files.match,
            "exclude": files.exclude,
            "settle_seconds": files.settle_seconds,
            "poll_seconds": files.poll_seconds,
        }

"""The differences between wanted and stored objects, in the order in which they must be applied. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from lockside.documents.secrets import may_have_ciphers, may_have_secrets
from lockside.kinds import KINDS, Kind, with_files
from lockside.protocol.methods import catalog as p
from locksided.catalog.record import Record
from locksided.catalog.table import RECORDS
from locksided.core.errors import Invalid, Refused
from locksided.json_diff import differences
from locksided.secrets.places import Place
from locksided.secrets.vault import Vault
from locksided.settings import Settings

K = TypeVar("K")

_decode = msgspec.json.Decoder().decode


class LazyDocuments(Mapping[K, dict[str, Any]]):
    """A mapping to documents, each decoded again at every access."""

    def __init__(self, texts: Mapping[K, bytes]) -> None:
        self.texts = texts

    def __getitem__(self, key: K) -> dict[str, Any]:
        document: dict[str, Any] = _decode(self.texts[key])
        return document

    def __iter__(self) -> Iterator[K]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def __contains__(self, key: object) -> bool:
        return key in self.texts


Json = dict[str, Any]
Key = tuple[str, ...]

P = TypeVar("P", bound=p.CatalogContents)

LONG_BYTES = 256


@dataclass(frozen=True, slots=True)
class Known:
    """One stored object as its JSON text, and whether a plan may delete it."""

    text: bytes
    version: int | None
    may_go: bool = True


Wanted = Mapping[str, LazyDocuments[Key]]
StoredByKind = Mapping[str, Mapping[Key, Known]]


@dataclass(frozen=True, slots=True)
class ApplyStep:
    """One object to be stored (`text`) or deleted; its key has the values of its kind's key members."""

    kind: str
    key: Key
    action: str
    text: bytes | None
    old_version: int | None
    fields: list[Json] = field(default_factory=list)
    mark: str = ""

    @property
    def body(self) -> Json | None:
        """The document to be stored."""
        return None if self.text is None else msgspec.json.decode(self.text)

    def view(self) -> Json:
        """Return the step in its wire form."""
        *before, _ = zip(KINDS[self.kind].key, self.key, strict=True)
        return {
            "kind": self.kind,
            "id": self.key[-1],
            "component": None,
            **dict(before),
            "action": self.action,
            "fields": self.fields,
            "version": None,
        }


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """All steps, and the number of unchanged objects.

    The marks of the steps identify what is to be stored, because its cipher texts differ in every plan.
    """

    steps: list[ApplyStep]
    unchanged: int

    @property
    def name(self) -> str:
        """A digest of exactly these steps from exactly the stored state."""
        steps = [(step.kind, step.key, step.action, step.old_version, step.mark) for step in self.steps]
        return sha256(msgspec.json.encode(steps)).hexdigest()[:16]


def wanted_of(params: p.CatalogContents, staged: Wanted = MappingProxyType({})) -> Wanted:
    """Return the wanted objects by kind and key, as they would be stored; kinds left alone are missing.

    They follow those in `staged`. Raises Invalid for an object that is named twice.
    """
    joined = dict(staged)
    for kind in with_files():
        given = getattr(params, kind.plural)
        if given is not None:
            before = staged[kind.word].texts if kind.word in staged else {}
            body = RECORDS[kind.word].body
            joined[kind.word] = LazyDocuments(
                _by_key(kind, (body(one, params.branch_id) for one in given), before)
            )
    return joined


def completed(params: P, settings: Settings) -> P:
    """Return the parameters with documents completed from the settings."""
    members = {
        kind.plural: [
            completed_at(f"$.{kind.plural}[{place}]", RECORDS[kind.word], one, settings)
            for place, one in enumerate(getattr(params, kind.plural))
        ]
        for kind in with_files()
        if getattr(params, kind.plural) is not None
    }
    return msgspec.structs.replace(params, **members)


def completed_at(path: str, record: Record, document: Any, settings: Settings) -> Any:
    """Return the document at that path completed from the settings. Raises Refused with its path."""
    try:
        return record.completed(document, settings)
    except Refused as refusal:
        refusal.path = f"{path}{(refusal.path or '$')[1:]}"
        refusal.message = f"{refusal.path}: {refusal.message}"
        raise


def _by_key(kind: Kind, bodies: Iterable[Json], before: Mapping[Key, bytes]) -> dict[Key, bytes]:
    found = dict(before)
    for place, body in enumerate(bodies, len(before)):
        key = kind.key_of(body)
        if key in found:
            path = f"$.{kind.plural}[{place}]"
            raise Invalid(f"{path}: {'/'.join(key)} is asked for twice.", path=path)
        found[key] = msgspec.json.encode(body)
    return found


def make_plan(
    wanted: Wanted,
    stored: StoredByKind,
    *,
    prune: bool,
    max_bytes: int,
    mark: Callable[[str, Key], str],
) -> ApplyPlan:
    """Compare: first what is created or changed, then what is deleted, referring objects first.

    `mark` returns the same text for the same object, as it was requested.

    Once the changed fields exceed `max_bytes`, long values are left out of the following ones.
    """
    steps, unchanged, left_bytes = [], 0, max_bytes
    kinds = [kind.word for kind in with_files()]
    for kind in kinds:
        for key, text in wanted[kind].texts.items() if kind in wanted else ():
            before = stored[kind].get(key)
            if before is None:
                steps.append(ApplyStep(kind, key, "create", text, None, mark=mark(kind, key)))
            elif before.text != text and (fields := _differences(before.text, text)):
                encoded = msgspec.json.encode(fields)
                left_bytes -= len(encoded)
                shown = fields if left_bytes >= 0 else [_without_long(one) for one in fields]
                steps.append(ApplyStep(kind, key, "change", text, before.version, shown, mark(kind, key)))
            else:
                unchanged += 1
    if prune:
        steps += [
            ApplyStep(kind, key, "delete", None, known.version)
            for kind in reversed(kinds)
            if kind in wanted
            for key, known in stored[kind].items()
            if key not in wanted[kind] and known.may_go
        ]
    return ApplyPlan(steps, unchanged)


def _differences(old: bytes, new: bytes) -> list[Json]:
    return differences(msgspec.json.decode(old), msgspec.json.decode(new))


def _without_long(change: Json) -> Json:
    size_bytes = len(msgspec.json.encode(change))
    return change if size_bytes <= LONG_BYTES else {"path": change["path"], "isLong": True}


Places = Callable[[str, Key], Place]
"""Returns the place of an object, from its kind and key."""


def in_plain(vault: Vault, wanted: Wanted, place: Places) -> Wanted:
    """Return the wanted objects decrypted, as far as possible."""

    def opened(kind: str, key: Key, text: bytes) -> bytes:
        return vault.opened_text(text, place(kind, key)) if may_have_ciphers(text) else text

    return {
        kind: LazyDocuments({key: opened(kind, key, text) for key, text in bodies.texts.items()})
        for kind, bodies in wanted.items()
    }


def encrypted(
    vault: Vault, wanted: Wanted, stored: StoredByKind, place: Places
) -> tuple[Wanted, list[Refused]]:
    """Return the wanted objects encrypted, and a refusal for each with the cipher text of another object.

    A value that is already stored keeps its cipher text.
    """
    faults: list[Refused] = []
    sealed: dict[str, LazyDocuments[Key]] = {}
    for kind, bodies in wanted.items():
        texts = dict(bodies.texts)
        for number, (key, text) in enumerate(bodies.texts.items()):
            if not may_have_secrets(text):
                continue
            known = stored[kind].get(key)
            path = f"$.{KINDS[kind].plural}[{number}]"
            before = None if known is None else msgspec.json.decode(known.text)
            try:
                body = vault.seal(msgspec.json.decode(text), place(kind, key), path=path, before=before)
            except Refused as refusal:
                faults.append(refusal)
            else:
                texts[key] = msgspec.json.encode(body)
        sealed[kind] = LazyDocuments(texts)
    return sealed, faults

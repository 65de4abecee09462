"""Whether all wanted objects could be used once they are stored: every fault at once, with its field. Pure.

The caller's objects were parsed as their types before; here each is parsed again from its text, one by one.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from lockside.documents.component import Manifest
from lockside.documents.reading import from_store
from lockside.documents.references import Names, Reference, missing
from lockside.kinds import KINDS, RESOURCE, Kind, with_files
from locksided.api.apply_plan import ApplyStep, Key, LazyDocuments, StoredByKind, Wanted
from locksided.catalog.table import RECORDS
from locksided.core.errors import Conflict, NotFound, Refused
from locksided.runs.builtin_components import BUILT_IN
from locksided.runs.refusals import invalid
from locksided.store.catalog.keys import Key as StoredKey

Json = Mapping[str, Any]
After = Mapping[str, LazyDocuments[Key]]

MOST_FAULTS = 1000


def refuse(faults: list[Refused]) -> None:
    """Raise the first fault, with all of them (up to a limit) in its data."""
    if not faults:
        return
    first = faults[0]
    first.data["faults"] = [{"path": fault.path, "message": fault.message} for fault in faults[:MOST_FAULTS]]
    if len(faults) > 1:
        first.message = f"{first.message} ({len(faults)} faults in all)"
    raise first


def refuse_fixed(wanted: Wanted) -> None:
    """Raise `Conflict` for objects that are built into the daemon."""
    refuse(
        [
            Conflict(f"{path}: {key[-1]} is part of the daemon: choose another id.", path=path)
            for kind in with_files()
            for place, key in enumerate(wanted.get(kind.word, ()))
            if key[-1] in RECORDS[kind.word].fixed
            for path in (f"$.{kind.plural}[{place}].{kind.key[-1]}",)
        ]
    )


def warnings_of(wanted: Wanted) -> list[str]:
    """Return a sentence for each key that is kept and has no effect."""
    return [
        path + warning.removeprefix("$")
        for kind in with_files()
        if (warnings := RECORDS[kind.word].warnings) is not None
        for path, document in _given(kind, wanted)
        for warning in warnings(document)
    ]


def _given(kind: Kind, wanted: Wanted) -> Iterator[tuple[str, Any]]:
    """Yield the wanted objects of a kind as their type, each with its path in the request."""
    for place, body in enumerate(wanted[kind.word].values() if kind.word in wanted else ()):
        yield f"$.{kind.plural}[{place}]", from_store(body, kind.document)


def faults_among(
    wanted: Wanted,
    stored: StoredByKind,
    steps: Iterable[ApplyStep],
    others: Iterable[tuple[StoredKey, Json]],
    shared: Iterable[str] = (),
) -> list[Refused]:
    """Return the faults of the resulting state: missing names, parameters that a schema refuses.

    `others` are the stored objects of other branches, whose references must not be deleted either; `shared`
    are resources of other projects that may be named, too.
    """
    gone = {(step.kind, step.key) for step in steps if step.action == "delete"}
    after = {kind: LazyDocuments(_texts_after(kind, wanted, stored, gone)) for kind in stored}

    @cache
    def find(name: str) -> Manifest | None:
        body = after["component"].get((name,))
        return BUILT_IN.get(name) or (None if body is None else from_store(body, Manifest))

    references: list[Reference] = []
    unfit: list[Refused] = []
    for kind in with_files():
        for path, document in _given(kind, wanted):
            references += kind.references(document, path)
            unfit += map(invalid, kind.faults(document, find, path))
    names = _names(after)
    for one in shared:
        names.add(RESOURCE.word, one)
    unknown = [NotFound(f"{one.path}: {one.message}", path=one.path) for one in missing(references, names)]
    return [*unknown, *_still_used(after, wanted, gone, others), *unfit]


def _texts_after(
    kind: str, wanted: Wanted, stored: StoredByKind, gone: set[tuple[str, Key]]
) -> dict[Key, bytes]:
    kept = {key: known.text for key, known in stored[kind].items() if (kind, key) not in gone}
    return kept | dict(wanted[kind].texts if kind in wanted else {})


def _names(after: After) -> Names:
    names = Names()
    for kind, bodies in after.items():
        for key, body in bodies.items():
            names.add(kind, "/".join(key), body)
    return names


def _still_used(
    after: After,
    wanted: Wanted,
    gone: set[tuple[str, Key]],
    others: Iterable[tuple[StoredKey, Json]],
) -> list[Refused]:
    """Return a refusal for every object to be deleted that a remaining object refers to."""
    deleted = {(kind, "/".join(key)) for kind, key in gone}
    if not deleted:
        return []
    users = [*_users(after, wanted), *_users_elsewhere(others)]
    return [
        Conflict(f"The {one.kind} {one.id} cannot go: {user} names it.", path=f"$.{KINDS[one.kind].plural}")
        for user, references in users
        for one in references
        if (one.kind, one.id) in deleted
    ]


def _users(after: After, wanted: Wanted) -> Iterator[tuple[str, Iterator[Reference]]]:
    """Yield the objects that stay unchanged, each with the names it refers to."""
    for kind in with_files():
        for key, body in after[kind.word].items():
            if key not in wanted.get(kind.word, {}):
                title = f"{kind.title} {'/'.join(key)}"
                yield title, kind.references(from_store(body, kind.document), "$")


def _users_elsewhere(
    others: Iterable[tuple[StoredKey, Json]],
) -> Iterator[tuple[str, Iterator[Reference]]]:
    """Yield the objects of other branches, each with the names it refers to that all branches share."""
    for key, body in others:
        title = f"{key.kind.title} {'/'.join(key.names)} of branch {key.branch}"
        named = key.kind.references(from_store(body, key.kind.document), "$")
        yield title, (one for one in named if one.kind in KINDS and not KINDS[one.kind].in_branch)

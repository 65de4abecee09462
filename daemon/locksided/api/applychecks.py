"""Whether all that is wanted could be used once it is stored: every fault at once, with its field. Pure.

What comes from callers was read as its type before; here it is read again from its text, object by object.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.parameters import config_faults, processor_faults
from lockside.documents.reading import from_store
from lockside.documents.references import Names, Reference, missing, of_component, of_config
from locksided.api.applyplan import FIELDS, Key, Step, StoredByKind, Wanted
from locksided.core.errors import Conflict, NotFound, Refused
from locksided.packed import Packed
from locksided.runner.components import BUILT_IN
from locksided.runner.refusals import invalid

Json = Mapping[str, Any]
After = Mapping[str, Packed[Key]]
T = TypeVar("T", Manifest, ConfigSpec)

MOST_FAULTS = 1000


def refuse(faults: list[Refused]) -> None:
    """Raise the first fault, with all of them (of very many the first) in its data."""
    if not faults:
        return
    first = faults[0]
    first.data["faults"] = [{"path": fault.path, "message": fault.message} for fault in faults[:MOST_FAULTS]]
    if len(faults) > 1:
        first.message = f"{first.message} ({len(faults)} faults in all)"
    raise first


def refuse_built_in(wanted: Wanted) -> None:
    """Raises `Conflict` for components that are part of the daemon."""
    refuse(
        [
            Conflict(f"$.components[{place}].id: {name} is part of the daemon: choose another id.", path=at)
            for place, (name,) in enumerate(wanted.get("component", ()))
            if name in BUILT_IN and (at := f"$.components[{place}].id")
        ]
    )


def warnings_of(wanted: Wanted) -> list[str]:
    """A sentence for each key that is kept and has no effect."""
    return [
        path + warning.removeprefix("$")
        for path, config in _given("config", ConfigSpec, wanted)
        for warning in config.unknown_members()
    ]


def _given(kind: str, type_: type[T], wanted: Wanted) -> Iterator[tuple[str, T]]:
    """The wanted objects of a kind, each with its path in the request."""
    for place, body in enumerate(wanted[kind].values() if kind in wanted else ()):
        yield f"$.{FIELDS[kind]}[{place}]", from_store(body, type_)


def faults_among(
    wanted: Wanted, stored: StoredByKind, steps: Iterable[Step], others: Iterable[Json]
) -> list[Refused]:
    """What is wrong once all is as wanted: missing names, parameters that a schema refuses.

    `others` are the stored configurations of other branches, which need their components and pools, too.
    """
    gone = {(step.kind, step.key) for step in steps if step.action == "delete"}
    after = {kind: Packed(_texts_after(kind, wanted, stored, gone)) for kind in stored}

    @cache
    def find(name: str) -> Manifest | None:
        body = after["component"].get((name,))
        return BUILT_IN.get(name) or (None if body is None else from_store(body, Manifest))

    references: list[Reference] = []
    for path, manifest in _given("component", Manifest, wanted):
        references += of_component(manifest, path)
    unfit: list[Refused] = []
    for path, config in _given("config", ConfigSpec, wanted):
        references += of_config(config, path)
        unfit += map(invalid, processor_faults(config, find, path))
        if (found := find(config.component)) is not None:
            unfit += map(invalid, config_faults(found, config, path))
    unknown = [
        NotFound(f"{one.path}: {one.message}", path=one.path) for one in missing(references, _names(after))
    ]
    return [*unknown, *_still_used(after, wanted, gone, others), *unfit]


def _texts_after(
    kind: str, wanted: Wanted, stored: StoredByKind, gone: set[tuple[str, Key]]
) -> dict[Key, bytes]:
    kept = {key: known.text for key, known in stored[kind].items() if (kind, key) not in gone}
    return kept | dict(wanted[kind].texts if kind in wanted else {})


def _names(after: After) -> Names:
    names = Names()
    for kind in ("component", "pool", "variables"):
        getattr(names, kind).update(key[0] for key in after[kind])
    for key, body in after["config"].items():
        names.add_config("/".join(key), (row["id"] for row in body.get("rows") or ()))
    return names


def _still_used(
    after: After, wanted: Wanted, gone: set[tuple[str, Key]], others: Iterable[Json]
) -> list[Refused]:
    """A refusal for everything that is to be deleted although something that stays names it."""
    deleted = {(kind, "/".join(key)) for kind, key in gone}
    if not deleted:
        return []
    users = [
        *_users("component", after, wanted, Manifest, of_component),
        *_users("config", after, wanted, ConfigSpec, of_config),
    ]
    for body in others:
        name = f"configuration {body['component']}/{body['config']} of branch {body['branchId']}"
        named = of_config(from_store(body, ConfigSpec), "$")
        users.append((name, (one for one in named if one.kind in ("component", "pool"))))
    return [
        Conflict(f"The {one.kind} {one.id} cannot go: {user} names it.", path=f"$.{FIELDS[one.kind]}")
        for user, references in users
        for one in references
        if (one.kind, one.id) in deleted
    ]


def _users(
    kind: str,
    after: After,
    wanted: Wanted,
    type_: type[T],
    references: Callable[[T, str], Iterator[Reference]],
) -> Iterator[tuple[str, Iterator[Reference]]]:
    """What stays as it is and is not asked for, each with all that it names."""
    word = "configuration" if kind == "config" else kind
    for key, body in after[kind].items():
        if key not in wanted.get(kind, {}):
            yield f"{word} {'/'.join(key)}", references(from_store(body, type_), "$")

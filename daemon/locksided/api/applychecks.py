"""Whether all that is wanted could be used once it is stored: every fault at once, with its field. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.parameters import config_faults, processor_faults
from lockside.documents.reading import from_store
from lockside.documents.references import Names, Reference, missing, of_component, of_config
from lockside.protocol.params.stored import CatalogApply
from locksided.api.applyplan import FIELDS, Key, Known, Step
from locksided.core.errors import Conflict, NotFound, Refused
from locksided.runner.components import BUILT_IN
from locksided.runner.refusals import invalid

Json = Mapping[str, Any]
StoredByKind = Mapping[str, Mapping[Key, Known]]
T = TypeVar("T", Manifest, ConfigSpec)


def refuse(faults: list[Refused]) -> None:
    """Raise the first fault, with all of them in its data."""
    if not faults:
        return
    first = faults[0]
    first.data["faults"] = [{"path": fault.path, "message": fault.message} for fault in faults]
    if len(faults) > 1:
        first.message = f"{first.message} ({len(faults)} faults in all)"
    raise first


def refuse_built_in(params: CatalogApply) -> None:
    """Raises `Conflict` for components that are part of the daemon."""
    refuse(
        [
            Conflict(f"$.components[{place}].id: {one.id} is part of the daemon: choose another id.", path=at)
            for place, one in enumerate(params.components or ())
            if one.id in BUILT_IN and (at := f"$.components[{place}].id")
        ]
    )


def warnings_of(params: CatalogApply) -> list[str]:
    """A sentence for each key that is kept and has no effect."""
    return [
        f"$.configs[{place}]{warning.removeprefix('$')}"
        for place, config in enumerate(params.configs or ())
        for warning in config.unknown_members()
    ]


def faults_among(
    params: CatalogApply, stored: StoredByKind, steps: Iterable[Step], others: Iterable[Json]
) -> list[Refused]:
    """What is wrong once all is as wanted: missing names, parameters that a schema refuses.

    `others` are the stored configurations of other branches, which need their components and pools, too.
    """
    gone = {(step.kind, step.key) for step in steps if step.action == "delete"}
    components: dict[Key, Manifest] = {(one.id,): one for one in params.components or ()}
    configs: dict[Key, ConfigSpec] = {(one.component, one.config): one for one in params.configs or ()}
    names = _names(params, stored, gone)
    faults: list[Refused] = [
        NotFound(f"{one.path}: {one.message}", path=one.path) for one in missing(_references(params), names)
    ]
    faults += _still_used(stored, (components, configs), gone, others)

    def find(name: str) -> Manifest | None:
        if (name,) in components or (name,) not in stored["component"]:
            return BUILT_IN.get(name) or components.get((name,))
        return from_store(stored["component"][name,].body, Manifest)

    for place, config in enumerate(params.configs or ()):
        manifest, path = find(config.component), f"$.configs[{place}]"
        faults += map(invalid, processor_faults(config, find, path))
        if manifest is not None:
            faults += map(invalid, config_faults(manifest, config, path))
    return faults


def _names(params: CatalogApply, stored: StoredByKind, gone: set[tuple[str, Key]]) -> Names:
    names = Names()
    for kind in ("component", "pool", "variables"):
        kept = (key[0] for key in stored[kind] if (kind, key) not in gone)
        wanted = (one.id for one in getattr(params, FIELDS[kind]) or ())
        getattr(names, kind).update(kept, wanted)
    for key, known in stored["config"].items():
        if ("config", key) not in gone:
            names.add_config("/".join(key), (row["id"] for row in known.body.get("rows") or ()))
    for config in params.configs or ():
        names.add_config(f"{config.component}/{config.config}", (row.id for row in config.rows))
    return names


def _references(params: CatalogApply) -> Iterator[Reference]:
    for place, manifest in enumerate(params.components or ()):
        yield from of_component(manifest, f"$.components[{place}]")
    for place, config in enumerate(params.configs or ()):
        yield from of_config(config, f"$.configs[{place}]")


def _still_used(
    stored: StoredByKind,
    wanted: tuple[Mapping[Key, Manifest], Mapping[Key, ConfigSpec]],
    gone: set[tuple[str, Key]],
    others: Iterable[Json],
) -> list[Refused]:
    """A refusal for everything that is to be deleted although something that stays names it."""
    deleted = {(kind, "/".join(key)) for kind, key in gone}
    if not deleted:
        return []
    stays = {
        kind: {
            key: known.body
            for key, known in stored[kind].items()
            if key not in named and (kind, key) not in gone
        }
        for kind, named in zip(("component", "config"), wanted, strict=True)
    }
    users = [
        *_users("component", stays["component"], Manifest, of_component),
        *_users("configuration", stays["config"], ConfigSpec, of_config),
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
    word: str,
    bodies: Mapping[Key, Json],
    kind: type[T],
    references: Callable[[T, str], Iterator[Reference]],
) -> Iterator[tuple[str, Iterator[Reference]]]:
    for key, body in bodies.items():
        yield f"{word} {'/'.join(key)}", references(from_store(body, kind), "$")

"""Whether all that is wanted could be used once it is stored: every fault at once, with its field. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from locksided.api.applyplan import FIELDS, Key, Known, Step
from locksided.core.errors import Conflict, Refused
from locksided.runner.builtin import BUILT_IN, COMMAND, ORCHESTRATOR
from locksided.runner.configuration import check_configuration, read_rows
from locksided.runner.fields import Fields
from locksided.runner.manifest import check_component, effective_manifest
from locksided.runner.orchestration import as_seen_above, read_orchestration
from locksided.runner.parameters import Parts, check_parameters, parameter_faults
from locksided.runner.references import Known as Names
from locksided.runner.references import Reference, missing, of_component, of_config
from locksided.runner.variables import variables_of

Json = Mapping[str, Any]
Wanted = Mapping[str, Mapping[Key, Json]]
StoredByKind = Mapping[str, Mapping[Key, Known]]


def refuse(faults: list[Refused]) -> None:
    """Raise the first fault, with all of them in its data."""
    if not faults:
        return
    first = faults[0]
    first.data["faults"] = [{"path": fault.path, "message": fault.message} for fault in faults]
    if len(faults) > 1:
        first.message = f"{first.message} ({len(faults)} faults in all)"
    raise first


def faults_in(wanted: Wanted) -> tuple[list[Refused], list[str]]:
    """What is wrong with each object by itself, and the warnings."""
    faults: list[Refused] = []
    warnings: list[str] = []
    for place, body in enumerate(wanted.get("component", {}).values()):
        path = f"$.components[{place}]"
        if body["id"] in BUILT_IN:
            text = f"{path}.id: {body['id']} is part of the daemon: choose another id."
            faults.append(Conflict(text, path=f"{path}.id"))
            continue
        try:
            check_component(body, path)
        except Refused as fault:
            faults.append(fault)
    for place, body in enumerate(wanted.get("config", {}).values()):
        path = f"$.configs[{place}]"
        try:
            warnings += [path + warning.removeprefix("$") for warning in check_configuration(body)]
            if body["component"] == ORCHESTRATOR:
                read_orchestration(Fields(body).object("configuration"))
        except Refused as fault:
            faults.append(as_seen_above(fault, path))
    return faults, warnings


def faults_among(
    wanted: Wanted, stored: StoredByKind, steps: Iterable[Step], others: Iterable[Json]
) -> list[Refused]:
    """What is wrong once all is as wanted: names of what there is not, parameters that a schema refuses.

    `others` are the stored configurations of other branches, which need their components and pools, too.
    """
    after = {kind: {key: known.body for key, known in stored[kind].items()} for kind in stored}
    gone = {(step.kind, step.key) for step in steps if step.action == "delete"}
    for kind, key in gone:
        del after[kind][key]
    for kind, bodies in wanted.items():
        after[kind] |= {key: dict(body) for key, body in bodies.items()}
    names = _names(after)
    faults: list[Refused] = [*missing(_references(wanted), names)]
    faults += _still_used(after, wanted, gone, others)
    for place, body in enumerate(wanted.get("config", {}).values()):
        path = f"$.{FIELDS['config']}[{place}]"
        component = body["component"]
        manifest = BUILT_IN.get(component) or after["component"].get((component,))
        if manifest is not None and not body["isDisabled"] and component != ORCHESTRATOR:
            faults += [as_seen_above(fault, path) for fault in _parameter_faults(manifest, body)]
    return faults


def _names(after: Mapping[str, Mapping[Key, Json]]) -> Names:
    names = Names()
    names.component |= {key[0] for key in after["component"]}
    names.pool |= {key[0] for key in after["pool"]}
    names.variables |= {key[0] for key in after["variables"]}
    for body in after["config"].values():
        names.add_config(body)
    return names


def _references(wanted: Wanted) -> Iterator[Reference]:
    for place, body in enumerate(wanted.get("component", {}).values()):
        yield from of_component(body, f"$.components[{place}]")
    for place, body in enumerate(wanted.get("config", {}).values()):
        yield from of_config(body, f"$.configs[{place}]")


def _still_used(
    after: Mapping[str, Mapping[Key, Json]],
    wanted: Wanted,
    gone: set[tuple[str, Key]],
    others: Iterable[Json],
) -> list[Refused]:
    """A refusal for everything that is to be deleted although something that stays names it."""
    deleted = {(kind, "/".join(key)) for kind, key in gone}
    if not deleted:
        return []
    kept = [
        *_users("component", after, wanted, of_component),
        *_users("config", after, wanted, of_config),
    ]
    for body in others:
        name = f"configuration {body['component']}/{body['config']} of branch {body['branchId']}"
        kept.append((name, (one for one in of_config(body, "$") if one.kind in ("component", "pool"))))
    return [
        Conflict(f"The {one.kind} {one.id} cannot go: {user} names it.", path=f"$.{FIELDS[one.kind]}")
        for user, references in kept
        for one in references
        if (one.kind, one.id) in deleted
    ]


def _users(
    kind: str,
    after: Mapping[str, Mapping[Key, Json]],
    wanted: Wanted,
    references: Callable[[Json, str], Iterator[Reference]],
) -> Iterator[tuple[str, Iterator[Reference]]]:
    """What stays as it is and is not asked for, each with all that it names."""
    word = "configuration" if kind == "config" else kind
    for key, body in after[kind].items():
        if key not in wanted.get(kind, {}):
            yield f"{word} {'/'.join(key)}", references(body, "$")


def _parameter_faults(manifest: Json, body: Json) -> list[Refused]:
    root = Fields(body).object("configuration")
    try:
        rows = [row for row in read_rows(body) if not row.is_disabled] if body["rows"] else None
        parts = Parts(root, rows, variables_of(Fields({}), None, root.object("variables")))
        if body["component"] == COMMAND:
            check_parameters(COMMAND, manifest, parts)
            return []
        runtime = root.object("runtime")
        effective = effective_manifest(dict(manifest), runtime.text("tag"), runtime.at("tag"))
        return [*parameter_faults(effective, parts)]
    except Refused as fault:
        return [fault]

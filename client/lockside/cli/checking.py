"""What can be found in a folder's files without a daemon: names of each other, phases, schemas.

A daemon checks all of it once more, and knows what else is stored.
"""

from __future__ import annotations

import re
from typing import Any

from lockside.cli.configfiles import likely

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockside.cli.folder import Folder
    from lockside.cli.items import Item
    from lockside.cli.places import Path

Json = dict[str, Any]

COMMAND, ORCHESTRATOR = "lockside.command", "lockside.orchestrator"
_PLACE = re.compile(r"\{\{\s*(#?[A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}")


def check_offline(found: Folder) -> None:
    """Add what is wrong to the folder's faults, and what only a daemon can know to its notes."""
    _check_names(found)
    components = found.kinds.get("components", {})
    for (component, _), item in found.kinds.get("configs", {}).items():
        if item.faults:
            continue
        if component == ORCHESTRATOR:
            found.faults += [item.fault(path, text) for path, text in _phase_faults(item.body)]
        elif (component,) in components:
            manifest = components[component,].body
            found.faults += [item.fault(path, text) for path, text in _schema_faults(manifest, item.body)]


def _check_names(found: Folder) -> None:
    """Note what is named and not in the folder: a daemon may have it; what looks misspelt is a fault."""
    known = {
        "component": [COMMAND, ORCHESTRATOR, *(key[0] for key in found.kinds.get("components", {}))],
        "pool": ["default", *(key[0] for key in found.kinds.get("pools", {}))],
        "configuration": ["/".join(key) for key in found.kinds.get("configs", {})],
    }
    for item in _items(found):
        for path, word, name in _named(item.body):
            if name in known[word]:
                continue
            near = likely({name}, known[word])
            if near:
                found.faults.append(item.fault(path, f"There is no {word} '{name}'. Did you mean '{near}'?"))
            else:
                text = f"The {word} '{name}' is not in this folder: it must be stored already"
                found.notes.append(item.fault(path, text))


def _items(found: Folder) -> Iterator[Item]:
    """Give what has faultless files."""
    for kind in ("components", "configs"):
        yield from (item for item in found.kinds.get(kind, {}).values() if not item.faults)


def _named(body: Json) -> Iterator[tuple[Path, str, str]]:
    if "component" in body:
        yield ("component",), "component", body["component"]
    elif body.get("pool"):
        yield ("pool",), "pool", body["pool"]
    configuration = body.get("configuration") or {}
    pool = (configuration.get("runtime") or {}).get("pool")
    if pool:
        yield ("configuration", "runtime", "pool"), "pool", pool
    if body.get("component") == ORCHESTRATOR:
        for place, each in enumerate(configuration.get("tasks") or ()):
            yield from _named_by_task(("configuration", "tasks", place, "task"), each["task"])


def _named_by_task(at: Path, task: Json) -> Iterator[tuple[Path, str, str]]:
    own = "component" if "component" in task else "componentId"
    config = "config" if "config" in task else "configId"
    component = task[own]
    yield (*at, own), "component", component
    if task.get("pool"):
        yield (*at, "pool"), "pool", task["pool"]
    if task.get(config) is not None and not task.get("configData"):
        yield (*at, config), "configuration", f"{component}/{task[config]}"


def _phase_faults(body: Json) -> Iterator[tuple[Path, str]]:
    """Find phases and tasks that cannot be put in order."""
    configuration = body.get("configuration") or {}
    phases = configuration.get("phases") or []
    ids = [str(phase["id"]) for phase in phases]
    yield from _doubled("phases", ids)
    yield from _doubled("tasks", [str(task["id"]) for task in configuration.get("tasks") or ()])
    for place, phase in enumerate(phases):
        for index, before in enumerate(phase.get("dependsOn") or ()):
            if str(before) not in ids:
                yield ("configuration", "phases", place, "dependsOn", index), _no_phase(str(before), ids)
    for place, task in enumerate(configuration.get("tasks") or ()):
        if str(task["phase"]) not in ids:
            yield ("configuration", "tasks", place, "phase"), _no_phase(str(task["phase"]), ids)
    yield from _circle(phases, ids)


def _doubled(kind: str, ids: list[str]) -> Iterator[tuple[Path, str]]:
    for place, name in enumerate(ids):
        if name in ids[:place]:
            text = f"The id '{name}' is taken by {kind}[{ids.index(name)}]"
            yield ("configuration", kind, place, "id"), text


def _no_phase(name: str, ids: list[str]) -> str:
    near = likely({name}, ids)
    return f"There is no phase '{name}'" + (f". Did you mean '{near}'?" if near else "")


def _circle(phases: list[Json], ids: list[str]) -> Iterator[tuple[Path, str]]:
    from graphlib import CycleError, TopologicalSorter

    graph = {str(phase["id"]): list(map(str, phase.get("dependsOn") or ())) for phase in phases}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        text = f"These phases wait for each other: {' -> '.join(circle)}"
        yield ("configuration", "phases", ids.index(circle[0]), "dependsOn"), text


def _schema_faults(manifest: Json, body: Json) -> Iterator[tuple[Path, str]]:
    """Find what the component's schema does not allow in the parameters; rows are left to the daemon."""
    schema = manifest.get("schema")
    if not isinstance(schema, dict) or body.get("rows") or body.get("isDisabled"):
        return
    try:
        from jsonschema_rs import validator_for
    except ImportError:  # the library alone is installed: the daemon checks it
        return
    configuration = body.get("configuration") or {}
    variables = configuration.get("variables") or {}
    parameters = _filled(configuration.get("parameters") or {}, variables)
    try:
        errors = list(validator_for(schema, mask="the value").iter_errors(parameters))
    except ValueError:  # no usable schema: the daemon says so of the component
        return
    for error in errors:
        value: Any = parameters
        for step in error.instance_path:
            value = value[step]
        if not (isinstance(value, str) and _PLACE.search(value)):
            yield ("configuration", "parameters", *error.instance_path), error.message


def _filled(value: Any, variables: Json) -> Any:
    if isinstance(value, str):
        return _PLACE.sub(lambda found: str(variables.get(found[1], found[0])), value)
    if isinstance(value, dict):
        return {name: _filled(each, variables) for name, each in value.items()}
    return [_filled(each, variables) for each in value] if isinstance(value, list) else value

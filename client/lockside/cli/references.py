"""What a folder's files name of each other: found without a daemon, as far as the folder manages it."""

from __future__ import annotations

from typing import Any

from lockside.cli.configfiles import likely

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lockside.cli.folder import Folder
    from lockside.cli.places import Path

BUILT_IN = ("lockside.command", "lockside.orchestrator")


def check_references(found: Folder) -> None:
    """Note what is named and not in the folder: a daemon may have it; what looks misspelt is a fault."""
    known = {
        "component": [*BUILT_IN, *(key[0] for key in found.kinds.get("components", {}))],
        "pool": ["default", *(key[0] for key in found.kinds.get("pools", {}))],
        "configuration": ["/".join(key) for key in found.kinds.get("configs", {})],
    }
    for kind in ("components", "configs"):
        for item in found.kinds.get(kind, {}).values():
            for path, word, name in _named(item.body):
                if name in known[word]:
                    continue
                near = likely({name}, known[word])
                if near:
                    fault = item.fault(path, f"There is no {word} '{name}'. Did you mean '{near}'?")
                    found.faults.append(fault)
                else:
                    text = f"The {word} '{name}' is not in this folder: it must be stored already"
                    found.notes.append(item.fault(path, text))


def _named(body: dict[str, Any]) -> Iterator[tuple[Path, str, str]]:
    if "component" in body:
        yield ("component",), "component", body["component"]
    elif isinstance(body.get("pool"), str):
        yield ("pool",), "pool", body["pool"]
    configuration = body.get("configuration")
    if not isinstance(configuration, dict):
        return
    runtime = configuration.get("runtime")
    if isinstance(runtime, dict) and isinstance(runtime.get("pool"), str):
        yield ("configuration", "runtime", "pool"), "pool", runtime["pool"]
    tasks = configuration.get("tasks")
    for place, each in enumerate(tasks if isinstance(tasks, list) else ()):
        task = each.get("task") if isinstance(each, dict) else None
        if isinstance(task, dict):
            yield from _named_by_task(("configuration", "tasks", place, "task"), task)


def _named_by_task(at: Path, task: dict[str, Any]) -> Iterator[tuple[Path, str, str]]:
    own = "component" if "component" in task else "componentId"
    config = "config" if "config" in task else "configId"
    component = task.get(own)
    if not isinstance(component, str):
        return
    yield (*at, own), "component", component
    if isinstance(task.get("pool"), str):
        yield (*at, "pool"), "pool", task["pool"]
    if task.get(config) is not None and not task.get("configData"):
        yield (*at, config), "configuration", f"{component}/{task[config]}"

"""Helpers for tests of containers: orchestrations and rows whose component follows its parameters."""

from typing import Any

from e2e.timeline import children
from e2e.wire import Message, Wire, put_config

ORCHESTRATOR = "lockside.orchestrator"
BODY = """
import json, os, pathlib, subprocess, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
parameters = json.loads((data / "config.json").read_text())["parameters"]
if "say" in parameters:
    with open(parameters["say"], "a") as ear:
        ear.write(os.environ.get("KBC_CONFIGROWID", parameters.get("word", "?")) + "\\n")
if "gate" in parameters:
    subprocess.run(parameters["gate"], shell=True, check=True)
if "tries" in parameters:
    with open(parameters["tries"], "a+") as tries:
        tries.write("x")
        tries.flush()
        if tries.tell() < parameters["good"]:
            sys.exit(2)
print("did", os.environ.get("KBC_CONFIGROWID", parameters.get("word", "it")))
sys.exit(parameters.get("code", 0))
"""


def task(task_id: str, phase: str, of: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a task that runs the component of this module with these parameters, without a configuration."""
    asked = {"component": "acme.body", "configData": {"parameters": {"word": task_id, **(of or {})}}}
    extra = more.pop("task", {})
    return {"id": task_id, "phase": phase, "task": {**asked, **extra}, **more}


FAILING = {"parameters": {"shell": "exit 3"}}


def phases(*names: str) -> list[dict[str, Any]]:
    """Return phases of which each depends on the previous one."""
    return [
        {"id": name, "dependsOn": [names[place - 1]] if place else []} for place, name in enumerate(names)
    ]


def orchestrate(wire: Wire, name: str, configuration: dict[str, Any], **request: Any) -> Message:
    put_config(wire, ORCHESTRATOR, name, configuration=configuration)
    return wire.create(ORCHESTRATOR, config=name, **request)


def by_task(wire: Wire, root: Message) -> dict[str, Message]:
    """Return the jobs of an orchestration's phases and tasks by their ids in the orchestration."""
    found = {}
    for phase in children(wire, root):
        found[phase["creator"]["id"]] = phase
        for child in children(wire, phase):
            found[child["creator"]["id"]] = child
    return found


def put_rows(wire: Wire, name: str, *rows: dict[str, Any], **configuration: Any) -> None:
    put_config(
        wire,
        "acme.body",
        name,
        configuration=configuration,
        rows=[{"id": f"r{place}", "configuration": {"parameters": row}} for place, row in enumerate(rows)],
    )

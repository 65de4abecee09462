"""The texts of the files that `new` and `init` write; comments in them say what else there is."""

from __future__ import annotations

from collections.abc import Sequence


def component(name: str, script: str) -> str:
    """A component's file."""
    return f"""\
# What can be run. Store it with `lockside apply`; its id, {name}, is this file's name.

name = "{name}"
# description = "what it does"
type = "other"               # extractor, transformation, writer, application, processor or other

# An argv list; nothing is split by a shell. What begins with ./ or ../ is a file beside this one.
# In an argument, {{datadir}} is the folder that the program finds in KBC_DATADIR, {{{{ greeting }}}} is the
# parameter of that name, {{parameters}} and {{state}} are files with all parameters and with the state.
command = ["python3", "../scripts/{script}"]
# Instead of it: pipeline = [["tap"], ["target"]], which fails when any side fails; or shell = "a && b > c".
# With state = "singer" the last line of JSON that a target prints is the state.
# Of a pipe in `shell` only the last side counts, unless: shellProgram = ["bash", "-euo", "pipefail", "-c"]

# lock = "shared:4"          # how many jobs of one configuration run at once; without: one
# pool = "default"           # the line it waits in; pools are in pools.toml
# [environment]
# LANG = "C.UTF-8"

[limits]
timeoutSeconds = "10m"       # the most that a configuration may ask for; a number is seconds
# memoryBytes = "1.5GB"       # powers of 1000; GiB are powers of 1024

# [retry]                    # what fails is run again
# maxAttempts = 3
# delaySeconds = 30

# A JSON Schema of the parameters: what does not fit is refused before it is stored.
[schema]
type = "object"
required = ["greeting"]
additionalProperties = false

[schema.properties]
greeting = {{ type = "string", description = "what to say", default = "hello" }}
count = {{ type = "integer", description = "how often", minimum = 1, default = 3 }}
"""


SCRIPT = '''\
"""A component: any program that reads its folder and ends with 0, 1 (the user's fault) or more (its own)."""

import json
import os
import sys
from pathlib import Path

DATA = Path(os.environ["KBC_DATADIR"])


def report(share, message):
    """Say how far the job is; `lockside show` and `run --follow` show it."""
    line = json.dumps({"progress": share, "message": message}) + "\\n"
    os.write(int(os.environ["LOCKSIDE_PROGRESS_FD"]), line.encode())


parameters = json.loads((DATA / "config.json").read_text())["parameters"]
state = json.loads((DATA / "in" / "state.json").read_text())  # what the last success left; {} at first

count = parameters.get("count", 3)
if not parameters["greeting"].strip():
    sys.exit("The greeting is empty: set parameters.greeting.")  # exit code 1, and the job's message

for number in range(1, count + 1):
    print(parameters["greeting"], number, flush=True)
    report(number / count, f"{number} of {count}")

runs = state.get("runs", 0) + 1
(DATA / "out" / "state.json").write_text(json.dumps({"runs": runs}))  # the next run finds it
print(f"this was run {runs}")
'''

POOLS = """\
# Pools: lines of jobs, each with its own number of jobs at once. `default` exists without being named here.
# A component or a configuration says `pool = "loads"`.

[loads]
slots = 1
description = "what writes to the warehouse"
"""

REPORT = """\
command = ["echo", "all greetings are said"]  # or pipeline = [["tap"], ["target"]]"""

PARAMETERS = """\
# key = "value"              # what the program finds in config.json under `parameters`"""

COMMAND = """\
command = ["echo", "hello"]  # or pipeline = [["a"], ["b"]], or shell = "a && b"
# cwd = "/srv"
# environment = { NAME = "value" }"""


def config(name: str, parameters: str) -> str:
    """A configuration's file."""
    return f"""\
# How a component is run. Store it with `lockside apply`, run it with `lockside run {name}`.

name = "{name}"
# description = "what it is for"

[parameters]
{parameters}

# Values for {{{{ name }}}} in the parameters; `lockside run --set name=value` gives others.
# [variables]
# country = "CZ"

# [runtime]                  # what differs from the component
# pool = "default"
# lock = "exclusive"
# parallelism = 2            # rows as jobs of their own, so many at once; without: one after another
# limits = {{ timeoutSeconds = "5m" }}

# Parts that can be run alone: `lockside run {name} --row eu`. Or a file each in a folder rows/.
# [[rows]]
# id = "eu"
# parameters = {{ region = "eu" }}
"""


def orchestration(name: str, configs: Sequence[tuple[str, str]]) -> str:
    """An orchestration's file: one phase for each configuration, one after another."""
    parts = [_ORCHESTRATION_HEAD.format(name=name)]
    phases = [_phase(each, configs) for each in configs]
    for place, phase in enumerate(phases):
        after = f'\ndependsOn = ["{phases[place - 1]}"]' if place else ""
        parts.append(f'\n[[phases]]\nid = "{phase}"{after}\n')
    parts.append(_TASKS)
    parts += [
        f'\n[[tasks]]\nid = "{phase}"\nphase = "{phase}"\n'
        f'task = {{ component = "{component}", config = "{config}" }}\n'
        for phase, (component, config) in zip(phases, configs, strict=True)
    ]
    return "".join(parts)


def _phase(one: tuple[str, str], configs: Sequence[tuple[str, str]]) -> str:
    """Name a phase after its component, and after the configuration where there are several."""
    several = sum(component == one[0] for component, _ in configs) > 1
    return "-".join(one) if several else one[0]


_ORCHESTRATION_HEAD = """\
# Tasks in phases; each task is a job of another configuration. Phases wait for those they depend on.
#   lockside run lockside.orchestrator/{name} --follow

name = "{name}"
"""

_TASKS = """
# A task that fails fails its phase and what comes after it. On a task:
#   continueOnFailure = true             makes that a warning
#   enabled = false                      leaves it out
# and inside `task`: configRowIds, mode, pool, priority, limits, retry, variableValuesData, delay = "10m"
"""

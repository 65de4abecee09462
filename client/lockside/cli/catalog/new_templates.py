"""The texts of the files that `new` and `init` write; comments in them explain further fields."""

from __future__ import annotations

from collections.abc import Sequence


def component(name: str, script: str) -> str:
    """Return a component's file."""
    return f"""\
# A component: a program to run. Store it with `lockside apply`; its id, {name}, is this file's name.

name = "{name}"
# description = "what it does"
type = "other"               # extractor, transformation, writer, application, processor or other

# The program and its arguments, without a shell. A path with ./ or ../ is relative to this file.
# In an argument, {{datadir}} is the path of the data folder (KBC_DATADIR), {{{{ greeting }}}} the value of
# that parameter, {{parameters}} and {{state}} the paths of files with all parameters and the state.
command = ["python3", "../scripts/{script}"]
# Or pipeline = [["tap"], ["target"]], which fails if any part fails; or shell = "a && b > c".
# With state = "singer" the last line of JSON that a target prints is the state.
# In `shell` only the last part of a pipe counts, unless: shellProgram = ["bash", "-euo", "pipefail", "-c"]

# lock = "shared:4"          # how many jobs of one configuration run at once; default: one
# pool = "default"           # the queue that its jobs wait in; pools are in pools.toml
# [environment]
# LANG = "C.UTF-8"

[limits]
timeoutSeconds = "10m"       # the highest that a configuration may set; a number is seconds
# memoryBytes = "1.5GB"       # powers of 1000; GiB are powers of 1024

# [retry]                    # run a failed job again
# maxAttempts = 3
# delaySeconds = 30

# A JSON Schema of the parameters: a configuration that does not match is refused before it is stored.
[schema]
type = "object"
required = ["greeting"]
additionalProperties = false

[schema.properties]
greeting = {{ type = "string", description = "what to say", default = "hello" }}
count = {{ type = "integer", description = "how often", minimum = 1, default = 3 }}
"""


SCRIPT = '''\
"""A component: any program that reads its folder and exits with 0, 1 (user error) or more (its own error)."""

import json
import os
import sys
from pathlib import Path

DATA = Path(os.environ["KBC_DATADIR"])


def report(share, message):
    """Report the progress of the job; `lockside show` and `run --follow` show it."""
    line = json.dumps({"progress": share, "message": message}) + "\\n"
    os.write(int(os.environ["LOCKSIDE_PROGRESS_FD"]), line.encode())


parameters = json.loads((DATA / "config.json").read_text())["parameters"]
state = json.loads((DATA / "in" / "state.json").read_text())  # of the last success; {} at first

count = parameters.get("count", 3)
if not parameters["greeting"].strip():
    sys.exit("The greeting is empty: set parameters.greeting.")  # exit code 1; this is the job's message

for number in range(1, count + 1):
    print(parameters["greeting"], number, flush=True)
    report(number / count, f"{number} of {count}")

runs = state.get("runs", 0) + 1
(DATA / "out" / "state.json").write_text(json.dumps({"runs": runs}))  # for the next run
print(f"this was run {runs}")
'''

POOLS = """\
# Pools: queues of jobs; `slots` is the number of jobs that run at once. The pool `default` always exists.
# To use a pool, set `pool = "loads"` in a component or a configuration.

[loads]
slots = 1
description = "jobs that write to the warehouse"
"""

REPORT = """\
command = ["echo", "all greetings are said"]  # or pipeline = [["tap"], ["target"]]"""

PARAMETERS = """\
# key = "value"              # the program gets it in config.json under `parameters`"""

COMMAND = """\
command = ["echo", "hello"]  # or pipeline = [["a"], ["b"]], or shell = "a && b"
# cwd = "/srv"
# environment = { NAME = "value" }"""


def config(name: str, parameters: str) -> str:
    """Return a configuration's file."""
    return f"""\
# A configuration of a component. Store it with `lockside apply`, run it with `lockside run {name}`.

name = "{name}"
# description = "what it is for"

[parameters]
{parameters}

# Default values for {{{{ name }}}} in the parameters; `lockside run --set name=value` sets others.
# [variables]
# country = "CZ"

# [runtime]                  # overrides the component
# pool = "default"
# lock = "exclusive"
# parallelism = 2            # run rows as jobs of their own, two at once; default: one after another
# limits = {{ timeoutSeconds = "5m" }}

# Rows are parts that can run alone: `lockside run {name} --row eu`. They can also be files in a folder rows/.
# [[rows]]
# id = "eu"
# parameters = {{ region = "eu" }}
"""


def orchestration(name: str, configs: Sequence[tuple[str, str]]) -> str:
    """Return an orchestration's file: one phase for each configuration, one after another."""
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
    """Return the name of a phase: its component, with the configuration if there are several."""
    several = sum(component == one[0] for component, _ in configs) > 1
    return "-".join(one) if several else one[0]


_ORCHESTRATION_HEAD = """\
# An orchestration: phases, which can depend on each other, with tasks: jobs of other configurations.
#   lockside run lockside.orchestrator/{name} --follow

name = "{name}"
"""

_TASKS = """
# If a task fails, its phase fails, and phases that depend on it are cancelled. Fields of a task:
#   continueOnFailure = true             a failure is only a warning
#   enabled = false                      skip the task
# and inside `task`: configRowIds, mode, pool, priority, limits, retry, variableValuesData, delay = "10m"
"""

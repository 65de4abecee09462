"""Slurm as an engine: `sbatch`, `squeue`, `scancel`. No accounting is needed."""

import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any, ClassVar

from locksided.executors.commands import run
from locksided.executors.engine import OPTIONS, Engine, NotNow, Order, Refused, Status
from locksided.executors.slurm import words
from locksided.keeper import clock

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
EXCLUDED_SECONDS = 600.0
FAILURES = 2
"""After so many a node is left out for a while."""

_OPTIONS = {"partition": "--partition", "account": "--account", "qos": "--qos", "constraint": "--constraint"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["workRoot"],
    "additionalProperties": False,
    "properties": {
        **OPTIONS,
        **dict.fromkeys((*_OPTIONS, "clusters"), _TEXT),
        "extra": {"type": "array", "items": {"type": "string", "pattern": "^--"}, "maxItems": 50},
    },
}
_ID = 'id=$SLURM_JOB_ID; [ -z "$SLURM_ARRAY_JOB_ID" ] || id=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID'
_SCRIPT = f"""#!/bin/sh
{_ID}
exec %s "$id" "$SLURMD_NODENAME"
"""
_ARRAY_SCRIPT = f"""#!/bin/sh
{_ID}
control=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" %s) || exit 1
exec %s "$control" "$id" "$SLURMD_NODENAME"
"""


def describe() -> dict[str, Any]:
    """What the daemon is told of this kind."""
    return {
        "argv": [sys.executable, "-m", "locksided.executors.slurm.engine"],
        "optionsSchema": _SCHEMA,
        "capabilities": Slurm.capabilities,
    }


class Slurm(Engine):
    """The cluster of the machine's slurm.conf."""

    kind: ClassVar[str] = "slurm"
    capabilities: ClassVar[tuple[str, ...]] = ("queue", "pause", "nodes")
    knows_status: ClassVar[bool] = True
    knows_names: ClassVar[bool] = True
    variables: ClassVar[str] = "SLURM"

    def __init__(self) -> None:
        self._arrays: dict[str, tuple[str, ...]] = {}
        """Of arrays that this process submitted the names of their elements, by the array's name."""
        self._failures: dict[str, list[float]] = {}

    def submit(self, orders: Sequence[Order]) -> Sequence[str]:
        first = orders[0]
        runner = _quoted(first.argv[:-1])
        if len(orders) == 1:
            return [self._sbatch(first, first.name, _SCRIPT % f"{runner} {_quoted([first.control])}")]
        listed = f"{first.control}/array"
        with open(os.open(listed, _NEW, 0o644), "w") as file:
            file.write("".join(f"{order.control}\n" for order in orders))
            os.fchmod(file.fileno(), 0o644)
        name = f"{first.name}.{len(orders)}"
        self._arrays[name] = tuple(order.name for order in orders)
        script = _ARRAY_SCRIPT % (_quoted([listed]), runner)
        array = self._sbatch(first, name, script, f"--array=0-{len(orders) - 1}")
        return [f"{array}_{place}" for place in range(len(orders))]

    def _sbatch(self, order: Order, name: str, script: str, *more: str) -> str:
        asked = ["sbatch", "--parsable", f"--job-name={name}", f"--comment={order.comment}", *more]
        asked += [*_arguments(order), *self._excluded()]
        done = run(asked, order.user, script)
        if done.returncode:
            if words.is_refusal(done.stderr):
                raise Refused(words.cause(done.stderr))
            raise NotNow(words.cause(done.stderr))
        return done.stdout.strip().partition(";")[0]

    def find(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        wanted, found = set(names), dict[str, list[str]]()
        for id_, status in self._squeue().items():
            of_array = self._arrays.get(status.name)
            place = id_.partition("_")[2]
            name = of_array[int(place)] if of_array and place.isdigit() else status.name
            if name in wanted:
                found.setdefault(name, []).append(id_)
        return found

    def status(self, ids: Sequence[str]) -> Mapping[str, Status]:
        known = self._squeue()
        return {id_: known[id_] for id_ in ids if id_ in known}

    def _squeue(self) -> dict[str, Status]:
        return words.statuses(_told(["squeue", "-h", "-r", "-a", "-t", "all", "-o", words.FORMAT]))

    def signal(self, ids: Sequence[str], signal: int) -> None:
        _told(["scancel", "--batch", f"--signal={SIGNALS[signal]}", *ids])

    def cancel(self, ids: Sequence[str]) -> None:
        _told(["scancel", *ids])

    def blame(self, node: str) -> None:
        self._failures.setdefault(node, []).append(clock.boot_seconds())

    def _excluded(self) -> Iterable[str]:
        since = clock.boot_seconds() - EXCLUDED_SECONDS
        bad = [
            node
            for node, times in self._failures.items()
            if len([one for one in times if one > since]) >= FAILURES
        ]
        return [f"--exclude={','.join(sorted(bad))}"] if bad else []


SIGNALS: dict[int, str] = {signal.SIGTERM: "TERM", signal.SIGUSR1: "USR1", signal.SIGUSR2: "USR2"}


def _arguments(order: Order) -> list[str]:
    """What `sbatch` is asked for, beside the name."""
    options = order.options
    found = ["--no-requeue", "--export=NIL", "--chdir=/", f"--output={order.control}/engine.log"]
    found += [f"--nodes={order.nodes}", "--ntasks-per-node=1"]
    if order.memory_bytes is not None:
        found.append(f"--mem={ceil(order.memory_bytes / 2**20)}M")
    if order.cpus is not None:
        found.append(f"--cpus-per-task={ceil(order.cpus)}")
    if order.seconds is not None:
        found.append(f"--time={ceil(order.seconds / 60)}")
    found += [f"{flag}={options[name]}" for name, flag in _OPTIONS.items() if options.get(name)]
    if options.get("clusters"):
        found.append(f"--clusters={options['clusters']}")
    return found + [str(one) for one in options.get("extra") or []]


def _quoted(arguments: Sequence[str]) -> str:
    return " ".join("'" + one.replace("'", "'\\''") + "'" for one in arguments)


def _told(command: Sequence[str]) -> str:
    """What a command says. Raises NotNow."""
    done = run(command)
    if done.returncode:
        raise NotNow(words.cause(done.stderr))
    return done.stdout


if __name__ == "__main__":
    from locksided.executors.serving import serve

    raise SystemExit(serve(Slurm()))

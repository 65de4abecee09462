"""Slurm as an engine: `sbatch`, `squeue`, `scancel`. No accounting is needed."""

import os
import pwd
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import ceil
from secrets import token_hex
from typing import Any, ClassVar

from locksided.executors.engine import OPTIONS, Engine, NotNow, Order, Refused, State, Status, run
from locksided.executors.slurm import words
from locksided.executors.slurm.arrays import Arrays
from locksided.keeper import clock

EXCLUDED_SECONDS = 600.0
FAILURES = 2
"""The failures after which a node is excluded for a while."""

_NUMBER = re.compile(r"[0-9]+(_[0-9]+)?")
_ALIVE = (State.QUEUED, State.RUNNING)
_OPTIONS = {"partition": "--partition", "account": "--account", "qos": "--qos", "constraint": "--constraint"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["workRoot"],
    "additionalProperties": False,
    "properties": {
        **OPTIONS,
        **dict.fromkeys(_OPTIONS, _TEXT),
        "clusters": {**_TEXT, "not": {"const": "all"}},
        "extra": {"type": "array", "items": {"type": "string", "pattern": "^--"}, "maxItems": 50},
    },
}
_ID = 'id=$SLURM_JOB_ID; [ -z "$SLURM_ARRAY_JOB_ID" ] || id=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID'
_OWN = "unset SLURM_EXPORT_ENV"
"""It repeats our `--export`: an `srun` of the program would start without the program's environment."""
_CLUSTER = '[ -z "%s" ] || id="$id;$SLURM_CLUSTER_NAME"'
_SCRIPT = f"""#!/bin/sh
{_OWN}
{_ID}
{_CLUSTER}
exec %s "$id" "$SLURMD_NODENAME"
"""
_ARRAY_SCRIPT = f"""#!/bin/sh
{_OWN}
{_ID}
{_CLUSTER}
control=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" %s) || exit 1
exec %s "$control" "$id" "$SLURMD_NODENAME"
"""


def describe() -> dict[str, Any]:
    """Return the description of this kind."""
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
    asks_first: ClassVar[bool] = True
    variables: ClassVar[str] = "SLURM"

    def __init__(self) -> None:
        self.version = _version()
        self._arrays = Arrays()
        self._failures: dict[str, list[float]] = {}
        self._reasons: dict[str, str] = {}
        """By id, the last reported word for why it waits."""
        self._ours = {""}
        """The clusters of the orders; an empty name for orders without."""
        self._roots: set[str] = set()
        """The work roots of the orders."""

    def adopt(self, order: Order) -> None:
        self._roots.add(str(order.options["workRoot"]))
        self._ours |= set(_clusters(order))

    def submit(self, orders: Sequence[Order]) -> Sequence[str]:
        first = orders[0]
        self.adopt(first)
        runner, cluster = _quoted(first.argv[:-1]), "1" if first.options.get("clusters") else ""
        if len(orders) == 1:
            script = _SCRIPT % (cluster, f"{runner} {_quoted([first.control])}")
            number, at = self._sbatch(first, first.name, script)
            return [_id(at, number)]
        name = f"{first.name}.{token_hex(4)}"
        listed = self._arrays.write(str(first.options["workRoot"]), name, [order.control for order in orders])
        script = _ARRAY_SCRIPT % (cluster, _quoted([listed]), runner)
        array, at = self._sbatch(first, name, script, f"--array=0-{len(orders) - 1}")
        return [_id(at, f"{array}_{place}") for place in range(len(orders))]

    def _sbatch(self, order: Order, name: str, script: str, *more: str) -> tuple[str, str]:
        """Return the number of the job and, if the pool names clusters, the cluster that accepted it."""
        asked = ["sbatch", "--parsable", f"--job-name={name}", f"--comment={order.comment}", *more]
        asked += [*_arguments(order), *self._excluded()]
        done = run(asked, order.user, script)
        if done.returncode:
            if words.is_refusal(done.stderr):
                raise Refused(words.cause(done.stderr))
            raise NotNow(words.cause(done.stderr))
        number, _, cluster = done.stdout.strip().partition(";")
        return number, cluster if order.options.get("clusters") else ""

    def find(self, orders: Sequence[Order]) -> Mapping[str, Sequence[str]]:
        controls = {order.control: order for order in orders}
        names = {order.name: order for order in orders}
        found = dict[str, list[str]]()
        for id_, status in self._squeue(one for order in orders for one in _clusters(order)).items():
            one = names.get(status.name) if status.control is None else controls.get(status.control)
            if one is not None and status.uid == (os.geteuid() if one.user is None else one.user.uid):
                found.setdefault(one.name, []).append(id_)
        return found

    def status(self, ids: Sequence[str]) -> Mapping[str, Status]:
        ids = [id_ for id_ in ids if self._can_be(id_)]
        known = self._squeue(_split(id_)[1] for id_ in ids)
        found = {id_: known[id_] for id_ in ids if id_ in known}
        self._reasons = {id_: one.reason for id_, one in found.items() if one.state is State.QUEUED}
        to_account = [id_ for id_ in ids if id_ not in found or found[id_].state is State.CANCELLED]
        found |= {id_: self._placed(id_, one) for id_, one in _accounted(to_account).items()}
        self._arrays.tidy({status.name for status in (*known.values(), *found.values())})
        return _with_nodes(found)

    def _can_be(self, id_: str) -> bool:
        """Return whether it is an id in one of our clusters: users make claims, and so name ids.

        Any other would have Slurm refuse the ids of all runs.
        """
        number, cluster = _split(id_)
        return _NUMBER.fullmatch(number) is not None and cluster in self._ours

    def why(self, ids: Sequence[str]) -> Mapping[str, str]:
        said = {id_: self._reasons.get(id_, "").partition(",")[0] for id_ in ids}
        return {id_: words.WHY[word] for id_, word in said.items() if word in words.WHY}

    def named(self, prefix: str) -> Mapping[str, Status]:
        known = self._squeue(self._ours - {""} or {""})
        return {id_: one for id_, one in known.items() if one.name.startswith(prefix) and one.state in _ALIVE}

    def _squeue(self, clusters: Iterable[str]) -> dict[str, Status]:
        """Return the status of all jobs from each controller."""
        found: dict[str, Status] = {}
        for cluster in set(clusters):
            mark = token_hex(8)
            asked = ["squeue", *_at(cluster), "-h", "-r", "-a", "-t", "all", "-o", f"{mark}|{words.FORMAT}"]
            said = words.statuses(_output(asked), mark)
            found |= {_id(cluster, id_): self._placed(id_, one) for id_, one in said.items()}
        return found

    def _placed(self, id_: str, status: Status) -> Status:
        """Return the status with the control folder, if it is an element of one of our arrays."""
        control = self._arrays.control(self._roots, status.name, _split(id_)[0])
        return status if control is None else status._replace(control=control)

    def signal(self, ids: Sequence[str], signal: int) -> None:
        for cluster, ours in _by_cluster(ids):
            _output(["scancel", *_at(cluster), "--batch", f"--signal={SIGNALS[signal]}", *ours])

    def cancel(self, ids: Sequence[str], prefix: str) -> None:
        for cluster, numbers in _by_cluster(ids):
            _output(["scancel", *_at(cluster), *numbers])

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
    """Return the arguments of `sbatch`, except the name."""
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


def _with_nodes(found: Mapping[str, Status]) -> Mapping[str, Status]:
    """Return the statuses, those of ended jobs with the state of their nodes."""
    over = [id_ for id_, one in found.items() if one.node and one.state not in _ALIVE]
    nodes: dict[str, tuple[bool, int | None]] = {}
    for cluster, ids in _by_cluster(over):
        names = ",".join(sorted({found[_id(cluster, id_)].node or "" for id_ in ids}))
        nodes |= words.nodes(_output(["scontrol", *_at(cluster), "show", "node", "-o", names]))
    looked_up = {id_: (found[id_], nodes[found[id_].node or ""]) for id_ in over if found[id_].node in nodes}
    return {
        **found,
        **{id_: one._replace(is_node_up=up, booted_us=us) for id_, (one, (up, us)) in looked_up.items()},
    }


def _accounted(ids: Sequence[str]) -> dict[str, Status]:
    """Return the accounting records of ended jobs; empty if there is no accounting."""
    found: dict[str, Status] = {}
    for cluster, numbers in _by_cluster(ids):
        mark = token_hex(8)
        asked = ["sacct", *_at(cluster), "-n", "-X", "-P", f"--delimiter={mark}", "-j", ",".join(numbers)]
        with suppress(NotNow):
            said = words.accounted(_output([*asked, "-o", words.ACCOUNTED]), mark)
            found |= {_id(cluster, id_): one for id_, one in said.items()}
    return {id_: found[id_]._replace(by=_user(found[id_].by)) for id_ in ids if id_ in found}


def _version() -> str:
    """Return Slurm's version, such as `slurm-wlm 22.05.8`; empty if its commands cannot be run."""
    with suppress(NotNow):
        return _output(["scontrol", "--version"]).strip()
    return ""


def _user(number: str | None) -> str | None:
    """Return the name of a user by its number."""
    with suppress(KeyError, ValueError):
        return pwd.getpwuid(int(number or "")).pw_name
    return number or None


def _clusters(order: Order) -> list[str]:
    return str(order.options.get("clusters") or "").split(",")


def _split(id_: str) -> tuple[str, str]:
    """Return an id for Slurm's commands, and its cluster, which is empty if the pool names none."""
    number, _, cluster = id_.partition(";")
    return number, cluster


def _id(cluster: str, number: str) -> str:
    return f"{number};{cluster}" if cluster else number


def _at(cluster: str) -> list[str]:
    return ["-M", cluster] if cluster else []


def _by_cluster(ids: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the clusters, each with the numbers of its jobs."""
    found: dict[str, list[str]] = {}
    for number, cluster in map(_split, ids):
        found.setdefault(cluster, []).append(number)
    yield from found.items()


def _quoted(arguments: Sequence[str]) -> str:
    return " ".join("'" + one.replace("'", "'\\''") + "'" for one in arguments)


def _output(command: Sequence[str]) -> str:
    """Return the output of a command. Raises NotNow."""
    done = run(command)
    if done.returncode:
        raise NotNow(words.cause(done.stderr))
    return done.stdout


if __name__ == "__main__":
    from locksided.executors.serving import serve

    raise SystemExit(serve(Slurm()))

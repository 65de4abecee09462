"""A third party's engine: a folder as a cluster. It knows of lockside only the base class of engines.

The file `behave.json` of the cluster says how bad it is: `lose` is the share of submissions whose answer is
lost, `twice` of those that start two runners, `die` of those after which the executor dies, `refuse` a text
with which all are refused, and with `forget` none is taken.
"""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar

from locksided.executors.engine import OPTIONS, Engine, NotNow, Order, Refused, State, Status
from locksided.executors.serving import serve
from locksided.keeper.runner import GUARDED

CLUSTER = Path(os.environ.get("FAKE_CLUSTER", "/nonexistent"))


def describe() -> dict[str, Any]:
    """What the daemon is told of `fake`."""
    return _described("fake")


def describe_wise() -> dict[str, Any]:
    """What the daemon is told of `fakewise`."""
    return _described("fakewise")


def describe_unpausing() -> dict[str, Any]:
    """What the daemon is told of `unpausing`."""
    return {**_described("unpausing"), "capabilities": ["queue"]}


def describe_bad() -> dict[str, Any]:
    raise RuntimeError("the plug-in is broken")


def _described(kind: str) -> dict[str, Any]:
    properties = {**OPTIONS, "partition": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": properties,
        "required": ["workRoot"],
        "additionalProperties": False,
    }
    argv = [sys.executable, __file__, kind]
    return {"argv": argv, "optionsSchema": schema, "capabilities": ["queue", "pause"]}


class Fake(Engine):
    """It only takes orders."""

    kind: ClassVar[str] = "fake"
    capabilities = ("queue", "pause")

    def submit(self, orders: Sequence[Order]) -> Sequence[str]:
        behave = (
            json.loads((CLUSTER / "behave.json").read_text()) if (CLUSTER / "behave.json").exists() else {}
        )
        if "refuse" in behave:
            raise Refused(behave["refuse"])
        if behave.get("forget"):
            raise NotNow("nobody knows of it")
        ids = [_start(order) for order in orders]
        with open(CLUSTER / "submissions", "a") as log:
            log.write("".join(f"{order.token}\n" for order in orders))
        if random.random() < behave.get("twice", 0):
            ids = [_start(order) for order in orders]
        if random.random() < behave.get("die", 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if random.random() < behave.get("lose", 0):
            raise NotNow("the answer was lost")
        return ids


class Wise(Fake):
    """It also knows what became of them."""

    kind: ClassVar[str] = "fakewise"
    knows_status = True
    knows_names = True

    def find(self, orders: Sequence[Order]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for path in CLUSTER.glob("*.name"):
            found.setdefault(path.read_text(), []).append(path.stem)
        return {order.name: found[order.name] for order in orders if order.name in found}

    def status(self, ids: Sequence[str]) -> Mapping[str, Status]:
        return {id_: _status(id_) for id_ in ids if (CLUSTER / f"{id_}.name").exists()}

    def signal(self, ids: Sequence[str], signal: int) -> None:
        for id_ in ids:
            _kill(id_, signal)

    def cancel(self, ids: Sequence[str], prefix: str) -> None:
        self.signal(ids, signal.SIGKILL)


class Unpausing(Wise):
    """It cannot suspend a run."""

    kind: ClassVar[str] = "unpausing"
    capabilities = ("queue",)


def _start(order: Order) -> str:
    """Start a runner that outlives the executor."""
    id_ = token_hex(4)
    (CLUSTER / f"{id_}.name").write_text(order.name)
    script = f'echo $$ > "{CLUSTER}/{id_}.pid"; exec "$@" {id_}'
    with open(f"{order.control}/engine.log", "ab") as log:
        subprocess.Popen(
            ["setsid", "-f", "sh", "-c", script, "sh", *order.argv[:-1], GUARDED, order.argv[-1]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    return id_


def _pid(id_: str) -> int | None:
    try:
        return int((CLUSTER / f"{id_}.pid").read_text())
    except (OSError, ValueError):
        return None


def _status(id_: str) -> Status:
    pid, name = _pid(id_), (CLUSTER / f"{id_}.name").read_text()
    if (CLUSTER / f"{id_}.cancelled").exists():
        return Status(State.CANCELLED, "CANCELLED", name=name)
    if pid is None:
        return Status(State.QUEUED, "PENDING", "Resources", name=name)
    return Status(State.RUNNING if Path(f"/proc/{pid}").exists() else State.ENDED, "RUNNING", name=name)


def _kill(id_: str, number: int) -> None:
    pid = _pid(id_)
    if pid is not None and Path(f"/proc/{pid}").exists():
        os.kill(pid, number)


if __name__ == "__main__":
    raise SystemExit(serve({"fake": Fake, "fakewise": Wise, "unpausing": Unpausing}[sys.argv.pop(1)]()))

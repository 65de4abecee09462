"""HyperQueue as an engine: a server and workers that a user starts, without root, on plain machines or in
allocations of Slurm and PBS.

Its Python API submits, and names the failed tasks; it can neither list nor cancel. So ends, stops and losses
are detected by files. Each call is a process of its own, as the job's user: a hanging call, or a server that
is down, blocks nothing, and the executor itself needs no part of HyperQueue.
"""

import json
import os
import pwd
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, ClassVar

from locksided.executors.engine import OPTIONS, Engine, NotNow, Order, State, Status, run
from locksided.keeper import remote
from locksided.keeper.messages import User
from locksided.keeper.runner import GUARDED

_SERVER = ".hq-server"
"""HyperQueue's default folder, in the home of the user."""
_ACCESS = "access.json"
_FROM_HERE = [sys.executable, "-m", "locksided.executors.hyperqueue"]
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["workRoot"],
    "additionalProperties": False,
    "properties": {
        **OPTIONS,
        "serverDir": OPTIONS["containerRoot"],
        "resources": {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}},
    },
}

Server = tuple[User | None, str]
"""The owner of a server (None: the current user), and its folder."""


def describe() -> dict[str, Any]:
    """Return the description of this kind. Raises SystemExit if HyperQueue is not installed."""
    if find_spec("hyperqueue") is None:
        raise SystemExit("HyperQueue is not installed: pip install 'lockside[hyperqueue]'")
    return {"argv": _FROM_HERE, "optionsSchema": _SCHEMA, "capabilities": HyperQueue.capabilities}


class HyperQueue(Engine):
    """The servers of users, each identified by its folder."""

    kind: ClassVar[str] = "hyperqueue"
    capabilities: ClassVar[tuple[str, ...]] = ("queue", "pause", "nodes")
    knows_status: ClassVar[bool] = True
    variables: ClassVar[str] = "HQ_"

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}
        """The servers that were used or queried, by their ids."""

    def submit(self, orders: Sequence[Order]) -> Sequence[str]:
        first = orders[0]
        server = _server(first)
        uid = _uid(server)
        self._servers[uid] = server
        asked = {
            "name": first.name,
            "tasks": [_task(order, uid) for order in orders],
            "nodes": first.nodes,
            "cpus": first.cpus,
            "resources": first.options.get("resources") or {},
            "seconds": first.seconds,
        }
        job = _ask(server, "submit", asked)
        return [f"{uid}.{job}.{place}" for place in range(len(orders))]

    def status(self, ids: Sequence[str]) -> Mapping[str, Status]:
        """Return the status; tasks of servers that were restarted since are unknown."""
        found: dict[str, Status] = {}
        for uid in {id_.partition(".")[0] for id_ in ids}:
            server = self._servers.get(uid)
            if server is None or _uid(server) != uid:
                continue
            ours = [id_ for id_ in ids if re.fullmatch(rf"{re.escape(uid)}\.[0-9]+\.[0-9]+", id_)]
            failed = _ask(server, "failed", sorted({int(id_.split(".")[1]) for id_ in ours}))
            found |= {id_: _status(failed.get(id_.partition(".")[2])) for id_ in ours}
        return found

    def why(self, ids: Sequence[str]) -> Mapping[str, str]:
        return dict.fromkeys(ids, "its workers are busy or missing; HyperQueue does not say which")


def _status(error: str | None) -> Status:
    if error is None:
        return Status(State.UNTOLD, is_ours=True)
    return Status(State.ENDED, "FAILED", error, is_ours=True)


def _server(order: Order) -> Server:
    named = order.options.get("serverDir")
    return order.user, str(named) if named else os.path.join(_home(order.user), _SERVER)


def _home(user: User | None) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(os.geteuid() if user is None else user.uid).pw_dir
    return "/"


def _uid(server: Server) -> str:
    """Return the id of the running server. Raises NotNow."""
    folder = os.path.join(server[1], "hq-current")
    try:  # the folder is the user's
        return str((remote.read(folder, _ACCESS) or {})["server_uid"])
    except (OSError, KeyError) as error:
        raise NotNow(f"no HyperQueue server has written {folder}/{_ACCESS}: {error}") from error


def _task(order: Order, uid: str) -> dict[str, Any]:
    script = f'exec "$@" "{uid}.$HQ_JOB_ID.$HQ_TASK_ID"'
    *runner, control = order.argv
    argv = ["/bin/sh", "-c", script, "sh", *runner, GUARDED, control]
    return {"args": argv, "log": f"{order.control}/engine.log"}


def _ask(server: Server, what: str, given: Any) -> Any:
    """Return HyperQueue's answer. Raises NotNow."""
    user, folder = server
    environment = {**os.environ, "HOME": _home(user), "RUST_BACKTRACE": "0"}
    done = run([*_FROM_HERE, what, folder], user, json.dumps(given), environment)
    if done.returncode:
        raise NotNow(done.stderr.strip().partition("\n")[0] or "HyperQueue gave no reason")
    return json.loads(done.stdout)


# The process that talks to HyperQueue


def _submit(client: Any, given: Any) -> Any:
    from hyperqueue import Job
    from hyperqueue.ffi.protocol import ResourceRequest

    limit = None if given["seconds"] is None else timedelta(seconds=given["seconds"])
    asked = {"n_nodes": given["nodes"]} if given["nodes"] > 1 else {"cpus": given["cpus"] or 1}
    job = Job(max_fails=None, name=given["name"])
    for task in given["tasks"]:
        request = ResourceRequest(**asked, resources=dict(given["resources"]), min_time=limit)
        job.program(task["args"], cwd="/", stdout=None, stderr=task["log"], resources=request)
    return client.submit(job).id


def _failed(client: Any, jobs: list[int]) -> Any:
    """Return the error of each failed task, by job and task."""
    failed = client.connection.get_failed_tasks(jobs)
    return {f"{job}.{task}": one.error for job, tasks in failed.items() for task, one in tasks.items()}


def ask(what: str, folder: str) -> int:
    """Forward the request on stdin, and print the answer; return the exit code of the process."""
    from hyperqueue import Client

    given = json.load(sys.stdin)
    try:
        client = Client(folder)
        answer = {"submit": _submit, "failed": _failed}[what](client, given)
    except (RuntimeError, OSError, ValueError) as error:
        print(str(error).strip().partition("\n")[0], file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    from locksided.executors.serving import serve

    if sys.argv[1:2] in (["submit"], ["failed"]):
        raise SystemExit(ask(*sys.argv[1:]))
    raise SystemExit(serve(HyperQueue()))

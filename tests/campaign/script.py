"""The script of the campaigns: locks, a dependency, rows, attempts, a pipeline, a state, stops.

Every job records its own start and end; the client sends unanswered requests again.
"""

import shlex
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from campaign import evidence
from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS
from e2e.wire import Message, Refusal, Wire, put_component, put_config

T = TypeVar("T")

CODES = {"one": 0, "two": 0, "fails": 7, "pipe": 5, "counts": 0, "after": 0, "row-a": 0, "row-b": 0}
"""What runs to its end, with its exit code; `stopped` may run, `never` does not."""
STOPPED = ("stopped", "never")
ATTEMPTS, CODE_OF_ATTEMPTS = 2, 3
ROOTS = ("one", "two", "fails", "pipe", "counts", "after", "rows", "again", *STOPPED)
ONE_KEY = ("one", "two")
TRIES = 200
PAUSE_SECONDS = 0.2
"""A client's pause before it sends again what the daemon could not do."""

COUNT = """
import json, os
d = os.environ["KBC_DATADIR"]
n = json.load(open(d + "in/state.json")).get("n", 0)
json.dump({"n": n + 1}, open(d + "out/state.json", "w"))
"""


def prepare(wire: Wire, file: Path) -> None:
    """Put the objects that the script needs. Each round has a file of its own, so it puts new versions."""
    rows = shlex.join(evidence.witness(file, "NAME")).replace("NAME", "row-$KBC_CONFIGROWID")
    put_component(wire, "sweep.rows", shell=f"exec {rows}")
    counts = shlex.join(evidence.witness(file, "counts"))
    count = shlex.join([sys.executable, "-I", "-S", "-c", COUNT])
    put_component(wire, "sweep.counts", shell=f"{counts} && {count}")
    put_config(wire, "sweep.rows", "both", rows=[{"id": "a"}, {"id": "b"}])
    put_config(wire, "sweep.counts", "it")


def requests(file: Path) -> dict[str, Message]:
    """Return the requests of all jobs except the dependant, which needs the id of another job."""

    def plain(parameters: Message, **more: Any) -> Message:
        return {"component": "lockside.command", "configData": {"parameters": parameters}, **more}

    def command(name: str, code: int = 0, **more: Any) -> Message:
        return plain({"command": evidence.witness(file, name, code=code)}, **more)

    attempt = shlex.join(evidence.witness(file, "NAME", code=CODE_OF_ATTEMPTS))
    attempt = attempt.replace("NAME", "again-$LOCKSIDE_JOB_ID")
    return {
        "stopped": plain({"command": evidence.witness(file, "stopped", seconds=600)}, priority=10),
        "never": command("never", hold=True),
        "one": command("one", lockKey="the key"),
        "two": command("two", lockKey="the key"),
        "fails": command("fails", code=CODES["fails"]),
        "pipe": plain({"pipeline": [evidence.witness(file, "pipe", code=CODES["pipe"]), ["cat"]]}),
        "counts": {"component": "sweep.counts", "config": "it"},
        "rows": {"component": "sweep.rows", "config": "both", "parallelism": 2},
        "again": plain({"shell": f"exec {attempt}"}, retry={"maxAttempts": ATTEMPTS}),
    }


@dataclass
class Script:
    """The client: it resumes where it was, and sends unanswered requests again."""

    name: str
    file: Path
    answered: dict[str, str] = field(default_factory=dict)
    terminated: set[str] = field(default_factory=set)
    refused: int = 0

    @property
    def jobs(self) -> int:
        """Return the number of jobs, including those that containers make."""
        return len(self.answered) + 2 + ATTEMPTS

    def submit(self, wire: Wire) -> None:
        self._send(wire, requests(self.file))
        after = {
            "component": "lockside.command",
            "configData": {"parameters": {"command": evidence.witness(self.file, "after")}},
            "dependsOn": [{"job": self.answered["one"]}],
        }
        self._send(wire, {"after": after})

    def _send(self, wire: Wire, wanted: dict[str, Message]) -> None:
        asked = {
            name: wire.ask("job.create", **request, deduplicationId=f"{self.name}/{name}")
            for name, request in wanted.items()
            if name not in self.answered
        }
        for name, request_id in asked.items():
            self.answered[name] = wire.answer(request_id)["id"]

    def finish(self, wire: Wire) -> dict[str, Message]:
        """Do the remaining work; returns the jobs when all have ended."""
        self.submit(wire)
        for name in STOPPED:
            if name not in self.terminated:
                wire.call("job.terminate", id=self.answered[name], deduplicationId=f"{self.name}/stop-{name}")
                self.terminated.add(name)
        ids = list(self.answered.values())
        ended = wire.call("job.wait", ids=ids, timeoutSeconds=PATIENCE_SECONDS / 2)["jobs"]
        by_id = {job["id"]: job for job in ended}
        return {name: by_id[job_id] for name, job_id in self.answered.items()}

    def run(self, daemon: Daemon) -> bool:
        """Run the script if the daemon lives long enough; returns whether it did."""
        try:
            with Wire(daemon.socket) as wire:
                jobs = self.insist(lambda: self.finish(wire))
        except (OSError, ValueError):
            return False
        assert all(job["isFinished"] for job in jobs.values()), jobs
        return True

    def insist(self, do: Callable[[], T]) -> T:
        """Make a call, and repeat it after a pause while the daemon is unavailable."""
        for _ in range(TRIES):
            try:
                return do()
            except Refusal as refusal:
                if refusal.kind != "unavailable":
                    raise
                self.refused += 1
                threading.Event().wait(PAUSE_SECONDS)
        raise AssertionError(f"the daemon refused {TRIES} times")

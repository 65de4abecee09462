"""SIGKILL at the k-th system call, for k over the whole range: of the daemon at work, of the daemon that
finds out what became of everything, of the keeper. Afterwards what the jobs wrote themselves is compared
with the daemon's word and with what the client was answered.

The daemon at work and the keeper are traced by their pids: what they started is not. The daemon that recovers
is traced from its exec and finds a keeper that another one started. strace counts each call of each thread by
itself, so each call is swept over the range of its busiest thread. The short form is a few points of each
sweep; LOCKSIDE_TEST_LONG=1 makes it every k, and LOCKSIDE_TEST_POINTS limits the points of a sweep.
"""

import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from e2e import evidence
from e2e.evidence import Span, most_at_once
from e2e.harness import (
    PATIENCE_SECONDS,
    Daemon,
    Message,
    Wire,
    is_alive,
    of,
    processes_of,
    put_component,
    put_config,
)

LONG = bool(os.environ.get("LOCKSIDE_TEST_LONG"))
MOST_POINTS = int(os.environ.get("LOCKSIDE_TEST_POINTS") or 100_000)
SLOTS = 2
CALLS = "pwrite64,fdatasync,fsync,write,sendto,sendmsg,symlink,mkdir,rename"

WITNESS = """
import os, sys
file, name = sys.argv[1:3]
def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
open_ones = {}
if os.path.exists(file):
    for what, other, _, pid in map(str.split, open(file)):
        open_ones[pid] = other == name and what == "start"
if any(is_open and lives(pid) for pid, is_open in open_ones.items()):
    open(file + ".twice", "a").write(name + "\\n")
"""
"""Before a job says that it starts, it looks whether an earlier execution of itself is still there."""

COUNT = """
import json, os
d = os.environ["KBC_DATADIR"]
n = json.load(open(d + "in/state.json")).get("n", 0)
json.dump({"n": n + 1}, open(d + "out/state.json", "w"))
"""


def untraceable() -> str | None:
    """Why nothing can be traced here, if so."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return f"strace may not trace here: {tried.stderr.decode()}" if tried.returncode else None


def body(file: Path, name: str, *, code: int = 0, seconds: float = 0.02) -> list[str]:
    """The arguments of a job that witnesses and then says its start and its end."""
    argv = evidence.command(file, name, code=code, seconds=seconds)
    argv[argv.index(evidence.BODY)] = WITNESS + evidence.BODY
    return argv


# -- the script


CODES = {"one": 0, "two": 0, "fails": 7, "pipe": 5, "counts": 0, "after": 0, "row-a": 0, "row-b": 0}
"""What runs to its end, with its exit code; `stopped` may run, `never` does not."""
STOPPED = ("stopped", "never")
ROOTS = ("one", "two", "fails", "pipe", "counts", "after", "rows", *STOPPED)


def prepare(wire: Wire, file: Path) -> None:
    """Put what the script needs. Each point has a file of its own, so it puts new versions."""
    rows = shlex.join(body(file, "NAME")).replace("NAME", "row-$KBC_CONFIGROWID")
    put_component(wire, "sweep.rows", shell=f"exec {rows}")
    counts = shlex.join(body(file, "counts"))
    count = shlex.join([sys.executable, "-I", "-S", "-c", COUNT])
    put_component(wire, "sweep.counts", shell=f"{counts} && {count}")
    put_config(wire, "sweep.rows", "both", rows=[{"id": "a"}, {"id": "b"}])
    put_config(wire, "sweep.counts", "it")


def requests(file: Path) -> dict[str, Message]:
    """All jobs but the dependant, which needs the id of another."""

    def plain(parameters: Message, **more: Any) -> Message:
        return {"component": "lockside.command", "configData": {"parameters": parameters}, **more}

    def command(name: str, code: int = 0, **more: Any) -> Message:
        return plain({"command": body(file, name, code=code)}, **more)

    return {
        "stopped": plain({"command": body(file, "stopped", seconds=600)}, priority=10),
        "never": command("never", hold=True),
        "one": command("one", lockKey="the key"),
        "two": command("two", lockKey="the key"),
        "fails": command("fails", code=CODES["fails"]),
        "pipe": plain({"pipeline": [body(file, "pipe", code=CODES["pipe"]), ["cat"]]}),
        "counts": {"component": "sweep.counts", "config": "it"},
        "rows": {"component": "sweep.rows", "config": "both", "parallelism": 2},
    }


@dataclass
class Script:
    """The client: it goes on where it was, and sends again what was not answered."""

    name: str
    file: Path
    answered: dict[str, str] = field(default_factory=dict)
    terminated: set[str] = field(default_factory=set)

    def submit(self, wire: Wire) -> None:
        self._send(wire, requests(self.file))
        after = {
            "component": "lockside.command",
            "configData": {"parameters": {"command": body(self.file, "after")}},
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
        """All that is left to do; answers the jobs when everything has ended."""
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
        """Do it all, should the daemon live so long; whether it did."""
        try:
            with Wire(daemon.socket) as wire:
                jobs = self.finish(wire)
        except (OSError, ValueError):
            return False
        assert all(job["isFinished"] for job in jobs.values()), jobs
        return True


# -- faults


@dataclass(frozen=True)
class Fault:
    """A tracer that kills at the k-th of these calls, or that just writes them down when there is no k."""

    calls: str
    k: int | None
    trace: Path

    @property
    def tracer(self) -> list[str]:
        inject = [] if self.k is None else ["-e", f"inject={self.calls}:signal=SIGKILL:when={self.k}"]
        to = self.trace if self.k is None else "/dev/null"
        return ["strace", "-o", str(to), "-e", f"trace={self.calls}", *inject]


@contextmanager
def traced(pid: int, tracer: list[str]) -> Iterator[None]:
    """A process under a tracer that was attached to it; the tracer is gone at the end, the process maybe."""
    with subprocess.Popen([*tracer, "-p", str(pid)], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert b"attached" in line, line
            yield
        finally:
            process.terminate()


def ranges(trace: Path) -> dict[str, int]:
    """How often each call was made by the thread that made it most."""
    lines = re.findall(r"^(?:(\d+) +)?(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE)
    found: dict[str, int] = {}
    for (_, call), times in Counter(lines).items():
        found[call] = max(times, found.get(call, 0))
    return found


def points(found: dict[str, int], count: int) -> list[tuple[str, int]]:
    """Where to kill: everywhere in the long form, else so often, over all calls and their whole ranges."""
    if not LONG:
        calls = sorted(found)
        turns = [(calls[turn % len(calls)], (turn + 0.5) / count) for turn in range(count)]
        return [(call, 1 + int(share * found[call])) for call, share in turns]
    everywhere = [(call, k) for call, last in sorted(found.items()) for k in range(1, last + 1)]
    return everywhere[:: math.ceil(len(everywhere) / MOST_POINTS)]


# -- the judgement


def judge(daemon: Daemon, script: Script, *, starts: int) -> None:
    """Everything ends, and the evidence agrees with the daemon's word. `starts` is how many one may have."""
    answered = dict(script.answered)
    with daemon.wire() as wire:
        jobs = script.finish(wire)
        assert answered.items() <= script.answered.items(), "an answered id changed"
        jobs |= rows_of(wire, jobs.pop("rows"))
        assert set(jobs) == {*CODES, *STOPPED}, "a row is missing"
        made = [job["deduplicationId"] for job in listed(wire)]
        once = Counter(f"{script.name}/{name}" for name in ROOTS)
        assert Counter(name for name in made if (name or "").startswith(f"{script.name}/")) == once
        judge_evidence(script.file, jobs, starts)
        state = wire.call("state.get", component="sweep.counts", config="it")["state"]
        assert state["n"] == int(script.name), f"the state was saved {state['n']} times"
        judge_leftovers(daemon, wire)


def rows_of(wire: Wire, container: Message) -> dict[str, Message]:
    assert container["status"] == "success", container
    found = wire.call("job.list", parentRunId=container["runId"])["jobs"]
    assert len(found) == 2, found
    return {f"row-{job['configRowIds'][0]}": job for job in found}


def listed(wire: Wire) -> list[Message]:
    """Every job there is."""
    jobs: list[Message] = []
    cursor = None
    while True:
        page = wire.call("job.list", limit=1000, **({"cursor": cursor} if cursor else {}))
        jobs += page["jobs"]
        cursor = page["nextCursor"]
        if cursor is None:
            return jobs


def judge_evidence(file: Path, jobs: dict[str, Message], starts: int) -> None:
    ran = evidence.spans(file)
    for name, job in jobs.items():
        spans = [span for span in ran if span.name == name]
        assert job["isFinished"], job
        if name in STOPPED:
            judge_stopped(name, job, spans, starts)
            continue
        assert job["process"]["exitCode"] == CODES[name], job
        assert job["status"] == ("error" if CODES[name] else "success"), job
        assert spans, f"{name} was lost"
        assert spans[-1].end_ns is not None, f"{name} did not come to its end"
        assert len(spans) <= job["starts"] <= starts, (name, spans, job)
    assert {span.name for span in ran} <= set(jobs)
    assert not Path(f"{file}.twice").exists(), "a second start found the first one alive"
    ended = [span for span in ran if span.end_ns is not None]
    assert most_at_once([span for span in ended if span.name in ("one", "two")]) == 1, "one key, two at once"
    assert most_at_once(ended) <= SLOTS, "more at once than the pool has slots"


def judge_stopped(name: str, job: Message, spans: list[Span], starts: int) -> None:
    """`cancelled` never ran; a stopped one may have."""
    if name == "never" or job["status"] == "cancelled":
        assert of(job, "status", "starts") == ("cancelled", 0), job
        assert not spans, f"{name} is cancelled and ran"
    assert job["status"] in ("cancelled", "terminated"), job
    assert len(spans) <= job["starts"] <= starts, (spans, job)
    assert all(span.end_ns is None for span in spans)


def judge_leftovers(daemon: Daemon, wire: Wire) -> None:
    """No process but our two, no folder without a job, no claim of the daemon's own check."""
    assert daemon.process is not None
    known = {daemon.process.pid, daemon.keeper_pid()}
    left = set(processes_of(daemon.folder)) - known
    assert not left, {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left}
    ids = {job["id"] for job in listed(wire)}
    folders = {entry.name for shard in (daemon.state_dir / "runs").iterdir() for entry in shard.iterdir()}
    assert folders <= ids, f"folders without a job: {folders - ids}"
    assert wire.call("daemon.check")["problems"] == []


# -- the sweeps


def kill_at_work(daemon: Daemon, script: Script, fault: Fault) -> bool:
    """Kill the daemon while it works through the script; whether it came so far."""
    assert daemon.process is not None
    with traced(daemon.process.pid, [*fault.tracer, "-f"]):
        is_done = script.run(daemon)
        if is_done:
            daemon.kill()
        assert daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, daemon.stderr()
    daemon.start()
    return not is_done


def kill_at_recovery(daemon: Daemon, script: Script, fault: Fault) -> bool:
    """Kill the daemon in the middle of things, and the next one while it finds out what became of them."""
    with Wire(daemon.socket) as wire:
        script.submit(wire)
    daemon.kill()
    is_done = False
    with suppress(AssertionError):  # it may die before it is ready
        daemon.start(before=[*fault.tracer, "-f", "-D"])
        is_done = script.run(daemon)
    assert daemon.process is not None
    if is_done:
        daemon.kill()
    assert daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, daemon.stderr()
    daemon.start()
    return not is_done


def kill_keeper(daemon: Daemon, script: Script, fault: Fault) -> bool:
    """Kill the keeper; the daemon starts another and goes on."""
    keeper = daemon.keeper_pid()
    with traced(keeper, fault.tracer):
        assert script.run(daemon), daemon.stderr()
    return not is_alive(keeper)


@dataclass
class Sweep:
    """One daemon that dies again and again, and what came of it."""

    daemon: Daemon
    place: Path
    kill: Callable[[Daemon, Script, Fault], bool]
    starts: int
    rounds: int = 0
    killed: int = 0
    missed: int = 0

    def run(self, count: int) -> None:
        """Look how far each call's range goes, then kill at points of it."""
        self.point(CALLS, None)
        for call, k in points(ranges(self.place / "trace-1"), count):
            self.point(call, k)
        print(f"{self.kill.__name__}: {self.killed} kills, {self.missed} points not reached")
        assert self.killed, "no kill came: the sweep shows nothing"

    def point(self, calls: str, k: int | None) -> None:
        self.rounds += 1
        script = Script(str(self.rounds), self.place / f"evidence-{self.rounds}")
        with Wire(self.daemon.socket) as wire:
            prepare(wire, script.file)
        print(f"{self.kill.__name__} {calls} k={k}", end=" ", flush=True)
        was_killed = self.kill(self.daemon, script, Fault(calls, k, self.place / f"trace-{self.rounds}"))
        judge(self.daemon, script, starts=self.starts)
        print("killed" if was_killed else "not reached", flush=True)
        self.killed += was_killed
        self.missed += k is not None and not was_killed


@pytest.fixture
def sweep(fresh: Callable[..., Daemon], place: Path) -> Callable[..., Sweep]:
    """Makes sweeps over a daemon of this test alone."""
    if (reason := untraceable()) is not None:
        pytest.skip(reason)

    def make(
        kill: Callable[[Daemon, Script, Fault], bool], *, cgroups: str = "auto", starts: int = 1
    ) -> Sweep:
        daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS=str(SLOTS), LOCKSIDE_KEEPER__CGROUPS=cgroups)
        return Sweep(daemon, place, kill, starts)

    return make


TIMEOUT = 36_000 if LONG else 300


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_any_call_loses_and_doubles_nothing(sweep: Callable[..., Sweep]) -> None:
    sweep(kill_at_work).run(9)


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_while_it_recovers_loses_and_doubles_nothing(sweep: Callable[..., Sweep]) -> None:
    sweep(kill_at_recovery).run(3)


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("cgroups", ["auto", "off"])
def test_a_keeper_killed_at_any_call_never_lets_a_job_run_beside_itself(
    sweep: Callable[..., Sweep], cgroups: str
) -> None:
    sweep(kill_keeper, cgroups=cgroups, starts=2).run(4)

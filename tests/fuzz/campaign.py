"""Sends requests of the grammar to a real daemon one after another, and judges every answer.

Effects of refused calls are looked for in the database itself, which shows every commit.
"""

import random
import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from e2e.harness import Daemon
from e2e.wire import Wire, put_component, put_config
from fuzz.grammar import Grammar, Request
from fuzz.oracle import Oracle

CALLS_OF_A_CONNECTION = 200
REMEMBERED_JOBS = 40
BACKGROUND = {"job.status", "job.stage"}

# State that an accepted call may change and a refused call must not; jobs at work do not change it.
TRACES = (
    "SELECT max(id), count(*) FROM jobs WHERE creator_type <> 'retry'",
    "SELECT count(*), total(version), total(deleted) FROM objects",
    "SELECT count(*) FROM object_versions",
    "SELECT count(*) FROM dedup",
    "SELECT count(*), total(version), total(paused) FROM pools",
    "SELECT count(*) FROM job_labels",
    "SELECT count(*) FROM dependencies",
    "SELECT max(seq) FROM events WHERE kind NOT IN ('job.status', 'job.stage', 'job.created', 'state.saved')",
)
TABLES = (
    "meta",
    "specs",
    "jobs",
    "job_labels",
    "dependencies",
    "pools",
    "objects",
    "object_versions",
    "states",
    "dedup",
)
BY_ITSELF = ("start_at_us", "ready_us", "updated_us")
"""Columns of a job that change without a call and without an event, when its start time comes."""


class Campaign:
    """One fuzzed daemon. `faults` are sentences; `codes` counts the answers by code.

    `is_quiet`: the daemon does nothing except what is requested, so all its tables are compared.
    """

    def __init__(self, daemon: Daemon, chance: random.Random, *, is_quiet: bool) -> None:
        self.daemon = daemon
        self.chance = chance
        self.faults: list[str] = []
        self.codes: Counter[str] = Counter()
        self.kinds: dict[str, set[str]] = {}
        self.slowest = (0.0, "")
        with Wire(daemon.socket) as wire:
            _furnish(wire)
            document = wire.call("rpc.discover")
        self.grammar = Grammar(document, chance, str(daemon.folder / "backups"))
        (daemon.folder / "backups").mkdir(exist_ok=True)
        self._oracle = Oracle(document)
        self._database = sqlite3.connect(f"file:{daemon.state_dir}/lockside.db?mode=ro", uri=True)
        self._wire = Wire(daemon.socket)
        self._is_quiet = is_quiet
        self._version, self._seq = -1, 0
        self._seen: tuple[Any, ...] = ()
        self.begin()

    def begin(self) -> None:
        """Forget earlier changes of the database."""
        self._left_behind(was_refused=False)

    def close(self) -> None:
        print(dict(self.codes), f"slowest: {self.slowest[0]:.2f} s {self.slowest[1]:.500}")
        self._wire.close()
        self._database.close()

    def round(self, number: int, methods: list[str]) -> None:
        """Send one request and judge its effects."""
        if number % CALLS_OF_A_CONNECTION == 0:
            self._wire.close()
            self._wire = Wire(self.daemon.socket)
        method = self.chance.choice(methods)
        request = self.grammar.request(number, method)
        try:
            answer = self._ask(request)
        except (OSError, ValueError) as problem:
            self.faults.append(f"{type(problem).__name__} {problem} after {request}")
            self._wire = Wire(self.daemon.socket)
            return
        found = self._oracle.faults(request, answer)
        code = str(answer["error"]["code"]) if "error" in answer else "result"
        self.codes[code] += 1
        if code == "result":
            self._learn(answer["result"])
        elif request.method == method:
            kind = answer["error"]["data"]["kind"]
            if kind != "conflict" or "deduplicationId" not in request.params:  # an id that was used before
                self.kinds.setdefault(method, set()).add(kind)
        found += self._left_behind(was_refused=code != "result")
        self.faults += [f"{fault}\n    {request}\n    {str(answer)[:1500]}" for fault in found]

    def _ask(self, request: Request) -> Any:
        begun = time.monotonic()
        self._wire.send_bytes(request.text + b"\n")
        while True:
            answer = self._wire.read()
            if answer is None:
                raise ConnectionError("the daemon hung up")
            if "method" not in answer:
                self.slowest = max(self.slowest, (time.monotonic() - begun, str(request)))
                return answer

    def _learn(self, result: Any) -> None:
        """Remember existing jobs, so that later requests refer to them."""
        jobs = result.get("jobs") if isinstance(result, dict) else None
        for job in jobs[:3] if isinstance(jobs, list) else [result]:
            if isinstance(job, dict) and "runId" in job and isinstance(job.get("id"), str):
                names = [job["id"], job.get("uuid"), job["runId"]]
                self.grammar.jobs = [*filter(None, names), *self.grammar.jobs][:REMEMBERED_JOBS]
                if token := (job.get("process") or {}).get("startToken"):
                    self.grammar.tokens = [token, *self.grammar.tokens][:5]

    # -- effects of a call

    def _look(self) -> bool:
        """Return whether anything was committed since the last look."""
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return False
        self._version = version
        queries = self._everything() if self._is_quiet else TRACES
        self._seen = tuple(self._database.execute(query).fetchall() for query in queries)
        return True

    def _everything(self) -> list[str]:
        queries = ["SELECT max(seq) FROM events"]
        for table in TABLES:
            columns = [name for _, name, *_ in self._database.execute(f"PRAGMA table_info({table})")]
            but = " WHERE key NOT LIKE 'follower:%'" if table == "meta" else ""  # these advance by themselves
            queries.append(f"SELECT {', '.join(c for c in columns if c not in BY_ITSELF)} FROM {table}{but}")
        return queries

    def _left_behind(self, *, was_refused: bool) -> list[str]:
        """Return what a refused call left in the tables."""
        before, seq = self._seen, self._seq
        if not self._look():
            return []
        query = "SELECT seq, kind FROM events WHERE seq > ? ORDER BY seq"
        events = self._database.execute(query, (seq,)).fetchall()
        self._seq = events[-1][0] if events else seq
        kinds = {kind for _, kind in events}
        if not was_refused or before == self._seen or (self._is_quiet and kinds and kinds <= BACKGROUND):
            return []
        changed = [(old, new) for old, new in zip(before, self._seen, strict=True) if old != new]
        return [
            f"it was refused, but something is left of it, with the events {sorted(kinds)}: {changed!r:.2000}"
        ]


def _furnish(wire: Wire) -> None:
    """Create the objects to which requests refer."""
    put_component(wire, "fuzz.plain", command=["true"], actions=["ping"])
    strict = {"type": "object", "required": ["country"], "additionalProperties": False}
    put_component(
        wire, "fuzz.strict", command=["true"], schema=strict | {"properties": {"country": {"type": "string"}}}
    )
    put_component(wire, "fuzz.rows", shell="exit 0", retry={"maxAttempts": 2})
    put_config(
        wire, "fuzz.plain", "one", configuration={"parameters": {"a": "{{x}}"}, "variables": {"x": "1"}}
    )
    put_config(wire, "fuzz.plain", "disabled", isDisabled=True)
    put_config(
        wire,
        "fuzz.rows",
        "rows",
        rows=[{"id": "r1"}, {"id": "r2"}],
        configuration={"runtime": {"parallelism": 2}},
    )
    phases = {"phases": [{"id": "p1"}, {"id": "p2", "dependsOn": ["p1"]}]}
    tasks = [
        {"id": f"t{n}", "phase": f"p{n}", "task": {"component": "fuzz.plain", "config": "one"}}
        for n in (1, 2)
    ]
    put_config(wire, "lockside.orchestrator", "nightly", configuration=phases | {"tasks": tasks})
    wire.call("pool.put", pool={"id": "heavy", "slots": 1})
    wire.call("branch.create", branch={"id": "side"})
    wire.call("variables.put", variables={"id": "eu", "values": [{"name": "x", "value": "2"}]})
    for _ in range(3):
        wire.create("fuzz.plain", config="one", hold=True)


def judged_at_the_end(daemon: Daemon) -> list[str]:
    """Return the problems of the daemon at the end: in its own check, in its log, and after a restart."""
    with Wire(daemon.socket) as wire:
        found = [f"daemon.check: {one}" for one in wire.call("daemon.check")["problems"]]
    found += complaints(daemon.stderr())
    before = _statuses(daemon)
    daemon.restart()
    after = _statuses(daemon)
    found += [
        f"after a restart job {job} is {after.get(job)}, was {was}"
        for job, was in before.items()
        if after.get(job) != was
    ]
    return found


def complaints(log: str) -> list[str]:
    """Return the internal faults in the daemon's log, each with the end of the first traceback."""
    found = [f"its log: {word}" for word in ("handler failed", "connection failed") if word in log]
    if "Traceback" in log:
        lines = log[log.index("Traceback") :].splitlines()
        end = next(
            (at for at, line in enumerate(lines) if re.match(r"\S*(Error|Exception)\b", line.strip())), 40
        )
        found.append("its log: " + "\n        ".join(lines[max(0, end - 12) : end + 1]))
    return found


def _statuses(daemon: Daemon) -> dict[int, str]:
    """Return the statuses that no longer change: the final ones."""
    query = "SELECT id, status FROM jobs WHERE end_us IS NOT NULL"
    with closing(sqlite3.connect(f"file:{Path(daemon.state_dir)}/lockside.db?mode=ro", uri=True)) as database:
        return dict(database.execute(query).fetchall())


def first_faults(faults: list[str]) -> str:
    """Return the first faults of each kind, for a person to read."""
    seen: dict[str, str] = {}
    for fault in faults:
        seen.setdefault(fault[:60], fault)
    return "\n".join([f"{len(faults)} faults", *list(seen.values())[:30]])

"""The judgement of a campaign: the jobs' own evidence is compared with the daemon's answers about them.

`violations` compares without a daemon; `judge` asks a daemon and fails if a violation is found.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from campaign import evidence
from campaign.evidence import Span, most_at_once
from campaign.script import ATTEMPTS, CODE_OF_ATTEMPTS, CODES, ONE_KEY, ROOTS, STOPPED, Script
from e2e.harness import Daemon
from e2e.processes import processes_of
from e2e.wire import Message, Wire


class Wrong(Enum):
    """The kinds of violations that a campaign must never find."""

    LOST = "lost"
    DOUBLED = "doubled"
    OVERLAPPING = "overlapping"
    CANCELLED_BUT_RAN = "cancelled but ran"
    WRONG_CODE = "wrong exit code"
    LEAKED = "leaked"


@dataclass(frozen=True)
class Violation:
    """One violation, with its evidence."""

    wrong: Wrong
    about: str

    def __str__(self) -> str:
        return f"{self.wrong.value}: {self.about}"


@dataclass(frozen=True)
class Rules:
    """The expectations: the exit code of each job that runs to its end, the stopped jobs, and the limits."""

    codes: Mapping[str, int]
    stopped: tuple[str, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    slots: int = 1_000_000
    starts: int = 1
    """How often one job may have been started."""


def violations(
    spans: list[Span], survivors: Iterable[str], jobs: Mapping[str, Message], rules: Rules
) -> list[Violation]:
    """Return every violation: evidence and the daemon's answers differ, or both are wrong."""
    found = [Violation(Wrong.OVERLAPPING, f"{name} found itself still alive") for name in survivors]
    ran = Counter(span.name for span in spans)
    for name in {*rules.codes, *rules.stopped, *ran}:
        of_name = [span for span in spans if span.name == name]
        if name not in jobs:
            wrong = Wrong.DOUBLED if name not in {*rules.codes, *rules.stopped} else Wrong.LOST
            found.append(Violation(wrong, f"{name} is not known to the daemon"))
        else:
            found += _of_one(name, jobs[name], of_name, rules)
    ended = [span for span in spans if span.end_ns is not None]
    for key in rules.keys:
        if most_at_once([span for span in ended if span.name in key]) > 1:
            found.append(Violation(Wrong.OVERLAPPING, f"{key} share a key and ran at once"))
    if (most := most_at_once(ended)) > rules.slots:
        found.append(Violation(Wrong.OVERLAPPING, f"{most} at once in {rules.slots} slots"))
    return found


def _of_one(name: str, job: Message, spans: list[Span], rules: Rules) -> list[Violation]:
    found = []
    if not job["isFinished"]:
        found.append(Violation(Wrong.LOST, f"{name} is not final: {job['status']}"))
    if len(spans) > job["starts"] or job["starts"] > rules.starts:
        text = f"{name} ran {len(spans)} times, {job['starts']} starts are known, {rules.starts} allowed"
        found.append(Violation(Wrong.DOUBLED, text))
    if job["status"] == "cancelled" and (spans or job["starts"]):
        found.append(Violation(Wrong.CANCELLED_BUT_RAN, name))
    if name in rules.codes:
        found += _of_code(name, job, spans, rules.codes[name])
    elif job["isFinished"] and job["status"] not in ("cancelled", "terminated"):
        found.append(Violation(Wrong.WRONG_CODE, f"{name} was stopped and is {job['status']}"))
    elif any(span.end_ns is not None for span in spans):
        found.append(Violation(Wrong.WRONG_CODE, f"{name} was stopped and came to its end"))
    return found


def _of_code(name: str, job: Message, spans: list[Span], code: int) -> list[Violation]:
    """Check that a job that should run to its end did, with its own exit code and with evidence."""
    if not spans or spans[-1].end_ns is None:
        return [Violation(Wrong.LOST, f"{name} never came to its end: {job['status']}, {job['message']}")]
    pair = (job["process"]["exitCode"], job["status"])
    if pair != (code, "error" if code else "success"):
        return [
            Violation(Wrong.WRONG_CODE, f"{name} ended with {code}, the daemon says {pair}: {job['message']}")
        ]
    return []


# -- with a daemon


def judge(daemon: Daemon, script: Script, *, starts: int, slots: int) -> None:
    """Check that all jobs end and the evidence agrees with the daemon. `starts` is the maximum per job."""
    answered = dict(script.answered)
    with daemon.wire() as wire:
        jobs = script.insist(lambda: script.finish(wire))
        assert answered.items() <= script.answered.items(), "an answered id changed"
        jobs |= rows_of(wire, jobs.pop("rows"))
        assert set(jobs) == {*CODES, *STOPPED, "again"}, "a row is missing"
        attempts = attempts_of(wire, jobs.pop("again"))
        jobs |= attempts
        codes = {**CODES, **dict.fromkeys(attempts, CODE_OF_ATTEMPTS)}
        rules = Rules(codes, STOPPED, (ONE_KEY,), slots, starts)
        ran = evidence.spans(script.file)
        found = violations(ran, evidence.survivors(script.file), jobs, rules)
        everything = listed(wire)
        found += made_twice(script, everything)
        found += leaked(daemon, wire, everything)
        assert not found, "\n".join(map(str, found))
        assert jobs["never"]["status"] == "cancelled", jobs["never"]
        state = wire.call("state.get", component="sweep.counts", config="it")["state"]
        assert state["n"] == int(script.name), f"the state was saved {state['n']} times"
        problems = wire.call("daemon.check")["problems"]
        wrong = [problem for problem in problems if problem["kind"] != "disk"]  # the disk may be a small one
        assert not wrong, wrong


def rows_of(wire: Wire, container: Message) -> dict[str, Message]:
    assert container["status"] == "success", container
    found = wire.call("job.list", parentRunId=container["runId"])["jobs"]
    assert len(found) == 2, found
    return {f"row-{job['configRowIds'][0]}": job for job in found}


def attempts_of(wire: Wire, container: Message) -> dict[str, Message]:
    """Return the attempts of a job that always fails: as many as were requested."""
    assert container["status"] == "error", container
    found = wire.call("job.list", parentRunId=container["runId"])["jobs"]
    assert sorted(job["attempt"] for job in found) == list(range(ATTEMPTS)), found
    return {f"again-{job['id']}": job for job in found}


def listed(wire: Wire) -> list[Message]:
    """Return all jobs."""
    jobs: list[Message] = []
    cursor = None
    while True:
        page = wire.call("job.list", limit=1000, **({"cursor": cursor} if cursor else {}))
        jobs += page["jobs"]
        cursor = page["nextCursor"]
        if cursor is None:
            return jobs


def made_twice(script: Script, everything: list[Message]) -> list[Violation]:
    """Return the requests that created several jobs or none."""
    made = Counter(job["deduplicationId"] for job in everything)
    wanted = {root: made[f"{script.name}/{root}"] for root in ROOTS}
    return [
        Violation(Wrong.DOUBLED if times else Wrong.LOST, f"{root} was made {times} times")
        for root, times in wanted.items()
        if times != 1
    ]


def leaked(daemon: Daemon, wire: Wire, everything: list[Message]) -> list[Violation]:
    """Return processes other than daemon and keeper, and folders without a job."""
    assert daemon.process is not None
    known = {daemon.process.pid, daemon.keeper_pid()}
    left = set(processes_of(daemon.folder)) - known
    found = [Violation(Wrong.LEAKED, f"process {pid}: {_command_of(pid)}") for pid in left]
    ids = {job["id"] for job in everything}
    runs = daemon.seen(daemon.state_dir / "runs")
    folders = {entry.name for shard in runs.iterdir() for entry in shard.iterdir()}
    return [*found, *(Violation(Wrong.LEAKED, f"folder {name} has no job") for name in folders - ids)]


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "gone"

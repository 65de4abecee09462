"""`show`: the history of one job, and the next steps."""

from __future__ import annotations

from lockside.cli import times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe, job_tree
from lockside.cli.jobs.log_frames import step_name
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import one_line, wrapped

_LOG_LINES = 10
_TREE_LINES = 40
_NAMED = 5
_MORE = {
    "timeout": ("--timeout DURATION", "run it again with a longer time limit"),
    "out_of_memory": ("--memory SIZE", "run it again with more memory"),
}


def show(session: Session, parsed: Parsed) -> int:
    job = session.call("job.get", id=session.job_id(parsed.required("job")))
    if session.out.is_given(job):
        return 0
    below = job_tree.load_tree(session, str(job["runId"])) if job.get("runId") else [job]
    _heading(session, job)
    _facts(session, job)
    _print_history(session, job)
    _tell_steps(session, job)
    if len(below) > 1:
        _children(session, below)
    if job.get("isFinished"):
        _end(session, job)
        if job["status"] not in describe.GOOD_ENDS:
            _tell_cause(session, job, below, int(parsed.number("lines") or _LOG_LINES))
    _next_step(session, job, below)
    return 0


def _heading(session: Session, job: Json) -> None:
    word, colour = describe.status(job)
    out = session.out
    state = f"{describe.SYMBOLS.get(word, '?')} {word}"
    out.line(f"{out.paint('bold', describe.title(job))}  job {job['id']}  {out.paint(colour, state)}")
    if job.get("description"):
        out.line(f"  {one_line(str(job['description']))}")


def _facts(session: Session, job: Json) -> None:
    for name, value in facts_of(job):
        session.out.line(f"  {session.out.paint('dim', f'{name:<7}')}{one_line(value)}")


def facts_of(job: Json) -> list[tuple[str, str]]:
    """Return the facts of a job that are known before its start: what runs, where, and with which limits."""
    dependencies = ", ".join(str(each["job"]) for each in job.get("dependsOn") or ())
    facts = [
        ("runs", _what(job)),
        ("pool", "" if job.get("type") in describe.CONTAINERS else f"{_pool(job)}, {_priority(job)}"),
        ("needs", "" if job.get("type") in describe.CONTAINERS else _needs(job)),
        ("lock", str(job.get("lockKey") or "")),
        ("after", f"job {dependencies}" if dependencies else ""),
        ("limits", _limits(job)),
        ("labels", ", ".join(f"{name}={value}" for name, value in (job.get("labels") or {}).items())),
        ("engine", _engine(job.get("remote"))),
        ("folder", str(job.get("workPath") or "")),
    ]
    return [(name, value) for name, value in facts if value]


def _engine(remote: Json | None) -> str:
    """Return the state of the job in the engine of its pool."""
    if not remote or not remote.get("executor"):
        return ""
    said = [f"{remote['executor']} as {remote['schedulerJobId']}" if remote.get("schedulerJobId") else ""]
    said += [
        str(remote.get("remoteState") or ""),
        f"on {remote['remoteNode']}" if remote.get("remoteNode") else "",
    ]
    return ", ".join(filter(None, said)) or str(remote["executor"])


def _what(job: Json) -> str:
    """Return what runs, unless the job's name says so."""
    if job["component"] == describe.PLAIN_COMMAND:
        said = describe.command_line(job)
    if job["component"] != describe.PLAIN_COMMAND or not said:
        said = f"{job['component']}/{job['config']}" if job.get("config") else job["component"]
    version = f", version {job['configVersion']}" if job.get("configVersion") else ""
    rows = job.get("configRowIds")
    only = f", row {', '.join(rows)}" if rows else ""
    mode = f", {job['mode']}" if job.get("mode") not in {None, "run"} else ""
    return "" if said == describe.title(job) and not (only or mode) else f"{said}{version}{only}{mode}"


def _pool(job: Json) -> str:
    """Return the pool in which it runs, or the pools in which it may."""
    if job["status"] in describe.NOT_STARTED and job.get("pools"):
        return " or ".join(job["pools"])
    return str(job.get("pool"))


def _needs(job: Json) -> str:
    """Return the resources that it holds while it runs, with their units."""
    given = {name: one for name, one in (job.get("resources") or {}).items() if isinstance(one, list)}
    said = []
    for name, amount in (job.get("needs") or {}).items():
        units = f" ({', '.join(given[name])})" if name in given else ""
        named = "slot" if (name, amount) == ("slots", 1) else name
        said.append(f"{amount} {named}{units}")
    return ", ".join(said)


def _priority(job: Json) -> str:
    return f"priority {job.get('priority')}"


def _limits(job: Json) -> str:
    limits = job.get("limits") or {}
    said = []
    if limits.get("timeoutSeconds"):
        said.append(f"{times.span(float(limits['timeoutSeconds'])).replace('.0 ', ' ')} to run")
    if limits.get("memoryBytes"):
        said.append(f"{times.size(limits['memoryBytes'])} of memory")
    if limits.get("cpus"):
        said.append(f"{limits['cpus']:g} processors")
    if (limits.get("nodes") or 1) > 1:
        said.append(f"{limits['nodes']} machines")
    return ", ".join(said)


def _print_history(session: Session, job: Json) -> None:
    """Print the history, in order."""
    from lockside.cli.jobs.history import history

    out = session.out
    now = times.now()
    out.line()
    for at, what, colour in history(session, job):
        out.line(f"  {out.paint('dim', times.local(at, now))}  {out.paint(colour, one_line(what))}")
    if job["status"] in describe.NOT_STARTED:
        from lockside.cli.jobs.why import print_reasons

        so_far = (now - times.parsed(job["createdTime"])).total_seconds()
        out.line(f"\n  It has waited for {times.span(so_far)}:")
        print_reasons(session, job, job.get("reasons") or [])
    elif job["status"] in describe.RUNNING:
        out.line(f"\n  {describe.running(job, now)}")
        share = job.get("progress")
        if share is not None:
            out.line(f"  {out.paint('cyan', describe.bar(share, 30))} {describe.progress(job)}")
        elif (told := describe.progress(job)) and job.get("stage") != "leftovers":
            out.line(f"  {told}")


def _tell_steps(session: Session, job: Json) -> None:
    """Print the steps of a run with several, and how each ended."""
    steps = (job.get("result") or {}).get("steps") or []
    if len(steps) < 2:
        return
    out = session.out
    names = [step_name(step) for step in steps]
    wide = max(map(len, names))
    out.line()
    for name, step in zip(names, steps, strict=True):
        word = str(step["status"])
        spans = [(f"  {name:<{wide}}  ", ""), (word, describe.COLOURS.get(word, ""))]
        out.line(out.spans([*spans, (f"  {_of_step(step)}", "dim")], _width(session)))


def _of_step(step: Json) -> str:
    """Return how long a step ran, its resource usage and its exit codes."""
    said = []
    if step.get("startTime") and step.get("endTime"):
        seconds = times.parsed(step["endTime"]) - times.parsed(step["startTime"])
        said.append(times.span(seconds.total_seconds()))
    codes = step.get("exitCodes") or [step.get("exitCode")]
    if any(codes):
        said.append(f"exit code {', '.join(map(str, codes))}")
    used = _used(step.get("usage") or {}, (step.get("usage") or {}).get("source"))
    return ", ".join([*said, *([used] if used else [])])


def _used(usage: Json, source: object) -> str:
    """Return the usage of processes. Without a cgroup the total memory of all processes is unknown."""
    if not usage.get("maxRssBytes"):
        return ""
    seconds = float(usage.get("userSeconds") or 0) + float(usage.get("systemSeconds") or 0)
    whose = " in one process" if source == "processes" else ""
    return f"{times.span(seconds)} of processor time, {times.size(usage['maxRssBytes'])} of memory{whose}"


def _children(session: Session, below: list[Json]) -> None:
    from lockside.cli.jobs.follow import tree_line

    out = session.out
    rows = [row for row in job_tree.tree_rows(below) if row[0]]
    if len(rows) > _TREE_LINES:
        rows = [row for row in rows if row[1]["status"] not in describe.GOOD_ENDS][:_TREE_LINES]
    out.line()
    for lines, job in rows:
        out.line(out.spans([("  ", ""), *tree_line(lines, job)], _width(session)))
    if len(rows) < len(below) - 1:
        hidden, all_of_them = len(below) - 1 - len(rows), len(below) - 1
        out.line(out.paint("dim", f"  … and {hidden} more of {all_of_them} jobs below it"))


def _width(session: Session) -> int | None:
    return session.out.width if session.out.terminal else None


def _end(session: Session, job: Json) -> None:
    out = session.out
    _, colour = describe.status(job)
    out.line()
    for line in wrapped(describe.ending(job), _width(session) or 10_000, "  "):
        out.line(out.paint(colour, line))
    if job.get("starts") and job.get("type") not in describe.CONTAINERS and describe.stage_line(job):
        out.line(out.paint("dim", f"  {describe.stage_line(job)}"))
    process = job.get("process") or {}
    used = _used(process, process.get("usageSource"))
    if used:
        out.line(out.paint("dim", f"  {used}"))
    for line in left_behind(job):
        out.line(f"  {line}")


def left_behind(job: Json) -> list[str]:
    """Return sentences about a job's results."""
    result = job.get("result") or {}
    lines = []
    message = describe.first_line(str(result.get("message") or ""))
    if message and message != describe.USUAL_MESSAGE and not result.get("error"):
        lines.append(message)
    counts = result.get("counts") or {}
    if any(counts.values()):
        lines.append("records: " + ", ".join(f"{count:,} {name}" for name, count in counts.items() if count))
    lines += [
        f"{_counted(found, f'{way} {kind}')}: {_named(found)}"
        for way in ("input", "output")
        for kind in ("tables", "files")
        if (found := (result.get(way) or {}).get(kind))
    ]
    if omitted := (result.get("output") or {}).get("omitted"):
        lines.append(f"and {omitted:,} more, which are not listed")
    stages = (result.get("artifacts") or {}).get("stages") or []
    if stages:
        kept = f"its {len(stages)} stages are" if len(stages) > 1 else "its only stage is"
        lines.append(f"the data of {kept} kept in {job.get('workPath')}/debug")
    retries = (job.get("retries") or {}).get("jobs") or ()
    if told := (result.get("error") or {}).get("recovery"):
        lines.append(_given_up(told))
    lines += [f"run again as job {retry['id']}: {retry['status']}" for retry in retries]
    signalled = (job.get("killReport") or {}).get("processes") or []
    killed = list({one["pid"]: one for one in signalled}.values())
    if killed:
        names = ", ".join(f"{one['name']} ({one['pid']})" for one in killed[:_NAMED])
        left_out = len(killed) - _NAMED + int(job["killReport"].get("omitted") or 0)
        more = f" and {left_out} more" if left_out > 0 else ""
        lines.append(f"stopped: {one_line(names)}{more}, proved by {job['killReport'].get('proof')}")
    return lines


def _given_up(told: Json) -> str:
    """Return why recovery gave up."""
    times_blocked = "once" if told["blocks"] == 1 else f"{told['blocks']} times"
    why = {
        "expired": "its time expired",
        "max_blocks": "it was blocked too often",
        "hopeless": "its test failed permanently",
        "limit": "the project has too many conditions",
    }
    said = f" (last test: {told['lastMessage']})" if told.get("lastMessage") else ""
    cause = why.get(told["cause"], told["cause"])
    return f"recovery was given up: {cause}{said}; it was blocked {times_blocked}"


def _counted(found: list[Json], what: str) -> str:
    return f"{len(found):,} {what if len(found) > 1 else what[:-1]}"


def _named(found: list[Json]) -> str:
    """Return the names of the first few tables or files."""
    members = ("id", "destination", "target", "path", "name", "source")
    names = [next((str(one[name]) for name in members if one.get(name)), "?") for one in found[:_NAMED]]
    return ", ".join(map(one_line, names)) + (" …" if len(found) > _NAMED else "")


def _tell_cause(session: Session, job: Json, below: list[Json], count: int) -> None:
    """Show the end of a failed job's log; for a container that of the job that caused its failure."""
    from lockside.cli.jobs.log_lines import last_lines, last_state
    from lockside.cli.terminal.sanitize import shown_log

    culprit = job_tree.cause_of(job, below)
    if culprit is None or not culprit.get("starts"):
        return
    if culprit is not job:
        said = f"cause: {describe.called(culprit)}: {describe.told(culprit)}"
        for line in wrapped(said, _width(session) or 10_000, "  "):
            session.out.line(line)
    lines = last_lines(session, str(culprit["id"]), count)
    if lines:
        whose = "its log" if culprit is job else f"the log of {describe.called(culprit)}"
        session.out.line(f"\n  the end of {whose}:")
        for line in lines:
            shown = shown_log(last_state(line), coloured=False)
            session.out.verbatim(session.out.paint("dim", "  │ ") + shown)


def _next_step(session: Session, job: Json, below: list[Json]) -> None:
    steps = steps_of(job, len(below) > 1)
    wide = max(len(step) for step, _ in steps)
    has_room = 8 + wide + 2 + max(len(said) for _, said in steps) <= session.out.width
    between = "  " if has_room else f"\n{' ' * 10}"
    lines = [f"{step:<{wide if has_room else 0}}{between}{said}" for step, said in steps]
    session.out.hint("\n  next: " + f"\n{' ' * 8}".join(lines))


def steps_of(job: Json, has_children: bool) -> list[tuple[str, str]]:
    number = job["id"]
    match job["status"]:
        case "created" | "waiting":
            kinds = {reason["kind"] for reason in job.get("reasons") or ()}
            return [
                *([(f"lockside release {number}", "release it")] if "held" in kinds else []),
                *(
                    [(f"lockside unblock {number}", "release it without a test")]
                    if "recovery" in kinds
                    else []
                ),
                (f"lockside logs -f {number}", "follow its log"),
                (f"lockside prio {number} high", "move it ahead in the queue"),
                (f"lockside kill {number}", "cancel it"),
            ]
        case "processing" | "terminating":
            return [(f"lockside logs -f {number}", "follow its log"), (f"lockside kill {number}", "stop it")]
        case "success" | "warning":
            timeline = (f"lockside timeline {number}", "show where the time went")
            records = (f"lockside retry --failed-records {number}", "only the records that failed")
            is_open = bool((job.get("retries") or {}).get("open"))
            return [
                (f"lockside logs {number}", "its output"),
                *([timeline] if has_children else []),
                *([records] if is_open else []),
            ]
        case _:
            return _after_failure(job, has_children)


def _after_failure(job: Json, has_children: bool) -> list[tuple[str, str]]:
    number = job["id"]
    good = [
        one for one in (job.get("retries") or {}).get("jobs") or () if one["status"] in describe.GOOD_ENDS
    ]
    if good:
        return [(f"lockside show {good[-1]['id']}", "the retry that succeeded")]
    again = (f"lockside retry {number} --follow", "run it again with the current configuration")
    if job["status"] == "cancelled":
        return [again]
    steps = [(f"lockside logs {number}", "all of its output"), again]
    if (job.get("result") or {}).get("chunks"):
        return [(f"lockside retry --failed-chunks {number}", "run only the chunks that failed"), *steps]
    if has_children:
        resume = (
            f"lockside retry --resume {number}",
            "run only what did not succeed (--plan: show it)",
        )
        return [resume, *steps]
    kind = ((job.get("result") or {}).get("error") or {}).get("kind")
    if kind in _MORE:
        option, effect = _MORE[kind]
        steps.insert(0, (f"lockside resubmit {number} {option}", effect))
    elif job.get("config"):
        debug = f"lockside run {job['component']}/{job['config']} --mode debug"
        steps.append((debug, "run it again and keep the data of every step"))
    return steps

"""The commands that look at jobs and stay with them; none of them changes anything."""

from __future__ import annotations

from lockside.cli.grammar import Command, Option
from lockside.cli.tables.shared import JOB, JOBS
from lockside.log_text import LEVEL_WORDS

INSPECT_JOBS = (
    Command(
        "ls",
        "lockside.cli.jobs.ls:ls",
        "list jobs, newest first",
        (
            ("lockside ls", "all jobs, the newest first; without their rows, tasks and attempts"),
            ("lockside ls --failed --since yesterday", "what failed, unless acknowledged"),
            ("lockside ls --tree --mine", "yours, with their children"),
            ("lockside ls --waiting --config shop/daily", "who waits for this configuration"),
            ("lockside ls --watch --active", "unfinished jobs, updated as they change"),
        ),
        (),
        (
            Option("--active", "only unfinished jobs"),
            Option("--running", "only running jobs"),
            Option("--waiting", "only waiting jobs"),
            Option(
                "--failed", "only failures (error, terminated) not acknowledged and not made good by a retry"
            ),
            Option("--acknowledged", "only failures that were acknowledged by `lockside ack`"),
            Option("--status", "only this status (repeat for more)", "STATUS", many=True, member="status"),
            Option("--config", "only this component or configuration, also as a task", "COMPONENT/CONFIG"),
            Option("--pool", "only in this pool", "POOL", member="pool"),
            Option("--mine", "only jobs of your own"),
            Option(
                "--since",
                "created since 2h, today, yesterday, 2026-01-31; with --failed: failed since",
                "TIME",
            ),
            Option(
                "--text",
                "only jobs whose id, name, component or configuration begins with this",
                "TEXT",
                member="text",
            ),
            Option(
                "--label",
                "only with this label (repeat for more)",
                "KEY=VALUE",
                "label",
                many=True,
                member="labels",
            ),
            Option("--children", "also rows, phases, tasks and attempts"),
            Option("--parent", "only children of this job", "JOB"),
            Option("--tree", "show children below their parents"),
            Option("--watch", "update the list until Ctrl-C"),
            Option("-n --limit", "how many (default 20)", "N", "integer"),
            Option("--all", "no limit"),
            Option("--hidden", "only hidden jobs"),
        ),
    ),
    Command(
        "show",
        "lockside.cli.jobs.show:show",
        "show a job: when it waited and ran, how it ended",
        (
            ("lockside show 42", "what happened, in order, and what to do next"),
            ("lockside show airports.load/daily", "its latest job"),
            ("lockside show last -n 50", "with 50 lines of the log, if it failed"),
        ),
        (JOB,),
        (Option("-n --lines", "how many lines of a failed job's log (default 10)", "N", "integer"),),
    ),
    Command(
        "why",
        "lockside.cli.jobs.why:why",
        "show why a job waits, and what would let it start",
        (
            ("lockside why 42", "all reasons, and what would clear them"),
            ("lockside why last", "the newest job"),
        ),
        (JOB,),
    ),
    Command(
        "wait",
        "lockside.cli.jobs.wait:wait",
        "wait until jobs end",
        (
            ("lockside wait 41 42", "exit code 0 when all ended well, 1 when one did not"),
            ("lockside wait --timeout 10m 42 || echo late", "exit code 124 when the time is up"),
        ),
        (JOBS,),
        (
            Option("--any", "until the first of them ends"),
            Option("--timeout", "give up after this time", "DURATION", "duration"),
        ),
    ),
    Command(
        "logs",
        "lockside.cli.jobs.logs:logs",
        "print the output of jobs",
        (
            ("lockside logs 42", "all of it"),
            ("lockside logs -f last", "as it is written"),
            ("lockside logs -f 41 42", "of several jobs, ordered by time"),
            ("lockside logs -f --children nightly", "with all jobs below it"),
            ("lockside logs --since 10m --grep error 42", "lines that match"),
            ("lockside logs -n 20 --stderr 42", "the last 20 lines of stderr"),
        ),
        (JOBS,),
        (
            Option("-f --follow", "follow until the jobs end; Ctrl-C does not stop them"),
            Option("-n --lines", "only the last N lines", "N", "integer"),
            Option("--since", "only lines since 10m, today, 14:05, 2026-01-31T14:00", "TIME"),
            Option("--grep", "only lines that match this regular expression", "PATTERN"),
            Option("--children", "also of all jobs below these (always so for a container)"),
            Option("--stdout", "only stdout"),
            Option("--stderr", "only stderr"),
            Option("--gelf", "only messages that came by GELF"),
            Option(
                "--level", "only messages of this level or more urgent ones", "LEVEL", choices=LEVEL_WORDS
            ),
            Option("--row", "only this row", "ROW"),
            Option("-t --times", "print the time before each line"),
        ),
        "Off a terminal the job's stdout goes to stdout and the rest to stderr. Each line of several jobs "
        "begins with the name of its job.",
    ),
    Command(
        "records",
        "lockside.cli.jobs.records:records",
        "show the records that a job and its retries could not process",
        (
            ("lockside records 42", "the first of them, with the messages of the component"),
            ("lockside records --open --limit 1000 --json 42", "those that can be retried, whole"),
        ),
        (JOB,),
        (
            Option("--open", "only those that can be retried"),
            Option("-n --limit", "how many (default 20)", "N", "integer"),
        ),
        "`lockside retry --failed-records` runs them again.",
    ),
    Command(
        "timeline",
        "lockside.cli.jobs.timeline:timeline",
        "draw when a job and all jobs below it waited and ran",
        (
            ("lockside timeline nightly", "one line for each phase, task and row"),
            ("lockside timeline 42 --html 42.html", "write a page to keep or to send"),
            ("lockside timeline 42 --svg 42.svg", "write only the picture"),
        ),
        (JOB,),
        (
            Option("--html", "write an HTML page with the picture and its figures", "FILE"),
            Option("--svg", "write the picture", "FILE"),
        ),
    ),
    Command(
        "stats",
        "lockside.cli.jobs.stats:stats",
        "count jobs by group, with how long they ran and waited",
        (
            ("lockside stats --by config --since yesterday", ""),
            ("lockside stats --by day --by status", "one line for each day and status"),
        ),
        (),
        (
            Option(
                "--by",
                "status (default), component, config, pool or day (repeat for more)",
                "GROUP",
                many=True,
                choices=("status", "component", "config", "pool", "day"),
            ),
            Option("--status", "only this status (repeat for more)", "STATUS", many=True, member="status"),
            Option("--config", "only this component or configuration, also as a task", "COMPONENT/CONFIG"),
            Option("--pool", "only in this pool", "POOL", member="pool"),
            Option("--mine", "only jobs of your own"),
            Option("--since", "created since 2h, today, yesterday, 2026-01-31", "TIME"),
            Option(
                "--label",
                "only with this label (repeat for more)",
                "KEY=VALUE",
                "label",
                many=True,
                member="labels",
            ),
            Option("--children", "also rows, phases, tasks and attempts"),
        ),
    ),
    Command(
        "top",
        "lockside.cli.top:top",
        "watch live: running and waiting jobs, pools, failures",
        (("lockside top", "select a job to read its log, or to explain, hold, release or kill it"),),
        (),
        (),
        "It needs the package textual: pip install 'lockside[top]'",
    ),
)

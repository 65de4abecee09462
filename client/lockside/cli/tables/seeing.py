"""The commands that look at jobs and stay with them; none of them changes anything."""

from __future__ import annotations

from lockside.cli.grammar import Command, Option
from lockside.cli.tables.words import JOB, JOBS

SEEING = (
    Command(
        "ls",
        "lockside.cli.listing:ls",
        "list jobs, the newest first",
        (
            ("lockside ls", "what there is, the newest first"),
            ("lockside ls --failed --since yesterday", "what went wrong"),
            ("lockside ls --tree --mine", "yours, with their children"),
            ("lockside ls --waiting --config shop/daily", "who stands in that line"),
            ("lockside ls --watch --active", "what lives, as it changes"),
        ),
        (),
        (
            Option("--active", "only what has not ended"),
            Option("--running", "only what runs"),
            Option("--waiting", "only what waits"),
            Option("--failed", "only error and terminated; what was cancelled for it is not"),
            Option("--status", "only this status (repeat for more)", "STATUS", many=True),
            Option("--config", "only this component or configuration", "COMPONENT/CONFIG"),
            Option("--pool", "only in this pool", "POOL"),
            Option("--mine", "only jobs of your own"),
            Option("--since", "since 2h, today, yesterday, 2026-01-31; --failed: failed since", "TIME"),
            Option("--text", "id, name, component or configuration begins so", "TEXT"),
            Option("--label", "only with this label (repeat for more)", "KEY=VALUE", many=True),
            Option("--parent", "only children of this job", "JOB"),
            Option("--tree", "children below their parents"),
            Option("--watch", "go on until Ctrl-C, and show every change as it happens"),
            Option("-n --limit", "how many (20)", "N", "integer"),
            Option("--all", "all of them, however many"),
            Option("--hidden", "hidden ones instead"),
        ),
    ),
    Command(
        "show",
        "lockside.cli.showing:show",
        "tell the story of a job: when it waited and ran, how it ended",
        (
            ("lockside show 42", "what happened, in order, and what to do next"),
            ("lockside show airports.load/daily", "its latest job"),
            ("lockside show last -n 50", "with more of the log, if it failed"),
        ),
        (JOB,),
        (Option("-n --lines", "how much of a failed job's log (10)", "N", "integer"),),
    ),
    Command(
        "why",
        "lockside.cli.why:why",
        "say why a job waits, and what would let it start",
        (
            ("lockside why 42", "everything that keeps it back, and who could change that"),
            ("lockside why last", "the newest job"),
        ),
        (JOB,),
    ),
    Command(
        "wait",
        "lockside.cli.following:wait",
        "wait until jobs have ended",
        (
            ("lockside wait 41 42", "exit code 0 when all ended well, 1 when one did not"),
            ("lockside wait --timeout 10m 42 || echo late", "exit code 124 when the time is up"),
        ),
        (JOBS,),
        (
            Option("--any", "until the first of them has ended"),
            Option("--timeout", "give up after this time", "DURATION", "duration"),
        ),
    ),
    Command(
        "logs",
        "lockside.cli.logs:logs",
        "print what jobs wrote",
        (
            ("lockside logs 42", "all of it"),
            ("lockside logs -f last", "as it is written"),
            ("lockside logs -f 41 42", "of several jobs, by time"),
            ("lockside logs -f --children nightly", "of all below it, too"),
            ("lockside logs --since 10m --grep error 42", "lines that match"),
            ("lockside logs -n 20 --stderr 42", "the end of its stderr"),
        ),
        (JOBS,),
        (
            Option("-f --follow", "go on until the jobs end; Ctrl-C leaves them alone"),
            Option("-n --lines", "only the last N lines", "N", "integer"),
            Option("--since", "only since 10m, today, 14:05, 2026-01-31T14:00", "TIME"),
            Option("--grep", "only lines that match this regular expression", "PATTERN"),
            Option("--children", "also of everything below these jobs (a container: always)"),
            Option("--stdout", "only what was written to stdout"),
            Option("--stderr", "only what was written to stderr"),
            Option("--row", "only this row", "ROW"),
            Option("-t --times", "put the time before every line"),
        ),
        "Off a terminal the job's stdout goes to stdout and its stderr to stderr. Lines of several jobs "
        "begin with the job they are from.",
    ),
    Command(
        "timeline",
        "lockside.cli.timeline:timeline",
        "draw when a job and all below it waited and ran",
        (
            ("lockside timeline nightly", "phases, tasks and rows as lines"),
            ("lockside timeline 42 --html 42.html", "a page to keep or to send"),
            ("lockside timeline 42 --svg 42.svg", "the picture alone"),
        ),
        (JOB,),
        (
            Option("--html", "write a page with the picture and its figures", "FILE"),
            Option("--svg", "write the picture", "FILE"),
        ),
    ),
    Command(
        "top",
        "lockside.cli.top:top",
        "watch it live: what runs, what waits and why, pools, failures",
        (("lockside top", "select a job to see its log, explain, hold, release or kill it"),),
        (),
        (),
        "It needs textual, which the extra `top` brings: pip install 'lockside[top]'",
    ),
)

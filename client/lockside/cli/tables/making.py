"""The commands that make jobs: `run`, and those that run again what there was."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.words import (
    BRANCH,
    CHANGES,
    DELAY,
    HOLD,
    JOB,
    JOBS,
    MEMORY,
    PRIO,
    ROW,
    SET,
    STAY,
    TAG,
    TIMEOUT,
)

MAKING = (
    Command(
        "run",
        "lockside.cli.submit:run",
        "start a job of a configuration, or of any command",
        (
            ("lockside run airports.extract/daily --follow", "see its log and result"),
            ("lockside run -- make -j2", "any command, here, as you"),
            ("lockside run airports.load/daily --depends 41", "after job 41"),
            ("lockside run --from-file commands.txt", "a job of every line"),
            ("id=$(lockside run -d airports.extract/daily)", "the id alone, for scripts"),
        ),
        (
            Argument("COMPONENT/CONFIG", "a stored configuration, or a component alone", "?"),
            Argument("COMMAND", "a command and its arguments, after a lone --", "--"),
        ),
        (
            *STAY,
            ROW,
            SET,
            Option(
                "--mode",
                "run, forceRun (also if disabled), debug (keeps the data of every step)",
                "MODE",
                choices=("run", "forceRun", "debug"),
            ),
            Option("--name", "a name to know it by", "TEXT"),
            Option("--description", "what it is for", "TEXT"),
            Option("--label", "a label to find it by (repeat for more)", "KEY=VALUE", many=True),
            PRIO,
            Option("--pool", "the pool to run in", "POOL"),
            DELAY,
            HOLD,
            Option(
                "--depends",
                "start after this job succeeded; JOB:final after any end (repeat)",
                "JOB",
                many=True,
            ),
            TIMEOUT,
            MEMORY,
            TAG,
            BRANCH,
            Option("--shell", "a shell line instead of a command: 'a | b > c'", "LINE"),
            Option("--cwd", "the folder a command runs in (else this one)", "DIR"),
            Option("--from-file", "shell lines, or requests in .json or .toml; - for stdin", "FILE"),
            Option("--dry-run", "check it and show what would be created"),
        ),
        "A lone -- ends lockside's own options: what follows is the command.\n\n"
        "--from-file takes a command a line (empty lines and # comments are none); thousands are sent in\n"
        "few calls, each of which makes all of its jobs or none. A .json or .toml file, or JSON on stdin,\n"
        "is one request as in job.create, or {jobs: [...]} with many.\n\n"
        "Ctrl-C under --wait or --follow leaves the job alone, and says how to come back.",
    ),
    Command(
        "retry",
        "lockside.cli.again:retry",
        "run jobs again that have ended; the new ones count for the first",
        (
            ("lockside retry 42", "its configuration as it is stored now"),
            ("lockside retry --all-failed --wait 42", "every child of it that failed"),
        ),
        (JOBS,),
        (Option("--all-failed", "every failed retry or child of it"), *STAY),
    ),
    Command(
        "resubmit",
        "lockside.cli.again:resubmit",
        "make a new job of the same request, with changes if you like",
        (
            ("lockside resubmit 42", "an independent job of the same request"),
            ("lockside resubmit 42 --priority high --pool big", "with what is different"),
        ),
        (JOB,),
        (*CHANGES, *STAY),
    ),
    Command(
        "amend",
        "lockside.cli.again:amend",
        "replace a job that never started, in the same place of the line",
        (("lockside amend 42 --timeout 2h", "the new job has another id; dependants follow it"),),
        (JOB,),
        (*CHANGES, *STAY),
    ),
)

"""The commands that act on jobs that exist."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.words import JOB, JOBS, PRIORITY

STEERING = (
    Command(
        "kill",
        "lockside.cli.acting:kill",
        "stop a job and all its processes; cancel it if it has not started",
        (
            ("lockside kill 42", "and everything below it"),
            ("lockside kill --dry-run 42", "what would be stopped, cancelled, freed and started"),
            ("lockside kill --wait 42 43", "come back when their last process is gone"),
        ),
        (JOBS,),
        (
            Option("--dry-run", "change nothing; say what would happen"),
            Option("-w --wait", "wait until they have ended"),
        ),
        aliases=("cancel", "stop"),
    ),
    Command(
        "hold",
        "lockside.cli.acting:hold",
        "keep jobs back that have not started",
        (("lockside hold 42", "until `lockside release 42`"),),
        (JOBS,),
    ),
    Command(
        "release",
        "lockside.cli.acting:release",
        "let held jobs go",
        (("lockside release 42", "it starts when nothing else keeps it back"),),
        (JOBS,),
    ),
    Command(
        "pause",
        "lockside.cli.acting:pause",
        "make running jobs stand still; their time limits stand still too",
        (("lockside pause 42", "until `lockside resume 42`"),),
        (JOBS,),
    ),
    Command(
        "resume",
        "lockside.cli.acting:resume",
        "let paused jobs go on",
        (("lockside resume 42", "where it stood still"),),
        (JOBS,),
    ),
    Command(
        "prio",
        "lockside.cli.acting:prio",
        "change the priority of a job that has not started",
        (("lockside prio 42 high", "before others in its line"), ("lockside prio 42 -50", "behind them")),
        (JOB, Argument("PRIORITY", PRIORITY, kind="priority")),
    ),
)

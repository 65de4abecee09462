"""The commands that act on jobs that exist."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import JOB, JOBS, PRIORITY

CONTROL_JOBS = (
    Command(
        "kill",
        "lockside.cli.jobs.control:kill",
        "stop a job and all its processes; cancel it if it has not started",
        (
            ("lockside kill 42", "and all jobs below it"),
            ("lockside kill --dry-run 42", "what would be stopped, cancelled, freed and started"),
            ("lockside kill --wait 42 43", "return when their last process is gone"),
        ),
        (JOBS,),
        (
            Option("--dry-run", "change nothing; show what would happen"),
            Option("-w --wait", "wait until they have ended"),
        ),
        aliases=("cancel", "stop"),
    ),
    Command(
        "hold",
        "lockside.cli.jobs.control:hold",
        "keep jobs from starting",
        (("lockside hold 42", "until `lockside release 42`"),),
        (JOBS,),
    ),
    Command(
        "release",
        "lockside.cli.jobs.control:release",
        "let held jobs start",
        (("lockside release 42", "it starts when no other reason is left"),),
        (JOBS,),
    ),
    Command(
        "pause",
        "lockside.cli.jobs.control:pause",
        "suspend running jobs; their time limits are suspended, too",
        (("lockside pause 42", "until `lockside resume 42`"),),
        (JOBS,),
    ),
    Command(
        "resume",
        "lockside.cli.jobs.control:resume",
        "continue paused jobs",
        (("lockside resume 42", "where it was paused"),),
        (JOBS,),
    ),
    Command(
        "prio",
        "lockside.cli.jobs.control:prio",
        "change the priority of a job that has not started",
        (("lockside prio 42 high", "ahead of others"), ("lockside prio 42 -50", "behind others")),
        (JOB, Argument("PRIORITY", PRIORITY, kind="priority")),
    ),
)

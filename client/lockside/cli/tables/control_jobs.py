"""The commands that act on jobs that exist."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import EACH_JOB, JOB, JOBS, PRIORITY, TELL

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
        aliases=("cancel",),
    ),
    Command(
        "hold",
        EACH_JOB,
        "keep jobs from starting",
        (("lockside hold 42", "until `lockside release 42`"),),
        (JOBS,),
        method="job.hold",
    ),
    Command(
        "release",
        EACH_JOB,
        "let held jobs start",
        (("lockside release 42", "it starts when no other reason is left"),),
        (JOBS,),
        method="job.release",
    ),
    Command(
        "unblock",
        EACH_JOB,
        "let jobs go that recovery blocks, without a test",
        (("lockside unblock 42", "it starts again from the beginning"),),
        (JOBS,),
        method="job.unblock",
    ),
    Command(
        "recovery ls",
        "lockside.cli.jobs.recovery:ls",
        "list what blocked jobs wait for",
        (("lockside recovery ls", ""),),
    ),
    Command(
        "recovery check",
        TELL,
        "test now what blocked jobs wait for",
        (("lockside recovery check 0f3a9c51b2d47e68", "a condition, as in `lockside recovery ls`"),),
        (Argument("CONDITION", "a condition's id", member="condition"),),
        method="recovery.check",
        says="it is being tested whether {tester}",
        next="  next: lockside recovery ls",
    ),
    Command(
        "pause",
        EACH_JOB,
        "suspend running jobs and what runs in containers; time limits are suspended, too",
        (("lockside pause 42", "until `lockside resume 42`"),),
        (JOBS,),
        method="job.pause",
    ),
    Command(
        "resume",
        EACH_JOB,
        "continue paused jobs",
        (("lockside resume 42", "where it was paused"),),
        (JOBS,),
        method="job.resume",
    ),
    Command(
        "prio",
        "lockside.cli.jobs.control:prio",
        "change the priority of a job that has not started",
        (("lockside prio 42 high", "ahead of others"), ("lockside prio 42 -50", "behind others")),
        (JOB, Argument("PRIORITY", PRIORITY, kind="priority")),
    ),
    Command(
        "ack",
        "lockside.cli.jobs.notes:ack",
        "acknowledge failures: `ls --failed` and `status` leave them out",
        (
            ("lockside ack 42 --comment 'the source was down'", ""),
            ("lockside ack --undo 42", "count it as a failure again"),
        ),
        (JOBS,),
        (
            Option("--comment", "why nothing more is to be done", "TEXT"),
            Option("--undo", "take the acknowledgement back"),
        ),
    ),
    Command(
        "annotate",
        "lockside.cli.jobs.notes:annotate",
        "change the name, description or labels of jobs",
        (("lockside annotate 42 --name 'the big load' --label team=data", ""),),
        (JOBS,),
        (
            Option("--name", "the new name", "TEXT", member="name"),
            Option("--description", "the new description", "TEXT", member="description"),
            Option(
                "--label",
                "the new labels, all of them (repeat for more)",
                "KEY=VALUE",
                "label",
                many=True,
                member="labels",
            ),
        ),
    ),
    Command(
        "hide",
        EACH_JOB,
        "leave jobs out of lists",
        (("lockside hide 42", "`lockside ls --hidden` lists it"),),
        (JOBS,),
        method="job.hide",
    ),
    Command(
        "unhide",
        EACH_JOB,
        "show hidden jobs in lists again",
        (("lockside unhide 42", ""),),
        (JOBS,),
        method="job.unhide",
    ),
    Command(
        "purge",
        "lockside.cli.jobs.notes:purge",
        "remove finished jobs for good, with their folders and logs",
        (("lockside purge 42", "only one event remains"),),
        (JOBS,),
        (Option("-y --yes", "do not ask"),),
    ),
    Command(
        "report",
        "lockside.cli.jobs.notes:report",
        "report the progress of the job in which this runs",
        (("lockside report 0.4 '400 of 1000'", "in a script that is a job"),),
        (
            Argument("PROGRESS", "how far it is, from 0 to 1", kind="number"),
            Argument("MESSAGE", "a sentence for people", "?"),
        ),
    ),
)

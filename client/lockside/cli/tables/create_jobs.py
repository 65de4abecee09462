"""The commands that make jobs: `run`, and those that run again what there was."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import (
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
    TAG,
    TIMEOUT,
    WAITING,
)

CREATE_JOBS = (
    Command(
        "run",
        "lockside.cli.jobs.run:run",
        "start a job of a configuration, or of any command",
        (
            ("lockside run airports.extract/daily --follow", "see its log and result"),
            ("lockside run -- make -j2", "any command, in this folder, with this environment"),
            ("lockside run airports.load/daily --depends 41", "after job 41"),
            ("lockside run --template load --set country=CZ", "a job of a template"),
            ("lockside run --from-file commands.txt", "one job for each line"),
            ("id=$(lockside run -d airports.extract/daily)", "print only the id, for scripts"),
            ("lockside run -dq --skip-if-running airports.extract/daily", "for cron: print only errors"),
        ),
        (
            Argument("COMPONENT/CONFIG", "a stored configuration, or a component alone", "?"),
            Argument("COMMAND", "a command and its arguments, after --", "--"),
        ),
        (
            *WAITING,
            ROW,
            SET,
            Option(
                "--mode",
                "run, forceRun (also if disabled), debug (keeps the data of every step)",
                "MODE",
                choices=("run", "forceRun", "debug"),
                member="mode",
            ),
            Option("--name", "a name to find it by", "TEXT", member="name"),
            Option("--description", "what it is for", "TEXT", member="description"),
            Option(
                "--label",
                "a label to find it by (repeat for more)",
                "KEY=VALUE",
                "label",
                many=True,
                member="labels",
            ),
            PRIO,
            Option("--pool", "the pool to run in", "POOL", member="pool"),
            Option(
                "--pools",
                "a pool that it may run in instead, the preferred one first (repeat for more)",
                "POOL",
                many=True,
                member="pools",
            ),
            Option(
                "--need",
                "hold so much of a resource, or so many slots, while it runs (repeat for more)",
                "NAME=N",
                "amount",
                many=True,
                member="needs",
            ),
            Option(
                "--lock-key",
                "run no two jobs with this key at once; not for configurations",
                "KEY",
                member="lockKey",
            ),
            Option(
                "--parallelism",
                "how many rows run at once: 0 or more, or infinity",
                "N",
                "slots",
                member="parallelism",
            ),
            Option("--variables", "the stored set of variables to fill in", "ID", member="variableValuesId"),
            Option(
                "--task",
                "only this task of an orchestration (repeat for more)",
                "TASK",
                many=True,
                member="onlyOrchestrationTaskIds",
            ),
            Option(
                "--previous",
                "of an orchestration, only what did not succeed in this job",
                "JOB",
                member="previousJobId",
            ),
            DELAY,
            HOLD,
            Option(
                "--depends",
                "start after this job succeeded; JOB:failed: failed; JOB:final: ended (repeat for more)",
                "JOB",
                "dependency",
                many=True,
                member="dependsOn",
            ),
            TIMEOUT,
            MEMORY,
            TAG,
            BRANCH,
            Option("--template", "a stored template, or a version of it", "NAME[@N]"),
            Option("--shell", "a line for `sh -c`; of 'a | b' only the end of b counts", "LINE"),
            Option("--shell-program", "what reads that line, as in 'bash -euo pipefail -c'", "COMMAND"),
            Option("--cwd", "the folder in which a command runs (default: this one)", "DIR"),
            Option("--from-file", "shell lines, or requests in .json or .toml; - for stdin", "FILE"),
            Option("--dry-run", "check it and show what would be created"),
            Option("--skip-if-running", "create nothing while a job of the configuration runs"),
            Option("--skip-if-waiting", "create nothing while a job of the configuration waits"),
        ),
        "-- ends the options of lockside: the command follows.\n\n"
        "--from-file reads one command from each line; empty lines and # comments are skipped. They are\n"
        "sent in few calls, each of which creates all of its jobs or none. JSON or TOML, by the name's\n"
        "ending or else by how it begins, is one request as in job.create, or {jobs: [...]} with several.\n\n"
        "--skip-if-running and --skip-if-waiting look once, before the job is created; of a command they\n"
        "look for a job of the same --name. The lock keeps two runs apart in any case.\n\n"
        "Ctrl-C under --wait or --follow does not stop the job; it prints how to come back.",
    ),
    Command(
        "retry",
        "lockside.cli.jobs.retry:retry",
        "run finished jobs again; the new job counts as a retry of the first",
        (
            ("lockside retry 42", "with its configuration as it is stored now"),
            ("lockside retry --resume 42", "only what did not end well, down to rows, and later phases"),
            ("lockside retry --resume --plan 42", "show first what that would run"),
            ("lockside retry --all-failed --wait 42", "every job below it that failed, each by itself"),
            ("lockside retry --failed-records 42", "only the records that failed"),
        ),
        (JOBS,),
        (
            Option("--resume", "carry over what ended well; run the rest, and later phases"),
            Option("--plan", "show what would run; create nothing"),
            Option("--all-failed", "retry every failed job below it by itself"),
            Option("--failed-records", "give it only records that failed and are open"),
            Option("--record", "of these only this one (repeat for more)", "NUMBER", "integer", many=True),
            Option("--replace", "TOML or JSON: what records are to be instead, by number", "FILE"),
            *WAITING,
        ),
    ),
    Command(
        "resubmit",
        "lockside.cli.jobs.retry:resubmit",
        "create an independent job from the same request, with changes if any",
        (
            ("lockside resubmit 42", "the same request again"),
            ("lockside resubmit 42 --priority high --pool big", "with changes"),
        ),
        (JOB,),
        (Option("--pinned", "read tables in the versions that the first job read"), *CHANGES, *WAITING),
    ),
    Command(
        "amend",
        "lockside.cli.jobs.retry:amend",
        "replace a job that never started; the new job keeps its place in the queue",
        (("lockside amend 42 --timeout 2h", "the new job has a new id; dependent jobs wait for it instead"),),
        (JOB,),
        (*CHANGES, *WAITING),
    ),
)

"""The table of all commands: words, arguments, options, examples.

Help, parsing and completion are made from it.

It holds data alone, so that it loads in a millisecond; `run` names the function that does the work.
"""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.folders import FOLDERS
from lockside.cli.tables.keeping import KEEPING

GLOBAL_OPTIONS = (
    Option("--socket", "the daemon's socket (else $LOCKSIDE_SOCKET, then the usual places)", "PATH"),
    Option("--project", "the project to work in (else $LOCKSIDE_PROJECT, then 'default')", "ID"),
    Option("--json", "print objects as on the wire; one line each where they stream"),
    Option("--plain", "print tab-separated columns without colour, as when the output is no terminal"),
    Option("-h --help", "print help"),
    Option("--version", "print the version"),
)

_JOB = Argument("JOB", "a job's id or uuid, COMPONENT/CONFIG for its latest job, or 'last'", kind="text")
_JOBS = Argument("JOB", "job ids, uuids, COMPONENT/CONFIG for its latest job, or 'last'", "+")
_POOL = Argument("POOL", "a pool's id")
_COMPONENT = Argument("COMPONENT", "a component's id")
_CONFIG = Argument("COMPONENT/CONFIG", "a configuration")
_BRANCH = Option("--branch", "the branch (else 'default')", "ID")
_VERSION = Option("--at", "an older version instead of the current one", "VERSION", "integer")

GROUPS = {
    "pool": "the lines that jobs wait in, and how many of them run at once",
    "component": "what can be run",
    "config": "how a component is run; every change is a version",
    "new": "files to begin with",
}

_STAY = (
    Option("-w --wait", "wait for its end; the exit code is 0 for success and warning, else 1"),
    Option("-f --follow", "the same, with its log as it is written"),
    Option("-d --detach", "print its id alone"),
)
_CHANGES = (
    Option("--row", "only this row of the configuration (repeat for more)", "ROW", many=True),
    Option("--set", "a variable's value (repeat for more)", "NAME=VALUE", many=True),
    Option("--name", "another name", "TEXT"),
    Option("--description", "another description", "TEXT"),
    Option("--label", "other labels (repeat for more)", "KEY=VALUE", many=True),
    Option("--priority", "-100 to 100, or lowest, low, normal, high, highest", "N", "priority"),
    Option("--pool", "another pool", "POOL"),
    Option("--delay", "start no sooner than this from now: 90, 10m, 1h30m", "DURATION", "duration"),
    Option("--hold", "keep it back until `lockside release`"),
    Option("--timeout", "stop it after this time: 90, 10m, 1h30m", "DURATION", "duration"),
    Option("--memory", "the most memory it may take: 512MB, 1.5GB", "SIZE", "size"),
    Option("--tag", "the component's tag to run", "TAG"),
)

JOBS = (
    Command(
        "run",
        "lockside.cli.submit:run",
        "start a job of a configuration, or of any command",
        (
            ("lockside run airports.extract/daily --follow", "see its log, and its result at the end"),
            ("lockside run -- make -j2", "any command is a job: here, in this folder, with this environment"),
            ("lockside run airports.load/daily --depends 41 --priority high", "after job 41, before others"),
            ("id=$(lockside run -d airports.extract/daily)", "for scripts: print the id, nothing else"),
        ),
        (
            Argument("COMPONENT/CONFIG", "a stored configuration, or a component alone", "?"),
            Argument("COMMAND", "a command and its arguments, after a lone --", "--"),
        ),
        (
            *_STAY,
            Option("--row", "only this row of the configuration (repeat for more)", "ROW", many=True),
            Option("--set", "a variable's value (repeat for more)", "NAME=VALUE", many=True),
            Option(
                "--mode",
                "run, forceRun (also if disabled), debug (keeps the data before every step)",
                "MODE",
                choices=("run", "forceRun", "debug"),
            ),
            Option("--name", "a name to know it by", "TEXT"),
            Option("--description", "what it is for", "TEXT"),
            Option("--label", "a label to find it by (repeat for more)", "KEY=VALUE", many=True),
            Option("--priority", "-100 to 100, or lowest, low, normal, high, highest", "N", "priority"),
            Option("--pool", "the pool to run in", "POOL"),
            Option("--delay", "start no sooner than this from now: 90, 10m, 1h30m", "DURATION", "duration"),
            Option("--hold", "keep it back until `lockside release`"),
            Option(
                "--depends",
                "start after this job succeeded; JOB:final after any end (repeat)",
                "JOB",
                many=True,
            ),
            Option("--timeout", "stop it after this time: 90, 10m, 1h30m", "DURATION", "duration"),
            Option("--memory", "the most memory it may take: 512MB, 1.5GB", "SIZE", "size"),
            Option("--tag", "the component's tag to run", "TAG"),
            _BRANCH,
            Option("--shell", "a shell line instead of a command: 'a | b > c'", "LINE"),
            Option("--cwd", "the folder a command runs in (else this one)", "DIR"),
            Option(
                "--from-file",
                "a request in JSON or TOML, or {jobs: [...]}, - for stdin; a .txt is a command a line",
                "FILE",
            ),
            Option("--dry-run", "check it and show what would be created"),
        ),
        "A lone -- ends lockside's own options: what follows is the command.\n"
        "Ctrl-C under --wait or --follow leaves the job alone.",
    ),
    Command(
        "ls",
        "lockside.cli.listing:ls",
        "list jobs, the newest first",
        (
            ("lockside ls", "what runs, what waits and why, and what ended lately"),
            ("lockside ls --failed --since yesterday", "what went wrong"),
            ("lockside ls --waiting --config airports.extract/daily", "who stands in that line"),
        ),
        (),
        (
            Option("--status", "only this status (repeat for more)", "STATUS", many=True),
            Option("--active", "only what has not ended"),
            Option("--running", "only what runs"),
            Option("--waiting", "only what waits"),
            Option("--failed", "only error, cancelled and terminated"),
            Option("--config", "only this component or configuration", "COMPONENT/CONFIG"),
            Option("--mine", "only jobs of your own"),
            Option("--since", "created since: 2h, today, yesterday, 2026-01-31", "TIME"),
            Option("--text", "id, name, component or configuration begins so", "TEXT"),
            Option("--label", "only with this label (repeat for more)", "KEY=VALUE", many=True),
            Option("--parent", "only children of this run", "RUN_ID"),
            Option("-n --limit", "how many (20)", "N", "integer"),
            Option("--all", "all of them, however many"),
            Option("--hidden", "hidden ones instead"),
        ),
    ),
    Command(
        "show",
        "lockside.cli.showing:show",
        "tell the story of a job: what it is, when it waited and ran, how it ended",
        (("lockside show 42", ""), ("lockside show airports.load/daily", "its latest job")),
        (_JOB,),
    ),
    Command(
        "why",
        "lockside.cli.showing:why",
        "say why a job waits, and what would let it start",
        (("lockside why 42", ""), ("lockside why last", "the newest job")),
        (_JOB,),
    ),
    Command(
        "wait",
        "lockside.cli.following:wait",
        "wait until jobs have ended",
        (
            ("lockside wait 41 42", "exit code 0 when all ended well, 1 when one did not"),
            ("lockside wait --timeout 10m 42 || echo late", "exit code 124 when the time is up"),
        ),
        (_JOBS,),
        (
            Option("--any", "until the first of them has ended"),
            Option("--timeout", "give up after this time", "DURATION", "duration"),
        ),
    ),
    Command(
        "logs",
        "lockside.cli.following:logs",
        "print what a job wrote",
        (
            ("lockside logs 42", ""),
            ("lockside logs -f last", "as it is written, until the job ends"),
            ("lockside logs -n 20 --stderr 42", "the last 20 lines of its stderr"),
        ),
        (_JOB,),
        (
            Option("-f --follow", "go on until the job ends; Ctrl-C leaves the job alone"),
            Option("-n --lines", "only the last N lines", "N", "integer"),
            Option("--stdout", "only what it wrote to stdout"),
            Option("--stderr", "only what it wrote to stderr"),
            Option("--row", "only this row", "ROW"),
            Option("-t --times", "put the time before every line"),
        ),
        "Off a terminal the job's stdout goes to stdout and its stderr to stderr.",
    ),
    Command(
        "kill",
        "lockside.cli.acting:kill",
        "stop a job and all its processes, or cancel it if it has not started",
        (
            ("lockside kill 42", ""),
            ("lockside kill --dry-run 42", "what would be stopped, cancelled, freed and started"),
            ("lockside kill --wait 42 43", "come back when their last process is gone"),
        ),
        (_JOBS,),
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
        (_JOBS,),
    ),
    Command(
        "release", "lockside.cli.acting:release", "let held jobs go", (("lockside release 42", ""),), (_JOBS,)
    ),
    Command(
        "pause",
        "lockside.cli.acting:pause",
        "make running jobs stand still; their time limits stand still too",
        (("lockside pause 42", "until `lockside resume 42`"),),
        (_JOBS,),
    ),
    Command(
        "resume",
        "lockside.cli.acting:resume",
        "let paused jobs go on",
        (("lockside resume 42", ""),),
        (_JOBS,),
    ),
    Command(
        "retry",
        "lockside.cli.again:retry",
        "run jobs again that have ended; what they leave counts for the first of them",
        (
            ("lockside retry 42", "its configuration as it is stored now"),
            ("lockside retry --all-failed --wait 42", "every child of it that failed"),
        ),
        (_JOBS,),
        (Option("--all-failed", "every failed retry or child of it"), *_STAY),
    ),
    Command(
        "resubmit",
        "lockside.cli.again:resubmit",
        "make a new job of the same request, with changes if you like",
        (("lockside resubmit 42", ""), ("lockside resubmit 42 --priority high --pool big", "")),
        (_JOB,),
        (*_CHANGES, *_STAY),
    ),
    Command(
        "amend",
        "lockside.cli.again:amend",
        "replace a job that never started by one with changes, in the same place of the line",
        (("lockside amend 42 --timeout 2h", "the new job has another id; dependants follow it"),),
        (_JOB,),
        (*_CHANGES, *_STAY),
    ),
    Command(
        "prio",
        "lockside.cli.acting:prio",
        "change the priority of a job that has not started",
        (("lockside prio 42 high", ""), ("lockside prio 42 -50", "")),
        (_JOB, Argument("PRIORITY", "-100 to 100, or lowest, low, normal, high, highest", kind="priority")),
    ),
)

POOLS = (
    Command("pool ls", "lockside.cli.pools:ls", "list pools", (("lockside pool ls", ""),)),
    Command(
        "pool put",
        "lockside.cli.pools:put",
        "make a pool, or change its slots",
        (
            ("lockside pool put loads --slots 2", "two at once; lowering stops nobody"),
            ("lockside pool put loads --slots infinity", ""),
        ),
        (_POOL,),
        (
            Option("--slots", "how many jobs run at once: 0 or more, or infinity", "N", "slots"),
            Option("--description", "what it is for", "TEXT"),
        ),
    ),
    Command(
        "pool pause",
        "lockside.cli.pools:pause",
        "start nothing more in a pool; what runs goes on",
        (("lockside pool pause loads --comment 'warehouse is down'", "waiting jobs will say so"),),
        (_POOL,),
        (Option("--comment", "why, for those who wait", "TEXT"),),
    ),
    Command(
        "pool resume",
        "lockside.cli.pools:resume",
        "let a pool go on",
        (("lockside pool resume loads", ""),),
        (_POOL,),
    ),
    Command(
        "pool rm",
        "lockside.cli.pools:rm",
        "delete a pool that no live job names",
        (("lockside pool rm loads", ""),),
        (_POOL,),
    ),
)

CATALOG = (
    Command(
        "component ls",
        "lockside.cli.catalog:component_ls",
        "list components",
        (("lockside component ls", ""),),
        (),
        (Option("--type", "extractor, transformation, writer, application, processor, other", "TYPE"),),
    ),
    Command(
        "component show",
        "lockside.cli.catalog:component_show",
        "print a component",
        (("lockside component show airports.extract", ""),),
        (_COMPONENT,),
        (_VERSION,),
    ),
    Command(
        "component put",
        "lockside.cli.catalog:component_put",
        "store a component from a file",
        (("lockside component put airports.extract.toml", "TOML or JSON; its id is the file's name"),),
        (Argument("FILE", "a TOML or JSON file"),),
    ),
    Command(
        "component rm",
        "lockside.cli.catalog:component_rm",
        "delete a component; existing jobs keep theirs",
        (("lockside component rm airports.extract", ""),),
        (_COMPONENT,),
    ),
    Command(
        "config ls",
        "lockside.cli.catalog:config_ls",
        "list configurations",
        (("lockside config ls", ""), ("lockside config ls airports.extract", "of one component")),
        (Argument("COMPONENT", "a component's id", "?"),),
        (_BRANCH,),
    ),
    Command(
        "config show",
        "lockside.cli.catalog:config_show",
        "print a configuration",
        (("lockside config show airports.extract/daily", ""),),
        (_CONFIG,),
        (_BRANCH, _VERSION),
    ),
    Command(
        "config put",
        "lockside.cli.catalog:config_put",
        "store a configuration from a file",
        (("lockside config put airports.extract/daily daily.toml -m 'smaller batches'", ""),),
        (_CONFIG, Argument("FILE", "a TOML or JSON file")),
        (_BRANCH, Option("-m --message", "what changed", "TEXT")),
    ),
    Command(
        "config rm",
        "lockside.cli.catalog:config_rm",
        "delete a configuration; its versions stay readable",
        (("lockside config rm airports.extract/daily", ""),),
        (_CONFIG,),
        (_BRANCH,),
    ),
    Command(
        "config versions",
        "lockside.cli.catalog:config_versions",
        "list who changed a configuration, when and why",
        (("lockside config versions airports.extract/daily", ""),),
        (_CONFIG,),
        (_BRANCH,),
    ),
    *FOLDERS,
)

DAEMON = (
    Command(
        "status",
        "lockside.cli.status:status",
        "say how the daemon is: what runs, what waits, and what is wrong",
        (("lockside status", ""), ("lockside status --json", "")),
    ),
    Command(
        "events",
        "lockside.cli.events:events",
        "list what happened; every change is an event",
        (
            ("lockside events -f", "as it happens"),
            ("lockside events --job 42", "the history of one job"),
            ("lockside events --kind job.status --after 1200 --json", ""),
        ),
        (),
        (
            Option("-f --follow", "go on until Ctrl-C, also over a restart of the daemon"),
            Option("--after", "only events after this sequence number", "SEQ", "integer"),
            Option("--kind", "only this kind (repeat for more)", "KIND", many=True),
            Option("--job", "only of this job", "JOB"),
            Option("-n --limit", "how many (50)", "N", "integer"),
        ),
    ),
    Command(
        "drain",
        "lockside.cli.status:drain",
        "start no more jobs, for instance before an upgrade",
        (("lockside drain --wait", "come back when nothing runs any more"),),
        (),
        (Option("-w --wait", "wait until nothing runs any more"),),
    ),
    Command("undrain", "lockside.cli.status:undrain", "start jobs again", (("lockside undrain", ""),)),
    Command(
        "doctor",
        "lockside.cli.doctor:doctor",
        "look for what is wrong: socket, rights, versions, database, orphans",
        (("lockside doctor", "works without a daemon, too"),),
        (),
        (Option("--state-dir", "the state folder to look at when no daemon answers", "DIR"),),
    ),
    *KEEPING,
    Command(
        "metrics",
        "lockside.cli.status:metrics",
        "print the daemon's metrics in the Prometheus text format",
        (("lockside metrics", ""),),
    ),
)

BESIDES = (
    Command(
        "demo",
        "lockside.cli.demo:demo",
        "see it work: a real pipeline, a wait with its reason, a crash survived",
        (("lockside demo", "a daemon of its own in a temporary folder; takes half a minute"),),
        (),
        (Option("--dir", "the folder to work in (else a new one in the temporary folder)", "DIR"),),
    ),
    Command(
        "completion",
        "lockside.cli.completion:completion",
        "print a script that completes commands, options and job ids",
        (
            ('eval "$(lockside completion bash)"', "in ~/.bashrc"),
            ('eval "$(lockside completion zsh)"', "in ~/.zshrc"),
            ("lockside completion fish | source", "in config.fish"),
        ),
        (Argument("SHELL", "bash, zsh or fish"),),
    ),
    Command(
        "help",
        "lockside.cli.main:help_",
        "print help",
        (("lockside help run", ""),),
        (Argument("COMMAND", "a command", "*"),),
    ),
)

HIDDEN = (
    Command(
        "__complete",
        "lockside.cli.completion:complete",
        "print what could stand next",
        (),
        (Argument("WORD", "the words so far", "--"),),
    ),
)

FAMILIES = (
    ("jobs", JOBS),
    ("pools", POOLS),
    ("what is run, and how", CATALOG),
    ("the daemon", DAEMON),
    ("besides", BESIDES),
)

COMMANDS = tuple(command for _, family in FAMILIES for command in family) + HIDDEN

"""The table of all commands: words, arguments, options, examples.

Help, parsing and completion are made from it.

It holds data alone, so that it loads in a millisecond; `run` names the function that does the work.
"""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.control_jobs import CONTROL_JOBS
from lockside.cli.tables.create_jobs import CREATE_JOBS
from lockside.cli.tables.database import DATABASE
from lockside.cli.tables.folders import FOLDERS
from lockside.cli.tables.inspect_jobs import INSPECT_JOBS
from lockside.cli.tables.objects import GROUPS_OF_KINDS, OF_KINDS, POOL_SHOW
from lockside.cli.tables.storage import STORAGE

GLOBAL_OPTIONS = (
    Option("--socket", "the daemon's socket (default: $LOCKSIDE_SOCKET, then the usual places)", "PATH"),
    Option("--project", "the project to work in (default: $LOCKSIDE_PROJECT, then 'default')", "ID"),
    Option("--json", "print JSON objects as on the wire; one per line in streams"),
    Option("--plain", "print tab-separated columns without colour, as off a terminal"),
    Option("-h --help", "print help"),
    Option("--version", "print the version"),
)

_POOL = Argument("POOL", "a pool's id")

GROUPS = {
    "pool": "queues of jobs, and how many jobs of each run at once",
    **GROUPS_OF_KINDS,
    "table": "tables that jobs read and write",
    "new": "first files to begin with",
}

POOLS = (
    Command("pool ls", "lockside.cli.catalog.pools:ls", "list pools", (("lockside pool ls", ""),)),
    POOL_SHOW,
    Command(
        "pool put",
        "lockside.cli.catalog.pools:put",
        "create a pool, or change it",
        (
            ("lockside pool put loads --slots 2", "two jobs at once; a lower number stops no running job"),
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
        "lockside.cli.catalog.pools:pause",
        "start no more jobs in a pool; running jobs go on",
        (("lockside pool pause loads --comment 'warehouse is down'", "waiting jobs show the comment"),),
        (_POOL,),
        (Option("--comment", "why, for whoever waits", "TEXT"),),
    ),
    Command(
        "pool resume",
        "lockside.cli.catalog.pools:resume",
        "start jobs in a paused pool again",
        (("lockside pool resume loads", ""),),
        (_POOL,),
    ),
    Command(
        "pool rm",
        "lockside.cli.catalog.pools:rm",
        "delete a pool that no unfinished job uses",
        (("lockside pool rm loads", ""),),
        (_POOL,),
    ),
)

CATALOG = (*OF_KINDS, *FOLDERS)

DAEMON = (
    Command(
        "status",
        "lockside.cli.daemon.status:status",
        "show the daemon's state: running and waiting jobs, and problems",
        (("lockside status", "problems first, since when and what to do"),),
    ),
    Command(
        "events",
        "lockside.cli.daemon.events:events",
        "list events; every change is one",
        (
            ("lockside events -f", "as it happens"),
            ("lockside events --job 42", "the history of one job"),
            ("lockside events --kind job.status --after 1200 --json", ""),
        ),
        (),
        (
            Option("-f --follow", "follow until Ctrl-C, also across restarts of the daemon"),
            Option("--after", "only events after this sequence number", "SEQ", "integer"),
            Option("--kind", "only this kind (repeat for more)", "KIND", many=True),
            Option("--job", "only events of this job", "JOB"),
            Option("-n --limit", "how many (default 50)", "N", "integer"),
        ),
    ),
    Command(
        "drain",
        "lockside.cli.daemon.drain:drain",
        "start no more jobs, for instance before maintenance",
        (("lockside drain --wait", "return when no job runs"),),
        (),
        (Option("-w --wait", "wait until no job runs"),),
    ),
    Command("undrain", "lockside.cli.daemon.drain:undrain", "start jobs again", (("lockside undrain", ""),)),
    Command(
        "doctor",
        "lockside.cli.daemon.doctor:doctor",
        "check the socket, rights, versions, database and orphans",
        (
            ("lockside doctor", "also works without a daemon"),
            ("lockside doctor --fix", "and do the repairs that lose no accepted job"),
        ),
        (),
        (
            Option("--fix", "do the proposed repairs"),
            Option("--state-dir", "the state folder to check when no daemon answers", "DIR"),
        ),
    ),
    *DATABASE,
    Command(
        "metrics",
        "lockside.cli.daemon.metrics:metrics",
        "print the daemon's metrics in the Prometheus text format",
        (("lockside metrics", ""),),
    ),
)

OTHER = (
    Command(
        "demo",
        "lockside.cli.daemon.demo:demo",
        "run a demonstration: a pipeline, a wait with its reason, a crash survived",
        (("lockside demo", "with its own daemon in a temporary folder; takes half a minute"),),
        (),
        (Option("--dir", "the folder to work in (default: a new temporary one)", "DIR"),),
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
        "show the handbook: a page a topic, and the fields of every object",
        (
            ("lockside help", "the topics"),
            ("lockside help waiting", "a page of the handbook"),
            ("lockside help job.create", "the parameters of a method"),
            ("lockside help job", "the fields of an object: job, manifest, configuration ..."),
            ("lockside help run", "a command, as does lockside run --help"),
        ),
        (Argument("TOPIC", "a topic, a command, a method or an object", "*"),),
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

SECTIONS = (
    ("create jobs", CREATE_JOBS),
    ("inspect jobs", INSPECT_JOBS),
    ("control jobs", CONTROL_JOBS),
    ("pools", POOLS),
    ("stored objects", CATALOG),
    ("tables", STORAGE),
    ("the daemon", DAEMON),
    ("more", OTHER),
)

COMMANDS = tuple(command for _, family in SECTIONS for command in family) + HIDDEN

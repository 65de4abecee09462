"""The table of all commands: words, arguments, options, examples.

Help, parsing and completion are derived from it. It has only data, so that it loads in a millisecond; `run`
names the function of a command.
"""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.administration import DATABASE, SYSTEMS, TOKENS
from lockside.cli.tables.control_jobs import CONTROL_JOBS
from lockside.cli.tables.create_jobs import CREATE_JOBS
from lockside.cli.tables.folders import FOLDERS
from lockside.cli.tables.inspect_jobs import INSPECT_JOBS
from lockside.cli.tables.notify import NOTIFY
from lockside.cli.tables.objects import GROUPS_OF_KINDS, OF_KINDS, POOL_SHOW
from lockside.cli.tables.schedules import SCHEDULES, TRIGGERS
from lockside.cli.tables.secrets import SECRETS
from lockside.cli.tables.shared import BRANCH, SET, TAG, TELL
from lockside.cli.tables.storage import STORAGE
from lockside.cli.tables.stored_files import STORED_FILES
from lockside.cli.tables.table_upkeep import TABLE_UPKEEP

GLOBAL_OPTIONS = (
    Option("--socket", "the daemon's socket (default: $LOCKSIDE_SOCKET, then the usual places)", "PATH"),
    Option("--project", "the project to work in (default: $LOCKSIDE_PROJECT, then 'default')", "ID"),
    Option("--json", "print JSON objects as on the wire; one per line in streams"),
    Option("--plain", "print tab-separated columns without colour, as when piped"),
    Option("-h --help", "print help"),
    Option("--version", "print the version"),
)

_POOL = Argument("POOL", "a pool's id", member="id")

GROUPS = {
    "pool": "queues of jobs, and how many jobs of each run at once",
    **GROUPS_OF_KINDS,
    "executor": "where the jobs of pools run: this machine, Slurm, plug-ins",
    "table": "tables that jobs read and write",
    "file": "files that jobs have stored",
    "secret": "encrypted values, and the keys that encrypt them",
    "token": "tokens with which programs act as a user",
    "state": "the state that the last successful run saved for the next",
    "recovery": "tests that blocked jobs wait for",
    "orchestration": "preview of an orchestration",
    "new": "write first files of a pipeline",
}

POOLS = (
    Command("pool ls", "lockside.cli.catalog.pools:ls", "list pools", "lockside pool ls"),
    POOL_SHOW,
    Command(
        "pool put",
        "lockside.cli.catalog.pools:put",
        "create a pool, or change it",
        ("lockside pool put loads --slots 2", "two jobs at once; a lower number stops no running job"),
        "lockside pool put loads --slots infinity",
        (
            "lockside pool put far --slots 100 --executor slurm --option workRoot=/shared/lockside",
            "Slurm runs the jobs of this pool",
        ),
        _POOL,
        Option("--slots", "how many jobs run at once: 0 or more, or infinity", "N", "slots"),
        Option("--executor", "the kind of executor that runs its jobs; see executor ls", "KIND"),
        Option("--option", "an option of the executor (repeat for more)", "NAME=VALUE", "label", many=True),
        Option("--description", "what the pool is for", "TEXT"),
    ),
    Command(
        "executor ls",
        "lockside.cli.catalog.executors:ls",
        "list the kinds of executors",
        "lockside executor ls",
    ),
    Command(
        "pool pause",
        TELL,
        "start no more jobs in a pool; running jobs go on",
        ("lockside pool pause loads --comment 'warehouse is down'", "waiting jobs show the comment"),
        _POOL,
        Option("--comment", "the reason, which waiting jobs show", "TEXT", member="comment"),
        method="pool.pause",
        says="pool {id} is paused; running jobs go on",
        next="  next: lockside pool resume {id}",
    ),
    Command(
        "pool resume",
        "lockside.cli.catalog.pools:resume",
        "start jobs in a paused pool again",
        "lockside pool resume loads",
        _POOL,
    ),
    Command(
        "pool rm",
        TELL,
        "delete a pool that no unfinished job uses",
        "lockside pool rm loads",
        _POOL,
        method="pool.delete",
        says="pool {typed[pool]} is deleted",
    ),
)

_CONFIG = Argument("COMPONENT/CONFIG", "a configuration")
_PART = Option(
    "--part",
    "component, storage (how far adaptive inputs were read) or all (default: all)",
    "PART",
    choices=("component", "storage", "all"),
)
_OF_ROW = Option("--row", "the state of this row", "ROW")

OF_CONFIGURATIONS = (
    Command(
        "state show",
        "lockside.cli.catalog.state:show",
        "print the state that the last successful run saved for the next",
        "lockside state show airports.extract/daily",
        _CONFIG,
        BRANCH,
        _OF_ROW,
    ),
    Command(
        "state reset",
        "lockside.cli.catalog.state:reset",
        "delete the state, so that the next run starts from the beginning",
        "lockside state reset airports.extract/daily",
        ("lockside state reset airports.load/daily --part storage", "read adaptive inputs in full"),
        _CONFIG,
        BRANCH,
        _OF_ROW,
        _PART,
    ),
    Command(
        "orchestration plan",
        "lockside.cli.catalog.orchestration:plan",
        "show what an orchestration would run, carry over and skip",
        "lockside orchestration plan nightly",
        ("lockside orchestration plan nightly --previous 41", "only tasks that did not succeed in 41"),
        Argument("ORCHESTRATION", "an orchestration's id"),
        BRANCH,
        Option("--task", "only this task (repeat for more)", "TASK", many=True),
        Option("--previous", "carry over tasks that succeeded in this job", "JOB"),
    ),
    Command(
        "action",
        "lockside.cli.catalog.action:action",
        "run a synchronous action of a component, and print the JSON that it returns",
        ("lockside action acme.orders/daily testConnection", "with a stored configuration"),
        ("lockside action acme.orders columns --data config.json", "with a configuration from a file"),
        Argument("COMPONENT/CONFIG", "a configuration, or a component alone"),
        Argument("ACTION", "one of the component's actions"),
        BRANCH,
        Option("--row", "with this row merged into the configuration", "ROW"),
        Option("--data", "a TOML or JSON file with a configuration; - for stdin", "FILE"),
        SET,
        TAG,
        notes="It runs without a job, lock or slot, for at most 30 seconds.",
    ),
)

_OWN = {command.name for command in SCHEDULES}
CATALOG = (
    *(command for command in OF_KINDS if command.name not in _OWN),
    *NOTIFY,
    *SYSTEMS,
    *OF_CONFIGURATIONS,
    *SCHEDULES,
    *TRIGGERS,
    *FOLDERS,
)

DAEMON = (
    Command(
        "start",
        "lockside.cli.daemon.start:start",
        "start a daemon for your user, which this command line finds by itself",
        ("lockside start", "as a unit of `systemd --user`, if available"),
        Option("--without-systemd", "start a plain process, even if systemd is available"),
        notes=(
            "Its state is in ~/.local/state/lockside. `lockside help operating` explains the system service."
        ),
    ),
    Command(
        "stop",
        "lockside.cli.daemon.start:stop",
        "stop your own daemon; running jobs continue, and the next daemon adopts them",
        "lockside stop",
        ("lockside stop 42", "with a JOB: the same as `lockside kill 42`"),
        Argument("JOB", "a job to stop instead of the daemon", "*"),
        Option("--dry-run", "change nothing; show what would happen to the jobs"),
        Option("-w --wait", "wait until the jobs have ended"),
    ),
    Command(
        "status",
        "lockside.cli.daemon.status:status",
        "show the daemon's state: running and waiting jobs, and problems",
        ("lockside status", "problems first, with their start and what to do"),
        ("lockside status --check", "for monitoring: exit code 0 if jobs can be accepted and started"),
        Option("--check", "only check whether jobs can be accepted and started; exit code 0 if so, else 1"),
    ),
    Command(
        "events",
        "lockside.cli.daemon.events:events",
        "list events; every change is an event",
        ("lockside events -f", "live"),
        ("lockside events --job 42", "the history of one job"),
        "lockside events --kind job.status --after 1200 --json",
        Option("-f --follow", "follow until Ctrl-C, also across restarts of the daemon"),
        Option("--after", "only events after this sequence number", "SEQ", "integer"),
        Option("--kind", "only this kind (repeat for more)", "KIND", many=True),
        Option("--job", "only events of this job", "JOB"),
        Option("-n --limit", "how many (default 50)", "N", "count"),
    ),
    Command(
        "drain",
        "lockside.cli.daemon.drain:drain",
        "start no more jobs, for instance before maintenance",
        ("lockside drain --wait", "return when no job runs"),
        Option("-w --wait", "wait until no job runs"),
    ),
    Command("undrain", "lockside.cli.daemon.drain:undrain", "start jobs again", "lockside undrain"),
    Command(
        "doctor",
        "lockside.cli.daemon.doctor:doctor",
        "check the socket, rights, versions, database and orphans",
        ("lockside doctor", "also works without a daemon"),
        ("lockside doctor --fix", "make the repairs that lose no accepted job"),
        ("lockside doctor --adopt in.c-shop.orders", "take over changes of another program to a table"),
        ("lockside doctor --adopt all", "also tables that were copied from another lake"),
        Option("--fix", "make the proposed repairs"),
        Option(
            "--adopt",
            "take over changes of another program to this table, or 'all' (repeat for more)",
            "TABLE",
            many=True,
        ),
        Option("--state-dir", "the state folder to check when no daemon answers", "DIR"),
    ),
    *DATABASE,
    Command(
        "reload",
        "lockside.cli.daemon.call:reload",
        "make the daemon read its settings again",
        ("lockside reload", "SIGHUP does the same"),
    ),
    Command(
        "call",
        "lockside.cli.daemon.call:call",
        "call any method of the daemon and print the answer as JSON",
        "lockside call job.get id=42",
        ("lockside call job.list status='[\"error\"]' limit=5", "a value is JSON, otherwise text"),
        ("lockside call rpc.discover", "the OpenRPC document of all methods"),
        Argument("METHOD", "a method; `lockside help methods` lists them"),
        Argument("PARAM", "NAME=VALUE, or a JSON object; - reads one from stdin", "*"),
    ),
    Command(
        "metrics",
        "lockside.cli.daemon.metrics:metrics",
        "print the daemon's metrics in the Prometheus text format",
        "lockside metrics",
    ),
)

OTHER = (
    Command(
        "mcp",
        "lockside.cli.daemon.mcp:mcp",
        "serve tools for an AI agent on stdin and stdout (Model Context Protocol)",
        ("lockside mcp", "as the command of an MCP server in an agent's settings"),
        ("lockside mcp --read-only --project etl", "only tools that read, in one project"),
        Option("--read-only", "offer no tool that changes anything"),
        notes="The tools act with your rights. `lockside help agents` describes them.",
    ),
    Command(
        "web",
        "lockside.cli.daemon.web:web",
        "serve the web page for yourself, and print the URL that signs you in",
        ("lockside web", "at 127.0.0.1:8765, or at the address in the settings"),
        ("lockside web --listen 127.0.0.1:9000", "at another port"),
        Option("--listen", "an address and a port", "ADDRESS"),
        notes="It needs the extra `web`: pip install 'lockside[web]'. See `lockside help web-server`.",
    ),
    Command(
        "demo",
        "lockside.cli.daemon.demo:demo",
        "run a demonstration: a pipeline, a waiting job with its reason, a survived crash",
        ("lockside demo", "with its own daemon in a temporary folder; takes half a minute"),
        Option("--dir", "the folder to work in (default: a new temporary one)", "DIR"),
    ),
    Command(
        "completion",
        "lockside.cli.completion:completion",
        "print a script that completes commands, options and job ids",
        ('eval "$(lockside completion bash)"', "in ~/.bashrc"),
        ('eval "$(lockside completion zsh)"', "in ~/.zshrc"),
        ("lockside completion fish | source", "in config.fish"),
        Argument("SHELL", "bash, zsh or fish"),
    ),
    Command(
        "help",
        "lockside.cli.main:help_",
        "show a page of the handbook, or the fields of an object",
        ("lockside help", "the topics"),
        ("lockside help waiting", "a page of the handbook"),
        ("lockside help job.create", "the parameters of a method"),
        ("lockside help fields component", "every field of an object"),
        ("lockside help fields", "the objects: component, config, task, pool, environment ..."),
        ("lockside help run", "a command, same as lockside run --help"),
        Argument("TOPIC", "a topic, a command, a method or an object", "*"),
    ),
    Command(
        "man",
        "lockside.cli.man:man",
        "write manual pages: all commands, topics and fields",
        ("lockside man", "to ~/.local/share/man; then: man lockside-run"),
        "lockside man /usr/local/share/man",
        Argument("DIR", "a folder that `man` searches (default: ~/.local/share/man)", "?"),
    ),
)

HIDDEN = (
    Command(
        "__complete",
        "lockside.cli.completion:complete",
        "print the possible next words",
        Argument("WORD", "the words so far", "--"),
    ),
)

SECTIONS = (
    ("create jobs", CREATE_JOBS),
    ("inspect jobs", INSPECT_JOBS),
    ("control jobs", CONTROL_JOBS),
    ("pools", POOLS),
    ("stored objects", CATALOG),
    ("tables", (*STORAGE, *TABLE_UPKEEP, *STORED_FILES)),
    ("secrets", SECRETS),
    ("tokens", TOKENS),
    ("the daemon", DAEMON),
    ("more", OTHER),
)

COMMANDS = tuple(command for _, family in SECTIONS for command in family) + HIDDEN

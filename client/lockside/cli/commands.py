"""The table of all commands: words, arguments, options, examples.

Help, parsing and completion are made from it.

It holds data alone, so that it loads in a millisecond; `run` names the function that does the work.
"""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.folders import FOLDERS
from lockside.cli.tables.keeping import KEEPING
from lockside.cli.tables.making import MAKING
from lockside.cli.tables.seeing import SEEING
from lockside.cli.tables.steering import STEERING

GLOBAL_OPTIONS = (
    Option("--socket", "the daemon's socket (else $LOCKSIDE_SOCKET, then the usual places)", "PATH"),
    Option("--project", "the project to work in (else $LOCKSIDE_PROJECT, then 'default')", "ID"),
    Option("--json", "print objects as on the wire; one line each where they stream"),
    Option("--plain", "print tab-separated columns without colour, as when the output is no terminal"),
    Option("-h --help", "print help"),
    Option("--version", "print the version"),
)

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
        "lockside.cli.oncall:status",
        "say how the daemon is: what runs, what waits, and what is wrong",
        (("lockside status", "what is wrong, since when and what to do; then the rest"),),
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
        "lockside.cli.draining:drain",
        "start no more jobs, for instance before an upgrade",
        (("lockside drain --wait", "come back when nothing runs any more"),),
        (),
        (Option("-w --wait", "wait until nothing runs any more"),),
    ),
    Command("undrain", "lockside.cli.draining:undrain", "start jobs again", (("lockside undrain", ""),)),
    Command(
        "doctor",
        "lockside.cli.doctor:doctor",
        "look for what is wrong: socket, rights, versions, database, orphans",
        (
            ("lockside doctor", "works without a daemon, too"),
            ("lockside doctor --fix", "and do what it proposes, as far as no accepted job is lost by it"),
        ),
        (),
        (
            Option("--fix", "do the repairs that it proposes"),
            Option("--state-dir", "the state folder to look at when no daemon answers", "DIR"),
        ),
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
    ("make jobs", MAKING),
    ("see them", SEEING),
    ("steer them", STEERING),
    ("pools", POOLS),
    ("what is run, and how", CATALOG),
    ("the daemon", DAEMON),
    ("besides", BESIDES),
)

COMMANDS = tuple(command for _, family in FAMILIES for command in family) + HIDDEN

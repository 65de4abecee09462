"""Commands for folders of files: create, validate, apply, export."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option

_DIR = Argument("DIR", "a folder with components/, configs/, pools.toml, variables/")
_NEW_DIR = Argument("DIR", "the folder of the pipeline (default: this one)", "?")

_NEW = (
    Command(
        "new component",
        "lockside.cli.catalog.new:component",
        "write a first component: its file and a script that runs",
        "lockside new component shop.orders pipeline",
        Argument("COMPONENT", "a component's id"),
        _NEW_DIR,
    ),
    Command(
        "new config",
        "lockside.cli.catalog.new:config",
        "write a first configuration, from its component's schema",
        "lockside new config shop.orders/daily pipeline",
        Argument("COMPONENT/CONFIG", "a configuration"),
        _NEW_DIR,
    ),
    Command(
        "new orchestration",
        "lockside.cli.catalog.new:orchestration",
        "write an orchestration of all configurations in the folder",
        "lockside new orchestration nightly pipeline",
        Argument("NAME", "its name"),
        _NEW_DIR,
    ),
)

FOLDERS = (
    Command(
        "init",
        "lockside.cli.catalog.new:init",
        "write a folder with a commented, working pipeline",
        ("lockside init", "to the folder 'pipeline'"),
        ("lockside init nightly", "to another folder"),
        Argument("DIR", "a new folder (default: pipeline)", "?"),
    ),
    Command(
        "apply",
        "lockside.cli.catalog.apply:apply",
        "store the components, configurations and pools of a folder of files",
        ("lockside apply pipeline --plan", "show what would change, and change nothing"),
        "lockside apply pipeline",
        ("lockside apply pipeline --prune", "also delete objects that are not in the folder"),
        _DIR,
        Option("--dry-run --plan", "show what would change, and change nothing"),
        Option("--prune", "delete objects that are not in the folder, of the kinds that are in it"),
        Option("-y --yes", "delete without asking"),
        Option("-m --message", "what changed, for the list of versions", "TEXT"),
        Option("--branch", "the branch of the configurations (default: 'default')", "ID"),
        notes=(
            "All changes are stored in one transaction. In a component's command, arguments that begin with\n"
            "./ or ../ name files relative to the component's file; they are stored as absolute paths."
        ),
    ),
    Command(
        "export",
        "lockside.cli.catalog.export:export",
        "write the stored objects as a folder of files for `apply`",
        ("lockside export pipeline", "files with the same content are left unchanged"),
        ("lockside export pipeline --force", "also overwrite files with other content"),
        Argument("DIR", "a new or existing folder"),
        Option("--force", "overwrite files with other content"),
        Option("--branch", "the branch of the configurations (default: 'default')", "ID"),
    ),
    Command(
        "validate",
        "lockside.cli.catalog.validate:validate",
        "check a folder of files without a daemon",
        "lockside validate pipeline",
        _DIR,
    ),
    *_NEW,
    Command(
        "schema",
        "lockside.cli.catalog.schema:schema",
        "print the JSON Schema of a file, for editors",
        ("lockside schema component", "the schema of a component's file"),
        ("lockside schema --write pipeline", "write all schemas into pipeline/.lockside"),
        ("lockside schema", "list the files that have a schema"),
        Argument("FILE", "component, config, row, pool, variables, ...; without it, all are listed", "?"),
        Option("--write", "write all schemas into the folder .lockside of this folder", "DIR"),
        notes=(
            "`new` and `init` write the schemas, and a #:schema line that editors with TOML support read."
        ),
    ),
)

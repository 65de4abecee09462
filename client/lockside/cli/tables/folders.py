"""Commands about folders of files: begin one, check it, apply it, write one of what is stored."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option

_DIR = Argument("DIR", "a folder with components/, configs/, pools.toml, variables/")
_NEW_DIR = Argument("DIR", "the folder of the pipeline (else this one)", "?")

_NEW = (
    Command(
        "new component",
        "lockside.cli.starting:component",
        "write a component to begin with: its file and a script that runs",
        (("lockside new component shop.orders pipeline", ""),),
        (Argument("COMPONENT", "a component's id"), _NEW_DIR),
    ),
    Command(
        "new config",
        "lockside.cli.starting:config",
        "write a configuration to begin with, after its component's schema",
        (("lockside new config shop.orders/daily pipeline", ""),),
        (Argument("COMPONENT/CONFIG", "a configuration"), _NEW_DIR),
    ),
    Command(
        "new orchestration",
        "lockside.cli.starting:orchestration",
        "write an orchestration of the configurations that the folder has",
        (("lockside new orchestration nightly pipeline", ""),),
        (Argument("NAME", "its name"), _NEW_DIR),
    ),
)

FOLDERS = (
    Command(
        "apply",
        "lockside.cli.applying:apply",
        "make the daemon's components, configurations and pools like a folder of files",
        (
            ("lockside apply pipeline --plan", "show what would change, and change nothing"),
            ("lockside apply pipeline", ""),
            ("lockside apply pipeline --prune", "also remove what the folder does not have"),
        ),
        (_DIR,),
        (
            Option("--plan", "show what would change, and change nothing"),
            Option("--prune", "remove what is stored and not in the folder, of the kinds that it has"),
            Option("-y --yes", "do not ask before anything is removed"),
            Option("-m --message", "what changed, for the versions", "TEXT"),
            Option("--branch", "the branch of the configurations (else 'default')", "ID"),
        ),
        "All of it is stored, or nothing. In a component's command, arguments that begin with ./ or ../\n"
        "are files beside its own file; they are stored with their whole path.",
    ),
    Command(
        "export",
        "lockside.cli.exporting:export",
        "write what is stored into a folder that `apply` understands",
        (
            ("lockside export pipeline", "files that say the same already are left as they are"),
            ("lockside export pipeline --force", "also write over files that say something else"),
        ),
        (Argument("DIR", "a folder, new or there already"),),
        (
            Option("--force", "write over files that say something else"),
            Option("--branch", "the branch of the configurations (else 'default')", "ID"),
        ),
    ),
    Command(
        "validate",
        "lockside.cli.applying:validate",
        "check a folder of files without a daemon",
        (("lockside validate pipeline", ""),),
        (_DIR,),
    ),
    *_NEW,
)

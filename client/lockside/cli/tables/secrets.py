"""Commands about secrets and the keys that encrypt them."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import TELL

SECRETS = (
    Command(
        "secret encrypt",
        "lockside.cli.daemon.secret:encrypt",
        "encrypt a value for a configuration; the value is prompted for, or read from stdin",
        ("lockside secret encrypt --component shop.load --config daily", "prompts without echo"),
        ("lockside secret encrypt --component shop.load", "for all its configurations"),
        ("lockside secret encrypt --variables common", "for a set of variables"),
        Option("--component", "the component that may use it", "COMPONENT", member="component"),
        Option("--config", "the configuration of that component that may use it", "CONFIG", member="config"),
        Option("--variables", "the set of variables that may use it", "VARIABLES", member="variables"),
        Option(
            "--scope",
            "config, project, component or variables (default: the narrowest)",
            "SCOPE",
            member="scope",
        ),
    ),
    Command(
        "secret keys",
        "lockside.cli.daemon.secret:keys",
        "list the keys and how many values each encrypts",
        "lockside secret keys",
    ),
    Command(
        "secret rotate",
        TELL,
        "create a new key and encrypt all stored values with it",
        ("lockside secret rotate", "only for the daemon's own key file"),
        method="secret.rotate",
        says="Key {id} encrypts {values} values.",
        next="Older keys are kept for backups: lockside secret keys",
    ),
    Command(
        "secret reencrypt",
        TELL,
        "encrypt all stored values with the newest key",
        ("lockside secret reencrypt", "after a key was added to a credential or to `key_file`"),
        method="secret.reencrypt",
        says="{values} values were encrypted under the newest key.",
    ),
    Command(
        "secret drop-key",
        TELL,
        "remove a key that encrypts no stored value",
        ("lockside secret drop-key 1f0c9a3b", "backups made before the rotation still need it"),
        Argument("KEY", "a key's id", member="id"),
        method="secret.dropKey",
        says="Key {id} is gone.",
    ),
)

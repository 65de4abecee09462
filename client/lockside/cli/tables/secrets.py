"""Commands about secrets and the keys that encrypt them."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option

SECRETS = (
    Command(
        "secret encrypt",
        "lockside.cli.daemon.secret:encrypt",
        "encrypt a value for a configuration; it is asked for, or read from standard input",
        (
            ("lockside secret encrypt --component shop.load --config daily", "asks without echo"),
            ("lockside secret encrypt --component shop.load", "for all its configurations"),
            ("lockside secret encrypt --variables common", "for a set of variables"),
        ),
        (),
        (
            Option("--component", "the component that may use it", "COMPONENT"),
            Option("--config", "the configuration of that component that may use it", "CONFIG"),
            Option("--variables", "the set of variables that may use it", "VARIABLES"),
            Option("--scope", "config, project, component or variables (default: the narrowest)", "SCOPE"),
        ),
    ),
    Command(
        "secret keys",
        "lockside.cli.daemon.secret:keys",
        "list the keys and how many values each encrypts",
        (("lockside secret keys", ""),),
    ),
    Command(
        "secret rotate",
        "lockside.cli.daemon.secret:rotate",
        "make a new key and encrypt all stored values under it",
        (("lockside secret rotate", "the key file must be the daemon's own"),),
    ),
    Command(
        "secret reencrypt",
        "lockside.cli.daemon.secret:reencrypt",
        "encrypt all stored values under the newest key",
        (("lockside secret reencrypt", "after a key was added to a credential or to `key_file`"),),
    ),
    Command(
        "secret drop-key",
        "lockside.cli.daemon.secret:drop",
        "remove a key that encrypts no stored value",
        (("lockside secret drop-key 1f0c9a3b", "backups made before the rotation still need it"),),
        (Argument("KEY", "a key's id"),),
    ),
)

"""The command of systems beside those that every kind has."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command

SYSTEMS = (
    Command(
        "system check",
        "lockside.cli.catalog.systems:check",
        "list the root of a system and, of a writable one, write a file there and remove it",
        "lockside system check archive",
        Argument("SYSTEM", "a system's id"),
    ),
)

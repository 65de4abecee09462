"""Commands for administrators of the daemon: backups of its database, systems, tokens."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import TELL

DATABASE = (
    Command(
        "backup",
        "lockside.cli.daemon.backup:backup",
        "back up the database while the daemon runs",
        "lockside backup",
        "lockside backup /srv/backup/lockside.db",
        Argument("FILE", "the file to write (default: a new file in the state folder's backups)", "?"),
    ),
    Command(
        "restore",
        "lockside.cli.daemon.backup:restore",
        "replace the database with a backup, while no daemon runs",
        (
            "lockside restore /srv/backup/lockside.db",
            "then start locksided, check it, and run lockside undrain",
        ),
        "lockside restore --state-dir ~/jobs lockside.db",
        Argument("FILE", "a file that `lockside backup` wrote"),
        Option("--state-dir", "the daemon's state folder (default: the usual path)", "DIR"),
        notes=(
            "The replaced database is kept beside the backups. Jobs that ran when the backup was made "
            "count as lost; later changes are gone. No job starts until `lockside undrain`."
        ),
    ),
)


SYSTEMS = (
    Command(
        "system check",
        "lockside.cli.catalog.systems:check",
        "test a system: list its root and, if it is writable, write and remove a file",
        "lockside system check archive",
        Argument("SYSTEM", "a system's id"),
    ),
)


TOKENS = (
    Command(
        "token create",
        "lockside.cli.daemon.token:create",
        "create a token with which a program acts as a user, and print its secret",
        ("lockside token create dashboard --role viewer", "a token that can only read"),
        ("lockside token create ci --expires 90d", "for 90 days"),
        ("lockside token create keboola --project etl --user ann", "for another user (admins only)"),
        Argument("NAME", "what the token is for", member="name"),
        Option("--role", "the highest role that it grants (default: your own)", "ROLE", member="role"),
        Option("--user", "the user that programs act as (default: you)", "USER", member="user"),
        Option("--expires", "how long it can be used: 12h, 90d (default: for ever)", "DURATION", "duration"),
        notes="It works only in the project given by --project. The secret is shown only once.",
    ),
    Command(
        "token ls",
        "lockside.cli.daemon.token:ls",
        "list your tokens of a project; an admin sees those of all users",
        "lockside token ls",
    ),
    Command(
        "token revoke",
        TELL,
        "revoke a token and those created with it, and close the connections that use them",
        "lockside token revoke 3",
        Argument("TOKEN", "a token's id, as in lockside token ls", member="id"),
        method="token.revoke",
        says="Token {id} is revoked.",
    ),
)

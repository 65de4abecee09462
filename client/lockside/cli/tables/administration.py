"""Commands of those who run the daemon: copies of its database, systems, tokens."""

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
        Option("--state-dir", "the daemon's state folder (default: the usual place)", "DIR"),
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
        "list the root of a system and, of a writable one, write a file there and remove it",
        "lockside system check archive",
        Argument("SYSTEM", "a system's id"),
    ),
)


TOKENS = (
    Command(
        "token create",
        "lockside.cli.daemon.token:create",
        "make a token, which can be shown in the place of a user, and print its secret",
        ("lockside token create dashboard --role viewer", "to look only"),
        ("lockside token create ci --expires 90d", "for 90 days"),
        ("lockside token create keboola --project etl --user ann", "for another user: an admin's"),
        Argument("NAME", "what it is for", member="name"),
        Option("--role", "the highest role that it gives (default: your own)", "ROLE", member="role"),
        Option("--user", "as whom all is done with it (default: you)", "USER", member="user"),
        Option("--expires", "how long it can be used: 12h, 90d (default: for ever)", "DURATION", "duration"),
        notes="It can be used in one project alone, that of --project. The secret is shown this once.",
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
        "end a token, those that were made with it, and all connections that use them",
        "lockside token revoke 3",
        Argument("TOKEN", "a token's id, as in lockside token ls", member="id"),
        method="token.revoke",
        says="Token {id} is revoked.",
    ),
)

"""Commands about copies of the daemon's database."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option

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

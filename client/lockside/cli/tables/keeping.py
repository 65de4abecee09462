"""Commands about copies of the daemon's database."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option

KEEPING = (
    Command(
        "backup",
        "lockside.cli.backups:backup",
        "write a copy of the daemon's database while it works",
        (("lockside backup", ""), ("lockside backup /srv/backup/lockside.db", "")),
        (Argument("FILE", "where to (else the state folder's backups)", "?"),),
    ),
    Command(
        "restore",
        "lockside.cli.backups:restore",
        "put a backup in the place of the database, while no daemon runs",
        (
            ("lockside restore /srv/backup/lockside.db", "then start locksided, look, and lockside undrain"),
            ("lockside restore --state-dir ~/jobs lockside.db", ""),
        ),
        (Argument("FILE", "a file that `lockside backup` wrote"),),
        (Option("--state-dir", "the daemon's state folder (else the usual place)", "DIR"),),
        "The database before is kept beside the backups. Jobs that ran when the backup was made count as\n"
        "lost; what happened after it is forgotten. Nothing starts until `lockside undrain`.",
    ),
)

"""The commands that change existing tables, undo jobs, and remove old versions."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import JOB
from lockside.cli.tables.storage import DETACH, IN_BRANCH, MAKE_JOB, TABLE

TABLE_UPKEEP = (
    Command(
        "table delete-rows",
        "lockside.cli.storage.changes:delete_rows",
        "delete rows of a table",
        ("lockside table delete-rows in.c-shop.orders --where id=17", "rows with this value"),
        "lockside table delete-rows in.c-shop.orders --all",
        TABLE,
        Option("--where", "rows with this value; if repeated, all must match", "COLUMN=VALUE", many=True),
        Option("--all", "all rows"),
        DETACH,
        IN_BRANCH,
    ),
    Command(
        "table key",
        MAKE_JOB,
        "set the primary key of a table; without columns, remove it",
        "lockside table key in.c-shop.orders id",
        TABLE,
        Argument("COLUMN", "a column of the key", "*", member="primaryKey"),
        DETACH,
        IN_BRANCH,
        method="storage.table.setPrimaryKey",
    ),
    Command(
        "table alter",
        "lockside.cli.storage.changes:alter",
        "add and drop columns of a table, and change types",
        "lockside table alter in.c-shop.orders --add note --drop total",
        ("lockside table alter in.c-shop.orders --type total=NUMERIC:10,2", "values are converted"),
        TABLE,
        Option("--add", "a column to add, by default a STRING", "COLUMN[=TYPE]", many=True),
        Option("--drop", "a column to drop, with its values", "COLUMN", many=True, member="dropColumns"),
        Option("--type", "the new type of a column", "COLUMN=TYPE", many=True),
        DETACH,
        IN_BRANCH,
    ),
    Command(
        "undo",
        "lockside.cli.storage.undo:undo",
        "reset the tables that a job wrote and the states that it saved",
        ("lockside undo 42", "as new versions; tables that the job created go to the trash"),
        ("lockside undo 42 --dry-run", "show what would change"),
        JOB,
        Option("--table", "only this table, and no state", "TABLE", many=True),
        Option("--force", "also revert changes that other jobs have made since"),
        Option("--dry-run", "change nothing, show what would change"),
        DETACH,
    ),
    Command(
        "vacuum",
        "lockside.cli.storage.vacuum:vacuum",
        "remove files of old table versions, and empty the trash of old tables",
        ("lockside vacuum", "all tables and the trash; the daemon does the same once a day"),
        ("lockside vacuum in.c-shop.orders --dry-run", "count what would be removed"),
        Argument("TABLE", "a table's id", "*", member="tables"),
        Option("--dry-run", "remove nothing, count what would be removed", member="dryRun"),
        Option("-d --detach", "do not wait for the jobs"),
        IN_BRANCH,
    ),
)

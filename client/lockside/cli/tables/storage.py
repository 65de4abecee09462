"""The commands about tables."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import TELL

_TABLE_ID = "a table's id, as in in.c-shop.orders"
TABLE = Argument("TABLE", _TABLE_ID, member="id")
_OF_TABLE = Argument("TABLE", _TABLE_ID, member="table")
IN_BRANCH = Option("--branch", "the branch (default: default)", "ID", member="branchId")
DETACH = Option("-d --detach", "do not wait for the job to end")
_LIMIT = Option("-n --limit", "how many (default 20)", "N", "count", member="limit")
_VERSION = Option("--version", "a version instead of the newest", "N", "integer", member="version")
_COLUMNS = Option("--column", "only this column (repeat for more)", "NAME", many=True, member="columns")
_KEY = Option(
    "--key", "a column of the primary key (repeat for more)", "NAME", many=True, member="primaryKey"
)
MAKE_JOB = "lockside.cli.storage.tables:make_job"

STORAGE = (
    Command(
        "table ls",
        "lockside.cli.storage.tables:ls",
        "list tables",
        "lockside table ls --text orders",
        Option("--text", "only tables whose id contains this", "TEXT", member="text"),
        IN_BRANCH,
    ),
    Command(
        "table show",
        "lockside.cli.storage.tables:show",
        "show a table: its columns, key, metadata and folder",
        "lockside table show in.c-shop.orders",
        TABLE,
        IN_BRANCH,
    ),
    Command(
        "table preview",
        "lockside.cli.storage.tables:preview",
        "print the first rows of a table",
        "lockside table preview in.c-shop.orders",
        ("lockside table preview in.c-shop.orders --version 3", "in an earlier version"),
        _OF_TABLE,
        _VERSION,
        _LIMIT,
        IN_BRANCH,
    ),
    Command(
        "table history",
        "lockside.cli.storage.tables:history",
        "list the versions of a table, the newest first",
        ("lockside table history in.c-shop.orders", "with the job and the rows that it changed"),
        TABLE,
        _LIMIT,
        IN_BRANCH,
    ),
    Command(
        "table restore",
        MAKE_JOB,
        "give a table the content of an earlier version",
        ("lockside table restore in.c-shop.orders --version 3", "as a new version; no data is copied"),
        ("lockside table restore in.c-shop.orders --before-job 42", "as it was before that job"),
        TABLE,
        Option("--version", "the version", "N", "integer", member="version"),
        Option("--time", "the version that was the newest at this time", "TIME", member="time"),
        Option("--before-job", "the version before the first one of this job", "JOB", member="beforeJob"),
        Option("--from-trash", "restore a dropped table from the trash", member="fromTrash"),
        DETACH,
        IN_BRANCH,
        method="storage.table.restore",
    ),
    Command(
        "table put",
        "lockside.cli.storage.table_jobs:put",
        "create an empty table, or describe an existing one",
        "lockside table put in.c-shop.orders --column id:INTEGER --column total --key id",
        ("lockside table put in.c-shop.orders --description 'all orders'", "describe an existing table"),
        TABLE,
        Option("--column", "a column, as in NAME:NUMERIC(10,2) (repeat for more)", "NAME:TYPE", many=True),
        _KEY,
        Option("--description", "a text for people", "TEXT"),
        IN_BRANCH,
    ),
    Command(
        "table drop",
        TELL,
        "move a table to the trash",
        ("lockside table drop in.c-shop.orders", "it is removed after [storage] trash_days"),
        TABLE,
        IN_BRANCH,
        method="storage.table.delete",
        says="{id} is in the trash",
    ),
    Command(
        "table import",
        "lockside.cli.storage.table_jobs:import_",
        "load a file into a table",
        ("lockside table import in.c-shop.orders orders.csv --key id --incremental", "adds rows"),
        TABLE,
        Argument("PATH", "a CSV or Parquet file, or a folder of slices"),
        Option("--incremental", "add rows instead of replacing the content", member="incremental"),
        _KEY,
        Option(
            "--column",
            "a column of a file without a header (repeat for more)",
            "NAME",
            many=True,
            member="columns",
        ),
        Option("--delimiter", "the character between two fields", "CHARACTER", member="delimiter"),
        Option("--on-bad-rows", "error, or reject to leave them out", "error|reject", member="onBadRows"),
        Option(
            "--max-bad-rows", "the most rows to leave out (default 1000)", "N", "count", member="maxBadRows"
        ),
        DETACH,
        IN_BRANCH,
    ),
    Command(
        "table export",
        "lockside.cli.storage.table_jobs:export",
        "write a table to a file",
        "lockside table export in.c-shop.orders orders.csv",
        "lockside table export in.c-shop.orders new.csv --where state=open",
        TABLE,
        Argument("PATH", "the file; with --parquet a folder"),
        _VERSION,
        Option("--parquet", "write a folder of Parquet files"),
        Option("--system", "write the file to this system", "ID", member="system"),
        Option("--overwrite", "replace an existing file", member="overwrite"),
        _COLUMNS,
        Option("--where", "only rows with this value (repeat for more)", "COLUMN=VALUE", many=True),
        Option(
            "--changed-since",
            "only rows that changed at this time or later",
            "TIME",
            member="changedSince",
        ),
        Option("-n --limit", "the maximum number of rows", "N", "count", member="limit"),
        DETACH,
        IN_BRANCH,
    ),
    Command(
        "table clone",
        MAKE_JOB,
        "create a table with the content of another",
        ("lockside table clone in.c-shop.orders out.c-try.orders", "no data is copied"),
        ("lockside table clone in.c-shop.orders --to-branch try --version 3", "into another branch"),
        TABLE,
        Argument("TO", "the id of the new table (default: the same)", "?", member="toId"),
        _VERSION,
        Option("--to-branch", "the branch of the new table", "ID", member="toBranchId"),
        DETACH,
        IN_BRANCH,
        method="storage.table.clone",
    ),
    Command(
        "table diff",
        "lockside.cli.storage.table_reads:diff",
        "show the rows in which two versions of a table differ",
        ("lockside table diff in.c-shop.orders 3 4", "+ inserted, - deleted, < before, > after"),
        _OF_TABLE,
        Argument("FROM", "the older version", kind="integer", member="from"),
        Argument("TO", "the newer version (default: the newest)", "?", "integer", member="to"),
        _LIMIT,
        IN_BRANCH,
    ),
    Command(
        "table lineage",
        "lockside.cli.storage.table_reads:lineage",
        "show what a table was made from, or what was made from it",
        ("lockside table lineage out.c-report.sales", "which jobs made it from which tables"),
        ("lockside table lineage in.c-shop.orders --down", "which jobs read it"),
        _OF_TABLE,
        _VERSION,
        Option("--down", "show what was made from it"),
        IN_BRANCH,
    ),
    Command(
        "table status",
        "lockside.cli.storage.tables:status",
        "show where tables are stored, and tables with problems",
        "lockside table status",
    ),
    Command(
        "sql",
        "lockside.cli.storage.sql:sql",
        "query tables by their ids, in a process that runs as you",
        ("lockside sql 'SELECT count(*) FROM \"in.c-shop.orders\"'", "DuckDB's SQL; nothing is written"),
        Argument("QUERY", "a query that returns rows"),
        IN_BRANCH,
    ),
)

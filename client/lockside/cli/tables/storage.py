"""The commands about tables."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import TELL

_TABLE_ID = "a table's id, as in in.c-shop.orders"
TABLE = Argument("TABLE", _TABLE_ID, member="id")
_OF_TABLE = Argument("TABLE", _TABLE_ID, member="table")
IN_BRANCH = Option("--branch", "the branch (default: default)", "ID", member="branchId")
DETACH = Option("-d --detach", "do not wait for the job")
_LIMIT = Option("-n --limit", "how many (default 20)", "N", "integer", member="limit")
_VERSION = Option("--version", "a version instead of the newest", "N", "integer", member="version")
_COLUMNS = Option("--column", "only this column; also several", "NAME", many=True, member="columns")
_KEY = Option("--key", "a column of the primary key; also several", "NAME", many=True, member="primaryKey")
MAKE_JOB = "lockside.cli.storage.tables:make_job"

STORAGE = (
    Command(
        "table ls",
        "lockside.cli.storage.tables:ls",
        "list tables",
        (("lockside table ls --text orders", ""),),
        (),
        (Option("--text", "only tables whose id contains this", "TEXT", member="text"), IN_BRANCH),
    ),
    Command(
        "table show",
        "lockside.cli.storage.tables:show",
        "show a table: its columns, its key, and where it is",
        (("lockside table show in.c-shop.orders", ""),),
        (TABLE,),
        (IN_BRANCH,),
    ),
    Command(
        "table preview",
        "lockside.cli.storage.tables:preview",
        "print the first rows of a table",
        (
            ("lockside table preview in.c-shop.orders", ""),
            ("lockside table preview in.c-shop.orders --version 3", "as it was"),
        ),
        (_OF_TABLE,),
        (_VERSION, _LIMIT, IN_BRANCH),
    ),
    Command(
        "table history",
        "lockside.cli.storage.tables:history",
        "list the versions of a table, the newest first",
        (("lockside table history in.c-shop.orders", "which job changed how many rows"),),
        (TABLE,),
        (_LIMIT, IN_BRANCH),
    ),
    Command(
        "table restore",
        MAKE_JOB,
        "give a table the content of an earlier version",
        (
            ("lockside table restore in.c-shop.orders --version 3", "as a new version; no data is copied"),
            ("lockside table restore in.c-shop.orders --before-job 42", "as it was before that job"),
        ),
        (TABLE,),
        (
            Option("--version", "the version", "N", "integer", member="version"),
            Option("--time", "the version that was the newest then", "TIME", member="time"),
            Option("--before-job", "the version before the first one of this job", "JOB", member="beforeJob"),
            DETACH,
            IN_BRANCH,
        ),
        method="storage.table.restore",
    ),
    Command(
        "table put",
        "lockside.cli.storage.table_jobs:put",
        "make an empty table, or describe one",
        (
            ("lockside table put in.c-shop.orders --column id:INTEGER --column total --key id", ""),
            ("lockside table put in.c-shop.orders --description 'all orders'", "of a table that is there"),
        ),
        (TABLE,),
        (
            Option("--column", "a column, as in NAME:NUMERIC(10,2); also several", "NAME:TYPE", many=True),
            _KEY,
            Option("--description", "a text for people", "TEXT"),
            IN_BRANCH,
        ),
    ),
    Command(
        "table drop",
        TELL,
        "put a table into the trash",
        (("lockside table drop in.c-shop.orders", "it is removed after [storage] trash_days"),),
        (TABLE,),
        (IN_BRANCH,),
        method="storage.table.delete",
        says="{id} is in the trash",
    ),
    Command(
        "table import",
        "lockside.cli.storage.table_jobs:import_",
        "load a file into a table",
        (
            (
                "lockside table import in.c-shop.orders orders.csv --key id --incremental",
                "adds rows",
            ),
        ),
        (TABLE, Argument("PATH", "a CSV or Parquet file, or a folder of slices")),
        (
            Option(
                "--incremental", "add to the table; its content is replaced otherwise", member="incremental"
            ),
            _KEY,
            Option(
                "--column",
                "a column of a file without a header; also several",
                "NAME",
                many=True,
                member="columns",
            ),
            Option("--delimiter", "what stands between two fields", "CHARACTER", member="delimiter"),
            DETACH,
            IN_BRANCH,
        ),
    ),
    Command(
        "table export",
        "lockside.cli.storage.table_jobs:export",
        "write a table to a file",
        (
            ("lockside table export in.c-shop.orders orders.csv", ""),
            (
                "lockside table export in.c-shop.orders new.csv --where state=open",
                "",
            ),
        ),
        (TABLE, Argument("PATH", "the file; with --parquet a folder")),
        (
            _VERSION,
            Option("--parquet", "write a folder of Parquet files"),
            Option("--overwrite", "replace a file that is there", member="overwrite"),
            _COLUMNS,
            Option("--where", "only rows with this value; also several", "COLUMN=VALUE", many=True),
            Option(
                "--changed-since",
                "only rows that changed at this time or later",
                "TIME",
                member="changedSince",
            ),
            Option("-n --limit", "at most so many rows", "N", "integer", member="limit"),
            DETACH,
            IN_BRANCH,
        ),
    ),
    Command(
        "table clone",
        MAKE_JOB,
        "make a table with the content of another",
        (
            ("lockside table clone in.c-shop.orders out.c-try.orders", "no data is copied"),
            ("lockside table clone in.c-shop.orders --to-branch try --version 3", "into another branch"),
        ),
        (TABLE, Argument("TO", "the id of the new table (default: the same)", "?", member="toId")),
        (
            _VERSION,
            Option("--to-branch", "the branch of the new table", "ID", member="toBranchId"),
            DETACH,
            IN_BRANCH,
        ),
        method="storage.table.clone",
    ),
    Command(
        "table diff",
        "lockside.cli.storage.table_reads:diff",
        "show in which rows two versions of a table differ",
        (("lockside table diff in.c-shop.orders 3 4", "+ inserted, - deleted, < before, > after"),),
        (
            _OF_TABLE,
            Argument("FROM", "the older version", kind="integer", member="from"),
            Argument("TO", "the newer version (default: the newest)", "?", "integer", member="to"),
        ),
        (_LIMIT, IN_BRANCH),
    ),
    Command(
        "table lineage",
        "lockside.cli.storage.table_reads:lineage",
        "show what a table was made from, or what was made of it",
        (
            ("lockside table lineage out.c-report.sales", "which jobs made it from which tables"),
            ("lockside table lineage in.c-shop.orders --down", "who read it"),
        ),
        (_OF_TABLE,),
        (_VERSION, Option("--down", "what was made of it"), IN_BRANCH),
    ),
    Command(
        "table status",
        "lockside.cli.storage.tables:status",
        "show where tables are kept, and what cannot be published",
        (("lockside table status", ""),),
    ),
    Command(
        "sql",
        "lockside.cli.storage.sql:sql",
        "query tables by their ids, in a process of your own",
        (("lockside sql 'SELECT count(*) FROM \"in.c-shop.orders\"'", "DuckDB's SQL; nothing is written"),),
        (Argument("QUERY", "a query that returns rows"),),
        (IN_BRANCH,),
    ),
)

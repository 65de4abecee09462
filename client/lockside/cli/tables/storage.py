"""The commands about tables."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option

_TABLE = Argument("TABLE", "a table's id, as in in.c-shop.orders")
_BRANCH = Option("--branch", "the branch (default: default)", "ID")
_LIMIT = Option("-n --limit", "how many (default 20)", "N", "integer")

STORAGE = (
    Command(
        "table ls",
        "lockside.cli.storage.tables:ls",
        "list tables",
        (("lockside table ls --text orders", ""),),
        (),
        (Option("--text", "only tables whose id contains this", "TEXT"), _BRANCH),
    ),
    Command(
        "table show",
        "lockside.cli.storage.tables:show",
        "show a table: its columns, its key, and where it is",
        (("lockside table show in.c-shop.orders", ""),),
        (_TABLE,),
        (_BRANCH,),
    ),
    Command(
        "table preview",
        "lockside.cli.storage.tables:preview",
        "print the first rows of a table",
        (
            ("lockside table preview in.c-shop.orders", ""),
            ("lockside table preview in.c-shop.orders --version 3", "as it was"),
        ),
        (_TABLE,),
        (Option("--version", "a version instead of the newest", "N", "integer"), _LIMIT, _BRANCH),
    ),
    Command(
        "table history",
        "lockside.cli.storage.tables:history",
        "list the versions of a table, the newest first",
        (("lockside table history in.c-shop.orders", "which job changed how many rows"),),
        (_TABLE,),
        (_LIMIT, _BRANCH),
    ),
    Command(
        "table restore",
        "lockside.cli.storage.tables:restore",
        "give a table the content of an earlier version",
        (
            ("lockside table restore in.c-shop.orders --version 3", "as a new version; no data is copied"),
            ("lockside table restore in.c-shop.orders --before-job 42", "as it was before that job"),
        ),
        (_TABLE,),
        (
            Option("--version", "the version", "N", "integer"),
            Option("--time", "the version that was the newest then", "TIME"),
            Option("--before-job", "the version before the first one of this job", "JOB"),
            Option("-d --detach", "do not wait for the job"),
            _BRANCH,
        ),
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
        (_BRANCH,),
    ),
)

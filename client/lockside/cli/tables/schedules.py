"""The commands of schedules and triggers that other kinds do not have, or that differ from theirs."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import TELL

_ID = Argument("ID", "a schedule's id")
_RUN = "lockside.cli.catalog.schedules"

SCHEDULES = (
    Command(
        "schedule ls",
        f"{_RUN}:ls",
        "list schedules: next moment, last job and its status, missed moments of 7 days",
        "lockside schedule ls",
        "lockside schedule ls --status paused",
        Option("--status", "only schedules of this status", "STATUS"),
    ),
    Command(
        "schedule next",
        f"{_RUN}:upcoming",
        "list the next moments of a schedule, or of a file",
        "lockside schedule next nightly",
        ("lockside schedule next pipeline/schedules/nightly.toml -n 20", "needs no daemon"),
        Argument("ID/FILE", "a schedule's id, or a file with one"),
        Option("-n --count", "how many (default 10)", "N", "count"),
    ),
    Command(
        "schedule run",
        f"{_RUN}:run",
        "create a job of a schedule now",
        "lockside schedule run nightly",
        "lockside schedule run nightly 2026-01-31T02:30:00Z",
        _ID,
        Argument("MOMENT", "the past moment that the job is for", "?"),
    ),
    Command(
        "schedule pause",
        f"{_RUN}:pause",
        "pause a schedule: it creates no jobs until it is resumed",
        "lockside schedule pause nightly --until 18:00 -m 'the warehouse is down'",
        _ID,
        Option("--until", "when it resumes by itself", "TIME"),
        Option("-m --message", "the reason", "TEXT"),
    ),
    Command(
        "schedule resume",
        f"{_RUN}:resume",
        "let a paused schedule fire again; moments during the pause are skipped",
        "lockside schedule resume nightly",
        ("lockside schedule resume nightly --catch-up last", "run once for the moments of the pause"),
        _ID,
        Option("--catch-up", "run moments of the pause: the last, or all", "HOW", choices=("last", "all")),
    ),
    Command(
        "schedule backfill",
        f"{_RUN}:backfill",
        "create jobs for past moments that have no successful one",
        ("lockside schedule backfill nightly 2026-01-01 2026-01-31 --plan", "show which jobs"),
        "lockside schedule backfill nightly 2026-01-01 2026-01-31",
        _ID,
        Argument("FROM", "a local date or a time"),
        Argument("TO", "a local date or a time"),
        Option("--dry-run --plan", "show what would run, and change nothing"),
        Option("--again", "also moments that have a successful job"),
    ),
    Command(
        "schedule stop-backfill",
        f"{_RUN}:stop_backfill",
        "terminate the unfinished jobs of a backfill",
        "lockside schedule stop-backfill nightly-3fa2c17e",
        Argument("BACKFILL", "a backfill's id, as `schedule backfill` prints it"),
    ),
    Command(
        "schedule ledger",
        f"{_RUN}:ledger",
        "list the outcome of each moment of a schedule",
        "lockside schedule ledger nightly",
        "lockside schedule ledger nightly --missed --since yesterday",
        _ID,
        Option("--missed", "only moments that were missed or failed"),
        Option("--since", "only moments from this time on", "TIME"),
        Option("-n --limit", "how many rows (default 50)", "N", "count"),
    ),
)

_TRIGGER = Argument("ID", "a trigger's id", member="id")
_FIRE = "lockside.cli.catalog.triggers"

TRIGGERS = (
    Command(
        "trigger run",
        TELL,
        "fire a trigger now, with the causes that it has received",
        "lockside trigger run report",
        _TRIGGER,
        method="trigger.run",
        says="{typed[id]} (job {id}): {status}",
    ),
    Command(
        "trigger pause",
        TELL,
        "pause a trigger: it creates no jobs until it is resumed",
        "lockside trigger pause report -m 'the report changes'",
        _TRIGGER,
        Option("-m --message", "the reason", "TEXT", member="comment"),
        method="trigger.pause",
        says="trigger {typed[id]} is paused",
    ),
    Command(
        "trigger resume",
        f"{_FIRE}:resume",
        "let a paused trigger fire again; causes during the pause are skipped",
        "lockside trigger resume report",
        ("lockside trigger resume report --catch-up", "fire once if there were causes"),
        _TRIGGER,
        Option("--catch-up", "fire once if there were causes during the pause"),
    ),
    Command(
        "trigger ledger",
        f"{_FIRE}:ledger",
        "list the causes that a trigger received, and their outcomes",
        "lockside trigger ledger report",
        _TRIGGER,
        Option("-n --limit", "how many rows (default 50)", "N", "count"),
    ),
)

"""Statements that run often use an index: none reads a whole table or sorts up to a million rows."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from locksided.store import EventFilter, JobFilter, JobPage, OrderBy, Store, search
from locksided.store.events import events_after
from locksided.store.job_list import list_jobs
from locksided.store.sql import QUERIES
from store.samples import NOW, ended, new, nothing, save
from store.test_lists import FILTERS

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL_OR_RARE = {
    "dropped",  # a row for each project
    "last_file_id",  # when a backup is restored; a row for each table of the database
    "forget_file_ids",
    "live_notifying_jobs",  # the index has only live jobs with notifications of their own
    "asides",  # there are few
    "recovery_conditions",  # a project has a thousand at most
    "all_states",  # a check that reads the whole database in any case
    "has_secrets",  # only after an upgrade, and of backups
    "plain_hashes",  # only after an upgrade
    "projects_of_spec",  # there are few projects
    "ended_jobs",  # counts all jobs once, when metrics are asked for the first time
    "status_changes",  # the same for changes since the last look
    "jobs_ended_since",  # groups jobs that ended since the last scrape, found by numbers
    "decisions",  # the same
    "counts_by_status",  # counts all jobs, from the index alone
    "live_ids",  # reads all live jobs, from the index alone
    "newest_prunable",  # reads on from the oldest event to the first that stays
    "objects_of_kind",  # reads the keys of all objects, at a start and when a resource changes
    "object_numbers",  # reads all of a project, from the primary key
    "pools",  # there are few
    "work_roots",  # from an index of only those jobs, when a daemon starts
    "zones_of_schedules",  # from the index alone, when a daemon starts
    "move_expectations",  # when a clock is set
    "move_triggers",
    "move_causes",
    "all_triggers",  # a project has a thousand at most
    "prune_firings",  # once an hour
    "watchers",  # one for a user
    "lake_size",  # reads all tables, of which there are few beside jobs
    "oldest_kept",  # once a day; the few jobs that are live, for each table
    "table_keys",  # once a day
    "troubled_tables",  # by hand
    "all_table_keys",  # when a daemon starts
    "claimed_tables",  # of live jobs
    "known_trash",  # once a day
    "newest_dropped",  # by hand; one id was dropped few times
    "forget_trash",
    "tables_of_job",  # by hand; a job wrote few tables
    "unpublished",  # there are few, in an index of their own
    "subscriptions",  # a project has a thousand at most
    "has_subscriptions",  # stops at the first
    "put_spec_terms",  # sorts the names of one specification
    "waiting_receivers",  # goes from receiver to receiver through an index
    "deliveries_by_id",  # sorts a hundred
    "insert_deliveries",  # reads only its parameters
    "notification_timers",  # a few for each live job with a notification for a long duration
    "asides_of_purpose",  # there are few
    "deliveries_of_courier",  # couriers have few rows, in an index of their own
    "lost_deliveries",
    "count_deliveries",  # counts all, when metrics are asked for
    "redeliver",  # by hand
    "chunk_jobs",  # of a job that is cut, each by an index
    "hand_pins_on",  # the same, up and down from its splitter
    "family_of",  # goes up from a job to those above it, each by its id
    "records_of",  # the descendants of a job and their retries, each by an index
    "undo_first_input_states",
    "undo_input_states",
    "prune_deliveries",  # once an hour
    "prune_notices",
    "prune_receivers",
    "tokens",  # a project has few
    "prune_tokens",  # once an hour
    "delete_token",  # by hand
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """A store with a few jobs, shared by all tests of this module: they only read."""
    folder = tmp_path_factory.mktemp("store")
    async with await Store.open(str(folder / "lockside.db"), str(folder / "backups")) as opened:
        jobs = [new(number, labels={"team": "a"}) for number in range(1, 9)]
        await save(opened, *jobs, *(ended(number) for number in range(1, 5)))
        yield opened


async def plans(store: Store, statements: list[str]) -> list[str]:
    def explain(connection: sqlite3.Connection) -> list[str]:
        return [
            row[3]
            for statement in statements
            if not statement.startswith(("BEGIN", "COMMIT"))
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        ]

    return await store.read(explain)


def is_slow(step: str) -> bool:
    scans = step.startswith("SCAN") and not step.startswith(("SCAN json_each", "SCAN CONSTANT ROW", "SCAN ("))
    return scans or "TEMP B-TREE" in step


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("order_by", OrderBy)
@pytest.mark.parametrize("wanted", [f for f in FILTERS if f.project == "default" and not f.ids], ids=str)
async def test_a_page_of_many_jobs_is_neither_scanned_nor_sorted(
    store: Store, monkeypatch: pytest.MonkeyPatch, wanted: JobFilter, order_by: OrderBy, descending: bool
) -> None:
    """Assumes that every value has many jobs: nothing may be sorted then. Ids are a thousand at most."""
    monkeypatch.setattr(search, "FEW", -1)
    page = JobPage(limit=2, order_by=order_by, descending=descending)
    cursor = (await store.list_jobs(JobFilter(), page)).next_cursor
    statements: list[str] = []

    def run(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(statements.append)
        list_jobs(connection, wanted, replace(page, cursor=cursor))
        connection.set_trace_callback(None)

    await store.read(run)
    assert [step for step in await plans(store, statements) if is_slow(step)] == []


@pytest.mark.parametrize(
    "wanted",
    [
        EventFilter(),
        EventFilter(kinds=("job.status",)),
        EventFilter(kinds=("config.updated",)),
        EventFilter(job_id=1),
        EventFilter(run_id_prefix="1.2", kinds=("job.status", "job.created")),
    ],
    ids=str,
)
async def test_events_are_read_without_a_scan(store: Store, wanted: EventFilter) -> None:
    statements: list[str] = []

    def run(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(statements.append)
        events_after(connection, wanted, NOW, 10)
        connection.set_trace_callback(None)

    await store.read(run)
    assert [step for step in await plans(store, statements) if is_slow(step)] == []


@pytest.mark.parametrize("name", sorted(set(QUERIES) - SMALL_OR_RARE))
async def test_a_named_statement_uses_an_index(store: Store, name: str) -> None:
    def explain(connection: sqlite3.Connection) -> list[str]:
        found = connection.execute(f"EXPLAIN QUERY PLAN {QUERIES[name]}", nothing(QUERIES[name]))
        return [row[3] for row in found]

    assert [step for step in await store.read(explain) if is_slow(step)] == []

"""Requested saves are committed, many units at a time, each of them completely or not at all."""

import sqlite3
from enum import Enum
from pathlib import Path

import pytest

from locksided.core.errors import Conflict
from locksided.core.saves import (
    DeleteDependency,
    DeletePool,
    InsertDependency,
    PutPool,
    PutSpec,
    SetMeta,
    UpdateJob,
)
from locksided.store import Dependency, JobFilter, Operation, Saves, Store, StoreContradiction, Transaction
from store.samples import ANN, NOW, emit, ended, new, on_writer, save, started


class Colour(Enum):
    RED = "red"


async def test_a_job_is_read_as_it_was_saved(store: Store) -> None:
    values = {
        "labels": {"team": "ünï"},
        "stages": {"accepted": NOW},
        "process": {"pid": 7},
        "result": {"tables": []},
        "usage": [{"cpu": 1.5}],
        "metrics": {},
        "kill_report": {"proof": "scan"},
        "progress": 0.25,
        "parallelism": "infinity",
        "lock_key": "c:default/ex/a",
        "lock_policy": "shared:3",
    }
    await save(store, new(1, **values))
    row = await store.job_row(1)
    assert row is not None
    assert {name: getattr(row, name) for name in values} == values
    assert (row.id, row.run_id, row.created_us, row.project, row.visible) == (1, "1", NOW + 1, "default", 1)


async def test_enums_and_truth_values_are_stored_as_their_values(store: Store) -> None:
    await save(store, new(1, name=Colour.RED, visible=False))
    row = await store.job_row(1)
    assert row is not None
    assert (row.name, row.visible) == ("red", 0)


async def test_a_job_that_does_not_exist_is_none(store: Store) -> None:
    assert await store.job_row(1) is None


async def test_an_update_changes_only_the_columns_it_names(store: Store) -> None:
    await save(store, new(1, name="kept", message="old"))
    await save(store, UpdateJob(1, {"message": "new"}))
    row = await store.job_row(1)
    assert row is not None
    assert (row.name, row.message) == ("kept", "new")


async def test_several_updates_of_one_job_leave_the_last_values(store: Store) -> None:
    await save(store, new(1), started(1, message="a"), UpdateJob(1, {"message": "b"}), ended(1, message="c"))
    row = await store.job_row(1)
    assert row is not None
    assert (row.status, row.message, row.start_us, row.end_us) == ("success", "c", NOW, NOW)


async def test_updates_with_the_same_columns_are_one_statement(store: Store) -> None:
    await save(store, *(new(n) for n in range(1, 6)))
    statements: list[str] = []
    await on_writer(store, lambda connection: connection.set_trace_callback(statements.append))
    changes = [{"message": "m", "stage": "running"}, {"stage": "running", "message": "m"}]
    await store.apply([Saves([UpdateJob(n, changes[n % 2])]) for n in range(1, 6)])
    await on_writer(store, lambda connection: connection.set_trace_callback(None))
    texts = {text.partition(" WHERE ")[0] for text in statements if text.startswith("UPDATE")}
    assert texts == {"UPDATE jobs SET message = 'm', stage = 'running'"}
    assert [text for text in statements if not text.startswith("UPDATE")] == ["BEGIN IMMEDIATE", "COMMIT"]


async def test_labels_are_found_and_replaced_as_a_whole(store: Store) -> None:
    await save(store, new(1, labels={"a": "1", "b": "2"}))
    await save(store, UpdateJob(1, {"labels": {"b": "3"}}))
    assert (await store.list_jobs(JobFilter(labels={"a": "1"}))).rows == []
    assert [row.id for row in (await store.list_jobs(JobFilter(labels={"b": "3"}))).rows] == [1]


async def test_a_specification_is_stored_once_per_content(store: Store) -> None:
    await save(store, PutSpec("h", b'"first"'), PutSpec("e", b'"env"'), new(1, spec_hash="h", env_hash="e"))
    await save(store, PutSpec("h", b'"first"'))
    assert await store.specs(["h", "e", "unknown"]) == {"h": b'"first"', "e": b'"env"'}


async def test_dependencies_are_inserted_changed_and_deleted(store: Store) -> None:
    await save(
        store, new(1), new(2), new(3), InsertDependency(3, 1, "success"), InsertDependency(3, 2, "final")
    )
    await save(store, DeleteDependency(3, 1), InsertDependency(3, 2, "success"))
    assert await store.dependencies_of([3]) == [Dependency(3, 2, "success")]
    assert await store.dependants_on([1, 2]) == [Dependency(3, 2, "success")]


async def test_a_dependency_of_a_job_that_does_not_exist_contradicts(store: Store) -> None:
    with pytest.raises(StoreContradiction):
        await save(store, new(1), InsertDependency(99, 1, "final"))
    assert await store.job_row(1) is None


async def test_no_job_waits_for_a_job_that_was_purged_meanwhile(store: Store) -> None:
    await save(store, new(1), InsertDependency(1, 99, "final"))
    assert await store.job_row(1) is not None
    assert await store.dependencies_of([1]) == []


async def test_a_pool_keeps_what_a_later_put_does_not_name(store: Store) -> None:
    await save(store, PutPool("p", {"slots": 3, "description": "big", "changed_by": ANN}))
    await save(store, PutPool("p", {"slots": "infinity", "paused": True, "paused_by": "ann"}))
    (pool,) = await store.pools()
    assert (pool.slots, pool.description, pool.paused, pool.paused_by) == (None, "big", 1, "ann")
    assert (pool.executor, pool.changed_by, pool.version) == ("local", ANN, 1)
    assert await store.pool("p") == pool


async def test_pools_are_put_and_deleted_in_the_requested_order(store: Store) -> None:
    await save(
        store,
        PutPool("p", {"slots": 1}),
        DeletePool("p"),
        PutPool("p", {}),
        PutPool("q", {}),
        DeletePool("q"),
    )
    (pool,) = await store.pools()
    assert (pool.id, pool.slots) == ("p", None)


async def test_a_fact_is_set_and_forgotten(store: Store) -> None:
    await save(store, SetMeta("draining", "yes"))
    assert await store.meta("draining") == "yes"
    await save(store, SetMeta("draining", None))
    assert await store.meta("draining") is None


async def test_an_update_of_an_unknown_job_undoes_the_whole_apply(store: Store) -> None:
    with pytest.raises(StoreContradiction, match="does not exist"):
        await store.apply([Saves([new(1), emit()]), Saves([UpdateJob(99, {"message": "?"})])])
    assert await store.job_row(1) is None
    assert await store.last_seq() == 0


async def test_the_results_are_in_the_order_of_the_units(store: Store) -> None:
    applied = await store.apply([Saves([new(1)]), Operation(lambda tx: "done"), Saves([])])
    assert applied.results == [None, "done", None]


async def test_a_refused_operation_is_undone_alone(store: Store) -> None:
    refusal = Conflict("no")

    def refused(tx: Transaction) -> None:
        tx.save(new(2))
        tx.event(NOW, "x", "default")
        tx.connection.execute("INSERT INTO meta VALUES ('half', 'done')")
        raise refusal

    applied = await store.apply([Saves([new(1), emit("a")]), Operation(refused), Saves([new(3), emit("b")])])
    assert applied.results == [None, refusal, None]
    assert [row.id for row in await store.job_rows([1, 2, 3])] == [1, 3]
    assert [(event.seq, event.kind) for event in applied.events] == [(1, "a"), (2, "b")]
    assert await store.meta("half") is None


async def test_saves_flushed_by_an_operation_for_earlier_units_survive_its_refusal(store: Store) -> None:
    seen = []

    def refused(tx: Transaction) -> None:
        tx.save(UpdateJob(1, {"message": "by the operation"}))
        (message,) = tx.reading().execute("SELECT message FROM jobs WHERE id = 1").fetchone()
        seen.append(message)
        tx.save(new(2))
        raise Conflict("no")

    await store.apply([Saves([new(1, message="before")]), Operation(refused), Saves([new(3)])])
    assert seen == ["by the operation"]
    assert [(row.id, row.message) for row in await store.job_rows([1, 2, 3])] == [(1, "before"), (3, None)]


async def test_an_operation_that_has_a_bug_does_not_undo_its_neighbours(store: Store) -> None:
    applied = await store.apply([Saves([new(1)]), Operation(lambda tx: 1 // 0), Operation(lambda tx: 2)])
    _, bug, two = applied.results
    assert isinstance(bug, ZeroDivisionError)
    assert two == 2
    assert await store.job_row(1) is not None


async def test_an_operation_that_breaks_a_rule_is_undone_alone(store: Store) -> None:
    def wrong(tx: Transaction) -> None:
        tx.connection.execute("INSERT INTO meta (key) VALUES ('without a value')")

    applied = await store.apply([Saves([new(1)]), Operation(wrong)])
    assert isinstance(applied.results[1], StoreContradiction)
    assert await store.job_row(1) is not None


async def test_a_number_that_sqlite_cannot_hold_undoes_everything(store: Store) -> None:
    with pytest.raises(OverflowError):
        await store.apply([Saves([new(1)]), Saves([new(2, owner_uid=2**70)])])
    assert await store.job_rows([1, 2]) == []
    await save(store, new(1))


async def test_an_empty_apply_succeeds(store: Store) -> None:
    assert (await store.apply([])).results == []


async def test_what_was_applied_exists_after_reopening(tmp_path: Path) -> None:
    path, backups = str(tmp_path / "s.db"), str(tmp_path / "b")
    async with await Store.open(path, backups) as store:
        identity = store.identity
        await save(store, new(1), emit("job.created", 1, principal=ANN, data={"a": [1]}))
    async with await Store.open(path, backups) as store:
        assert store.identity == identity
        assert 0 <= identity < 2**60
        assert await store.job_row(1) is not None
        assert await store.last_job_id() == 1


async def test_commits_are_durable_and_foreign_keys_are_checked(store: Store) -> None:
    def settings(connection: sqlite3.Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "busy_timeout")
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "busy_timeout": 5000,
    }
    assert await on_writer(store, settings) == wanted
    assert await store.read(settings) == wanted


async def test_the_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match="readonly"):
        await store.read(lambda connection: connection.execute("DELETE FROM jobs"))


async def test_the_database_is_accessible_to_its_owner_alone(store: Store, tmp_path: Path) -> None:
    await save(store, new(1))
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.glob("lockside.db*")} == {"0o600"}


async def test_an_error_of_a_vital_operation_undoes_the_saves_beside_it(store: Store) -> None:
    def refuse(tx: Transaction) -> None:
        tx.save(SetMeta("beside", "x"))
        raise Conflict("no")

    with pytest.raises(Conflict):
        await store.apply([Saves([SetMeta("core", "x")]), Operation(refuse, is_vital=True)])
    assert (await store.meta("core"), await store.meta("beside")) == (None, None)
    await store.apply([Saves([SetMeta("core", "y")])])
    assert await store.meta("core") == "y"

"""A database of any older schema is migrated after a backup; a newer one is refused."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from locksided.store import EventRow, JobRow, NotAStore, PoolRow, Store, StoreTooNew, StoreUnavailable, sql
from locksided.store.catalog import objects
from locksided.store.catalog.keys import ConfigId
from locksided.store.writes import Batch, write
from store.samples import change, do, new, nothing, save


def described(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Return everything that the schema defines, and each table's columns in their order."""
    objects = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")
    found = [tuple(_bare(str(part)) for part in row) for row in objects]
    for table in [row[1] for row in found if row[0] == "table"]:
        found += [(table, str(column)) for column in connection.execute(f"PRAGMA table_info({table})")]
    return found


def _bare(statement: str) -> str:
    """Return a statement without line breaks: an added column follows one."""
    return " ".join(statement.split()).replace(" ,", ",").replace(" )", ")")


def test_migrating_from_the_first_schema_results_in_the_current_schema() -> None:
    with closing(sqlite3.connect(":memory:")) as fresh, closing(sqlite3.connect(":memory:")) as migrated:
        fresh.executescript(sql.schema())
        for step in sql.migrations():
            migrated.executescript(step)
        assert described(migrated) == described(fresh)


@pytest.mark.parametrize(("table", "record"), [("jobs", JobRow), ("events", EventRow), ("pools", PoolRow)])
def test_a_record_has_all_columns_of_its_table_in_their_order(table: str, record: type[JobRow]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(sql.schema())
        columns = tuple(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
    assert record.__struct_fields__ == columns


@pytest.mark.parametrize("name", sql.QUERIES)
def test_a_named_statement_fits_the_schema(name: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(sql.schema())
        assert list(connection.execute(f"EXPLAIN {sql.QUERIES[name]}", nothing(sql.QUERIES[name])))


def test_every_named_statement_is_used() -> None:
    package = Path(sql.__file__).parent
    code = "".join(path.read_text() for path in package.rglob("*.py"))
    assert [name for name in sql.QUERIES if f'QUERIES["{name}"]' not in code] == []


async def _at_version(path: Path, number: int) -> None:
    """Create a store whose schema claims to have this number."""
    async with await Store.open(str(path), str(path.parent / "backups")) as store:
        await save(store, new(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {number}")


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await _at_version(path, 99)
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="has schema 99") as refusal:
        await Store.open(str(path), str(tmp_path / "backups"))
    assert refusal.value.known == len(sql.migrations())
    assert path.read_bytes() == before
    assert not (tmp_path / "backups").exists()


async def test_an_older_schema_is_migrated_after_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, known = tmp_path / "s.db", len(sql.migrations())
    await _at_version(path, known)
    steps = (
        *sql.migrations(),
        "ALTER TABLE pools ADD COLUMN colour TEXT;",
        "UPDATE jobs SET name = 'migrated';",
    )
    monkeypatch.setattr(sql, "migrations", lambda: steps[: known + 2])
    async with await Store.open(str(path), str(tmp_path / "backups")) as store:
        row = await store.job_row(1)
        assert row is not None
        assert row.name == "migrated"
    (backup,) = (tmp_path / "backups").iterdir()
    with closing(sqlite3.connect(backup)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (known,)
        assert old.execute("SELECT id, name FROM jobs").fetchall() == [(1, None)]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (known + 2,)


async def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, known = tmp_path / "s.db", len(sql.migrations())
    await _at_version(path, known)
    steps = (*sql.migrations(), "UPDATE jobs SET name = 'half';", "UPDATE no_such_table SET x = 1;")
    monkeypatch.setattr(sql, "migrations", lambda: steps)
    with pytest.raises(StoreUnavailable):
        await Store.open(str(path), str(tmp_path / "backups"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (known,)
        assert connection.execute("SELECT name FROM jobs").fetchall() == [(None,)]


async def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(NotAStore):
        await Store.open(str(path), str(tmp_path / "backups"))
    assert path.read_bytes() == before


async def test_a_file_that_is_not_a_database_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is no database, though it is long enough to look at\n" * 20)
    with pytest.raises(StoreUnavailable):
        await Store.open(str(path), str(tmp_path / "backups"))


async def test_a_folder_that_does_not_exist_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await Store.open(str(tmp_path / "missing" / "s.db"), str(tmp_path / "backups"))


async def test_a_backup_is_a_store_of_the_same_identity(store: Store, tmp_path: Path) -> None:
    await save(store, new(1, labels={"a": "b"}))
    await store.backup(str(tmp_path / "out" / "copy.db"))
    async with await Store.open(str(tmp_path / "out" / "copy.db"), str(tmp_path / "backups")) as copy:
        assert copy.identity == store.identity
        assert await copy.job_row(1) == await store.job_row(1)
        assert await copy.check() == []


async def test_a_backup_does_not_replace_an_existing_file(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(StoreUnavailable):
        await store.backup(str(target))
    assert target.read_text() == "mine"


async def test_a_check_names_what_is_wrong(store: Store, tmp_path: Path) -> None:
    assert await store.check() == []
    with closing(sqlite3.connect(tmp_path / "lockside.db")) as connection:
        connection.execute("INSERT INTO job_labels VALUES ('a', 'b', 99)")
        connection.commit()
    (problem,) = await store.check()
    assert "job_labels" in problem


def test_a_value_that_is_not_a_save_is_rejected_by_a_batch() -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(TypeError):
        write(connection, ["nonsense"])  # type: ignore[list-item]
    assert Batch().inserts == {}


async def test_objects_of_a_database_that_restricted_their_kinds_are_read_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("".join(sql.migrations()[:2]))
        connection.executescript(
            "INSERT INTO objects VALUES ('default', 'config', 'default/ex', 'a', 1, 0, 5);"
            "INSERT INTO object_versions VALUES"
            " ('default', 'config', 'default/ex', 'a', 1, '{\"n\":1}', NULL, 5, '{\"uid\":7}');"
            "PRAGMA user_version = 2;"
        )
    async with await Store.open(str(path), str(tmp_path / "backups")) as store:
        key = ConfigId("ex", "a").key()
        found = await store.object(key)
        assert found is not None
        assert (found.body, found.version, found.created_us) == ({"n": 1}, 1, 5)
        again = await do(store, lambda tx: objects.rollback(tx, key, 1, change()))
        assert again == found


def test_deliveries_of_an_older_release_continue_and_no_number_is_given_twice() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in sql.migrations()[:10]:
            connection.executescript(step)
        columns = "project, subscription, event, seq, body_id, status, next_us, created_us"
        for number in (1, 2):
            connection.execute("INSERT INTO notification_bodies (body) VALUES (?)", (f'{{"of": {number}}}',))
            values = ("default", "failures", "job-failed", number, number, "pending", 5, 5)
            connection.execute(f"INSERT INTO deliveries ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("DELETE FROM deliveries WHERE id = 2")
        for step in sql.migrations()[10:]:
            connection.executescript(step)
        columns = "d.id, d.project, receiver, channel, place, d.event, d.seq, d.created_us, next_us, body"
        found = connection.execute(
            f"SELECT {columns} FROM told_deliveries d JOIN notices ON notices.id = notice_id"
        ).fetchall()
        assert found == [(1, "default", "failures", "webhook", -1, "job-failed", 1, 5, 5, '{"of": 1}')]
        connection.execute(
            "INSERT INTO deliveries (notice_id, receiver_id, status, next_us) VALUES (7, 1, 'pending', 5)"
        )
        assert connection.execute("SELECT max(id) FROM deliveries").fetchone() == (3,)

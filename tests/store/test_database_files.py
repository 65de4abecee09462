"""The files of an open database: interference by other programs is noticed before it loses data."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from locksided.store import Saves, Store, StoreUnavailable, files
from locksided.store.files import DatabaseFault, Stamp, fault
from store.samples import emit, new, save

READER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM jobs'); c.close()"

DATABASE: Stamp = (1, 10, 4096, 5)
LOG: Stamp = (1, 11, 8192, 5)
INDEX: Stamp = (1, 12, 32768, 5)
LEFT = (DATABASE, LOG, INDEX)


# -- what the file stamps show


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((DATABASE, LOG, INDEX), None),
        ((DATABASE, (1, 11, 12288, 6), (1, 12, 32768, 6)), None),
        ((None, None, None), DatabaseFault.LOST),
        (((1, 20, 4096, 5), LOG, INDEX), DatabaseFault.LOST),
        (((2, 10, 4096, 5), LOG, INDEX), DatabaseFault.LOST),
        (((1, 10, 4096, 6), LOG, INDEX), DatabaseFault.OVERWRITTEN),
        (((1, 10, 0, 6), LOG, INDEX), DatabaseFault.OVERWRITTEN),
        ((DATABASE, (1, 11, 0, 6), INDEX), DatabaseFault.OVERWRITTEN),
        ((DATABASE, None, INDEX), DatabaseFault.LOG_LOST),
        ((DATABASE, LOG, None), DatabaseFault.LOG_LOST),
        ((DATABASE, (1, 21, 8192, 5), INDEX), DatabaseFault.LOG_REPLACED),
        ((DATABASE, LOG, (1, 22, 32768, 5)), DatabaseFault.LOG_REPLACED),
    ],
)
def test_a_fault_is_recognised_by_comparing_the_files_with_their_last_state(
    found: tuple[Stamp | None, ...], expected: DatabaseFault | None
) -> None:
    told_fault = fault("/s/lockside.db", LEFT, found, may_be_ours=False)
    assert (told_fault and told_fault.fault) == expected
    if told_fault is not None:
        assert "/s/lockside.db" in str(told_fault)
        assert told_fault.remedy


def test_after_unobserved_commits_only_a_smaller_database_is_surely_not_ours() -> None:
    checkpointed = ((1, 10, 8192, 9), LOG, INDEX)
    assert fault("/s/lockside.db", LEFT, checkpointed, may_be_ours=True) is None
    shrunk = fault("/s/lockside.db", LEFT, ((1, 10, 2048, 9), LOG, INDEX), may_be_ours=True)
    assert shrunk is not None
    assert shrunk.fault is DatabaseFault.OVERWRITTEN


def test_a_log_that_did_not_exist_may_appear() -> None:
    assert fault("/s/lockside.db", (DATABASE, None, None), LEFT, may_be_ours=False) is None


# -- on a real database


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """Open a store with job 1 that checks its files before every commit, however fast commits come."""
    monkeypatch.setattr(files, "LONGEST_PAUSE_US", 0)
    folder = tmp_path / "state"
    folder.mkdir()
    async with await Store.open(str(folder / "lockside.db"), str(tmp_path / "backups")) as opened:
        await save(opened, new(1), emit())
        yield opened


def read_elsewhere(path: str) -> None:
    """Have another process open, read and close the database, as a person with `sqlite3` does."""
    subprocess.run([sys.executable, "-c", READER, path], check=True)


def stored_jobs(path: Path) -> list[int]:
    """Return the jobs that a daemon started on this file would find."""
    with closing(sqlite3.connect(path)) as connection:
        return [job_id for (job_id,) in connection.execute("SELECT id FROM jobs ORDER BY id")]


async def refusal(store: Store, job_id: int) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable) as failure:
        await save(store, new(job_id), emit())
    return failure.value


@pytest.mark.parametrize("opens_another", [False, True])
async def test_another_program_that_closes_the_database_leaves_its_log(
    store: Store, opens_another: bool
) -> None:
    if opens_another:
        assert await store.check() == []
    read_elsewhere(store.path)
    await save(store, new(2))
    assert Path(f"{store.path}-wal").exists()
    assert Path(f"{store.path}-shm").exists()


def rename_database(path: Path) -> None:
    path.rename(path.with_name("aside"))


def rename_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("aside"))


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def remove_all_files(path: Path) -> None:
    for suffix in files.SUFFIXES:
        Path(f"{path}{suffix}").unlink()


def replace_by_a_backup(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


@pytest.mark.parametrize(
    "take_away", [rename_database, rename_folder, remove_folder, remove_all_files, replace_by_a_backup]
)
async def test_nothing_is_accepted_into_a_database_that_is_not_at_its_path(
    store: Store, take_away: Callable[[Path], None]
) -> None:
    take_away(Path(store.path))
    refused = await refusal(store, 2)
    assert store.path in str(refused)
    assert "lockside backup" in refused.remedy
    with pytest.raises(StoreUnavailable, match=r"removed|another file"):
        await store.probe()
    assert [row.id for row in await store.job_rows([1, 2])] == [1], "reads go on"


@pytest.mark.parametrize("there_and_back", [rename_database, rename_folder])
async def test_the_store_continues_when_the_right_files_are_back(
    store: Store, there_and_back: Callable[[Path], None]
) -> None:
    path = Path(store.path)
    there_and_back(path)
    await refusal(store, 2)
    aside = path.with_name("aside")
    if aside.exists():
        aside.rename(path)
    else:
        path.parent.with_name("aside").rename(path.parent)
    await store.probe()
    await save(store, new(2), emit())
    assert stored_jobs(path) == [1, 2]


@pytest.mark.parametrize("take_away", [remove_folder, remove_all_files, replace_by_a_backup])
async def test_a_backup_saves_what_a_removed_database_still_holds(
    store: Store, tmp_path: Path, take_away: Callable[[Path], None]
) -> None:
    take_away(Path(store.path))
    await refusal(store, 2)
    await store.backup(str(tmp_path / "rescued.db"))
    assert stored_jobs(tmp_path / "rescued.db") == [1]
    assert await store.check() == []


@pytest.mark.parametrize("gone", [("-wal",), ("-shm",), ("-wal", "-shm")])
async def test_a_log_that_was_removed_is_written_into_the_database_and_created_again(
    store: Store, gone: tuple[str, ...]
) -> None:
    for suffix in gone:
        Path(store.path + suffix).unlink()
    assert gone[0] in str(await refusal(store, 2))
    await store.probe()
    await save(store, new(2), emit())
    assert [row.id for row in await store.job_rows([1, 2])] == [1, 2]
    assert Path(f"{store.path}-wal").exists()
    assert stored_jobs(Path(store.path)) == [1, 2]
    assert await store.check() == []


async def test_a_log_that_was_replaced_is_left_alone_until_somebody_removes_it(store: Store) -> None:
    log = Path(f"{store.path}-wal")
    others = log.with_name("others")
    others.write_bytes(b"others")
    others.rename(log)
    refused = await refusal(store, 2)
    assert f"remove {log}" in refused.remedy
    with pytest.raises(StoreUnavailable, match="another file"):
        await store.probe()
    assert log.read_bytes() == b"others"
    log.unlink()
    await store.probe()
    await save(store, new(2), emit())
    assert stored_jobs(Path(store.path)) == [1, 2]


async def test_an_older_backup_that_is_copied_over_the_database_is_noticed_and_not_used(
    store: Store, tmp_path: Path
) -> None:
    backup = tmp_path / "older.db"
    await store.backup(str(backup))
    await save(store, *(new(n) for n in range(2, 40)), emit())
    await store.forget_removed()
    right = Path(store.path).read_bytes()
    Path(store.path).write_bytes(backup.read_bytes())
    refused = await refusal(store, 40)
    assert "another program wrote into" in str(refused)
    assert "--restore" in refused.remedy
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="another program wrote"):
            await store.probe()
    with pytest.raises(StoreUnavailable, match="another program wrote"):
        await store.job_row(1)
    with pytest.raises(StoreUnavailable, match="another program wrote"):
        await store.backup(str(tmp_path / "useless.db"))
    Path(store.path).write_bytes(right)
    await store.probe()
    await save(store, new(40), emit())
    assert len(await store.job_rows(range(1, 41))) == 40


async def test_damage_that_a_read_finds_first_is_examined_and_reported_with_its_remedy(store: Store) -> None:
    await save(store, *(new(n) for n in range(2, 40)), emit())
    await store.forget_removed()
    store._files._has_unseen_commits = True  # the change may be the store's own: only SQLite can tell
    right = Path(store.path).read_bytes()
    Path(store.path).write_bytes(right[:4096] + b"\xff" * (len(right) - 4096))
    with pytest.raises(StoreUnavailable) as refused:
        await store._writer.run(
            lambda connection: connection.execute("PRAGMA shrink_memory") and _all(connection)
        )
    assert "its content is damaged" in str(refused.value)
    assert "--restore" in refused.value.remedy
    with pytest.raises(StoreUnavailable, match="damaged"):
        await store.probe()
    Path(store.path).write_bytes(right)
    await store.probe()
    await save(store, new(40), emit())


def _all(connection: sqlite3.Connection) -> object:
    return connection.execute("SELECT * FROM jobs, events").fetchall()


async def test_changes_that_another_program_makes_with_sqlite_are_accepted_after_a_check(
    store: Store,
) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("UPDATE jobs SET name = 'theirs'")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await refusal(store, 2)
    await store.probe()
    await save(store, new(2), emit())
    (first, _) = await store.job_rows([1, 2])
    assert first.name == "theirs"


async def test_the_stores_own_checkpoints_are_not_a_fault(store: Store) -> None:
    for n in range(2, 30):
        await save(store, new(n, message="m" * 500_000))
    await store.forget_removed()
    await store.reindex()
    await store.probe()
    await save(store, new(30), emit())


async def test_during_fast_commits_the_files_are_checked_from_time_to_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_us = 1_000_000
    monkeypatch.setattr(files, "LONGEST_PAUSE_US", 50_000)
    monkeypatch.setattr(files.clock, "boot_us", lambda: now_us)
    store._files._due_us = now_us + 50_000
    rename_database(Path(store.path))
    await store.apply([Saves([new(2)])])
    now_us += 50_000
    await refusal(store, 3)

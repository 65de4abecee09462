"""If the disk fails, nothing is done, every caller gets an error, and the store recovers with the disk."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from locksided.core.saves import SetMeta
from locksided.store import (
    EventFilter,
    Operation,
    Saves,
    Store,
    StoreContradiction,
    StoreUnavailable,
    Transaction,
    Unit,
)
from locksided.store.reads import last_job_id, snapshot
from store.samples import emit, new, on_writer, save

BIG = "x" * 200_000


def limit_pages(connection: sqlite3.Connection, more: int) -> None:
    """Limit the growth of the file to this number of pages, as a full disk would."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + more}")


async def test_a_full_disk_undoes_the_whole_apply_and_reads_still_work(store: Store) -> None:
    await save(store, new(1), emit())
    await on_writer(store, partial(limit_pages, more=2))
    ran: list[Transaction] = []
    units: list[Unit] = [
        Saves([new(2), emit()]),
        Operation(lambda tx: ran.append(tx)),
        Saves([SetMeta("big", BIG), emit()]),
    ]
    with pytest.raises(StoreUnavailable, match="full") as failure:
        await store.apply(units)
    assert not isinstance(failure.value, StoreContradiction)
    assert isinstance(failure.value.cause, sqlite3.OperationalError)
    assert len(ran) == 1
    assert [row.id for row in await store.job_rows([1, 2])] == [1]
    assert await store.last_seq() == 1


async def test_a_full_disk_in_an_operation_is_not_a_refusal(store: Store) -> None:
    await on_writer(store, partial(limit_pages, more=2))

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES ('big', ?)", (BIG,))

    with pytest.raises(StoreUnavailable):
        await store.apply([Saves([new(1)]), Operation(lambda tx: fill(tx.connection))])
    assert await store.job_row(1) is None


async def test_a_probe_reports_when_writing_works_again_and_numbers_continue(store: Store) -> None:
    await save(store, emit())
    await store.probe()
    await on_writer(store, lambda connection: connection.execute("VACUUM"))
    await on_writer(store, partial(limit_pages, more=2))
    with pytest.raises(StoreUnavailable):
        await save(store, emit(), SetMeta("big", BIG))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await store.probe()
    await on_writer(store, partial(limit_pages, more=10_000))
    await store.probe()
    (event,) = (await save(store, new(1), emit(), SetMeta("big", BIG))).events
    assert event.seq == 2
    assert await store.meta("probe") is None


async def test_the_store_is_unavailable_while_another_program_holds_a_lock(store: Store) -> None:
    await on_writer(store, lambda connection: connection.execute("PRAGMA busy_timeout = 1"))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await save(store, new(1))
    other.execute("ROLLBACK")
    other.close()
    await save(store, new(1))


async def test_a_transaction_that_sqlite_itself_rolled_back_does_no_harm(store: Store) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")  # as SQLite does after ENOSPC or EIO
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(StoreUnavailable):
        await store.apply([Saves([new(1), emit()]), Operation(lambda tx: fail(tx.connection))])
    (event,) = (await save(store, new(1), emit())).events
    assert event.seq == 1


async def test_a_cancelled_save_has_ended_when_the_cancellation_is_seen(store: Store) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(_: object) -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

    task = asyncio.create_task(store.apply([Saves([new(1)]), Operation(wait)]))
    await entered.wait()
    task.cancel()
    loop.call_soon(task.cancel)
    loop.call_soon(go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.job_row(1) is not None


async def test_reads_see_the_last_commit_while_a_write_is_under_way(store: Store) -> None:
    await save(store, new(1))
    entered, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(tx: object) -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

    writing = asyncio.create_task(
        store.apply([Operation(lambda tx: tx.reading()), Saves([new(2)]), Operation(wait)])
    )
    await entered.wait()
    assert [row.id for row in await store.job_rows([1, 2])] == [1]
    go_on.set()
    await writing
    assert [row.id for row in await store.job_rows([1, 2])] == [1, 2]


async def test_concurrent_applies_are_done_one_after_the_other(store: Store) -> None:
    results = await asyncio.gather(*(save(store, new(n), emit(), emit()) for n in range(1, 21)))
    numbers = [event.seq for applied in results for event in applied.events]
    assert numbers == list(range(1, 41))
    assert len(await store.events_after(EventFilter(), 0, 100)) == 40


async def test_several_reads_in_a_snapshot_see_the_same_commit(store: Store) -> None:
    await save(store, new(1))
    loop = asyncio.get_running_loop()

    def twice(connection: sqlite3.Connection) -> tuple[int, int]:
        with snapshot(connection):
            first = last_job_id(connection)
            asyncio.run_coroutine_threadsafe(save(store, new(2)), loop).result()
            return first, last_job_id(connection)

    assert await store.read(twice) == (1, 1)
    assert await store.last_job_id() == 2


FULL_DISK = """
import asyncio, os, sys
from store.samples import emit, new, save
from locksided.store import EventFilter, Store, StoreUnavailable

async def main(folder):
    async with await Store.open(f"{folder}/s.db", f"{folder}/b") as store:
        done = 0
        try:
            while True:
                await save(store, new(done + 1, message="m" * 20_000), emit())
                done += 1
        except StoreUnavailable:
            pass
        assert done > 3, done
        assert await store.last_job_id() == await store.last_seq() == done
        ballast = f"{folder}/ballast"
        try:
            await store.probe()
        except StoreUnavailable:
            os.unlink(ballast)
        await store.probe()
        await save(store, new(done + 1), emit())
        assert await store.check() == []
    async with await Store.open(f"{folder}/s.db", f"{folder}/b") as store:
        assert await store.last_job_id() == await store.last_seq() == done + 1
    print("recovered")

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts a small disk")
def test_a_disk_that_is_really_full_is_survived(tmp_path: Path) -> None:
    small = 'mount -t tmpfs -o size=2m tmpfs "$1" && head -c 800000 /dev/zero > "$1/ballast"'
    script = f'{small} && exec "$2" -c "$3" "$1"'
    tests = str(Path(__file__).parent.parent)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL_DISK],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": tests},
    )
    if "mount" in done.stderr and "denied" in done.stderr:
        pytest.skip("no mounts here")
    assert done.stdout == "recovered\n", done.stderr


async def test_a_read_that_fails_is_unavailable(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        await store.read(lambda connection: connection.execute("SELECT * FROM nowhere"))


async def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    closed = await Store.open(str(tmp_path / "s.db"), str(tmp_path / "b"))
    await closed.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await closed.job_row(1)
    with pytest.raises(StoreUnavailable, match="closed"):
        await save(closed, new(1))


async def test_another_program_that_has_read_the_database_leaves_its_log(store: Store) -> None:
    """SQLite removes the log with the last connection, which it determines by the locks of processes."""
    await save(store, new(1), emit())
    await store.check()  # on a connection of its own, opened after the others
    reading = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM jobs').close()"
    subprocess.run([sys.executable, "-c", reading, store.path], check=True)
    assert Path(f"{store.path}-wal").exists()
    await save(store, new(2), emit())
    assert await store.check() == []

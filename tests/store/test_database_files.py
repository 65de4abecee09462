"""The files of an open database: what other programs do to them is noticed before anything is lost by it."""

import subprocess
import sys
from pathlib import Path

import pytest

from locksided.store import Store
from store.samples import new, save

READER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM jobs'); c.close()"


def read_elsewhere(store: Store) -> None:
    """Have another process open, read and close the database, as a person with `sqlite3` does."""
    subprocess.run([sys.executable, "-c", READER, store.path], check=True)


@pytest.mark.parametrize("opens_another", [False, True])
async def test_another_program_that_closes_the_database_leaves_its_log(
    store: Store, opens_another: bool
) -> None:
    await save(store, new(1))
    if opens_another:
        assert await store.check() == []
    read_elsewhere(store)
    await save(store, new(2))
    assert Path(f"{store.path}-wal").exists()
    assert Path(f"{store.path}-shm").exists()

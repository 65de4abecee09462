"""A separate store for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from locksided.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(str(tmp_path / "lockside.db"), str(tmp_path / "backups")) as opened:
        yield opened

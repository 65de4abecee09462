"""Answered changes survive a kill; a store that is left open does not prevent a process from exiting."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from locksided.store import EventFilter, Store

ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}

WRITER = """
import asyncio, sys
from store.samples import emit, new, save
from locksided.store import Store

async def main(folder):
    store = await Store.open(f"{folder}/s.db", f"{folder}/b")
    first = await store.last_job_id() + 1
    while True:
        ids = range(first, first + 3)
        await save(store, *(new(n) for n in ids), *(emit("k", n) for n in ids))
        print(first + 2, flush=True)
        first += 3

asyncio.run(main(sys.argv[1]))
"""

LEFT_OPEN = """
import asyncio, sys
from store.samples import new, save
from locksided.store import Store

async def main(folder):
    global store
    store = await Store.open(f"{folder}/s.db", f"{folder}/b")
    await save(store, new(1))
    print("open", flush=True)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("answers", [1, 7, 40])
async def test_everything_answered_survives_a_kill_and_nothing_is_stored_partially(
    tmp_path: Path, answers: int
) -> None:
    acknowledged = 0
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=ENV
        ) as process:
            assert process.stdout is not None
            for _ in range(answers):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *(int(line) for line in process.stdout if line.endswith("\n"))])
    async with await Store.open(str(tmp_path / "s.db"), str(tmp_path / "b")) as store:
        last = await store.last_job_id()
        assert last >= acknowledged
        assert last % 3 == 0
        assert [row.id for row in await store.job_rows(range(1, last + 1))] == list(range(1, last + 1))
        events = await store.events_after(EventFilter(), 0, last + 1)
        assert [(event.seq, event.job_id) for event in events] == [(n, n) for n in range(1, last + 1)]
        assert await store.check() == []


def test_a_store_that_is_left_open_does_not_keep_the_interpreter_from_ending(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LEFT_OPEN, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=ENV,
    )
    assert (done.returncode, done.stdout) == (0, "open\n"), done.stderr


async def test_close_returns_when_closing_is_complete(tmp_path: Path) -> None:
    store = await Store.open(str(tmp_path / "s.db"), str(tmp_path / "b"))
    await store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.db"]

"""Threads: each account waits for its own helpers, and never for those of another."""

from threading import Event

import anyio
import pytest

from locksided import threads

PATIENCE_SECONDS = 30


@pytest.mark.anyio
async def test_an_account_whose_helpers_are_stopped_delays_no_other_account() -> None:
    stopped, entered = Event(), []

    def held() -> None:
        entered.append(None)
        stopped.wait(PATIENCE_SECONDS)

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(threads.run_for, 1001, held)
        with anyio.fail_after(PATIENCE_SECONDS):
            assert await threads.run_for(1002, lambda: "another") == "another"
            assert await threads.run_for(None, lambda: "ours") == "ours"
            assert await threads.run_sync(lambda: "anybody's") == "anybody's"
        assert len(entered) <= threads.THREADS_OF_AN_ACCOUNT
        stopped.set()
    assert len(entered) == 100
    assert threads._limiters == {}, "limiters without waiting calls are removed"

"""The loop calls back in time, and only the right callbacks."""

import os

from locksided.keeper.loop import Loop


def test_timers_run_in_the_order_of_their_moments() -> None:
    loop, seen = Loop(), []
    loop.after(0.02, lambda: seen.append("later"))
    loop.after(0.01, lambda: seen.append("soon"))
    loop.after(0.0, lambda: seen.append("now"))
    loop.after(0.03, loop.stop)
    loop.run()
    assert seen == ["now", "soon", "later"]


def test_a_cancelled_timer_is_not_called() -> None:
    loop, seen = Loop(), []
    timer = loop.after(0.01, lambda: seen.append("cancelled"))
    loop.after(0.02, loop.stop)
    timer.cancel()
    timer.cancel()
    loop.run()
    assert seen == []


def test_timers_of_runs_long_ended_do_not_pile_up() -> None:
    loop = Loop()
    kept = loop.after(3600, loop.stop)
    for _ in range(10_000):
        loop.after(3600, loop.stop).cancel()
    assert len(loop._timers) < 1000
    assert any(entry[2] is kept for entry in loop._timers)


def test_a_descriptor_is_watched_until_it_is_forgotten() -> None:
    loop = Loop()
    reading, writing = os.pipe()
    seen: list[bytes] = []

    def read() -> None:
        seen.append(os.read(reading, 10))
        if len(seen) == 2:
            loop.forget(reading)
            os.write(writing, b"unread")
            loop.after(0.01, loop.stop)
        else:
            os.write(writing, b"second")

    loop.watch_bulk(reading, read)
    os.write(writing, b"first")
    loop.run()
    os.close(reading)
    os.close(writing)
    assert seen == [b"first", b"second"]


def test_an_urgent_descriptor_is_served_although_many_others_are_busy() -> None:
    loop = Loop()
    pipes = [os.pipe() for _ in range(20)]
    turns: list[int] = []
    for reading, writing in pipes:
        os.write(writing, b"x")
        loop.watch_bulk(reading, lambda: turns.append(1))
    reading, writing = os.pipe()
    os.write(writing, b"x")
    loop.watch(reading, loop.stop)
    loop.run()
    assert len(turns) <= 4
    for fd in (fd for pipe in [*pipes, (reading, writing)] for fd in pipe):
        os.close(fd)

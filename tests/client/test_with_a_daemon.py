"""Both clients with a real daemon that is killed and started again, and inside a real job."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from client.children import Child
from e2e.harness import Daemon, python, running
from e2e.harness import short_folder as folder_of_its_own
from e2e.signs import Ear
from e2e.wire import Wire
from lockside import AsyncClient, Client, errors
from lockside.cli.grammar import Parsed
from lockside.cli.multiplexer import Multiplexer
from lockside.cli.session import Session

pytestmark = pytest.mark.real_processes

JOBS = 60
KILLS = 3
TRUE: dict[str, Any] = {"parameters": {"command": ["true"]}}


@pytest.fixture
def fresh() -> Iterator[Callable[..., Daemon]]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(**settings))


def kill_and_start(daemon: Daemon, kills: int, go_on: threading.Event, done: threading.Event) -> None:
    """Kill the daemon and restart it, each time after a sign that the clients made progress."""
    for _ in range(kills):
        if not go_on.wait(60):
            break
        go_on.clear()
        daemon.kill()
        daemon.start()
    done.set()


def test_creations_and_events_survive_kills_and_nothing_is_duplicated_or_lost(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()
    go_on, done = threading.Event(), threading.Event()
    killer = threading.Thread(target=kill_and_start, args=(daemon, KILLS, go_on, done))
    seen: list[str] = []
    with Client(str(daemon.socket)) as client:
        begin = client.event.list(limit=10_000).cursor
        listener = threading.Thread(target=_listen, args=(str(daemon.socket), begin, seen))
        listener.start()
        killer.start()
        made = []
        while len(made) < JOBS or not done.is_set():
            made.append(client.job.create("lockside.command", config_data=TRUE, name="counted").id)
            if len(made) % (JOBS // (KILLS + 1)) == 0:
                go_on.set()
        ended = client.wait_many(made)
        client.job.create("lockside.command", config_data=TRUE, name="last")
        listener.join(60)
        stored = [job.id for job in client.jobs(text="counted")]
    killer.join()
    assert sorted(stored, key=int) == made, "each answered creation exists exactly once"
    assert {job.status.value for job in ended} == {"success"}
    assert [one for one in seen if one in made] == made, "each creation was reported once and in order"


def _listen(path: str, after: int, seen: list[str]) -> None:
    with Client(path) as client:
        for event in client.events(after=after, kinds=["job.created"]):
            assert event.job is not None
            seen.append(event.job)
            if client.job.get(event.job).name == "last":
                return


async def test_the_asyncio_client_completes_everything_it_had_begun_before_a_kill(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()
    async with AsyncClient(str(daemon.socket)) as client:
        held = await client.job.create("lockside.command", config_data=TRUE, hold=True)
        waiting = asyncio.create_task(client.wait(held.id))
        reading = asyncio.create_task(_lines(client, held.id))
        await client.daemon.status()
        await asyncio.to_thread(daemon.kill)
        creating = [
            asyncio.create_task(client.job.create("lockside.command", config_data=TRUE, name="counted"))
            for _ in range(20)
        ]
        await asyncio.to_thread(daemon.start)
        made = {job.id for job in await asyncio.gather(*creating)}
        await client.job.release(held.id)
        assert (await waiting).status.value == "success"
        assert await reading == 0
        assert {job.id async for job in client.jobs(text="counted")} == made


async def _lines(client: AsyncClient, job: str) -> int:
    return len([frame async for frame in client.log(job, follow=True)])


def test_a_client_whose_daemon_has_stopped_says_so_and_what_to_do(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    with Client(str(daemon.socket), reconnect_seconds=0.2) as client:
        client.daemon.status()
        daemon.stop()
        with pytest.raises(errors.NotReachable) as away:
            client.job.create("lockside.command", config_data=TRUE)
    assert str(daemon.socket) in away.value.message
    assert "lockside start" in away.value.remedy


INSIDE = """
import sys
from lockside import Client
with Client() as client:
    reported = client.job.report(progress=0.25, message="a quarter")
    child = client.job.create("lockside.command", config_data={"parameters": {"shell": "echo hi"}})
    child = client.wait(child.id)
    try:
        client.job.wait(reported.job)
    except Exception as error:
        circle = type(error).__name__
    words = [reported.job, child.id, child.parent_run_id, child.status.value, circle]
    print(*words, file=open(sys.argv[1], "w"))
    open(sys.argv[2]).read()
"""


def test_inside_a_job_a_client_needs_no_settings(fresh: Callable[..., Daemon]) -> None:
    with folder_of_its_own() as place:
        ear, gate = Ear(place), Ear(place, "gate")
        daemon = fresh()
        parameters = {"command": python(INSIDE, str(ear.path), str(gate.path))}
        with Wire(daemon.socket) as wire:
            job = wire.create(configData={"parameters": parameters})
            parent, child, parent_run_id, status, circle = ear.hear().split()
            assert (parent, parent_run_id, status) == (job["id"], job["runId"], "success")
            assert circle == "Conflict", "a wait of a job for itself is refused"
            view = wire.get(job["id"])
            assert (view["progress"], view["message"]) == (0.25, "a quarter")
            assert wire.get(child)["relation"] == "weak"
            wire.call("job.terminate", id=job["id"])
            wire.done(job)
        ear.close()
        gate.close()


FORKED = """
import os, sys
from lockside import Client
with Client() as client:
    reported = [client.job.report(progress=0.25, message="the parent").job]
    reading, writing = os.pipe()
    if os.fork() == 0:
        reported.append(client.job.report(progress=0.5, message="the child").job)
        made = client.job.create("lockside.command", config_data={"parameters": {"command": ["true"]}})
        os.write(writing, f"{reported[1]} {made.parent_run_id} {client.wait(made.id).status.value}".encode())
        os._exit(0)
    os.close(writing)
    reported += os.read(reading, 1000).decode().split()
    reported.append(client.job.get(reported[0]).message)
    print(*reported, file=open(sys.argv[1], "w"))
"""


def test_a_job_that_forks_reports_and_creates_on_both_sides(fresh: Callable[..., Daemon]) -> None:
    with folder_of_its_own() as place:
        ear = Ear(place)
        daemon = fresh()
        with Wire(daemon.socket) as wire:
            job = wire.create(configData={"parameters": {"command": python(FORKED, str(ear.path))}})
            heard = ear.hear().split(maxsplit=4)
            assert heard == [job["id"], job["id"], job["runId"], "success", "the child"]
            wire.done(job)
        ear.close()


def test_a_client_shared_by_processes_and_threads_returns_to_each_its_own_jobs(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()

    def create(name: str) -> bool:
        return client.job.create("lockside.command", config_data=TRUE, hold=True, name=name).name == name

    def create_all() -> bool:
        with ThreadPoolExecutor(8) as threads:
            return all(threads.map(create, [f"of {os.getpid()}, number {number}" for number in range(100)]))

    with Client(str(daemon.socket)) as client:
        assert create("before the fork")
        with Child(create_all) as first, Child(create_all) as second:
            assert create_all()
            assert first.result()
            assert second.result()
        assert client.job.list(text="of ", count=True, limit=1).total == 300


def test_live_views_make_no_more_requests_at_once_than_the_daemon_allows(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()
    session = Session(Parsed(None, {"socket": str(daemon.socket)}))
    with session, Multiplexer(session) as flight:
        configuration: dict[str, Any] = {"component": "lockside.command", "configData": TRUE}
        held = session.call("job.create", **configuration, hold=True)["id"]
        for number in range(300):
            flight.ask(number, "job.wait", id=held)
        session.call("job.release", id=held)
        arrivals = [flight.next(60) for _ in range(300)]
    assert {arrival.value["status"] for arrival in arrivals if arrival is not None} == {"success"}
    assert {arrival.tag for arrival in arrivals if arrival is not None} == set(range(300))

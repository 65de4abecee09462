"""One blocking client in several threads and processes."""

import asyncio
import copy
import gc
import multiprocessing
import os
import pickle
import queue
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from client.children import Child, in_child
from client.fakedaemon import FakeDaemon, job
from lockside import AsyncClient, Client, errors

pytestmark = pytest.mark.real_processes

SECONDS = 20.0
Json = dict[str, Any]


class Held:
    """Holds calls of `job.wait` until `release`; `arrived` is set once one has arrived."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.arrived = threading.Event()
        self.release = threading.Event()
        daemon.serve_at_once = True
        daemon.answers["job.wait"] = self._wait
        daemon.answers["job.get"] = lambda params: job(params["id"])

    def _wait(self, _: Json) -> Json:
        self.arrived.set()
        assert self.release.wait(SECONDS)
        return {"jobs": [job("42")]}


@pytest.fixture
def held(daemon: FakeDaemon) -> Held:
    return Held(daemon)


def in_thread(work: Any, *args: Any) -> "queue.Queue[Any]":
    """Do the work in a thread and put its result, or the client's error, into a queue."""
    results: queue.Queue[Any] = queue.Queue()

    def run() -> None:
        try:
            results.put(work(*args))
        except errors.LocksideError as error:
            results.put(error)

    threading.Thread(target=run, daemon=True).start()
    return results


def test_threads_that_share_a_client_each_get_their_own_answers(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = lambda params: job(params["id"])
    numbers = [str(number) for number in range(400)]
    with Client(daemon.path) as client, ThreadPoolExecutor(8) as threads:
        assert [found.id for found in threads.map(client.job.get, numbers)] == numbers


async def test_a_blocking_client_works_in_the_threads_of_an_event_loop(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = lambda params: job(params["id"])
    numbers = [str(number) for number in range(50)]
    with Client(daemon.path) as client:
        asked = [asyncio.to_thread(client.job.get, number) for number in numbers]
        assert [found.id for found in await asyncio.gather(*asked)] == numbers


def test_a_thread_that_waits_for_a_job_delays_no_other(daemon: FakeDaemon, held: Held) -> None:
    with Client(daemon.path) as client:
        waiting = in_thread(client.wait, "42")
        assert held.arrived.wait(SECONDS)
        assert client.job.get("1").id == "1"
        held.release.set()
        assert waiting.get(timeout=SECONDS).id == "42"


def test_a_call_from_a_signal_handler_does_not_wait_for_the_call_it_interrupted(
    daemon: FakeDaemon, held: Held
) -> None:
    import signal

    found = []

    def handle(*_: object) -> None:
        found.append(client.job.get("1").id)
        held.release.set()

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with Client(daemon.path) as client:
            main = threading.main_thread().ident
            assert main is not None
            threading.Thread(
                target=lambda: held.arrived.wait(SECONDS) and signal.pthread_kill(main, signal.SIGUSR1)
            ).start()
            assert client.wait("42").id == "42"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert found == ["1"]


def test_connections_that_were_idle_when_the_daemon_restarted_cost_one_pause(daemon: FakeDaemon) -> None:
    together = threading.Barrier(8)

    def get(params: Json) -> Json:
        together.wait(SECONDS)
        return job(params["id"])

    daemon.answers["job.get"] = get
    with Client(daemon.path, reconnect_seconds=0.05) as client:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(client.job.get, "12345678"))
        daemon.stop()
        daemon.start()
        daemon.answers["job.get"] = job("9")
        assert client.job.get("9").id == "9"


def test_after_a_fork_each_process_gets_its_own_answers(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = lambda params: job(params["id"])
    parents, childs = [str(number) for number in range(300)], [str(number) for number in range(300, 600)]
    with Client(daemon.path) as client:
        client.job.get("0")
        with Child(lambda: [client.job.get(number).id for number in childs]) as child:
            assert [client.job.get(number).id for number in parents] == parents
            assert child.result() == childs


def test_a_fork_in_the_middle_of_another_threads_call_disturbs_neither(
    daemon: FakeDaemon, held: Held
) -> None:
    with Client(daemon.path) as client:
        waiting = in_thread(client.wait, "42")
        assert held.arrived.wait(SECONDS)
        assert in_child(lambda: client.job.get("1").id) == "1"
        held.release.set()
        assert waiting.get(timeout=SECONDS).id == "42"


def test_a_child_that_closes_and_collects_its_client_leaves_the_parents_connection(
    daemon: FakeDaemon,
) -> None:
    daemon.answers["job.get"] = lambda params: job(params["id"])
    clients = [Client(daemon.path, reconnect_seconds=0)]
    clients[0].job.get("1")

    def close() -> None:
        with clients[0]:
            pass
        clients.clear()
        gc.collect()

    in_child(close)
    assert clients[0].job.get("2").id == "2"
    clients[0].close()


def test_a_living_child_does_not_keep_the_connection_of_its_parent_open(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.listen()
        listening.settimeout(SECONDS)
        client = Client(str(tmp_path / "socket"), reconnect_seconds=0)
        answered = in_thread(client.job.get, "1")
        peer, _ = listening.accept()
        with peer, peer.makefile("rwb") as lines:
            lines.readline()
            lines.write(b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32001, "message": "No."}}\n')
            lines.flush()
            assert isinstance(answered.get(timeout=SECONDS), errors.NotFound)
            reading, writing = os.pipe()
            with Child(lambda: (os.close(writing), os.read(reading, 1))[1]) as child:
                client.close()
                peer.settimeout(SECONDS)
                assert lines.readline() == b"", "the disconnect is noticed"
                os.close(writing)
                assert child.result() == b""
            os.close(reading)


def _push(*numbers: int) -> tuple[str, Json]:
    events = [{"seq": number, "time": "2026-01-31T08:00:00Z", "kind": "job.status"} for number in numbers]
    return "event", {"subscription": "s", "events": events}


def test_events_continue_in_both_processes_after_a_fork(daemon: FakeDaemon) -> None:
    def subscribe(params: Json) -> Json:
        after = params.get("after", 0)
        daemon.pushes["event.subscribe"] = [_push(*range(after + 1, 7))]
        return {"subscription": "s", "cursor": 0}

    daemon.answers["event.subscribe"] = subscribe
    with Client(daemon.path) as client:
        events = client.events()
        assert [next(events).seq for _ in range(2)] == [1, 2]
        childs = in_child(lambda: [next(events).seq for _ in range(4)])
        assert childs == [next(events).seq for _ in range(4)] == [3, 4, 5, 6]
        events.close()


def test_a_log_is_followed_in_both_processes_after_a_fork(daemon: FakeDaemon) -> None:
    def log(params: Json) -> Json:
        offset = params["offset"]
        frame = {"seq": offset, "time": "2026-01-31T08:00:00Z", "stream": "stdout", "text": str(offset)}
        frames = [frame] if offset < 4 else []
        return {"frames": frames, "nextOffset": min(offset + 1, 4), "isComplete": offset == 4}

    daemon.answers["job.log"] = log
    with Client(daemon.path) as client:
        lines = client.log("42", follow=True)
        assert next(lines).text == "0"
        childs = in_child(lambda: [frame.text for frame in lines])
        assert childs == [frame.text for frame in lines] == ["1", "2", "3"]


def _get(client: Client, number: str) -> str:
    return client.job.get(number).id


def test_a_global_client_works_in_a_forked_pool_but_not_in_a_spawned_one(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = lambda params: job(params["id"])
    with Client(daemon.path) as client:
        client.job.get("0")
        forked = multiprocessing.get_context("fork").Process(target=_get, args=(client, "1"))
        forked.start()
        forked.join(SECONDS)
        assert forked.exitcode == 0
        spawned = multiprocessing.get_context("spawn").Process(target=_get, args=(client, "1"))
        with pytest.raises(TypeError, match="make one in each process"):
            spawned.start()
        assert client.job.get("2").id == "2"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_cannot_be_pickled_or_copied(kind: type[Client]) -> None:
    client = kind("/nowhere")
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=f"{kind.__name__} cannot be pickled or copied"):
            take(client)


def test_a_closed_client_says_so(daemon: FakeDaemon) -> None:
    daemon.answers["job.get"] = job()
    client = Client(daemon.path)
    client.job.get("1")
    client.close()
    client.close()
    for use in (lambda: client.job.get("1"), lambda: next(client.events()), lambda: client.wait("1")):
        with pytest.raises(errors.LocksideError, match="client is closed"):
            use()


def test_closing_a_client_ends_the_calls_of_other_threads(daemon: FakeDaemon, held: Held) -> None:
    client = Client(daemon.path)
    waiting = in_thread(client.wait, "42")
    assert held.arrived.wait(SECONDS)
    client.close()
    ended = waiting.get(timeout=SECONDS)
    assert isinstance(ended, errors.LocksideError)
    assert "client is closed" in ended.message
    held.release.set()

"""Clients that send too much, too slowly or only half, and clients that never read: others notice nothing."""

import json
import select
import socket
from contextlib import suppress
from typing import Any

from e2e.harness import Daemon
from e2e.hostile import LIMIT, footprint, status
from e2e.neighbour import memory_of, well_behaved
from e2e.wire import Wire

# -- limits


def test_a_frame_of_a_hundred_megabytes_is_refused_and_costs_no_memory(daemon: Daemon, wire: Wire) -> None:
    before, memory = footprint(wire), memory_of(daemon)
    with well_behaved(daemon), Wire(daemon.socket) as hostile:
        piece = b"x" * 1_000_000
        hostile.send_bytes(b'{"jsonrpc":"2.0","id":1,"method":"daemon.status","params":{"a":"')
        for _ in range(100):
            hostile.send_bytes(piece)
        hostile.send_bytes(b'"}}\n')
        answer = hostile.read()
        assert (answer["error"]["code"], answer["error"]["data"]["kind"]) == (LIMIT, "limit")
        assert hostile.call("daemon.status")["version"]
    assert memory_of(daemon) - memory < 40_000_000
    assert footprint(wire) == before


def test_a_line_of_exactly_eight_mebibytes_is_accepted(daemon: Daemon) -> None:
    frame = json.dumps(status(params={"project": "default"})).encode()
    with Wire(daemon.socket) as wire:
        wire.send_bytes(frame.ljust(8 * 2**20 - 1) + b"\n")
        assert "result" in wire.read()
        wire.send_bytes(frame.ljust(8 * 2**20 + 1) + b"\n")
        assert wire.read()["error"]["code"] == LIMIT


def test_a_batch_of_too_many_requests_is_refused_as_a_whole(daemon: Daemon, wire: Wire) -> None:
    one = {"jsonrpc": "2.0", "method": "pool.list"}
    wire.send([{**one, "id": number} for number in range(1000)])
    assert len(wire.read()) == 1000
    wire.send([{**one, "id": number} for number in range(1001)])
    assert wire.read()["error"]["code"] == LIMIT


def test_requests_beyond_the_limit_in_flight_are_refused_one_by_one(daemon: Daemon, wire: Wire) -> None:
    held = wire.shell("true", hold=True)
    with Wire(daemon.socket) as other:
        waits = [other.ask("job.wait", id=held["id"], fields=["status"]) for _ in range(300)]
        refused = [other.read() for _ in range(300 - 256)]
        assert {one["error"]["code"] for one in refused} == {LIMIT}
        wire.call("job.release", id=held["id"])
        answered = {other.read()["id"] for _ in range(256)}
        assert answered | {one["id"] for one in refused} == set(waits)


def test_at_most_a_thousand_connections_are_accepted(fresh: Any) -> None:
    daemon = fresh(LOCKSIDE_LIMITS__CONNECTIONS="50")
    with well_behaved(daemon):
        crowd = [Wire(daemon.socket) for _ in range(49)]
        for one in crowd:
            one.call("pool.list")
        with Wire(daemon.socket) as late:
            assert late.read()["error"]["code"] == LIMIT
            assert late.read() is None
        for one in crowd:
            one.close()
        while not is_welcome(daemon):  # the connections end once the daemon has noticed it
            pass


def is_welcome(daemon: Daemon) -> bool:
    with Wire(daemon.socket) as wire:
        with suppress(BrokenPipeError):  # it may be rejected before it has sent a request
            wire.send(status())
        return "result" in wire.read()


# -- odd clients


def test_silent_clients_cost_other_clients_nothing(daemon: Daemon, wire: Wire) -> None:
    with well_behaved(daemon):
        silent = [Wire(daemon.socket) for _ in range(100)]
        slow = Wire(daemon.socket)
        for byte in b'{"jsonrpc":"2.0","id":1,"method":"pool.list"}\n':
            slow.send_bytes(bytes([byte]))
        assert "result" in slow.read()
        for one in [*silent, slow]:
            one.close()


def test_a_client_that_never_reads_is_not_read_from_and_delays_nobody(daemon: Daemon, wire: Wire) -> None:
    with well_behaved(daemon):
        greedy = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        greedy.connect(str(daemon.socket))
        greedy.setblocking(False)
        frame = b"".join(json.dumps(status(id=n, method="rpc.discover")).encode() + b"\n" for n in range(50))
        for _ in range(200):
            if not select.select([], [greedy], [], 0.5)[1]:
                break
            try:
                greedy.send(frame)
            except BlockingIOError:
                continue
        else:
            raise AssertionError("it takes requests without end from a client that reads nothing")
        greedy.close()
    assert wire.call("pool.list")


def test_incomplete_frames_and_sudden_disconnects_leave_nothing_behind(daemon: Daemon, wire: Wire) -> None:
    before = footprint(wire)
    whole = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "pool.put", "params": {"pool": {"id": "half"}}}
    ).encode()
    for end in range(0, len(whole), 7):
        with Wire(daemon.socket) as one:
            one.send_bytes(whole[:end])
    assert footprint(wire) == before


def test_a_last_request_without_a_line_end_is_answered(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        wire.send_bytes(json.dumps(status()).encode())
        wire.socket.shutdown(socket.SHUT_WR)
        assert "result" in wire.read()


def test_empty_lines_are_ignored(wire: Wire) -> None:
    wire.send_bytes(b"\n\r\n  \n\t\n")
    assert wire.call("pool.list")["pools"]

"""Messages that a run sends by GELF are redacted in its log, and the listener is not part of the job."""

import os
import signal
import socket
import sys
import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from keeper.kit import Keeper, Peer, is_alive, needs_root, wait_until_gone
from locksided.keeper.gelf.listener import MAX_CONNECTIONS
from locksided.keeper.log.format import DROPPED, GELF, STDERR, read_dropped, read_gelf
from locksided.keeper.tree import proc

NORMAL = "cccssssn"
"""What is kept of each level when a component says nothing of it."""
CONNECT = (
    "import json, os, signal, socket, sys\n"
    "address = (os.environ['KBC_LOGGER_ADDR'], int(os.environ['KBC_LOGGER_PORT']))\n"
    "def text(level, short, **more):\n"
    "    head = {'version': '1.1', 'host': 'h', 'level': level, 'short_message': short}\n"
    "    return json.dumps({**head, **more}).encode()\n"
    "link = socket.create_connection(address)\n"
)
SECRET = "s3cr3t-Ω"


def order(
    keeper: Keeper, code: str, *, visibilities: str = NORMAL, transport: str = "tcp", **fields: Any
) -> dict[str, Any]:
    gelf = {"transport": transport, "visibilities": visibilities}
    connect = CONNECT if transport == "tcp" else CONNECT.rpartition("link")[0]
    return keeper.order(sys.executable, "-I", "-c", connect + code, gelf=gelf, **fields)


def logged_messages(keeper: Keeper) -> list[tuple[int, str, dict[str, Any], bool]]:
    parts = [read_gelf(frame.payload) for frame in keeper.frames() if frame.stream == GELF]
    return [(one.level, one.text.decode(), one.fields, one.for_admins) for one in parts if one]


def texts(keeper: Keeper) -> list[str]:
    return [text for _, text, _, _ in logged_messages(keeper)]


def lost_bytes(keeper: Keeper) -> list[int]:
    return [read_dropped(frame.payload).size_bytes for frame in keeper.frames() if frame.stream == DROPPED]


def listeners_of(keeper: Keeper) -> list[int]:
    programs = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in proc.all_child_pids(keeper.pid)}
    return [pid for pid, program in programs.items() if b"keeper.gelf.listener" in program]


def first_line(daemon: Peer) -> str:
    """Wait until the job has written the first line of its log."""
    daemon.expect("started", "1-1-0")
    daemon.send(op="watch", token="1-1-0", seq=0)
    return str(daemon.expect("log", "1-1-0"))


def test_messages_by_tcp_are_kept_by_the_visibility_of_their_level(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "for level in range(7, -1, -1):\n"
        "    link.sendall(text(level, f'short {level}', full_message=f'full {level}', _n=level) + b'\\0')\n"
    )
    daemon.send(**order(keeper, code, visibilities="csvcssvn"))
    outcome = daemon.outcome("1-1-0")
    assert (outcome["exitCode"], outcome["killReport"], outcome["leftovers"]) == (0, None, [])
    assert logged_messages(keeper) == [
        (6, "full 6\n", {"_n": 6}, False),
        (5, "short 5\n", {}, False),
        (4, "short 4\n", {}, False),
        (3, "full 3\n", {"_n": 3}, True),
        (2, "full 2\n", {"_n": 2}, False),
        (1, "short 1\n", {}, False),
        (0, "full 0\n", {"_n": 0}, True),
    ]
    assert outcome["gelfTail"] == "Application error."


def test_messages_of_a_pipeline_with_a_limit_are_received_too(keeper: Keeper, daemon: Peer) -> None:
    code = "link.sendall(text(3, 'one') + b'\\n' + text(6, 'two'))"
    asked = order(keeper, code, memoryBytes=200 * 2**20, cpus=1)
    daemon.send(**{**asked, "pipeline": [["true"], *asked["pipeline"]]})
    assert daemon.outcome("1-1-0")["gelfTail"] == "one"
    assert texts(keeper) == ["one\n", "two\n"]


def test_input_that_is_not_gelf_is_text_of_level_6(keeper: Keeper, daemon: Peer) -> None:
    lines = ["plain", "[1]", '{"level": 3}', '{"short_message": 5}', "[" * 5000]
    daemon.send(**order(keeper, f"link.sendall({chr(10).join(lines).encode()!r} + b'\\n\\xff\\r\\n\\n\\0')"))
    daemon.outcome("1-1-0")
    assert logged_messages(keeper) == [(6, f"{line}\n", {}, False) for line in [*lines, "\ufffd"]]


def test_secrets_are_hidden_in_every_text_of_a_message(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "coded = sys.argv[1]\n"
        "link.sendall(text(6, 'a s3cr3t-Ω b ' + coded, _x='s3cr3t-Ω', **{'_s3cr3t-Ω': 1}, _n=74747474,\n"
        "  _deep={'list': ['x', {'k': 's3cr3t-Ω'}]}, _f=1.5, _none=None) + b'\\0')\n"
    )
    coded = b64encode(SECRET.encode()).decode()
    asked = order(keeper, code, visibilities="vvvvvvvv", secrets=[SECRET, "74747474"])
    asked["pipeline"][0].append(coded)
    daemon.send(**asked)
    daemon.outcome("1-1-0")
    hidden = {
        "_x": "[hidden]",
        "_[hidden]": 1,
        "_n": "[hidden]",
        "_deep": {"list": ["x", {"k": "[hidden]"}]},
        "_f": 1.5,
        "_none": None,
    }
    assert logged_messages(keeper) == [(6, "a [hidden] b [hidden]\n", hidden, False)]
    log = b"".join(path.read_bytes() for path in (keeper.folder() / "log").iterdir())
    assert SECRET.encode() not in log
    assert coded.encode() not in log


def test_a_long_message_is_several_frames_and_one_that_is_too_long_is_counted(
    keeper: Keeper, daemon: Peer
) -> None:
    code = (
        "link.sendall(text(3, 'ž' * 100_000) + b'\\0' + text(3, 'x' * 1_100_000) + b'\\0')\n"
        "link.sendall(text(6, 'after', _big='y' * 70_000, _small=1) + b'\\0')\n"
    )
    daemon.send(**order(keeper, code, visibilities="vvvvvvvv"))
    daemon.outcome("1-1-0")
    *parts, (_, after, fields, _) = logged_messages(keeper)
    assert "".join(text for _, text, _, _ in parts) == "ž" * 100_000 + "\n"
    assert (after, fields) == ("after\n", {"_small": 1})
    (lost,) = lost_bytes(keeper)
    assert 1_100_000 + 70_000 < lost < 1_100_000 + 71_000


def test_nothing_is_lost_when_the_job_ends_with_unread_messages(keeper: Keeper, daemon: Peer) -> None:
    code = "link.sendall((text(6, 'x' * 100) + b'\\0') * 12_000)"
    daemon.send(**order(keeper, code))
    assert daemon.outcome("1-1-0")["log"]["nextSeq"] == 12_000
    assert lost_bytes(keeper) == []


def test_a_connection_above_the_limit_is_closed_and_leaves_a_gap(keeper: Keeper, daemon: Peer) -> None:
    code = (
        f"links = [socket.create_connection(address) for _ in range({MAX_CONNECTIONS - 1})]\n"
        "links[-1].sendall(text(6, 'the last') + b'\\0')\n"
        "extra = socket.create_connection(address)\n"
        "try:\n    ended = extra.recv(1) == b''\n"
        "except ConnectionError:\n    ended = True\n"
        "link.sendall(text(6, f'ended {ended}') + b'\\0')\n"
    )
    daemon.send(**order(keeper, code))
    assert daemon.outcome("1-1-0")["exitCode"] == 0
    assert (texts(keeper), lost_bytes(keeper)) == (["the last\n", "ended True\n"], [0])


def test_the_listener_is_no_leftover_and_receives_from_leftovers(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    os.read(os.open(sys.argv[1], os.O_RDONLY), 1)\n"
        "    link.sendall(text(6, 'from a daemon') + b'\\0')\n"
    )
    fifo = keeper.base / "fifo"
    os.mkfifo(fifo)
    asked = order(keeper, code, leftovers="wait")
    asked["pipeline"][0].append(str(fifo))
    daemon.send(**asked)
    leftovers = daemon.expect("leftovers", "1-1-0")
    assert len(leftovers["processes"]) == 1
    fifo.write_bytes(b"x")
    outcome = daemon.outcome("1-1-0")
    assert (len(outcome["leftovers"]), outcome["killReport"]) == (1, None)
    assert texts(keeper) == ["from a daemon\n"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_job_that_is_stopped_can_log_until_its_end(
    keeper: Keeper, daemon: Peer, number: signal.Signals
) -> None:
    code = (
        "def stopped(*_):\n"
        "    link.sendall(text(4, 'going down') + b'\\0')\n"
        "    sys.exit(0)\n"
        f"signal.signal({int(number)}, stopped)\n"
        "link.sendall(text(6, 'here') + b'\\0')\n"
        "while True: signal.pause()\n"
    )
    daemon.send(**order(keeper, code, stopSignal=int(number)))
    first_line(daemon)
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["stopped"], len(outcome["killReport"]["processes"])) == ("terminate", 1)
    assert texts(keeper) == ["here\n", "going down\n"]


def test_a_job_that_ignores_signals_is_killed_with_its_listener(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "signal.signal(15, signal.SIG_IGN)\n"
        "link.sendall(text(6, 'here') + b'\\0')\n"
        "while True: signal.pause()\n"
    )
    daemon.send(**order(keeper, code, graceSeconds=0.1))
    first_line(daemon)
    (listener,) = listeners_of(keeper)
    daemon.send(op="stop", token="1-1-0")
    report = daemon.outcome("1-1-0")["killReport"]["processes"]
    assert listener not in {one["pid"] for one in report}
    assert {one["signal"] for one in report} == {15, 9}
    assert not is_alive(listener)


def test_a_pause_also_stops_the_listener_and_nothing_is_lost(keeper: Keeper, daemon: Peer) -> None:
    code = "link.sendall(text(6, 'one') + b'\\0')\nsys.stdin.read()\nsignal.pause()"
    daemon.send(**order(keeper, code))
    first_line(daemon)
    daemon.send(op="pause", token="1-1-0")
    daemon.expect("paused", "1-1-0")
    daemon.send(op="stop", token="1-1-0")
    assert daemon.outcome("1-1-0")["stopped"] == "terminate"
    assert texts(keeper) == ["one\n"]


def test_a_job_that_kills_its_listener_is_reported_and_continues(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "link.sendall(text(6, 'one') + b'\\0')\n"
        "sys.stdin = open(sys.argv[1])\n"
        "os.kill(int(sys.stdin.readline()), 9)\n"
        "link.recv(1)\n"
    )
    fifo = keeper.base / "fifo"
    os.mkfifo(fifo)
    asked = order(keeper, code)
    asked["pipeline"][0].append(str(fifo))
    daemon.send(**asked)
    first_line(daemon)
    (listener,) = listeners_of(keeper)
    fifo.write_text(f"{listener}\n")
    assert daemon.outcome("1-1-0")["exitCode"] == 0
    assert texts(keeper) == ["one\n"]
    assert lost_bytes(keeper) == [0]
    told = b"lockside: The GELF listener has ended before the job: messages to it are lost.\n"
    assert keeper.text(STDERR) == told


def test_junk_in_the_records_is_dropped_without_harm(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "link.sendall(text(6, 'one') + b'\\0')\n"
        "pid = int(open(sys.argv[1]).readline())\n"
        "records = os.open(f'/proc/{pid}/fd/1', os.O_WRONLY)\n"
        'junk = [b\'{"level": 9, "text": "x", "fields": {}, "forAdmins": false}\', b\'{"lost": -1}\',\n'
        "  b'{\"lost\": 9007199254740991}', b'{\"lost\": 9007199254740991}', b'[' * 100, b'\\xff', b'{}']\n"
        "os.write(records, b'\\n'.join(junk) + b'\\n')\n"
        "for _ in range(9 * 16): os.write(records, b'x' * 65536)\n"
        "os.write(records, b'\\n')\n"
        "link.sendall(text(6, 'two') + b'\\0')\n"
    )
    fifo = keeper.base / "fifo"
    os.mkfifo(fifo)
    asked = order(keeper, code)
    asked["pipeline"][0].append(str(fifo))
    daemon.send(**asked)
    first_line(daemon)
    (listener,) = listeners_of(keeper)
    fifo.write_text(f"{listener}\n")
    outcome = daemon.outcome("1-1-0")
    assert (outcome["exitCode"], texts(keeper)) == (0, ["one\n", "two\n"])
    assert outcome["log"]["droppedBytes"] == 2**53 - 1


def test_a_listener_ends_with_its_keeper(keeper: Keeper, daemon: Peer) -> None:
    daemon.send(**order(keeper, "link.sendall(text(6, 'one') + b'\\0')\nsignal.pause()"))
    first_line(daemon)
    (listener,) = listeners_of(keeper)
    leaders = set(proc.all_child_pids(keeper.pid)) - {listener}
    keeper.kill()
    for pid in leaders:
        os.kill(pid, signal.SIGKILL)
    wait_until_gone(listener)


@needs_root
def test_a_listener_has_the_rights_of_the_job(keeper: Keeper, daemon: Peer) -> None:
    shell = "exec 3<>/dev/tcp/$KBC_LOGGER_ADDR/$KBC_LOGGER_PORT; echo one >&3; exec sleep 600"
    user = {"uid": 64001, "gid": 64002, "groups": [64003]}
    gelf = {"transport": "tcp", "visibilities": NORMAL}
    daemon.send(**keeper.order("bash", "-c", shell, cwd="/", user=user, gelf=gelf, graceSeconds=0.1))
    first_line(daemon)
    (listener,) = listeners_of(keeper)
    status = Path(f"/proc/{listener}/status").read_text()
    ids = [line.split()[1:] for line in status.splitlines() if line.startswith(("Uid", "Gid", "Groups"))]
    assert ids == [["64001"] * 4, ["64002"] * 4, ["64003"]]
    daemon.send(op="stop", token="1-1-0")
    daemon.outcome("1-1-0")


def test_datagrams_are_received_whole_compressed_and_in_chunks(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "import gzip, zlib\n"
        "link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "def send(data): link.sendto(data, address)\n"
        "def chunks(name, data, size):\n"
        "    parts = [data[at:at + size] for at in range(0, len(data), size)]\n"
        "    return [b'\\x1e\\x0f' + name + bytes([n, len(parts)]) + part for n, part in enumerate(parts)]\n"
        "send(text(6, 'plain')); send(zlib.compress(text(6, 'zlib'))); send(gzip.compress(text(6, 'gzip')))\n"
        "long = chunks(b'identity', zlib.compress(text(6, 'long ' + os.urandom(2000).hex())), 500)\n"
        "for part in [*long[::-1], *chunks(b'half....', text(6, 'never'), 40)[1:]]: send(part)\n"
        "send(zlib.compress(b'x' * 5_000_000)); send(b'\\x1e\\x0f'); send(b'\\x1e\\x0f12345678\\x05\\x02x')\n"
        "send(text(6, 'last'))\n"
    )
    daemon.send(**order(keeper, code, transport="udp"))
    assert daemon.outcome("1-1-0")["exitCode"] == 0
    plain, zlib, gzip, long, last = texts(keeper)
    assert (plain, zlib, gzip, last) == ("plain\n", "zlib\n", "gzip\n", "last\n")
    assert (long[:5], len(long)) == ("long ", 4006)
    assert len(lost_bytes(keeper)) == 2, "before the last one, and at the end"


@needs_root
def test_a_burst_of_datagrams_is_received_completely(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for number in range(2000): link.sendto(text(6, f'{number} ' + 'x' * 500), address)\n"
    )
    daemon.send(**order(keeper, code, transport="udp"))
    assert daemon.outcome("1-1-0")["exitCode"] == 0
    assert [int(text.split()[0]) for text in texts(keeper)] == list(range(2000))


def test_a_foreign_sender_that_never_ends_does_not_keep_a_run_alive(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "if os.fork() == 0:\n"
        "    open(sys.argv[1], 'w').write(f'{address[1]}\\n')\n"
        "    sys.exit()\n"
        "os.wait()\n"
        "sys.stdin = open(sys.argv[2]); sys.stdin.read()\n"
    )
    said, go = keeper.base / "said", keeper.base / "go"
    for fifo in (said, go):
        os.mkfifo(fifo)
    asked = order(keeper, code)
    asked["pipeline"][0] += [str(said), str(go)]
    daemon.send(**asked)
    port = int(said.read_text())
    with socket.create_connection(("127.0.0.1", port)) as foreign:
        flood = threading.Thread(target=flood_through, args=(foreign,))
        flood.start()
        go.write_text("now")
        assert daemon.outcome("1-1-0")["exitCode"] == 0
        flood.join()


def flood_through(foreign: socket.socket) -> None:
    """Send until the other end is gone."""
    with suppress(OSError):
        while True:
            foreign.sendall(b"more" * 10_000 + b"\n")


def test_posts_are_received_and_answered(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "import contextlib, http.client, gzip\n"
        "def ask(method, body, headers={}, fresh=[]):\n"
        "    link = http.client.HTTPConnection(*address)\n"
        "    with contextlib.suppress(BrokenPipeError, ConnectionResetError):\n"
        "        link.request(method, '/gelf', body, headers)\n"
        "    return link.getresponse().status\n"
        "kept = http.client.HTTPConnection(*address)\n"
        "for name in ('one', 'two'):\n"
        "    kept.request('POST', '/gelf', text(6, name)); kept.getresponse().read()\n"
        "zipped = gzip.compress(text(6, 'zipped'))\n"
        "print(ask('POST', zipped, {'Content-Encoding': 'gzip'}), ask('GET', None))\n"
        "print(ask('POST', iter([b'x'])))\n"
        "print(ask('POST', b'x', {'Content-Length': str(2**21)}), ask('POST', b'x', {'A': 'y' * 17000}))\n"
    )
    daemon.send(**order(keeper, code, transport="http"))
    outcome = daemon.outcome("1-1-0")
    assert (outcome["stdoutTail"], outcome["stderrTail"]) == ("202 405\n411\n413 431\n", "")
    assert texts(keeper) == ["one\n", "two\n", "zipped\n"]
    assert lost_bytes(keeper) == [2**21]

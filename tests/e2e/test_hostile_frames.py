"""Malformed and hostile frames get the correct answers; other clients notice nothing."""

import json
import random
import socket
from contextlib import suppress
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.hostile import METHOD, PARAMS, PARSE, REQUEST, footprint, status
from e2e.neighbour import well_behaved
from e2e.processes import PATIENCE_SECONDS
from e2e.wire import Wire

# Each is one line that is not JSON, under the name by which such cases are known.
NO_JSON: list[bytes] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'{"a"',
    b'{"a":',
    b'{"a":}',
    b'{"a":1,}',
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"nul",
    b"tru",
    b"True",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"-",
    b"+1",
    b"01",
    b"-01",
    b"1.",
    b".5",
    b"1e",
    b"1e+",
    b"0x1",
    b"1_000",
    b'"',
    b'"\\',
    b'"\\x"',
    b'"\\u12"',
    b'"\\uD8"',
    b"'a'",
    b"{a:1}",
    b"{'a':1}",
    b'{"a" 1}',
    b'{"a":1 "b":2}',
    b"{1:1}",
    b'"\x00"',
    b'"\x1f"',
    b'"tab\there"',
    b"\xff",
    b"\xfe\xff",
    b'"\xff"',
    b'"\xc0\xaf"',
    b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"',
    b'{"\xe9":1}',
    b"\xef\xbb\xbf{}",
    b"/* c */ 1",
    b"// c",
    b"1 // c",
    b"{} {}",
    b"[] []",
    b"1 1",
    b"[1}",
    b"{1]",
    b"[[1]",
    b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"',
    b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"daemon.status","params":{}',
    b"a",
    b"hello",
    b"GET / HTTP/1.1",
    b"\x16\x03\x01\x02\x00",
    b"\x00",
    b"\x00" * 100,
    b"<xml/>",
    b"---\na: 1".replace(b"\n", b" "),
    b"{" * 1000,
    b"[" * 1000,
    b'{"a":' * 1000,
    b"[" * 100_000,
    b'[{"":' * 50_000,
    b"\x80" * 1000,
    b'"' + b"a" * 100_000,
    b"1" * 10_000 + b".",
    b"[1,\x0b1]",
    b"\xc2\xa0[]",
]

# Each is JSON but not a request, with the `id` that the answer must have.
NO_REQUEST: list[tuple[bytes, Any]] = [
    (b"1", None),
    (b"-0", None),
    (b"1e5", None),
    (b'"text"', None),
    (b"true", None),
    (b"false", None),
    (b"null", None),
    (b"{}", None),
    (b"[]", None),
    (b'{"jsonrpc":"2.0"}', None),
    (b'{"jsonrpc":"2.0","id":7}', 7),
    (b'{"id":7,"method":"daemon.status"}', 7),
    (b'{"jsonrpc":"1.0","id":7,"method":"daemon.status"}', 7),
    (b'{"jsonrpc":2.0,"id":7,"method":"daemon.status"}', 7),
    (b'{"jsonrpc":"2.0","id":7,"method":1}', 7),
    (b'{"jsonrpc":"2.0","id":7,"method":null}', 7),
    (b'{"jsonrpc":"2.0","id":7,"method":["a"]}', 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"daemon.status","params":"bar"}', 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"daemon.status","params":1}', 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"daemon.status","params":null}', 7),
    (b'{"jsonrpc":"2.0","id":{},"method":"daemon.status"}', None),
    (b'{"jsonrpc":"2.0","id":[1],"method":"daemon.status"}', None),
    (b'{"jsonrpc":"2.0","id":true,"method":"daemon.status"}', None),
    (b'{"jsonrpc":null,"id":"x","method":"daemon.status"}', "x"),
]

HOSTILE_VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    2**63,
    2**70,
    -(2**70),
    1e308,
    "",
    " ",
    "..",
    "../../etc/passwd",
    "a/b",
    "a\0b",
    "x" * 100_000,
    "\ud800",
    "\u202e",
    "'; DROP TABLE jobs; --",
    "1' OR '1'='1",
    "%s%n",
    "${HOME}",
    "$(reboot)",
    "{{x}}",
    [],
    [[]],
    {},
    {"": ""},
    {"a": {}},
    ["a"],
    [None],
    {"__proto__": 1},
    "1e1000",
    "٣",
    "💥" * 1000,
    [1] * 5000,
]

FIELDS = [
    ("job.get", "id"),
    ("job.get", "fields"),
    ("job.wait", "ids"),
    ("job.wait", "timeoutSeconds"),
    ("job.list", "status"),
    ("job.list", "labels"),
    ("job.list", "cursor"),
    ("job.list", "limit"),
    ("job.list", "createdFrom"),
    ("job.list", "owner"),
    ("job.log", "offset"),
    ("job.log", "id"),
    ("event.list", "after"),
    ("event.list", "kinds"),
    ("event.list", "job"),
    ("component.get", "id"),
    ("config.get", "config"),
    ("config.get", "version"),
    ("state.get", "row"),
    ("pool.get", "id"),
    ("job.terminate", "id"),
    ("job.explain", "id"),
    ("variables.get", "id"),
    ("job.stats", "groupBy"),
    ("job.create", "component"),
    ("job.create", "dependsOn"),
    ("job.create", "deduplicationId"),
    ("job.create", "colour"),
    ("event.unsubscribe", "subscription"),
]


def code_of(wire: Wire, frame: bytes) -> tuple[int, Any]:
    wire.send_bytes(frame + b"\n")
    answer = wire.read()
    assert answer["jsonrpc"] == "2.0"
    assert answer["error"]["message"]
    assert answer["error"]["data"]["kind"]
    return answer["error"]["code"], answer["id"]


def test_a_thousand_invalid_frames_get_the_correct_answers_and_leave_no_trace(
    daemon: Daemon, wire: Wire
) -> None:
    before = footprint(wire)
    sent = 0
    with well_behaved(daemon), Wire(daemon.socket) as hostile:
        for frame in NO_JSON:
            assert code_of(hostile, frame) == (PARSE, None), frame[:80]
            sent += 1
        for frame, request_id in NO_REQUEST:
            assert code_of(hostile, frame) == (REQUEST, request_id), frame
            sent += 1
        for method, field in FIELDS:
            for value in HOSTILE_VALUES:
                text = json.dumps({"jsonrpc": "2.0", "id": sent, "method": method, "params": {field: value}})
                hostile.send_bytes(text.encode() + b"\n")
                answer = hostile.read()
                sent += 1
                if "error" in answer:
                    expected = {PARAMS, -32001, -32002} | ({PARSE} if value == "\ud800" else set())
                    assert answer["error"]["code"] in expected, (text[:200], answer)
                else:
                    assert method in ("job.list", "event.list", "job.stats"), (text[:200], answer)
        assert sent > 1000
        assert hostile.call("daemon.status")["version"], "the connection still works"
    assert footprint(wire) == before


def test_random_bytes_and_broken_requests_do_no_harm(daemon: Daemon, wire: Wire) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print("seed", seed)
    dice = random.Random(seed)
    before = footprint(wire)
    good = json.dumps(status(params={"project": "default"})).encode()
    with well_behaved(daemon):
        for _ in range(40):
            with Wire(daemon.socket) as hostile:
                hostile.socket.settimeout(PATIENCE_SECONDS)
                for _ in range(10):
                    frame = bytearray(good)
                    for _ in range(dice.randint(1, 6)):
                        frame[dice.randrange(len(frame))] = dice.randrange(256)
                    hostile.send_bytes(bytes(frame) + b"\n" + dice.randbytes(dice.randint(0, 200)) + b"\n")
    assert footprint(wire) == before


# -- the examples of the JSON-RPC 2.0 specification, with methods of lockside


def exchange(daemon: Daemon, text: str) -> Any:
    with Wire(daemon.socket) as wire:
        wire.send_bytes(text.encode() + b"\n")
        wire.socket.shutdown(socket.SHUT_WR)
        answer = wire.read()
        assert wire.read() is None
        return answer


def error(code: int, request_id: Any) -> tuple[int, Any]:
    return code, request_id


def shape(answer: Any) -> Any:
    if isinstance(answer, list):
        return sorted((shape(one) for one in answer), key=str)
    if answer is None:
        return None
    return (answer["error"]["code"] if "error" in answer else "ok", answer["id"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"jsonrpc": "2.0", "method": "pool.get", "params": {"id": "default"}, "id": 3}', ("ok", 3)),
        (
            '{"jsonrpc": "2.0", "method": "pool.get", "params": {"id": "default"}, "id": "text"}',
            ("ok", "text"),
        ),
        ('{"jsonrpc": "2.0", "method": "pool.get", "params": ["default"], "id": 1}', (PARAMS, 1)),
        ('{"jsonrpc": "2.0", "method": "pool.get", "params": {"id": "default"}}', None),
        ('{"jsonrpc": "2.0", "method": "foobar"}', None),
        ('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', (METHOD, "1")),
        ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', (PARSE, None)),
        ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', (REQUEST, None)),
        (
            '[{"jsonrpc": "2.0", "method": "pool.list", "id": "1"}, {"jsonrpc": "2.0", "method"]',
            (PARSE, None),
        ),
        ("[]", (REQUEST, None)),
        ("[1]", [(REQUEST, None)]),
        ("[1,2,3]", [(REQUEST, None)] * 3),
        (
            (
                '[{"jsonrpc": "2.0", "method": "pool.get", "params": {"id": "default"}, "id": "1"},'
                ' {"jsonrpc": "2.0", "method": "pool.get", "params": {"id": "default"}},'
                ' {"jsonrpc": "2.0", "method": "pool.get", "params": {"id": "nowhere"}, "id": "2"},'
                ' {"foo": "boo"},'
                ' {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},'
                ' {"jsonrpc": "2.0", "method": "pool.list", "id": "9"}]'
            ),
            [("ok", "1"), (-32001, "2"), (REQUEST, None), (METHOD, "5"), ("ok", "9")],
        ),
        ('[{"jsonrpc": "2.0", "method": "pool.list"}, {"jsonrpc": "2.0", "method": "foo"}]', None),
        ('{"jsonrpc": "2.0", "method": "pool.list", "id": null}', ("ok", None)),
        ('{"jsonrpc": "2.0", "method": "pool.list", "id": -1.5}', ("ok", -1.5)),
    ],
)
def test_the_examples_of_the_json_rpc_specification(daemon: Daemon, text: str, expected: Any) -> None:
    answer = shape(exchange(daemon, text))
    assert answer == (sorted(expected, key=str) if isinstance(expected, list) else expected)


# -- the other framing


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def read_framed(wire: Wire) -> Any:
    length = 0
    while (line := wire.read_bytes().strip()) != b"":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(wire._lines.read(length))


def test_a_client_that_starts_with_content_length_framing_is_answered_in_it(daemon: Daemon) -> None:
    with Wire(daemon.socket) as wire:
        body = json.dumps(status(), indent=2).encode()
        wire.send_bytes(framed(body) + b"Content-Type: application/json\r\n" + framed(b'{"jsonrpc"'))
        answers = [read_framed(wire), read_framed(wire)]
        assert {shape(one) for one in answers} == {("ok", 1), (PARSE, None)}
        wire.send_bytes(framed(json.dumps([status(id=2), status(id=3)]).encode()))
        assert {one["id"] for one in read_framed(wire)} == {2, 3}


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"Content-Type: a\r\n\r\n",
        b"Content-" + b"x" * 100_000,
    ],
)
def test_a_broken_header_ends_its_connection_with_an_error(daemon: Daemon, header: bytes) -> None:
    with well_behaved(daemon), Wire(daemon.socket) as wire:
        with suppress(ConnectionError, BrokenPipeError):  # it may have hung up before the end
            wire.send_bytes(header)
            wire.socket.shutdown(socket.SHUT_WR)
        said = b""
        with suppress(ConnectionError):
            while piece := wire.socket.recv(65536):
                said += piece
        assert b'"error"' in said

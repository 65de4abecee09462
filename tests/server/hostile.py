"""Frames that no well-behaved client sends: broken JSON, wrong types, extremes; systematic, not random."""

import json
from collections.abc import Iterator
from typing import Any

GOOD = (
    b'{"jsonrpc":"2.0","id":7,"method":"echo","params":{"value":{"list":[1,-2.5e3,true,null,"\\u00e4\\n"]}}}'
)

MALFORMED_VALUES = [
    rb"[1,]", rb"[,1]", rb"[1 2]", rb"[1,,2]", rb"[", rb"]", rb"[[]", rb"[]]", rb"[}", rb"{]",
    rb'{"a"}', rb'{"a":}', rb'{:1}', rb'{"a":1,}', rb'{"a":1 "b":2}', rb'{"a" 1}', rb"{a:1}", rb"{'a':1}",
    rb'{1:1}', rb'{"a":1}}', rb'{"a":/**/1}',
    rb"// no", rb"# no", rb"/* no */",
    rb"NaN", rb"-NaN", rb"nan", rb"Infinity", rb"-Infinity", rb"inf", rb"[NaN]", rb'{"a":NaN}',
    rb"01", rb"-01", rb"00", rb"+1", rb"1.", rb".5", rb"-.5", rb"-", rb"1e", rb"1e+", rb"1E-",
    rb"0x1F", rb"0b1",
    rb"1_000", rb"1,5", rb"1.2.3", rb"--1", rb"1e1.5", rb"1 000",
    rb"True", rb"FALSE", rb"None", rb"nul", rb"tru", rb"fals", rb"nulll", rb"truee",
    rb"undefined",
    rb"'a'", rb'"a', rb'a"', rb'"\x"', rb'"\u12"', rb'"\u12G4"', rb'"\u"', rb'"\"',
    rb'"\U00000041"', rb'"\0"',
    b'"\x00"', b'"\x01"', b'"\x1f"', b'"a\tb"', b'"a\rb"',
    rb'"\ud800"', rb'"\udfff"', rb'"\ud800\ud800"', rb'"\ud800x"',
    rb'"\udc00\ud800"', rb'"\ud834\u0020"',
    b'"\x80"', b'"\xc3"', b'"\xc0\xaf"', b'"\xe0\x80\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"',
    b'"\xff\xfe"',
    b'"\xf8\x88\x80\x80\x80"', b"\xef\xbb\xbf1", b"\xc2\xa01", b"\xe2\x80\xa8", b"\x0c1", b"\x0b1", b"\x001",
    rb'"a" "b"', rb'""""', rb'[""', rb'["a",', rb'["a', rb'[1', rb'{"a":"b', rb'{"a":[1', rb"*",
    rb"@", rb"\n",
]  # fmt: skip

WRONG_TYPES: list[Any] = [None, True, False, 0, 1, -1, 1.5, 2**70, "", "x", [], [[]], [1], {}, {"a": 1}]

NOT_REQUESTS = [
    b"1", b"-0", b"1.5", b"null", b"true", b'""', b'"echo"', b"{}", b'{"":""}',
    b'{"jsonrpc":"2.0"}', b'{"method":"echo","id":1}', b'{"jsonrpc":"2.0","result":1,"id":1}',
    b'{"jsonrpc":"2.0","error":{"code":1,"message":""},"id":1}', b'{"jsonrpc":2.0,"method":"echo","id":1}',
    b'{"jsonrpc":"1.0","method":"echo","id":1}', b'{"jsonrpc":"2.0","method":"echo","id":1,"more":1}',
    b'{"JSONRPC":"2.0","method":"echo","id":1}', b'{"jsonrpc":"2.0 ","method":"echo","id":1}',
    b'{"jsonrpc":"2.0","method":"","id":1}',
]  # fmt: skip


def malformed_frames() -> Iterator[bytes]:
    """Texts that are not JSON, alone and as a parameter of an otherwise valid request."""
    for value in MALFORMED_VALUES:
        yield value
        yield b'{"jsonrpc":"2.0","id":7,"method":"echo","params":{"value":%b}}' % value
    for length in range(1, len(GOOD)):
        yield GOOD[:length]
    for place in range(0, len(GOOD), 2):
        yield GOOD[:place] + b"\xff" + GOOD[place + 1 :]
    for depth in (129, 500, 1_000, 10_000, 40_000):
        yield b"[" * depth
        yield b'{"a":' * depth
        yield b'{"jsonrpc":"2.0","id":7,"method":"echo","params":{"value":%b}}' % (
            b"[" * depth + b"]" * depth
        )


def invalid_requests() -> Iterator[bytes]:
    """JSON texts that are not JSON-RPC 2.0 requests."""
    yield from NOT_REQUESTS
    good = json.loads(GOOD)
    for member, right in (
        ("jsonrpc", ()),
        ("method", (str,)),
        ("params", (dict, list)),
        ("id", (str, int, float)),
    ):
        for wrong in WRONG_TYPES:
            is_right = isinstance(wrong, right) and not isinstance(wrong, bool)
            if not is_right and not (member == "id" and wrong is None):
                yield json.dumps(good | {member: wrong}).encode()


def invalid_parameters() -> Iterator[bytes]:
    """Requests whose parameters do not fit their method."""
    for wrong in WRONG_TYPES:
        for params in ({"minuend": wrong, "subtrahend": 1}, {"project": wrong}, {"minuend": 1, "": wrong}):
            if not isinstance(wrong, int) or isinstance(wrong, bool) or "subtrahend" not in params:
                yield json.dumps({"jsonrpc": "2.0", "id": 7, "method": "subtract", "params": params}).encode()
    for value in ("1e999", "-1e999", "1" * 5000):
        yield b'{"jsonrpc":"2.0","id":7,"method":"echo","params":{"value":%b}}' % value.encode()


def odd_but_fine() -> Iterator[bytes]:
    """Requests that look suspicious and are valid."""
    for value in (
        '"\\u0000"', '"\\ud834\\udd1e"', '"\U0010ffff"', "1e-999", "-0", "-0.0", str(2**70),
        "[" * 100 + "]" * 100,
        '"' + "[{" * 10_000 + '"', "[" + ",".join(["[]"] * 5_000) + "]", '{"":{"":""}}',
        '"\\/\\b\\f"', '"\x7f"',
    ):  # fmt: skip
        yield f'{{"jsonrpc":"2.0","id":7,"method":"echo","params":{{"value":{value}}}}}'.encode()
    yield b' \t{ "jsonrpc" : "2.0" , "id" : 7 , "method" : "echo" }\r '

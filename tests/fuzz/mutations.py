"""Spoils bytes and JSON values of any kind; the result depends only on the random numbers."""

import json
import random
from typing import Any


def nested(depth: int) -> Any:
    """Return a list nested that deep."""
    found: list[Any] = []
    for _ in range(depth - 1):
        found = [found]
    return found


PIECES = [
    b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\n", b"\r\n", b"\n\n\n", b'"', b"'", b"\\",
    b"{", b"}", b"[",
    b"[" * 3000, b'{"a":' * 3000, b"a=[" * 2000, b"9" * 30, b"9" * 5000, b"-1", b"1e999", b"NaN",
    b"null", b"true",
    b"[[a]]\n", b"[a.b]\n", b"a = 1\n", b"2026-01-31T08:00:00Z", b"99:99:99", b"x" * 70_000, b"\x1b[31m",
    b"\\ud800", b"\\udcff", b"\\u0000", b"[" * 980 + b"]" * 980, b"-Infinity", b"1e400",
    b"{" + b'"x":1,' * 9000,
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 1.5, 2**31, 2**53, 2**63, 2**64, 2**70, -(2**70), 1e308, float("nan"),
    float("inf"),
    "", "x", "/dev/null/x", "a\0b", "/a\0b", "\ud800", "x" * 5000, "٣", "..", [], [[]], ["x"],
    [None], {}, {"a": 1},
    {"": None}, [0] * 300, {"x" * 70_000: 1}, nested(40), nested(200),
]  # fmt: skip


def spoilt_bytes(chance: random.Random, data: bytes) -> bytes:
    """Return the bytes with a few changes: flipped, cut out, doubled, swapped or inserted."""
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((1, 1, 2, 4, 30, 1000)))
        match chance.randrange(6):
            case 0:
                data = data[:start] + bytes(chance.randrange(256) for _ in range(end - start)) + data[end:]
            case 1:
                data = data[:start] + data[end:]
            case 2:
                data = data[:end] + data[start:]
            case 3:
                data = data[:start]
            case 4:
                data = data[start:] + data[:start]
            case _:
                data = data[:start] + chance.choice(PIECES) + data[end:]
    return data


def spoilt_value(chance: random.Random, value: Any) -> Any:
    """Return the value with one change at any depth."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        match chance.randrange(6):
            case 0:
                return {key: one for key, one in value.items() if key != name}
            case 1:
                return value | {chance.choice(("", "x", "op", "a\0b")): chance.choice(VALUES)}
            case _:
                return value | {name: spoilt_value(chance, value[name])}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return [*value[:place], spoilt_value(chance, value[place]), *value[place + 1 :]]
    return chance.choice(VALUES)


def spoilt_line(chance: random.Random, message: Any) -> bytes:
    """Return a JSON line of a message, spoilt as a value, as text, or both."""
    for _ in range(chance.choice((0, 1, 1, 2))):
        message = spoilt_value(chance, message)
    line = json.dumps(message).encode()
    return spoilt_bytes(chance, line) if chance.random() < 0.3 else line

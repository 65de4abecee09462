"""Reads JSON written by a job, and refuses what a message, a file or a table could not contain.

Accepted are UTF-8, also with a byte order mark, finite numbers, 64-bit integers and a limited depth. Of equal
keys the last one is used.
"""

import json
import re
from itertools import accumulate
from math import isfinite
from typing import Any

MAX_DOCUMENT_DEPTH = 100
"""The limit for configurations, states, manifests, and answers of actions."""
STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""Matches JSON strings. One without an end extends to the end of the text: the search stays linear."""
_BRACKETS = b"[]{}"
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_STEPS = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")  # as signed bytes: +1 and -1 level
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class BadJson(ValueError):
    """The text was refused; the message completes "The text …" and quotes nothing of it."""


def read(text: bytes, max_depth: int) -> Any:
    """Return the value of a JSON text. Raises BadJson."""
    if is_deeper(text, max_depth):  # before parsing: the parser would need a stack level for each
        raise BadJson(f"is nested deeper than {max_depth} levels")
    try:
        value = _decode(text.decode("utf-8-sig"))
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise BadJson("is not UTF-8 text") from error
    except UnicodeEncodeError as error:
        raise BadJson("has half of a surrogate pair in a string") from error
    except json.JSONDecodeError as error:
        raise BadJson(f"is not valid JSON: {error}") from error
    return value


def is_deeper(text: bytes, max_depth: int) -> bool:
    """Return whether a valid JSON text is nested deeper; for an invalid one the answer is arbitrary."""
    if text.count(b"[") + text.count(b"{") <= max_depth:
        return False
    steps = STRINGS.sub(b"", text).translate(_STEPS, delete=_NO_BRACKETS)
    return max(accumulate(memoryview(steps).cast("b")), default=0) > max_depth


def _constant(name: str) -> float:
    raise BadJson(f"has {name}, which is not JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise BadJson("has a number that is too large")
    return number


def _integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else 2**64
    if not -(2**63) <= number < 2**63:
        raise BadJson("has an integer that does not fit into 64 bits")
    return number


_decode = json.JSONDecoder(parse_constant=_constant, parse_float=_float, parse_int=_integer).decode

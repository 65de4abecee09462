"""TOML and JSON files of people: read with an error that names file and line.

What they mean is not known here.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO


class FileError(Exception):
    """A file cannot be read; the message names it, the line when there is one, and the fault."""


def read_document(path: str, stream: TextIO | None = None) -> dict[str, Any]:
    """Read a TOML or JSON file (or a stream) whose top is a table; raises FileError."""
    text = stream.read() if stream else read_text(path)
    name = "standard input" if stream else path
    is_json = path.endswith(".json") or (stream is not None and text.lstrip().startswith("{"))
    document = _json(text, name) if is_json else _toml(text, name)
    if not isinstance(document, dict):
        raise FileError(f"{name}: the top must be an object, not a {type(document).__name__}.")
    return document


def read_text(path: str) -> str:
    """Read a text file; raises FileError."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: it is not UTF-8 text (byte {error.start}).") from error


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise FileError(f"{name}:{error.lineno}: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{name}: {error}") from error


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON.")


def _toml(text: str, name: str) -> Any:
    import tomllib

    try:
        return _without_times(tomllib.loads(text), name)
    except ValueError as error:  # also of a number with thousands of digits
        raise FileError(f"{name}: {error}.") from error
    except RecursionError as error:
        raise FileError(f"{name}: it is nested too deep.") from error


def _without_times(value: Any, name: str) -> Any:
    """Make TOML's dates into text: the wire has none."""
    import datetime as dt

    if isinstance(value, dict):
        return {key: _without_times(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_times(each, name) for each in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value


def stem(path: str) -> str:
    """Give the file's name without its folder and its .toml or .json."""
    return os.path.splitext(os.path.basename(path))[0]

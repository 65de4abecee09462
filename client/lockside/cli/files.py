"""TOML and JSON files of people: read with an error that names file and line.

What they mean is not known here.
"""

from __future__ import annotations

import json
import os

from lockside.documents.paths import not_finite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO


class FileError(Exception):
    """A file cannot be read; the message names it, the line when there is one, and the fault."""

    def __init__(self, file: str, fault: str, line: int | None = None) -> None:
        super().__init__(f"{file}:{line}: {fault}" if line else f"{file}: {fault}")
        self.file = file
        self.line = line
        self.fault = fault


def read_document(path: str, stream: TextIO | None = None) -> dict[str, Any]:
    """Read a TOML or JSON file (or a stream) whose top is a table; raises FileError."""
    text = stream.read() if stream else read_text(path)
    name = "standard input" if stream else path
    is_json = path.endswith(".json") or (stream is not None and text.lstrip().startswith("{"))
    document = read_as(text, name, is_json)
    for steps in not_finite(document):
        from lockside.documents.places import Places, written

        line = Places(text, is_json).line(steps)
        raise FileError(name, f"{written(steps)} is not a finite number.", line)
    return document


def read_as(text: str, name: str, is_json: bool) -> dict[str, Any]:
    """Read a text whose top is a table; raises FileError."""
    document = _json(text, name) if is_json else _toml(text, name)
    if not isinstance(document, dict):
        raise FileError(name, f"the top must be an object, not a {type(document).__name__}.", 1)
    return document


def read_text(path: str) -> str:
    """Read a text file; raises FileError."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise FileError(path, f"{error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise FileError(path, f"it is not UTF-8 text (byte {error.start}).") from error


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as error:
        raise FileError(name, f"{error.msg} (column {error.colno}).", error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise FileError(name, str(error)) from error


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key '{next(name for name in names if names.count(name) > 1)}' stands twice.")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON.")


def _toml(text: str, name: str) -> Any:
    import tomllib

    try:
        return _without_times(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        fault, line = _toml_fault(str(error), text)
        raise FileError(name, fault, line) from error
    except ValueError as error:  # also of a number with thousands of digits
        raise FileError(name, f"{error}.") from error
    except RecursionError as error:
        raise FileError(name, "it is nested too deep.") from error


def _toml_fault(message: str, text: str) -> tuple[str, int]:
    """Take the line out of the parser's message, and say what is usually meant."""
    import re

    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    if not found:
        return f"{message}.", 1
    fault, line, column = found.groups()
    if fault == "Invalid value":
        fault = 'Invalid value: texts stand in quotes, as in name = "value"'
    if line is None:
        return f"{fault} at the end of the file.", max(1, text.count("\n"))
    return f"{fault} (column {column}).", int(line)


def _without_times(value: Any) -> Any:
    """Make TOML's dates into text: the wire has none."""
    import datetime as dt

    if isinstance(value, dict):
        return {key: _without_times(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_times(each) for each in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value


def stem(path: str) -> str:
    """Give the file's name without its folder and its .toml or .json."""
    return os.path.splitext(os.path.basename(path))[0]

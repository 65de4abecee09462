"""Parses TOML and JSON files of users, with errors that name file and line. Their contents are not
interpreted here.
"""

from __future__ import annotations

import json
import os
import re
import sys

from lockside.documents.paths import not_finite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DOCUMENTS = (".json", ".toml")
_MOST_LINES_TRIED = 100
_TOML_FAULTS = {
    "^Invalid value$": 'Invalid value: a text needs quotes, as in name = "value"',
    "^Cannot overwrite a value$": "this key appears twice: remove one of them",
    r"^Cannot declare \((.*?),?\) twice$": r"the table \1 appears twice: remove one of its headers",
    "^Illegal character '\\\\n'$": "a text of several lines needs three quotes",
}
"""Messages of the standard library's parser, and better ones."""
_TABLE = r"\[\[?[ \t]*[\w.-]+[ \t]*\]\]?[ \t\r]*(?:#|\n|\Z)"
_ASSIGNMENT = r"[\w-]+[ \t]+=[ \t]"
_SHELL = r"\{[ \t]+[^\s\"}]|\[\[?[ \t]+[^\s\[{].*[ \t]\]"
"""A group of commands, and a test: the two shell commands that begin like a document."""


class FileError(Exception):
    """A file cannot be read; the message names the file, the line and field if known, and the fault."""

    def __init__(self, file: str, fault: str, line: int | None = None, field: str = "") -> None:
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {field}: {fault}" if field else f"{where}: {fault}")
        self.file = file
        self.line = line
        self.field = field
        self.fault = fault


def read_document(path: str, text: str | None = None) -> dict[str, Any]:
    """Read a TOML or JSON file, or its text, whose top level is a table; raises FileError."""
    text = read_text(path) if text is None else text
    as_json = is_json(path, text)
    document = read_as(text, called(path), as_json)
    for steps in not_finite(document):
        from lockside.documents.source_lines import SourceLines, written

        line = SourceLines(text, as_json).line(steps)
        raise FileError(called(path), "It is not a finite number.", line, written(steps))
    return document


def is_json(path: str, text: str) -> bool:
    """Return whether a file is JSON and not TOML: by its suffix, else by how its text begins."""
    if path.endswith(DOCUMENTS):
        return path.endswith(".json")
    return re.match(r"\s*[\[{]", text) is not None and _first_line(_TABLE, text) is None


def is_document(path: str, text: str) -> bool:
    """Return whether a file is TOML or JSON, valid or not, and not a list of shell commands."""
    if path.endswith(DOCUMENTS) or _first_line(_TABLE, text) or _first_line(_ASSIGNMENT, text):
        return True
    return re.match(r"\s*[\[{]", text) is not None and _first_line(_SHELL, text) is None


def _first_line(pattern: str, text: str) -> re.Match[str] | None:
    """Match the first line after empty lines and comments."""
    return re.match(rf"(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*(?:{pattern})", text)


def called(path: str) -> str:
    """Return a file's name for messages; "-" is standard input."""
    return "standard input" if path == "-" else path


def read_as(text: str, name: str, is_json: bool) -> dict[str, Any]:
    """Parse a text whose top level is a table; raises FileError."""
    document = _json(text, name) if is_json else _toml(text, name)
    if not isinstance(document, dict):
        raise FileError(name, f"the top must be an object, not a {type(document).__name__}.", 1)
    return document


def read_text(path: str) -> str:
    """Read a text file, or standard input for "-", without changing line ends. Raises FileError."""
    try:
        return _bytes(path).decode("utf-8-sig")
    except OSError as error:
        raise FileError(called(path), f"{error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise FileError(called(path), f"it is not UTF-8 text (byte {error.start}).") from error


def _bytes(path: str) -> bytes:
    if path != "-":
        with open(path, "rb") as file:
            return file.read()
    if sys.stdin is None:
        raise FileError(called(path), "it is closed.")
    return sys.stdin.buffer.read()


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError as error:
        raise FileError(name, f"{error.msg} (column {error.colno}).", error.lineno) from error
    except _RepeatedKeyError as error:
        from lockside.documents.source_lines import SourceLines, written

        steps, line = SourceLines(text, is_json=True).repeated or ((error.key,), 1)
        raise FileError(name, "This key appears twice: remove one of them.", line, written(steps)) from error
    except (ValueError, RecursionError) as error:
        raise FileError(name, str(error)) from error


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(next(name for name in names if names.count(name) > 1))
    return found


class _RepeatedKeyError(ValueError):
    """A JSON object has the same key twice; most parsers silently use one of the values."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _toml(text: str, name: str) -> Any:
    import tomllib

    try:
        return _without_times(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        fault, line = _toml_fault(str(error), text)
        raise FileError(name, fault, line) from error
    except ValueError as error:  # also for a number with thousands of digits
        raise FileError(name, f"{error}.") from error
    except RecursionError as error:
        raise FileError(name, "it is nested too deep.") from error


def _toml_fault(message: str, text: str) -> tuple[str, int]:
    """Extract the line from the parser's message, and improve the message."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    if not found:
        return f"{message}.", 1
    fault, line, column = found.groups()
    if line is None or fault.startswith("Unclosed"):
        return _unfinished(text.splitlines(), int(line or 0) or None)
    for theirs, ours in _TOML_FAULTS.items():
        fault = re.sub(theirs, ours, fault)
    return f"{fault} (column {column}).", int(line)


def _unfinished(lines: list[str], seen_at: int | None) -> tuple[str, int]:
    """Return the fault of the last value before a line, or before the end of the file, that is not closed."""
    for place in range(len(lines[:seen_at]) - 1, -1, -1)[:_MOST_LINES_TRIED]:
        if lines[place].strip() and _is_toml("\n".join(lines[:place])):
            if lines[place].rstrip().endswith("="):
                return "a value is missing after the =.", place + 1
            where = f"line {seen_at}" if seen_at else "the end of the file"
            return (
                f"what begins here is not closed before {where}: a ], a }} or a quote is missing.",
                place + 1,
            )
    return "something is not closed before the end of the file: a ], a } or a quote is missing.", len(lines)


def _is_toml(text: str) -> bool:
    import tomllib

    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True


def _without_times(value: Any) -> Any:
    """Convert TOML's dates to text: the wire has no dates."""
    import datetime as dt

    if isinstance(value, dict):
        return {key: _without_times(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_times(each) for each in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value


def stem(path: str) -> str:
    """Return the file's name without its folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]

"""A fault in a pipeline's file: where it stands, what is wrong, how to mend it; and how types find them."""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from lockside.cli.places import Places, steps_of, written
from lockside.protocol.explain import explain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lockside.cli.files import FileError
    from lockside.cli.places import Path

    Json = dict[str, Any]

_MOST = 20


class Fault:
    """What is wrong, or odd, at one place of one file. Its text begins as compilers' messages do."""

    def __init__(self, file: str, message: str, line: int | None = None, field: str = "") -> None:
        self.file = file
        self.line = line
        self.field = field
        self.message = message

    @classmethod
    def of(cls, error: FileError) -> Fault:
        """Make one of a file that cannot be read."""
        return cls(error.file, error.fault, error.line)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"

    def as_json(self) -> Json:
        """Give it to programs."""
        return {"file": self.file, "line": self.line, "field": self.field or None, "message": self.message}


class Source:
    """A file's text, and where its values stand in it."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.is_json = file.endswith(".json")
        self._text = text
        self._places: Places | None = None

    def fault(self, path: Sequence[str | int], message: str) -> Fault:
        """Make a fault of what stands at a path."""
        if self._places is None:
            self._places = Places(self._text, self.is_json)
        return Fault(self.file, _sentence(message), self._places.line(path), written(path))


def _sentence(message: str) -> str:
    text = message.replace(" or null, not", ", not")
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def type_faults(body: Json, kind: type[msgspec.Struct]) -> Iterator[tuple[Path, str]]:
    """Find what the type does not allow, each with its path and a sentence that says what to do."""
    left = copy.deepcopy(body)
    seen: set[Path] = set()
    for _ in range(_MOST):
        try:
            msgspec.convert(left, kind)
        except msgspec.ValidationError as problem:
            message, where = explain(problem, kind)
            path = steps_of(where)
            if path in seen:
                return
            seen.add(path)
            yield path, message.removeprefix(f"`{where.removeprefix('$.')}`: ")
            if not _taken_away(left, path):
                return
        else:
            return


def _taken_away(body: Any, path: Path) -> bool:
    """Take a value away, so that the next fault can be found; false when that cannot be done."""
    for step in path[:-1]:
        if not _has(body, step):
            return False
        body = body[step]
    if not path or not _has(body, path[-1]) or isinstance(body, list):
        return False
    del body[path[-1]]
    return True


def _has(body: Any, step: str | int) -> bool:
    if isinstance(body, list):
        return isinstance(step, int) and step < len(body)
    return isinstance(body, dict) and step in body

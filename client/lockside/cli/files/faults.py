"""A fault in a pipeline's file: its place, what is wrong, and the remedy."""

from __future__ import annotations

from collections.abc import Sequence

from lockside.cli.files.parse import FileError, is_json
from lockside.cli.session import Json
from lockside.documents.sentences import ended
from lockside.documents.source_lines import SourceLines, written


class FileFault:
    """A fault or warning at one place of one file. Its text begins like compilers' messages."""

    def __init__(self, file: str, message: str, line: int | None = None, field: str = "") -> None:
        self.file = file
        self.line = line
        self.field = field
        self.message = message

    @classmethod
    def of(cls, error: FileError) -> FileFault:
        """Create the fault of a file that cannot be read."""
        return cls(error.file, error.fault, error.line, error.field)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"

    def as_json(self) -> Json:
        """Return the fault as JSON."""
        return {"file": self.file, "line": self.line, "field": self.field or None, "message": self.message}


class SourceText:
    """A file's text, and the lines of its values."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.is_json = is_json(file, text)
        self._text = text
        self._places: SourceLines | None = None

    def fault(self, path: Sequence[str | int], message: str) -> FileFault:
        """Create a fault of the value at a path."""
        if self._places is None:
            self._places = SourceLines(self._text, self.is_json)
        return FileFault(self.file, _sentence(message), self._places.line(path), written(path))


def _sentence(message: str) -> str:
    text = message.replace(" or null, not", ", not")
    return ended(text[:1].upper() + text[1:])

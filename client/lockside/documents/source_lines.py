"""The line numbers of values in a TOML or JSON text, which must be well-formed. Values are identified by
paths of keys and indexes: `("retry", "on", 0)`.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockside.documents.paths import Steps

_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]\}\n#]+")


class SourceLines:
    """The lines of a text's values."""

    def __init__(self, text: str, is_json: bool) -> None:
        self._lines: dict[Steps, int] = {}
        scanner = _Scanner(text, self._lines)
        if is_json:
            scanner.value(())
        else:
            scanner.toml()
        self.repeated = scanner.repeated

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line, from 1, of a value or of the nearest object around it."""
        known = tuple(path)
        while known and known not in self._lines:
            known = known[:-1]
        return self._lines.get(known, 1)


class _Scanner:
    """Scans a text once and records each value's line."""

    def __init__(self, text: str, lines: dict[Steps, int]) -> None:
        self._text = text
        self._lines = lines
        self._at = 0
        self._line = 1
        self._counted = 0
        self.repeated: tuple[Steps, int] | None = None
        """The first repeated member of an object, and the line of the second one."""

    def _note(self, path: Steps) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self._lines.setdefault(path, self._line)

    def _skip(self, pattern: re.Pattern[str] = _SPACE) -> str:
        """Skip what the pattern matches here, and return the next character."""
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def value(self, path: Steps) -> None:
        """Scan one value with everything in it."""
        first = self._skip()
        if first == "{":
            self._members(path)
        elif first == "[":
            self._items(path)
        elif first in ('"', "'"):
            self._skip(_STRING)
        else:
            self._skip(_SCALAR)

    def _items(self, path: Steps) -> None:
        self._at += 1
        place = 0
        while self._skip() not in ("]", ""):
            self._note((*path, place))
            self.value((*path, place))
            place += 1
            self._comma()
        self._at += 1

    def _members(self, path: Steps) -> None:
        self._at += 1
        while self._skip() not in ("}", ""):
            self._member(path)
            self._comma()
        self._at += 1

    def _member(self, path: Steps) -> None:
        keys = self._keys()
        is_repeated = (*path, *keys) in self._lines
        for count in range(1, len(keys) + 1):
            self._note((*path, *keys[:count]))
        if is_repeated and self.repeated is None:
            self.repeated = (*path, *keys), self._line
        self._skip()
        self._at += 1  # the = or :
        self.value((*path, *keys))

    def _comma(self) -> None:
        if self._skip() == ",":
            self._at += 1

    def _keys(self) -> tuple[str, ...]:
        """Read a key; in TOML it may have dots."""
        keys = [self._key()]
        while self._skip(_BLANK) == ".":
            self._at += 1
            self._skip(_BLANK)
            keys.append(self._key())
        return tuple(keys)

    def _key(self) -> str:
        start = self._at
        if self._text[start] in "\"'":
            self._skip(_STRING)
            return _unquoted(self._text[start : self._at])
        self._skip(_BARE)
        if self._at == start:
            self._at += 1  # not the start of a key: continue anyway
        return self._text[start : self._at]

    def toml(self) -> None:
        """Scan a whole TOML document."""
        table: Steps = ()
        counts: dict[Steps, int] = {}
        while first := self._skip():
            if first == "[":
                table = self._header(counts)
            else:
                self._member(table)

    def _header(self, counts: dict[Steps, int]) -> Steps:
        """Read `[a.b]` or `[[a.b]]`; below a list of tables it refers to the last item."""
        is_item = self._text.startswith("[[", self._at)
        self._at += 2 if is_item else 1
        self._skip(_BLANK)
        path: Steps = ()
        keys = self._keys()
        for place, key in enumerate(keys):
            path = (*path, key)
            self._note(path)
            if is_item and place == len(keys) - 1:
                counts[path] = counts.get(path, -1) + 1
            if path in counts:
                path = (*path, counts[path])
                self._note(path)
        self._skip(_BLANK)
        self._at += 2 if is_item else 1
        return path


def _unquoted(text: str) -> str:
    import json

    if text[0] == "'":
        return text[1:-1]
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]


def written(steps: Sequence[str | int]) -> str:
    """Format steps for people: `rows[2].configuration.parameters`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.lstrip(".")

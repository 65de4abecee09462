"""Prints results: for people on a terminal, as columns for scripts, or as JSON. It is independent of jobs.
Colours and column headings appear only on a terminal, colours never with NO_COLOR set; all output to a
terminal goes through `sanitize`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence

from lockside.cli.terminal.sanitize import plain as clean
from lockside.cli.terminal.sanitize import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

Cell = str | int | float | tuple[str, str] | None
Spans = Sequence[tuple[str, str]]

_COLOURS = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_LEAST_LAST = 20
_UNITS = {"ms", "s", "min", "h", "d", "B", "kB", "MB", "GB", "TB"}
_GAP_AND_WORD = rf"(\s*)(\S*\d (?:{'|'.join(_UNITS)})\b\S*|\S+)"
_PAINT = "\x1b\\[[0-9]+m"
_LEAST = 8


class Output:
    """The output of a command: `as_json` and `plain` as requested, `terminal` for people."""

    def __init__(
        self, as_json: bool, plain: bool, stream: TextIO | None = None, width: int | None = None
    ) -> None:
        self._stream = stream or sys.stdout
        self._width = width
        self.as_json = as_json
        self.on_screen = self._stream.isatty()
        self.terminal = self.on_screen and not plain and not as_json
        self.plain = plain or not self.terminal
        self.can_redraw = self.terminal and os.environ.get("TERM") != "dumb"
        self.coloured = self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """The maximum width of a line."""
        return self._width or terminal_width()

    def is_terminal(self) -> bool:
        """Return whether the output is for people."""
        return self.terminal

    def paint(self, colour: str, text: str) -> str:
        """Colour a text, if colours are shown."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour and self.coloured else text

    def spans(self, spans: Spans, width: int | None = None) -> str:
        """Join coloured pieces of a line, cut to a width in columns if there is one."""
        painted, left = [], width
        for text, colour in spans:
            shown = text if left is None else fit(text, left)
            painted.append(self.paint(colour, shown))
            if left is not None:
                left -= display_width(shown)
                if left <= 0:
                    break
        return "".join(painted)

    def write(self, text: str) -> None:
        """Print text unchanged."""
        self._stream.write(text)

    def line(self, text: str = "", hang: int | None = None) -> None:
        """Print a line; on a terminal a long line is wrapped between words. Continuation lines are indented
        by `hang` columns, by default by two more than the line.
        """
        self.verbatim("\n".join(folded(text, self.width, hang)) if self.terminal else text)

    def verbatim(self, text: str) -> None:
        """Print lines that are never wrapped: code, data, commands to copy."""
        self._stream.write((shown(text) if self.on_screen else text) + "\n")

    def hint(self, text: str) -> None:
        """Print a next step for people; it is omitted for scripts."""
        if self.terminal:
            self.verbatim(self.paint("dim", text))

    def json(self, value: Any) -> None:
        """Print a value as on the wire: indented on a terminal, otherwise on one line."""
        self.verbatim(json.dumps(value, ensure_ascii=False, indent=2 if self.on_screen else None))

    def result(self, answer: Any, text: str, hint: str = "") -> int:
        """Print the result of a call: as JSON, or as a sentence and the next step; returns 0."""
        if self.as_json:
            self.json(answer)
        else:
            self.line(text)
            if hint:
                self.hint(hint)
        return 0

    def is_given(self, answer: Any) -> bool:
        """Print an answer as JSON if requested; returns whether it was."""
        if self.as_json:
            self.json(answer)
        return self.as_json

    def listed(
        self,
        answer: Any,
        member: str,
        headings: Sequence[str],
        row: Callable[[Any], Sequence[Cell]],
        none: str = "",
    ) -> int:
        """Print a list's entries: as JSON, or as a table, with the hint `none` if it is empty."""
        found = answer[member]
        if not self.is_given({member: found}):
            self.table(headings, [row(one) for one in found])
            if none and not found:
                self.hint(none)
        return 0

    def json_line(self, value: Any) -> None:
        """Print one value of a stream on one line, immediately."""
        self.verbatim(json.dumps(value, ensure_ascii=False))
        self.flush()

    def flush(self) -> None:
        """Flush the output."""
        self._stream.flush()

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Print rows: aligned and cut to fit on a terminal, otherwise separated by tabs, without headings."""
        texts = [[_text(cell) for cell in row] for row in rows]
        if not self.terminal:
            for plain in texts:
                self.line("\t".join(plain))
            return
        widths = _fitted(headings, texts, self.width)
        self.line(
            self.paint(
                "dim", _joined([_padded(text, width) for text, width in zip(headings, widths, strict=True)])
            )
        )
        for row, row_texts in zip(rows, texts, strict=True):
            cells = [_padded(text, width) for text, width in zip(row_texts, widths, strict=True)]
            self.line(
                _joined([self.paint(_colour(cell), text) for cell, text in zip(row, cells, strict=True)])
            )


def terminal_width() -> int:
    """Return the terminal's columns."""
    return _terminal_size()[0]


def terminal_height() -> int:
    """Return the terminal's lines."""
    return _terminal_size()[1]


def _terminal_size() -> tuple[int, int]:
    """Return columns and lines: from COLUMNS and LINES, else from the terminal."""
    try:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        columns, lines = 0, 0
    asked = [os.environ.get(name, "") for name in ("COLUMNS", "LINES")]
    given = [int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0 for text in asked]
    return given[0] or columns or 80, given[1] or lines or 24


def say_aside(text: str) -> None:
    """Print a message for people to stderr."""
    try:  # noqa: SIM105 - contextlib would slow down the start of every command
        sys.stdout.flush()
    except OSError:
        pass  # The error is reported at the end, or by the next write.
    sys.stderr.write(
        ("\n".join(folded(shown(text), terminal_width())) if sys.stderr.isatty() else text) + "\n"
    )


def folded(text: str, width: int, hang: int | None = None) -> list[str]:
    """Wrap lines between words, where the terminal would break them anywhere; see `Output.line`."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += [line] if _seen_width(line) <= width else _broken(line, width, hang)
    return lines


def _broken(line: str, width: int, hang: int | None) -> list[str]:
    indent = len(line) - len(line.lstrip(" "))
    margin = " " * min(indent + 2 if hang is None else hang, width // 2)
    lines, now = [], ""
    for gap, word in re.findall(_GAP_AND_WORD, line):
        if now.strip() and _seen_width(now + gap + word) > width:
            lines.append(now)
            now = margin + word
        else:
            now += gap + word
    return [*lines, now]


def _seen_width(text: str) -> int:
    return display_width(re.sub(_PAINT, "", text) if "\x1b" in text else text)


def one_line(text: str) -> str:
    """Sanitize a text and put it on one line."""
    return clean(text).replace("\n", " ").replace("\t", " ")


def _text(cell: Cell) -> str:
    text = cell[0] if isinstance(cell, tuple) else cell
    return "" if text is None else one_line(str(text))


def _colour(cell: Cell) -> str:
    return cell[1] if isinstance(cell, tuple) else ""


def _joined(cells: Sequence[str]) -> str:
    return "  ".join(cells).rstrip()


def _fitted(headings: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return the widths of columns by their widest cells, reduced to fit: first the last, then the widest."""
    widths = [max(map(display_width, column)) for column in zip(headings, *rows, strict=True)]
    surplus = sum(widths) + 2 * (len(widths) - 1) - room
    if surplus > 0:
        taken = max(0, min(surplus, widths[-1] - _LEAST_LAST))
        widths[-1] -= taken
        surplus -= taken
    while surplus > 0 and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 1
        surplus -= 1
    return widths


def display_width(text: str) -> int:
    """Return the width of a text on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _padded(text: str, width: int) -> str:
    return pad(fit(text, width), width)


def pad(text: str, width: int) -> str:
    """Pad a text to a width in columns."""
    return text + " " * (width - display_width(text))


def fit(text: str, width: int) -> str:
    """Cut a text to a width in columns, with an ellipsis."""
    if display_width(text) <= width:
        return text
    kept = text[: max(0, width - 1)]
    while kept and display_width(kept) > width - 1:
        kept = kept[:-1]
    return (kept + "…")[: max(0, width)]


def _words(text: str) -> list[str]:
    """Split a text into words; a number keeps its unit."""
    words: list[str] = []
    for word in text.split():
        if words and word.rstrip(".,;:") in _UNITS and words[-1][-1:].isdigit():
            words[-1] += " " + word
        else:
            words.append(word)
    return words


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """Wrap a text into lines that fit, each after an indent."""
    lines, line = [], indent
    for word in _words(text):
        if line != indent and display_width(line) + 1 + display_width(word) > width:
            lines.append(line)
            line = indent
        line += word if line == indent else " " + word
    return [*lines, line] if line != indent else lines

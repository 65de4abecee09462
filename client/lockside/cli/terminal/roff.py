"""Writes manual pages: Markdown and plain pieces as roff, for `man`. Pure.

It supports the same Markdown as `markdown`.
"""

from __future__ import annotations

import re

from lockside.cli.terminal.markdown import blocks, cells, spoken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARKED = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_ITEM = re.compile(r"\s*([-*]|\d+\.) (.*)")


class Page:
    """A manual page, written from the top."""

    def __init__(self, name: str, section: int, summary: str, version: str) -> None:
        self._lines = [
            f'.TH "{name.upper()}" "{section}" "" "lockside {version}" "lockside"',
            ".nh",
            ".SH NAME",
            f"{escaped(name)} \\- {escaped(spoken(summary).replace('`', ''))}",
        ]

    def heading(self, text: str) -> None:
        """Start a section."""
        self._lines += [f'.SH "{escaped(text.upper())}"']

    def text(self, text: str) -> None:
        """Write a paragraph."""
        self._lines += [".PP", _line(text)]

    def code(self, lines: Iterable[str]) -> None:
        """Write lines unchanged."""
        self._lines += [".PP", ".in +4n", ".nf", *map(_line_of_code, lines), ".fi", ".in"]

    def definitions(self, rows: Iterable[tuple[str, str]]) -> None:
        """Write terms, each with its definition below."""
        for term, said in rows:
            self._lines += [".TP", f"\\fB{escaped(term)}\\fR", _line(said) if said else "\\&"]

    def markdown(self, text: str) -> None:
        """Write a page of the handbook or of the reference, without its first heading."""
        for kind, lines in blocks(text):
            if kind == "heading" and lines[0].startswith("# "):
                continue
            self._block(kind, lines)

    def _block(self, kind: str, lines: Sequence[str]) -> None:
        if kind == "heading":
            self.heading(spoken(lines[0].lstrip("# ")))
        elif kind == "table":
            self._table([cells(line) for line in lines if not set(line) <= set("|-: ")])
        elif kind in {"item", "more"}:
            found = _ITEM.fullmatch(lines[0])
            text = " ".join([found[2] if found else lines[0], *(line.strip() for line in lines[1:])])
            self._lines += [".IP \\(bu 2" if found else ".IP", _line(text)]
        elif kind == "code":
            self.code(line[4:] for line in lines)
        elif kind.startswith("```"):
            self.code([] if kind == "```mermaid" else lines)
        elif kind != "blank":
            self.text(" ".join(lines))

    def _table(self, rows: Sequence[Sequence[str]]) -> None:
        """Write each row as a term and its other cells: columns would not fit."""
        for first, *others in rows[1:]:
            self._lines += [".TP", _line(first), _line("; ".join(filter(None, others))) or "\\&"]

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"


def escaped(text: str) -> str:
    """Escape a text for roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)


def _line(text: str) -> str:
    """Return a line of text with code and bold words marked."""
    pieces, end = [], 0
    text = spoken(text)
    for found in _MARKED.finditer(text):
        pieces += [escaped(text[end : found.start()]), f"\\fB{escaped(found[1] or found[2])}\\fR"]
        end = found.end()
    return _guarded("".join([*pieces, escaped(text[end:])]).strip())


def _line_of_code(text: str) -> str:
    return _guarded(escaped(text))


def _guarded(line: str) -> str:
    return f"\\&{line}" if line.startswith((".", "'")) else line

"""Formats Markdown for a terminal of any width: headings, paragraphs, lists, tables and code. Pure. It
supports what the handbook uses: HTML comments and diagrams are omitted, links keep their text.
"""

from __future__ import annotations

import re

from lockside.cli.terminal.output import display_width, pad, wrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Paint = Callable[[str, str], str]

WIDEST = 100
_NARROWEST_COLUMN = 14
_GLUE = "\x00"
_LONGEST_GLUED = 40
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_ITEM = re.compile(r"(\s*)([-*]|\d+\.) (.*)")


def laid_out(text: str, width: int, paint: Paint | None = None) -> list[str]:
    """Return the lines of a Markdown text, coloured by `paint` if given."""
    page = _Page(max(20, min(width - 1, WIDEST)), paint)
    return [line for kind, lines in blocks(text) for line in page.block(kind, lines)]


def blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each block with its kind, including blank lines; comments are omitted."""
    yield from _blocks(_COMMENT.sub("", text).split("\n"))


def _blocks(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    kind, block = "", list[str]()
    for line in lines:
        if kind.startswith("```"):
            if line.startswith("```"):
                yield kind, block
                kind, block = "", []
            else:
                block.append(line)
            continue
        begins = _kind(line, kind)
        if begins != kind or begins in {"heading", "item"}:
            if block or kind == "blank":
                yield kind, block
            kind, block = begins, []
        if not begins.startswith("```"):
            block.append(line)
    if block:
        yield kind, block


def _kind(line: str, before: str) -> str:
    if line.startswith("```"):
        return line
    if not line.strip():
        return "blank"
    if line.startswith("#"):
        return "heading"
    if line.startswith("|"):
        return "table"
    if _ITEM.fullmatch(line):
        return "item"
    if line.startswith("    ") and before in {"", "blank", "code"}:
        return "code"
    return "more" if before in {"item", "more"} else "paragraph"


class _Page:
    """Formats one block at a time to a width."""

    def __init__(self, width: int, paint: Paint | None) -> None:
        self._width = width
        self._paint = paint

    def block(self, kind: str, lines: list[str]) -> list[str]:
        match kind:
            case "blank":
                return [""]
            case "heading":
                return [self._painted("bold", spoken(lines[0].lstrip("# ")))]
            case "table":
                return self._table([cells(line) for line in lines if not set(line) <= set("|-: ")])
            case "item" | "more":
                return self._item(lines)
            case "code":
                return self._code([line[4:] for line in lines])
            case "```mermaid":
                return []
            case _ if kind.startswith("```"):
                return self._code(lines)
            case _:
                return self._wrapped(" ".join(lines), self._width)

    def _painted(self, colour: str, text: str) -> str:
        return self._paint(colour, text) if self._paint else text

    def _wrapped(self, text: str, width: int, indent: str = "") -> list[str]:
        return [self._inline(line.replace(_GLUE, " ")) for line in wrapped(_glue(text), width, indent)]

    def _inline(self, line: str) -> str:
        if self._paint is None:
            return _BOLD.sub(r"\1", line)
        paint = self._paint
        line = _BOLD.sub(lambda found: paint("bold", found[1]), line)
        return _CODE.sub(lambda found: paint("cyan", found[1]), line)

    def _item(self, lines: list[str]) -> list[str]:
        found = _ITEM.fullmatch(lines[0])
        if found is None:
            return self._wrapped(" ".join(lines), self._width, "  ")
        indent, mark, text = found.groups()
        first, *more = self._wrapped(text, self._width, f"{indent}{' ' * len(mark)} ") or [""]
        return [f"{indent}{mark} {first.lstrip()}", *more]

    def _code(self, lines: list[str]) -> list[str]:
        return [self._painted("dim", piece) for line in lines for piece in _folded(line, self._width)]

    def _table(self, rows: list[list[str]]) -> list[str]:
        widths = _column_widths([[_plain(cell) for cell in row] for row in rows], self._width)
        if widths is None:
            return self._stacked(rows)
        heading, *body = rows
        lines = [self._painted("dim", line) for line in _row_lines(heading, widths)]
        return lines + [self._inline(line) for row in body for line in _row_lines(row, widths)]

    def _stacked(self, rows: list[list[str]]) -> list[str]:
        """Format a table that is too wide: the rows as a list, each cell after its heading."""
        heading, *body = rows
        lines = []
        for row in body:
            first, *rest = self._wrapped(row[0], self._width, "  ") or [""]
            lines += [f"- {first.lstrip()}", *rest]
            for title, cell in zip(heading[1:], row[1:], strict=True):
                lines += self._wrapped(f"{title}: {cell}" if title else cell, self._width, "    ")
        return lines


def _row_lines(row: list[str], widths: list[int]) -> Iterator[str]:
    """Yield the lines of one row of a table, with its cells wrapped to the widths of their columns."""
    cells = [wrapped(_glue(cell), width, "") for cell, width in zip(row, widths, strict=True)]
    for line in range(max(map(len, cells))):
        texts = [cell[line] if line < len(cell) else "" for cell in cells]
        padded = (pad(text, width) for text, width in zip(texts, widths, strict=True))
        yield "  ".join(padded).rstrip().replace(_GLUE, " ")


def _glue(text: str) -> str:
    """Prevent line breaks in short pieces of code."""
    return _CODE.sub(_glued, spoken(text))


def _glued(found: re.Match[str]) -> str:
    return found[0].replace(" ", _GLUE) if len(found[0]) <= _LONGEST_GLUED else found[0]


def spoken(text: str) -> str:
    """Return a text with links replaced by their text."""
    return _LINK.sub(r"\1", text)


def _plain(cell: str) -> str:
    return _BOLD.sub(r"\1", spoken(cell))


def cells(line: str) -> list[str]:
    """Return the cells of a line of a table."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _column_widths(rows: list[list[str]], room: int) -> list[int] | None:
    """Return the widths of columns, reducing the widest until all fit; None if they cannot fit."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * (len(widths) - 1) > room:
        widest = widths.index(max(widths))
        if widths[widest] <= _NARROWEST_COLUMN:
            return None
        widths[widest] -= 1
    longest = [
        max(
            (display_width(word) for row in rows for word in _CODE.sub(_glued, row[place]).split()), default=0
        )
        for place in range(len(widths))
    ]
    return widths if all(word <= width for word, width in zip(longest, widths, strict=True)) else None


def _folded(line: str, width: int) -> Iterator[str]:
    """Indent a line of code; a line that is too long continues on the next line, indented further."""
    indent = "    "
    while len(indent + line) > width:
        room = width - len(indent)
        end = line.rfind(" ", room // 2, room + 1) % (room + 1) if " " in line[room // 2 : room + 1] else room
        yield indent + line[:end]
        line, indent = line[end:].lstrip(), "        "
    yield indent + line if line else ""

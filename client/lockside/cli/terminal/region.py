"""A few lines at the bottom of a terminal that are redrawn, while other lines scroll above them."""

from __future__ import annotations

from lockside.cli.terminal.sanitize import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockside.cli.terminal.output import Output

_UP_AND_CLEAR = "\x1b[1A\x1b[2K"


class Region:
    """Draws on a terminal that can move its cursor; elsewhere `draw` does nothing and `above` just prints.

    The lines must fit the terminal: callers cut them.
    """

    def __init__(self, out: Output) -> None:
        self._out = out
        self._drawn: list[str] = []

    def draw(self, lines: Sequence[str]) -> None:
        """Replace the drawn lines."""
        if self._out.can_redraw and list(lines) != self._drawn:
            self._erase()
            self._show(lines)

    def above(self, text: str) -> None:
        """Print sanitized text that ends in a line end, above the drawn lines."""
        drawn = self._drawn
        self._erase()
        self._out.write(text)
        self._show(drawn)

    def clear(self) -> None:
        """Remove the drawn lines."""
        self._erase()
        self._out.flush()

    def _erase(self) -> None:
        if self._drawn:
            self._out.write("\r" + _UP_AND_CLEAR * len(self._drawn))
            self._drawn = []

    def _show(self, lines: Sequence[str]) -> None:
        if lines:
            self._out.write("".join(shown(line) + "\n" for line in lines))
        self._drawn = list(lines)
        self._out.flush()

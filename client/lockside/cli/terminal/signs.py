"""What stands for the signs of the command line on a terminal whose encoding does not have them."""

from __future__ import annotations

_SIGNS = {
    "✓": "+",
    "✗": "x",
    "■": "#",
    "○": "o",
    "●": "*",
    "◐": "*",
    "‖": "=",
    "∞": "inf",
    "…": "~",
    "·": "-",
    "→": ">",
    "↑": "^",
    "↓": "v",
    "├": "|",
    "│": "|",
    "└": "`",
    "─": "-",
    "━": "=",
    "╸": "=",
    "╺": "=",
    "╌": ".",
    "█": "#",
    "░": ".",
    **dict.fromkeys("▏▎▍▌▋▊▉", "#"),
    **dict.fromkeys("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "*"),
}
"""Each takes as many columns as what it stands for, but for the sign of infinity, which ends its cell."""


def replaced(error: UnicodeError) -> tuple[str, int]:
    """Give a sign's stand-in, and `?` for every other character; a handler of `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_SIGNS.get(character, "?") for character in text), error.end

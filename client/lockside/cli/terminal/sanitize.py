"""Sanitizes texts for terminals: no text of a job can move the cursor, hide text or trigger answers. Texts
for files and pipes are not changed.
"""

from __future__ import annotations

import re

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
"""Each is as wide as its replacement, except for the infinity sign, which is last in its cell."""


def replaced(error: UnicodeError) -> tuple[str, int]:
    """Return a sign's replacement, and `?` for other characters; a handler of `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_SIGNS.get(character, "?") for character in text), error.end


# Patterns are texts, which `re` compiles on first use: most commands use none.

_STANDS_FOR = "�"
_ORDERS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Unicode's bidirectional controls, which make a text look like another."""
FORBIDDEN = {code: _STANDS_FOR for code in (*range(32), *range(127, 160), *_ORDERS) if code not in {9, 10}}
"""Invisible characters and their replacement."""

_OWN_COLOUR = "(\x1b\\[(?:0|1|2|3[1-6])m)"
_NUMBER = r"(?:0|1|2|3|4|7|9|2[1-4]|27|29|[34][0-79]|9[0-7]|10[0-7]|[34]8;5;\d{1,3}|[34]8;2(?:;\d{1,3}){3})"
_COLOUR = f"(\x1b\\[(?:{_NUMBER}(?:;{_NUMBER})*)?m)"
"""Colours and weights of letters, except concealed and blinking."""
_RESET = "\x1b[0m"


def plain(text: str) -> str:
    """Replace all control characters except line ends and tabs, including colours."""
    return text.translate(FORBIDDEN)


def shown(text: str) -> str:
    """Replace control sequences for the terminal, except the colours of `Output.paint`."""
    return _between(_OWN_COLOUR, text)


def shown_log(text: str, *, coloured: bool) -> str:
    """The same for a job's output, whose own colours are kept if `coloured`, and reset at its end. A carriage
    return, which would overwrite the line, starts a new line.
    """
    text = re.sub("\r+(?!\n)", "\n", text.replace("\r\n", "\n"))
    if coloured and re.search(_COLOUR, text):
        body = text.rstrip("\n")
        return _between(_COLOUR, body) + _RESET + text[len(body) :]
    return plain(re.sub(_COLOUR, "", text))


def _between(kept: str, text: str) -> str:
    parts = re.split(kept, text)
    parts[::2] = [plain(part) for part in parts[::2]]
    return "".join(parts)

"""What may reach a person's screen: no text of a job moves the cursor, hides or answers anything there.

Texts for files and pipes do not come through here; they stay as they are.
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
"""Each takes as many columns as what it stands for, but for the sign of infinity, which ends its cell."""


def replaced(error: UnicodeError) -> tuple[str, int]:
    """Give a sign's stand-in, and `?` for every other character; a handler of `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_SIGNS.get(character, "?") for character in text), error.end


# Patterns are texts, which `re` compiles when one is first used: most calls of the command line use none.

_STANDS_FOR = "�"
_ORDERS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Unicode's orders to write the other way round, which make a text look like another one."""
FORBIDDEN = {code: _STANDS_FOR for code in (*range(32), *range(127, 160), *_ORDERS) if code not in {9, 10}}
"""What a person does not see, and what stands for it."""

_OWN_COLOUR = "(\x1b\\[(?:0|1|2|3[1-6])m)"
_NUMBER = r"(?:0|1|2|3|4|7|9|2[1-4]|27|29|[34][0-79]|9[0-7]|10[0-7]|[34]8;5;\d{1,3}|[34]8;2(?:;\d{1,3}){3})"
_COLOUR = f"(\x1b\\[(?:{_NUMBER}(?:;{_NUMBER})*)?m)"
"""Colours and weights of letters; not the concealed and the blinking ones."""
_RESET = "\x1b[0m"


def plain(text: str) -> str:
    """Replace every control character but line ends and tabs, colours too."""
    return text.translate(FORBIDDEN)


def shown(text: str) -> str:
    """Replace what could do anything to a terminal; the colours that `Output.paint` makes stay."""
    return _between(_OWN_COLOUR, text)


def shown_log(text: str, *, coloured: bool) -> str:
    """The same for a job's output, whose own colours stay where colours are wanted, and end with it.

    Where it went back to a line's beginning to write over it, a new line begins.
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

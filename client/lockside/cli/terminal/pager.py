"""Shows a long text in the user's pager, on a terminal only."""

from __future__ import annotations

import os

from lockside.cli.terminal.output import terminal_height

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockside.cli.terminal.output import Output


def show(out: Output, lines: Sequence[str]) -> None:
    """Print lines; if the terminal is too small for them, in $PAGER, by default `less`."""
    text = "\n".join(lines) + "\n"
    if out.terminal and len(lines) >= terminal_height() and _paged(text):
        return
    out.write(text)


def _paged(text: str) -> bool:
    """Run the pager; returns False if there is none."""
    import shlex
    import subprocess

    command = shlex.split(os.environ.get("PAGER") or "less")
    environment = {"LESS": "FRX", **os.environ}
    try:
        subprocess.run(command, input=text.encode(), env=environment, check=False)
    except OSError:
        return False
    return True

"""What another command would print, as a text for a screen: `why` and `show` are told by the same code."""

from __future__ import annotations

import io
from importlib import import_module

from rich.text import Text

from lockside.cli.grammar import Parsed
from lockside.cli.session import Session
from lockside.cli.terminal.output import Output
from lockside.errors import LocksideError


class _Screen(io.StringIO):
    """A stream that is looked at by a person."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def command_output(what: str, job: str, socket: str | None, project: str | None, width: int) -> Text:
    """Give what the command whose code is `what` says of a job; a refusal is told in its place. It blocks."""
    stream = _Screen()
    module, _, name = what.partition(":")
    with Session(Parsed(None, {"socket": socket, "project": project, "job": job})) as session:
        session.out = Output(as_json=False, plain=False, stream=stream, width=width)
        try:
            getattr(import_module(module), name)(session, Parsed(None, {"job": job}))
        except LocksideError as error:
            return Text(error.message, "red")
    return Text.from_ansi(stream.getvalue())

"""`secret`: encrypts values for configurations, and lists keys. A value is typed without echo or read from
standard input: on the command line everybody could see it.
"""

from __future__ import annotations

import sys
from getpass import getpass

from lockside.cli.files.parse import read_text
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell


def encrypt(session: Session, parsed: Parsed) -> int:
    """Encrypt a value from the terminal or standard input."""
    asked = parsed.members()
    if not asked.keys() & {"component", "variables"}:
        raise UsageError(
            "name what may use it: --component, also with --config, or --variables.", "secret encrypt"
        )
    answer = session.call("secret.encrypt", value=_value(), **asked)
    return session.out.result(answer, answer["value"])


def _value() -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass("Value: ")
    return read_text("-").removesuffix("\n")


def keys(session: Session, _: Parsed) -> int:
    """List the keys, the newest first."""
    return session.out.listed(session.call("secret.keys"), "keys", ("KEY", "SOURCE", "VALUES"), _row)


def _row(key: Json) -> list[Cell]:
    source = key["source"]
    return [key["id"], (source, "red") if source == "missing" else source, key["values"]]

"""`secret`: values are encrypted for configurations, keys are listed and rotated.

A value is asked for without echo or read from standard input: on the command line everybody could see it.
"""

from __future__ import annotations

import sys
from getpass import getpass

from lockside.cli import exits
from lockside.cli.files.parse import read_text
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Session
from lockside.cli.terminal.output import Cell


def encrypt(session: Session, parsed: Parsed) -> int:
    """Encrypt a value that is typed, or piped in."""
    component, variables = parsed.text("component"), parsed.text("variables")
    if component is None and variables is None:
        raise UsageError("name who may use it: --component, with --config if need be.", "secret encrypt")
    asked = {
        "component": component,
        "config": parsed.text("config"),
        "variables": variables,
        "scope": parsed.text("scope"),
    }
    answer = session.call("secret.encrypt", value=_value(), **asked)
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(answer["value"])
    return exits.DONE


def _value() -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass("Value: ")
    return read_text("-").removesuffix("\n")


def keys(session: Session, _: Parsed) -> int:
    """List the keys, the newest first."""
    answer = session.call("secret.keys")
    if session.out.as_json:
        session.out.json(answer)
        return exits.DONE
    rows: list[list[Cell]] = [
        [one["id"], _source(one["source"]), str(one["values"])] for one in answer["keys"]
    ]
    session.out.table(("KEY", "SOURCE", "VALUES"), rows)
    return exits.DONE


def _source(source: str) -> Cell:
    return (source, "red") if source == "missing" else source


def rotate(session: Session, _: Parsed) -> int:
    """Make a new key and encrypt everything under it."""
    answer = session.call("secret.rotate")
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"Key {answer['id']} encrypts {answer['values']} values.")
        session.out.hint("Older keys are kept for backups: lockside secret keys")
    return exits.DONE


def reencrypt(session: Session, _: Parsed) -> int:
    """Encrypt everything under the newest key."""
    answer = session.call("secret.reencrypt")
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"{answer['values']} values were encrypted under the newest key.")
    return exits.DONE


def drop(session: Session, parsed: Parsed) -> int:
    """Remove a key that nothing needs."""
    answer = session.call("secret.dropKey", id=parsed.required("key"))
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"Key {answer['id']} is gone.")
    return exits.DONE

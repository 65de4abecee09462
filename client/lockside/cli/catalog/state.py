"""`state`: the state that the last successful run of a configuration or row saved for the next run."""

from __future__ import annotations

import json

from lockside.cli import exits
from lockside.cli.catalog.objects import key_of_config
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session


def show(session: Session, parsed: Parsed) -> int:
    """Print a state: the JSON that the next run reads."""
    found = session.call("state.get", **_named(parsed))
    if not session.out.is_given(found):
        session.out.verbatim(json.dumps(found["state"], indent=2, ensure_ascii=False))
    return exits.DONE


def reset(session: Session, parsed: Parsed) -> int:
    """Delete a state, so that the next run starts from the beginning."""
    named = _named(parsed)
    answer = session.call("state.reset", **named, part=parsed.text("part"))
    row = f", row {named['row']}" if named["row"] else ""
    text = f"{parsed.required('component_config')}{row} has no state; its next run starts from the beginning"
    return session.out.result(answer, text)


def _named(parsed: Parsed) -> Json:
    return key_of_config(parsed) | {"row": parsed.text("row")}

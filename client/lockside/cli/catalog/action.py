"""`action`: runs a synchronous action of a component, without a job, lock or slot."""

from __future__ import annotations

import json

from lockside.cli import exits
from lockside.cli.files.parse import FileError, read_document
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Session


def action(session: Session, parsed: Parsed) -> int:
    """Run an action and print the JSON that it returns."""
    component, _, config = parsed.required("component_config").partition("/")
    answer = session.call(
        "action.run",
        component=component,
        action=parsed.required("action"),
        config=config or None,
        branchId=parsed.text("branch"),
        row=parsed.text("row"),
        configData=_data(parsed.text("data")),
        variableValuesData=parsed.members().get("variableValuesData"),
        tag=parsed.text("tag"),
    )
    session.out.line(json.dumps(answer, indent=None if session.out.as_json else 2, ensure_ascii=False))
    return exits.DONE


def _data(file: str | None) -> object:
    if file is None:
        return None
    try:
        return read_document(file)
    except FileError as error:
        raise UsageError(str(error), "action") from error

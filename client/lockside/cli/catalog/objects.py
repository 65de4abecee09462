"""The commands of stored objects, the same for every kind in `lockside.kinds`. The first word of a command
selects the kind. Folders are stored by `apply`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from lockside.cli import exits, times
from lockside.cli.files.parse import FileError, stem
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import Cell
from lockside.kinds import KINDS, Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.files.object_file import ObjectFile


def ls(session: Session, parsed: Parsed) -> int:
    kind = _kind(parsed)
    filters = {name: parsed.text(name) for name in (*kind.key[:-1], "type")}
    found = listed(session, kind, session.out.as_json, branchId=parsed.text("branch"), **filters)
    if session.out.is_given({kind.listed: found}):
        return exits.DONE
    rows = [
        ["/".join(kind.key_of(each)), *(_cell(name, each) for name in kind.columns), about(kind, each)]
        for each in found
    ]
    headings = ("" if name.startswith("is") else name.upper() for name in kind.columns)
    session.out.table((kind.title.upper(), *headings, ""), rows)
    if not found:
        own_name = f"{kind.metavar} " if len(kind.key) > 1 else ""
        folder = " · lockside apply DIR" if kind.files else ""
        session.out.hint(f"No {kind.titles} yet.\n  next: lockside {kind.command} put {own_name}FILE{folder}")
    return exits.DONE


def listed(session: Session, kind: Kind, is_whole: bool = False, **filters: Any) -> list[Json]:
    """Return the objects of a kind; unless `is_whole`, only with the members that a table shows."""
    if kind.verbs and not is_whole:
        filters["fields"] = [*kind.key, *kind.columns, *kind.described_by]
    found: list[Json] = session.call(f"{kind.methods}.list", **filters)[kind.listed]
    return found


def about(kind: Kind, each: Json) -> str:
    """Return the description of an object."""
    return next((str(each[name]) for name in kind.described_by if each.get(name)), "")


def _cell(name: str, each: Json) -> Cell:
    if name.startswith("is"):
        return (name[2:].lower(), "yellow") if each.get(name) else ""
    value: Cell = each.get(name)
    return value


def show(session: Session, parsed: Parsed) -> int:
    kind = _kind(parsed)
    found = session.call(f"{kind.methods}.get", **_named(kind, parsed), version=parsed.number("at"))
    if not session.out.is_given(found):
        session.out.verbatim(json.dumps(found, indent=2, ensure_ascii=False))
    return exits.DONE


def put(session: Session, parsed: Parsed) -> int:
    kind, file = _kind(parsed), parsed.text("file")
    is_named = len(kind.key) > 1 or not kind.files
    where = _named(kind, parsed) if is_named else {kind.key[0]: stem(str(file))}
    key = kind.key_of(where)
    body = _read(session, kind, file, key).body if file else dict(zip(kind.key, key, strict=True))
    given: Json = body | where if kind.is_flat else {kind.member: body, "branchId": where.get("branchId")}
    given["changeDescription"] = parsed.text("message")
    stored = session.call(f"{kind.methods}.{kind.put_verb}", **given)
    if session.out.is_given(stored):
        return exits.DONE
    session.out.line(f"{_title(kind, key)} is stored as version {stored.get('version')}")
    print_warnings(session, stored.get("warnings") or ())
    return exits.DONE


def rm(session: Session, parsed: Parsed) -> int:
    kind = _kind(parsed)
    where = _named(kind, parsed)
    answer = session.call(f"{kind.methods}.delete", **where)
    text = f"{_title(kind, kind.key_of(where))} is deleted; existing jobs are not affected"
    return session.out.result(answer, text)


def versions(session: Session, parsed: Parsed) -> int:
    kind = _kind(parsed)
    found = session.call(f"{kind.methods}.versions", **_named(kind, parsed))
    now = datetime.now(UTC)

    def row(each: Json) -> list[Cell]:
        changed = times.local(each["time"], now) if session.out.terminal else each["time"]
        why = "deleted" if each.get("isDeleted") else each.get("changeDescription")
        return [each["version"], changed, (each.get("changedBy") or {}).get("user"), why]

    return session.out.listed(found, "versions", ("VERSION", "CHANGED", "BY", ""), row)


def diff(session: Session, parsed: Parsed) -> int:
    from lockside.cli.catalog import plan_text

    kind = _kind(parsed)
    asked = {"version": parsed.number("from"), "to": parsed.number("to")}
    found = session.call(f"{kind.methods}.diff", **_named(kind, parsed), **asked)
    if session.out.is_given(found):
        return exits.DONE
    for colour, text in plan_text.fields(found["fields"]):
        session.out.line(session.out.paint(colour, text.removeprefix("    ")))
    if not found["fields"]:
        session.out.line(f"versions {found['version']} and {found['to']} have the same content")
    return exits.DONE


def rollback(session: Session, parsed: Parsed) -> int:
    kind = _kind(parsed)
    where, version = _named(kind, parsed), parsed.number("to")
    why = parsed.text("message")
    stored = session.call(f"{kind.methods}.rollback", **where, version=version, changeDescription=why)
    text = f"{_title(kind, kind.key_of(where))} has the content of version {version}"
    return session.out.result(stored, f"{text}; it is version {stored.get('version')}")


def copy(session: Session, parsed: Parsed) -> int:
    """Copy an object."""
    kind = _kind(parsed)
    where, to = _named(kind, parsed), parsed.required("to")
    member = kind.key[-1]
    given = {f"to{member[0].upper()}{member[1:]}": to, "toBranchId": parsed.text("to_branch")}
    stored = session.call(f"{kind.methods}.copy", **where, version=parsed.number("at"), **given)
    copied = [*kind.key_of(where)[:-1], to]
    return session.out.result(stored, f"{_title(kind, copied)} is stored as version {stored.get('version')}")


def key_of_config(parsed: Parsed) -> Json:
    """Return the parameters for the configuration in the arguments."""
    return _named(KINDS["config"], parsed)


def _kind(parsed: Parsed) -> Kind:
    assert parsed.command is not None
    word = parsed.command.name.partition(" ")[0]
    return next(kind for kind in KINDS.values() if kind.command == word)


def _named(kind: Kind, parsed: Parsed) -> Json:
    """Return the parameters for the object in the arguments."""
    assert parsed.command is not None
    text = parsed.required(kind.metavar.lower().replace("/", "_"))
    names = text.split("/", len(kind.key) - 1)
    if len(names) != len(kind.key) or not all(names):
        raise UsageError(f"'{text}' is not {kind.metavar}.", parsed.command.name)
    branch = parsed.text("branch") if kind.in_branch else None
    return dict(zip(kind.key, names, strict=True)) | ({"branchId": branch} if branch else {})


def _title(kind: Kind, key: Sequence[str]) -> str:
    return f"{kind.title} {'/'.join(key)}"


def _read(session: Session, kind: Kind, file: str, key: Sequence[str]) -> ObjectFile:
    """Read an object from its file; raises UsageError with the first fault after printing the others."""
    command = f"{kind.command} put"
    try:
        item: ObjectFile = kind.read(kind, file, key)
    except FileError as error:
        raise UsageError(str(error), command) from error
    for fault in item.faults[1:]:
        session.say_aside(str(fault))
    if item.faults:
        raise UsageError(str(item.faults[0]), command)
    return item


def print_warnings(session: Session, warnings: Sequence[object]) -> None:
    """Print the daemon's warnings."""
    for warning in warnings:
        session.say_aside(f"warning: {warning}")

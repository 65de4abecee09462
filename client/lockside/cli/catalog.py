"""`component` and `config`: what can be run and how, one at a time. Whole folders are `apply`'s."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from lockside.cli import exits, times
from lockside.cli.files import FileError
from lockside.cli.grammar import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.items import Item
    from lockside.cli.output import Cell
    from lockside.cli.session import Session

    Json = dict[str, Any]


_ABOUT = ("description", "name")


def component_ls(session: Session, parsed: Parsed) -> int:
    """List components."""
    fields = None if session.out.as_json else ["id", "type", "version", *_ABOUT]
    found = session.call("component.list", type=parsed.text("type"), fields=fields)["components"]
    if session.out.as_json:
        session.out.json({"components": found})
        return exits.DONE
    rows: list[list[Cell]] = [
        [str(each["id"]), str(each.get("type") or ""), str(each.get("version") or ""), _what(each)]
        for each in found
    ]
    session.out.table(("COMPONENT", "TYPE", "VERSION", ""), rows)
    if not found:
        session.out.hint("No components yet. Try: lockside component put FILE, or lockside apply DIR")
    return exits.DONE


def _what(each: Json) -> str:
    return str(each.get("description") or each.get("name") or "")


def component_show(session: Session, parsed: Parsed) -> int:
    """Print a component."""
    found = session.call("component.get", id=parsed.required("component"), version=parsed.number("at"))
    session.out.line(json.dumps(found, indent=2, ensure_ascii=False))
    return exits.DONE


def component_put(session: Session, parsed: Parsed) -> int:
    """Store a component from a file."""
    from lockside.cli import items

    item = _whole(session, lambda: items.component(parsed.required("file")), "component put")
    stored = session.call("component.put", component=item.body)
    return _stored(session, "component " + item.body["id"], stored)


def component_rm(session: Session, parsed: Parsed) -> int:
    """Delete a component."""
    name = parsed.required("component")
    return _deleted(session, f"component {name}", session.call("component.delete", id=name))


def config_ls(session: Session, parsed: Parsed) -> int:
    """List configurations."""
    where = {"component": parsed.text("component"), "branchId": parsed.text("branch")}
    fields = None if session.out.as_json else ["component", "config", "version", "isDisabled", *_ABOUT]
    found = session.call("config.list", **where, fields=fields)["configs"]
    if session.out.as_json:
        session.out.json({"configs": found})
        return exits.DONE
    rows: list[list[Cell]] = [
        [
            f"{each['component']}/{each['config']}",
            str(each.get("version", "")),
            ("disabled", "yellow") if each.get("isDisabled") else "",
            _what(each),
        ]
        for each in found
    ]
    session.out.table(("CONFIGURATION", "VERSION", "", ""), rows)
    if not found:
        session.out.hint(
            "No configurations yet. Try: lockside config put COMPONENT/CONFIG FILE, or lockside apply DIR"
        )
    return exits.DONE


def config_show(session: Session, parsed: Parsed) -> int:
    """Print a configuration."""
    found = session.call("config.get", **_named(parsed, "config show"), version=parsed.number("at"))
    session.out.line(json.dumps(found, indent=2, ensure_ascii=False))
    return exits.DONE


def config_put(session: Session, parsed: Parsed) -> int:
    """Store a configuration from a file."""
    from lockside.cli import configfiles

    where = _named(parsed, "config put")
    component, name = where["component"], where["config"]
    item = _whole(session, lambda: configfiles.config(parsed.required("file"), component, name), "config put")
    stored = session.call("config.put", **item.body | where, changeDescription=parsed.text("message"))
    return _stored(session, f"configuration {component}/{name}", stored)


def config_rm(session: Session, parsed: Parsed) -> int:
    """Delete a configuration."""
    where = _named(parsed, "config rm")
    answer = session.call("config.delete", **where)
    return _deleted(session, f"configuration {where['component']}/{where['config']}", answer)


def config_versions(session: Session, parsed: Parsed) -> int:
    """List the versions of a configuration."""
    found = session.call("config.versions", **_named(parsed, "config versions"))["versions"]
    if session.out.as_json:
        session.out.json({"versions": found})
        return exits.DONE
    now = datetime.now(UTC)
    rows: list[list[Cell]] = [
        [
            str(each["version"]),
            times.local(each["time"], now) if session.out.terminal else str(each["time"]),
            str((each.get("changedBy") or {}).get("user") or ""),
            "deleted" if each.get("isDeleted") else str(each.get("changeDescription") or ""),
        ]
        for each in found
    ]
    session.out.table(("VERSION", "CHANGED", "BY", ""), rows)
    return exits.DONE


def _named(parsed: Parsed, command: str) -> Json:
    text = parsed.required("component_config")
    component, _, config = text.partition("/")
    if not component or not config:
        raise UsageError(f"'{text}' is no COMPONENT/CONFIG.", command)
    branch = parsed.text("branch")
    return {"component": component, "config": config} | ({"branchId": branch} if branch else {})


def _whole(session: Session, read: Callable[[], Item], command: str) -> Item:
    """Read an object from its file; raises UsageError with its first fault after telling the others."""
    try:
        item = read()
    except FileError as error:
        raise UsageError(str(error), command) from error
    for fault in item.faults[1:]:
        session.say_aside(str(fault))
    if item.faults:
        raise UsageError(str(item.faults[0]), command)
    return item


def _stored(session: Session, what: str, stored: Json) -> int:
    if session.out.as_json:
        session.out.json(stored)
        return exits.DONE
    session.out.line(f"{what} is stored as version {stored.get('version')}")
    warn_about(session, stored.get("warnings") or ())
    return exits.DONE


def warn_about(session: Session, warnings: Sequence[object]) -> None:
    """Pass on what the daemon found odd."""
    for warning in warnings:
        session.say_aside(f"warning: {warning}")


def _deleted(session: Session, what: str, answer: Json) -> int:
    if session.out.as_json:
        session.out.json(answer)
    else:
        session.out.line(f"{what} is deleted; jobs that exist keep it")
    return exits.DONE

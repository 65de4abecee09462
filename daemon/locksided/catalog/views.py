"""Stored objects as the wire shows them, and what of them each role may see. Pure."""

from typing import Any

from lockside.documents.component import COMMAND
from lockside.protocol.words import Role
from locksided import clock
from locksided.server.access import Principal
from locksided.store.rows import StoredRow, Version

View = dict[str, Any]


def for_users(who: Principal, view: View) -> View:
    """A component as its users see it: what is secret in it is the admins'."""
    shown: View = without_secrets(view, environment=who.role is Role.OPERATOR)
    return view if who.role is Role.ADMIN else shown


def for_writers(who: Principal, view: View) -> View:
    """What may be changed, whole for those who may change it. A command's environment is its writer's own."""
    by = view.get("changedBy") or {}
    if who.role is Role.ADMIN or by.get("uid") == who.uid:
        return view
    if who.role is Role.OPERATOR and view.get("component") != COMMAND:
        return view
    shown: View = without_secrets(view)
    return shown


def without_secrets(data: Any, *, environment: bool = False) -> Any:
    """The same document with the values of `#` keys hidden, as of `{name: "#…", value}`.

    Environments are left out, unless they may be seen.
    """
    match data:
        case {"name": str(name), "value": _} if name.startswith("#"):
            return {**data, "value": "[hidden]"}
        case dict():
            return {
                key: "[hidden]"
                if str(key).startswith("#")
                else without_secrets(value, environment=environment)
                for key, value in data.items()
                if environment or key != "environment"
            }
        case list():
            return [without_secrets(value, environment=environment) for value in data]
        case _:
            return data


def stored_view(stored: StoredRow) -> View:
    """An object as it was put, with its version, its times and who changed it."""
    return {
        **stored.body,
        "version": stored.version,
        "createdTime": clock.to_text(stored.created_us),
        "updatedTime": clock.to_text(stored.changed_us),
        "changedBy": stored.changed_by,
        "isDeleted": bool(stored.deleted),
    }


def described_view(stored: StoredRow) -> View:
    """As `stored_view`, with the reason that was given for the change."""
    return {**stored_view(stored), "changeDescription": stored.description}


def version_view(version: Version) -> View:
    """One change of an object."""
    return {
        "version": version.version,
        "time": clock.to_text(version.changed_us),
        "changedBy": version.changed_by,
        "changeDescription": version.description,
    }

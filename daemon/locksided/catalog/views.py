"""Stored objects in wire form, and what each role may see of them. Pure."""

from typing import Any

from lockside.documents.component import COMMAND
from lockside.documents.secrets import hidden, shown
from lockside.protocol.words import Role
from locksided import clock
from locksided.server.access import Principal
from locksided.store.rows import StoredRow, Version

View = dict[str, Any]


def for_users(who: Principal, view: View) -> View:
    """View of a component: its secrets are for admins, its environment for operators and admins."""
    if who.role is Role.ADMIN:
        return view
    shown_view: View = hidden(view) if who.role is Role.OPERATOR else without_secrets(view)
    return shown_view


def for_admins(who: Principal, view: View) -> View:
    """View of a system: its options are visible to admins only."""
    return view if who.role is Role.ADMIN else {**view, "options": {}}


def for_writers(who: Principal, view: View) -> View:
    """View of a document: all for those who may change it; a command's environment only for its writer."""
    by = view.get("changedBy") or {}
    if who.role is Role.ADMIN or by.get("uid") == who.uid:
        return view
    if who.role is Role.OPERATOR and view.get("component") != COMMAND:
        return view
    shown_view: View = without_secrets(view)
    return shown_view


def without_secrets(view: Any) -> Any:
    """Return the document with its secrets hidden, and without environments."""
    return without_environment(hidden(view))


def without_environment(data: Any) -> Any:
    """Return the document without the members `environment`."""
    match data:
        case dict():
            return {key: without_environment(value) for key, value in data.items() if key != "environment"}
        case list():
            return [without_environment(value) for value in data]
        case _:
            return data


def stored_view(stored: StoredRow) -> View:
    """Return an object's document, with encrypted secrets, its version, its times and its last author."""
    return {
        **shown(stored.body),
        "version": stored.version,
        "createdTime": clock.to_text(stored.created_us),
        "updatedTime": clock.to_text(stored.changed_us),
        "changedBy": stored.changed_by,
        "changeDescription": stored.description,
        "isDeleted": bool(stored.deleted),
    }


def version_view(version: Version) -> View:
    """Return the view of one change of an object."""
    return {
        "version": version.version,
        "time": clock.to_text(version.changed_us),
        "changedBy": version.changed_by,
        "changeDescription": version.description,
    }

"""Stored objects as the wire shows them, and what of them each role may see. Pure."""

from typing import Any

from lockside.documents.component import COMMAND
from lockside.protocol.words import Role
from locksided import clock
from locksided.api.views import without_secrets
from locksided.server.calls import Call
from locksided.store.catalog import branches
from locksided.store.rows import Stored, Version

View = dict[str, Any]


def for_users(call: Call, view: View) -> View:
    """A component as its users see it: what is secret in it is the admins'."""
    is_admin = call.principal.role is Role.ADMIN
    return view if is_admin else _shown(view, environment=call.principal.role is Role.OPERATOR)


def for_writers(call: Call, view: View) -> View:
    """What may be changed, whole for those who may change it. A command's environment is its writer's own."""
    role, by = call.principal.role, view.get("changedBy") or {}
    if role is Role.ADMIN or by.get("uid") == call.principal.uid:
        return view
    if role is Role.OPERATOR and view.get("component") != COMMAND:
        return view
    return _shown(view)


def _shown(view: View, *, environment: bool = False) -> View:
    shown: View = without_secrets(view, environment=environment)
    return shown


DEFAULT_BRANCH: View = {
    "id": branches.DEFAULT,
    "name": None,
    "version": 1,
    **dict.fromkeys(("createdTime", "updatedTime", "changedBy")),
    "isDeleted": False,
}


def stored_view(stored: Stored) -> View:
    """An object as it was put, with its version, its times and who changed it."""
    return {
        **stored.body,
        "version": stored.version,
        "createdTime": clock.to_text(stored.created_us),
        "updatedTime": clock.to_text(stored.changed_us),
        "changedBy": stored.changed_by,
        "isDeleted": bool(stored.deleted),
    }


def version_view(version: Version) -> View:
    return {
        "version": version.version,
        "time": clock.to_text(version.changed_us),
        "changedBy": version.changed_by,
        "changeDescription": version.description,
    }


def config_view(stored: Stored) -> View:
    return {**stored_view(stored), "changeDescription": stored.description}

"""`file`: files that jobs have stored, or that were stored by hand."""

from __future__ import annotations

import os
import shutil
from functools import partial

from lockside.cli import times
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.storage.table_jobs import whole_path
from lockside.cli.storage.tables import SHOWN, finish
from lockside.cli.terminal.output import Cell
from lockside.cli.terminal.sanitize import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


def ls(session: Session, parsed: Parsed) -> int:
    """List stored files, the newest first."""
    found = session.call("storage.file.list", **SHOWN | parsed.members())
    headings = ("FILE", "NAME", "SIZE", "STORED", "BY", "TAGS")
    return session.out.listed(found, "files", headings, partial(_row, now=times.now()))


def _row(one: Json, now: datetime) -> list[Cell]:
    size, stored = times.size(one["sizeBytes"]), times.ago(one["created"], now)
    by = "" if one["job"] is None else f"job {one['job']}"
    return [one["id"], one["name"], size, stored, by, ", ".join(one["tags"])]


def put(session: Session, parsed: Parsed) -> int:
    """Store a file, and wait for the job that does it."""
    job = session.call("storage.file.put", **parsed.members(), path=whole_path(parsed))
    return finish(session, parsed, job)


def tag(session: Session, parsed: Parsed) -> int:
    """Add tags to a stored file, and remove others."""
    one = session.call("storage.file.tag", **parsed.members())
    return session.out.result(one, f"file {one['id']}, {plain(one['name'])}: {plain(', '.join(one['tags']))}")


def get(session: Session, parsed: Parsed) -> int:
    """Copy a stored file."""
    one = session.call("storage.file.get", **parsed.members())
    path = os.path.abspath(os.path.expanduser(parsed.text("path") or one["name"]))
    if os.path.isdir(path):
        path = os.path.join(path, one["name"])
    with open(one["path"], "rb") as stored, open(path, "xb") as copy:
        shutil.copyfileobj(stored, copy)
    return session.out.result(one, f"{path}: {times.size(one['sizeBytes'])}")

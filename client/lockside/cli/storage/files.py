"""`file`: files that jobs have stored, or that were stored by hand."""

from __future__ import annotations

import os
import shutil

from lockside.cli import exits, times
from lockside.cli.storage.tables import finish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session
    from lockside.cli.terminal.output import Cell

    Json = dict[str, Any]


def ls(session: Session, parsed: Parsed) -> int:
    """List stored files, the newest first."""
    found = session.call(
        "storage.file.list",
        tags=parsed.many("tag"),
        query=parsed.text("query"),
        branchId=parsed.text("branch"),
        limit=parsed.values.get("limit") or 20,
    )
    if session.out.as_json:
        session.out.json(found)
        return exits.DONE
    now = times.now()
    rows: list[list[Cell]] = [
        [
            str(one["id"]),
            str(one["name"]),
            times.size(one["sizeBytes"]),
            times.ago(one["created"], now),
            "" if one["job"] is None else f"job {one['job']}",
            ", ".join(one["tags"]),
        ]
        for one in found["files"]
    ]
    session.out.table(("FILE", "NAME", "SIZE", "STORED", "BY", "TAGS"), rows)
    return exits.DONE


def put(session: Session, parsed: Parsed) -> int:
    """Store a file, and wait for the job that does it."""
    job = session.call(
        "storage.file.put",
        path=os.path.abspath(os.path.expanduser(parsed.required("path"))),
        name=parsed.text("name"),
        tags=parsed.many("tag"),
        isPermanent=parsed.flag("permanent") or None,
        branchId=parsed.text("branch"),
    )
    return finish(session, parsed, job)


def get(session: Session, parsed: Parsed) -> int:
    """Copy a stored file."""
    one = session.call("storage.file.get", id=parsed.required("file"), branchId=parsed.text("branch"))
    path = os.path.abspath(os.path.expanduser(parsed.text("path") or one["name"]))
    if os.path.isdir(path):
        path = os.path.join(path, one["name"])
    with open(one["path"], "rb") as stored, open(path, "xb") as copy:
        shutil.copyfileobj(stored, copy)
    return session.out.result(one, f"{path}: {times.size(one['sizeBytes'])}")


def tag(session: Session, parsed: Parsed) -> int:
    """Give a stored file tags, and take some from it."""
    one = session.call(
        "storage.file.tag",
        id=parsed.required("file"),
        add=parsed.many("tag"),
        remove=parsed.many("remove"),
        branchId=parsed.text("branch"),
    )
    return session.out.result(one, f"{one['name']}: {', '.join(one['tags'])}")


def rm(session: Session, parsed: Parsed) -> int:
    """Delete a stored file."""
    file, branch = parsed.required("file"), parsed.text("branch")
    found = session.call("storage.file.delete", id=file, branchId=branch)
    return session.out.result(found, f"file {file} is deleted")

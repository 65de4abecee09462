"""`run --from-file`: many jobs at once, of command lines or of requests, in as few calls as can be."""

from __future__ import annotations

import json

from lockside.cli.files.parse import FileError, called, is_document, read_document, read_text
from lockside.cli.grammar import UsageError
from lockside.cli.jobs.describe import ANSWERED_WHOLE, BRIEF
from lockside.cli.jobs.run import (
    create,
    dry_run,
    name_dependencies,
    options_of,
    own_environment,
    plain_command,
    show_created,
)
from lockside.transport import new_deduplication_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session

    Json = dict[str, Any]

JOBS_AT_ONCE = 5000
BYTES_AT_ONCE = 4 << 20


def run_file(session: Session, parsed: Parsed) -> int:
    """Create the job or the jobs that a file asks for."""
    if parsed.text("component_config") or parsed.values.get("command") or parsed.text("shell"):
        raise UsageError("--from-file says what to run; nothing else can.", "run")
    path = parsed.required("from_file")
    try:
        document = _read(parsed, path)
    except FileError as error:
        raise UsageError(str(error), "run") from error
    options = options_of(parsed)
    name_dependencies(session, options)
    if "jobs" not in document:
        return show_created(session, parsed, [create(session, document | options | dry_run(parsed))])
    wanted = [job | options for job in document["jobs"]]
    if not wanted:
        raise UsageError(f"{called(path)}: there is no command in it.", "run")
    return show_created(session, parsed, _create_all(session, parsed, wanted))


def _read(parsed: Parsed, path: str) -> Json:
    """Read what a file asks for; a broken document is never taken for commands."""
    text = read_text(path)
    return read_document(path, text) if is_document(path, text) else _commands(parsed, text)


def _commands(parsed: Parsed, text: str) -> Json:
    """Make a job of each line, which a shell will read; empty lines and comments are none."""
    lines = [line.strip(" \t\r") for line in text.split("\n")]
    environment = own_environment()
    return {
        "jobs": [
            plain_command(parsed, None, line, environment)
            for line in lines
            if line and not line.startswith("#")
        ]
    }


def _create_all(session: Session, parsed: Parsed, wanted: list[Json]) -> list[Json]:
    """Create the jobs group by group; each group is made whole or not at all, and once."""
    created: list[Json] = []
    for group in _groups(wanted):
        request: Json = {"jobs": group, "deduplicationId": new_deduplication_id()} | dry_run(parsed)
        if len(group) > ANSWERED_WHOLE:
            request["fields"] = BRIEF
        try:
            created += session.call_patiently("job.createMany", **request)["jobs"]
        except BaseException:
            if created:
                session.say_aside(
                    f"{len(created)} of {len(wanted)} jobs were made before this: "
                    f"{created[0]['id']} to {created[-1]['id']}."
                )
            raise
        if len(group) < len(wanted) and session.out.terminal:
            session.say_aside(f"{len(created)} of {len(wanted)} jobs are made")
    return created


def _groups(wanted: list[Json]) -> Iterator[list[Json]]:
    """Cut a list of requests into groups that a line of the wire can carry."""
    group: list[Json] = []
    size = 0
    for request in wanted:
        length = len(json.dumps(request, ensure_ascii=False).encode())
        if group and (len(group) >= JOBS_AT_ONCE or size + length > BYTES_AT_ONCE):
            yield group
            group, size = [], 0
        group.append(request)
        size += length
    if group:
        yield group

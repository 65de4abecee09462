"""`run --from-file`: many jobs at once, of command lines or of requests, in as few calls as can be."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lockside.cli.files.parse import FileError
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.jobs.describe import ANSWERED_WHOLE, BRIEF
from lockside.cli.jobs.request_file import RequestFile
from lockside.cli.jobs.run import create, dry_run, name_jobs, show_created
from lockside.cli.session import Json, Session
from lockside.errors import LocksideError
from lockside.transport import new_deduplication_id

JOBS_AT_ONCE = 5000
BYTES_AT_ONCE = 4 << 20


def run_file(session: Session, parsed: Parsed) -> int:
    """Create the job or the jobs that a file asks for."""
    if parsed.text("component_config") or parsed.values.get("command") or parsed.text("shell"):
        raise UsageError("--from-file says what to run; nothing else can.", "run")
    try:
        asked = RequestFile(parsed, parsed.required("from_file"))
    except FileError as error:
        raise UsageError(str(error), "run") from error
    options = parsed.members()
    name_jobs(session, options)
    if asked.jobs is None:
        try:
            created = create(session, asked.document | options | dry_run(parsed))
        except LocksideError as error:
            raise asked.placed(session, error, options) from None
        return show_created(session, parsed, [created])
    return show_created(session, parsed, _create_all(session, parsed, asked, options))


def _create_all(session: Session, parsed: Parsed, asked: RequestFile, options: Json) -> list[Json]:
    """Create the jobs group by group; each group is made whole or not at all, and once."""
    created: list[Json] = []
    wanted = [job | options for job in asked.jobs or ()]
    for group in _groups(wanted):
        request: Json = {"jobs": group, "deduplicationId": new_deduplication_id()} | dry_run(parsed)
        if len(group) > ANSWERED_WHOLE:
            request["fields"] = BRIEF
        try:
            created += session.call_patiently("job.createMany", **request)["jobs"]
        except BaseException as error:
            if created:
                session.say_aside(
                    f"{len(created)} of {len(wanted)} jobs were made before this: "
                    f"{created[0]['id']} to {created[-1]['id']}."
                )
            if isinstance(error, LocksideError):
                raise asked.placed(session, error, options, len(created)) from None
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

"""`run --from-file`: many jobs at once, from command lines or requests, in as few calls as possible."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from lockside.cli.files.faults import FileFault, SourceText
from lockside.cli.files.parse import FileError, called, is_document, read_document, read_text
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.jobs.describe import ANSWERED_WHOLE, BRIEF
from lockside.cli.jobs.run import create, dry_run, name_jobs, own_environment, plain_command, show_created
from lockside.cli.lookup import with_suggestion
from lockside.cli.option_errors import OWN_PLACE
from lockside.cli.session import Json, Session
from lockside.documents.paths import steps_of
from lockside.errors import LocksideError
from lockside.transport import new_deduplication_id


class RequestFile:
    """The contents of a file: `jobs`, or None and one request in `document`. Raises FileError."""

    def __init__(self, parsed: Parsed, path: str) -> None:
        self._name = called(path)
        text = read_text(path)
        self._lines: list[int] = []
        self._source: SourceText | None = None
        self.document: Json = {}
        self.jobs: list[Json] | None = []
        if is_document(path, text):
            self.document = read_document(path, text)
            self._source = SourceText(self._name, text)
            self.jobs = self._listed()
        else:
            self._read_commands(parsed, text)
        if self.jobs == []:
            raise FileError(self._name, "there is no command in it.")

    def _listed(self) -> list[Json] | None:
        jobs = self.document.get("jobs")
        if jobs is None:
            return None
        if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
            raise FileError(self._name, "jobs must be a list of requests, each an object.")
        return jobs

    def _read_commands(self, parsed: Parsed, text: str) -> None:
        """Create a job for each line, which is run by a shell; empty lines and comments are skipped."""
        environment = own_environment()
        self.jobs = []
        for number, line in enumerate(text.split("\n"), 1):
            command = line.strip(" \t\r")
            if command and not command.startswith("#"):
                self.jobs.append(plain_command(parsed, None, command, environment))
                self._lines.append(number)

    def placed(self, session: Session, error: LocksideError, options: Json, first: int = 0) -> LocksideError:
        """Return the error with the refused line of the file, and a suggestion. `options` come from the
        command line; `first` is the index of the first job that was sent.
        """
        steps = steps_of(error.path or "$")
        request = self.document
        if steps[:1] == ("jobs",) and len(steps) > 1 and self.jobs:
            place = int(steps[1]) + first
            steps, request = ("jobs", place, *steps[2:]), self.jobs[place]
        if not steps or steps[-1] in options:
            return error
        error.message = str(self._fault(steps, re.sub(OWN_PLACE, "", error.message)))
        error.data.pop("path", None)
        config = None if steps[-1] == "component" else request.get("config")
        return with_suggestion(session, error, str(request.get("component")), config)

    def _fault(self, steps: Sequence[str | int], message: str) -> FileFault:
        if self._source is not None:
            return self._source.fault(steps, message)
        return FileFault(self._name, message, self._lines[int(steps[1])])


JOBS_AT_ONCE = 5000
BYTES_AT_ONCE = 4 << 20


def run_file(session: Session, parsed: Parsed) -> int:
    """Create the job or the jobs in a file."""
    if parsed.text("component_config") or parsed.values.get("command") or parsed.text("shell"):
        raise UsageError("--from-file cannot be combined with another job to run.", "run")
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
    """Create the jobs group by group; each group is created as a whole or not at all, and only once."""
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
    """Split a list of requests into groups that fit in a line of the wire."""
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

"""The file of `run --from-file`: a request, a list of requests, or a shell command a line.

A refusal of the daemon is told with the line of the file that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lockside.cli.files.faults import FileFault, SourceText
from lockside.cli.files.parse import FileError, called, is_document, read_document, read_text
from lockside.cli.grammar import Parsed
from lockside.cli.jobs.run import own_environment, plain_command
from lockside.cli.lookup import with_suggestion
from lockside.cli.option_errors import OWN_PLACE
from lockside.cli.session import Json, Session
from lockside.documents.paths import steps_of
from lockside.errors import LocksideError


class RequestFile:
    """What a file asks for: `jobs`, or None and one request in `document`. Raises FileError."""

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
        """Make a job of each line, which a shell will read; empty lines and comments are none."""
        environment = own_environment()
        self.jobs = []
        for number, line in enumerate(text.split("\n"), 1):
            command = line.strip(" \t\r")
            if command and not command.startswith("#"):
                self.jobs.append(plain_command(parsed, None, command, environment))
                self._lines.append(number)

    def placed(self, session: Session, error: LocksideError, options: Json, first: int = 0) -> LocksideError:
        """Say where in the file stands what was refused, and what was probably meant.

        `options` come from the command line; `first` is the place of the first job that was sent.
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

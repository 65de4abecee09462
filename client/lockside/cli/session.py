"""One command's session with the daemon: the connection, opened when needed, and what commands share."""

from __future__ import annotations

import os
import time

from lockside.cli.output import Output, say_aside
from lockside.errors import NotReachable, Unavailable
from lockside.pauses import Pauses
from lockside.transport import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from lockside.cli.grammar import Parsed

    Json = dict[str, Any]

AWAY_SECONDS = 120.0


class Session:
    """What a command gets: `call` to ask the daemon, `out` to print."""

    def __init__(self, parsed: Parsed) -> None:
        self.out = Output(parsed.flag("json"), parsed.flag("plain"))
        self.project = parsed.text("project") or os.environ.get("LOCKSIDE_PROJECT")
        self.socket = parsed.text("socket")
        self.is_patient = False
        self.aside: Callable[[str], None] | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    @property
    def connection(self) -> Connection:
        """The open connection; raises NotReachable."""
        if self._connection is None:
            self._connection = Connection.open(self.socket)
        return self._connection

    def disconnect(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def call(self, method: str, /, **params: Any) -> Any:
        """Ask the daemon; what is None is not sent. With `is_patient`, as `call_patiently` does."""
        if self.is_patient:
            return self.call_patiently(method, **params)
        return self._call(method, params)

    def _call(self, method: str, params: Json) -> Any:
        return self.connection.call(method, self.given(method, params))

    def given(self, method: str, params: Json) -> Json:
        """Give the parameters to send: what is not None, and the project where one is meant."""
        given = {name: value for name, value in params.items() if value is not None}
        if self.project and not method.startswith(("daemon.", "rpc.")):
            given.setdefault("project", self.project)
        return given

    def call_patiently(self, method: str, /, **params: Any) -> Any:
        """Ask what may be asked twice, and outlive a restart of the daemon: jobs do so, too."""
        _ = self.connection
        absence = Absence(self)
        while True:
            try:
                return self._call(method, params)
            except (NotReachable, Unavailable):
                if not absence.goes_on():
                    raise

    def say_aside(self, text: str) -> None:
        """Tell a person something beside the result, on stderr."""
        if self.aside is None:
            say_aside(f"lockside: {text}")
        else:
            self.aside(f"lockside: {text}\n")

    def job_id(self, reference: str) -> str:
        """Find the job that a person means; see `references`."""
        if reference.isdigit():
            return reference
        from lockside.cli.references import job_named

        return job_named(self, reference)


class Absence:
    """A time in which the daemon is away: said once, waited through, given up in the end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pauses = Pauses(AWAY_SECONDS)
        self._was_said = False

    def goes_on(self) -> bool:
        """Pause before the next try; false when the daemon has been away for too long."""
        self._session.disconnect()
        pause = self._pauses.next()
        if pause is None:
            return False
        if not self._was_said:
            self._session.say_aside(
                "the daemon is away; jobs go on without it. Waiting for it to come back ..."
            )
            self._was_said = True
        time.sleep(pause)
        return True

"""A command's session with the daemon: the connection, opened when needed, and functions for all commands."""

from __future__ import annotations

import io

from lockside.blocking import BlockingLink
from lockside.cli.grammar import Parsed
from lockside.cli.terminal.output import Output, say_aside
from lockside.errors import LocksideError, Unavailable
from lockside.session import Engine, each, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Protocol, Self

    from lockside.cli.grammar import Parsed

    Json = dict[str, Any]

    class Asks(Protocol):
        """An object that can call methods: a command's session, or a page's."""

        def call(self, method: str, /, **params: Any) -> Any: ...

else:
    Json, Asks = dict, object  # importing `typing` would slow down the start of every command


AWAY_SECONDS = 120.0


class Session:
    """The context of a command: `call` calls the daemon, `out` prints."""

    def __init__(self, parsed: Parsed) -> None:
        stream = io.StringIO() if parsed.flag("quiet") else None
        self.out = Output(parsed.flag("json"), parsed.flag("plain"), stream)
        self.link = BlockingLink(parsed.text("socket"))
        self.engine = Engine(self.link, parsed.text("project"), AWAY_SECONDS, self._say_away)
        self.is_patient = False
        self.aside: Callable[[str], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.link.disconnect()

    def call(self, method: str, /, **params: Any) -> Any:
        """Call the daemon, without parameters that are None. With `is_patient`, like `call_patiently`."""
        return run(self.engine.call(method, params, is_repeatable=self.is_patient))

    def call_patiently(self, method: str, /, **params: Any) -> Any:
        """Make a repeatable call that survives a restart of the daemon."""
        return run(self.engine.call(method, params))

    def jobs(self, **filters: Any) -> Iterator[Json]:
        """Yield all jobs that match the filters of `job.list`, reading page by page."""
        for page in each(self.engine.pages("job.list", {"expand": self.expanded()} | filters)):
            yield from page["jobs"]

    def expanded(self) -> list[str]:
        """Return the large members to request for listed jobs: JSON output has all of them."""
        return ["configData", "environment"] if self.out.as_json else ["configData"]

    def _say_away(self, error: LocksideError) -> None:
        if isinstance(error, Unavailable):
            told = error.message.rstrip(".")
            self.say_aside(f"{told}. Trying again for at most {AWAY_SECONDS:.0f} s; jobs go on meanwhile ...")
        else:
            self.say_aside("the daemon is away; jobs go on without it. Waiting for it to come back ...")

    def say_aside(self, text: str) -> None:
        """Print a message for people to stderr."""
        if self.aside is None:
            say_aside(f"lockside: {text}")
        else:
            self.aside(f"lockside: {text}\n")

    def job_id(self, reference: str) -> str:
        """Return the id of a job by a reference of the user; see `lookup`."""
        if reference.isdigit():
            return reference
        from lockside.cli.lookup import job_named

        return job_named(self, reference)


def tell(session: Session, parsed: Parsed) -> int:
    """Call the command's method; the sentences of the command are filled from its result and the `typed`
    values.
    """
    command = parsed.command
    assert command is not None
    answer = session.call(command.method, **parsed.members())
    words = {**answer, "typed": parsed.values}
    return session.out.result(answer, command.says.format(**words), command.next.format(**words))

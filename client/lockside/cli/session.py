"""One command's session with the daemon: the connection, opened when needed, and what commands share."""

from __future__ import annotations

from lockside.blocking import BlockingLink
from lockside.cli.output import Output, say_aside
from lockside.session import Engine, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

    from lockside.cli.grammar import Parsed

AWAY_SECONDS = 120.0


class Session:
    """What a command gets: `call` to ask the daemon, `out` to print."""

    def __init__(self, parsed: Parsed) -> None:
        self.out = Output(parsed.flag("json"), parsed.flag("plain"))
        self.link = BlockingLink(parsed.text("socket"))
        self.engine = Engine(self.link, parsed.text("project"), AWAY_SECONDS, self._say_away)
        self.is_patient = False
        self.aside: Callable[[str], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.link.disconnect()

    def call(self, method: str, /, **params: Any) -> Any:
        """Ask the daemon; what is None is not sent. With `is_patient`, as `call_patiently` does."""
        return run(self.engine.call(method, params, is_repeatable=self.is_patient))

    def call_patiently(self, method: str, /, **params: Any) -> Any:
        """Ask what may be asked twice, and outlive a restart of the daemon: jobs do so, too."""
        return run(self.engine.call(method, params))

    def _say_away(self) -> None:
        self.say_aside("the daemon is away; jobs go on without it. Waiting for it to come back ...")

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

"""What tools work with: the daemon, the marks, and the previews of kills that wait for their word."""

import secrets
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from lockside.mcp.marks import Marks
from lockside.session import Engine

CONFIRM_SECONDS: Final = 60.0
PART_CHARACTERS: Final = 6_000
"""Of one answer, twice: as text and as data, with room for what stands around it in 20,000 characters."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pending:
    """A kill that was shown, and until when it may be confirmed."""

    job: str
    plan: Json
    until: float


class Desk:
    """One agent's session."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.marks = Marks()
        self._pending: dict[str, Pending] = {}

    async def call(self, method: str, **params: Any) -> Any:
        """Ask the daemon; what is None is not sent."""
        return await self._engine.call(method, params)

    def shown(self, job: str, plan: Json) -> str:
        """The word that confirms this kill, once, for a minute."""
        now = monotonic()
        self._pending = {word: one for word, one in self._pending.items() if one.until > now}
        word = secrets.token_hex(4)
        self._pending[word] = Pending(job, plan, now + CONFIRM_SECONDS)
        return word

    def is_confirmed(self, word: str, job: str, plan: Json) -> bool:
        """Whether the word was given for this very preview; it is used up either way."""
        pending = self._pending.pop(word, None)
        return (
            pending is not None and pending.until > monotonic() and (pending.job, pending.plan) == (job, plan)
        )

"""Sessions of browsers, only in memory: they end when the server is restarted."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

SESSION_SECONDS: Final = 12 * 3600
INVITATION_SECONDS: Final = 60
MOST_SESSIONS: Final = 10_000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in with a `token`, as a `user` named by a proxy, or, with neither, as the server's own user.

    `id` is the cookie; every change must contain `csrf`.
    """

    id: str
    csrf: str
    until: float
    token: str | None = None
    user: str | None = None


class Sessions:
    """All sessions; the oldest are dropped if there are too many."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._invitations: dict[str, float] = {}

    def begin(self, *, token: str | None = None, user: str | None = None) -> Session:
        """Create a session."""
        until = self._now() + SESSION_SECONDS
        made = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), until, token, user)
        self._known[made.id] = made
        while len(self._known) > MOST_SESSIONS:
            self._known.popitem(last=False)
        return made

    def find(self, name: str | None) -> Session | None:
        """Return the session of a cookie; None if there is none or it has expired."""
        session = self._known.get(name or "")
        if session is not None and session.until <= self._now():
            del self._known[session.id]
            return None
        return session

    def end(self, session: Session) -> None:
        """End the session."""
        self._known.pop(session.id, None)

    def invite(self) -> str:
        """Return a word that starts a session once, within a minute."""
        word = secrets.token_urlsafe(32)
        self._invitations[word] = self._now() + INVITATION_SECONDS
        return word

    def accept(self, word: str) -> bool:
        """Return whether the word was issued within a minute; it is used up."""
        return self._invitations.pop(word, 0.0) > self._now()

"""Sessions of browsers, in memory alone: a server that is started again has none."""

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
    """Who signed in: with a `token`, as a `user` whom a proxy named, or, with neither, the server's own user.

    `id` is the cookie, `csrf` what must come with every change.
    """

    id: str
    csrf: str
    until: float
    token: str | None = None
    user: str | None = None


class Sessions:
    """All of them; the oldest go when there are very many."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._invitations: dict[str, float] = {}

    def begin(self, *, token: str | None = None, user: str | None = None) -> Session:
        """A new session."""
        until = self._now() + SESSION_SECONDS
        made = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), until, token, user)
        self._known[made.id] = made
        while len(self._known) > MOST_SESSIONS:
            self._known.popitem(last=False)
        return made

    def find(self, name: str | None) -> Session | None:
        """The session of a cookie, None when there is none any more."""
        session = self._known.get(name or "")
        if session is not None and session.until <= self._now():
            del self._known[session.id]
            return None
        return session

    def end(self, session: Session) -> None:
        """Sign out."""
        self._known.pop(session.id, None)

    def invite(self) -> str:
        """A word that begins a session, once, within a minute."""
        word = secrets.token_urlsafe(32)
        self._invitations[word] = self._now() + INVITATION_SECONDS
        return word

    def accept(self, word: str) -> bool:
        """Whether the word was given, and not long ago; it is used up."""
        return self._invitations.pop(word, 0.0) > self._now()

"""Who sends a request, and whether it was meant: the rules against forged ones.

A browser sends cookies, and a proxy its header, with whatever other sites make it ask. So a change needs a
sign that our own page asked for it. A token in `Authorization` is never sent by itself, and needs none.
"""

import logging
import os
import pwd
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from lockside.documents.web_settings import WebSettings
from lockside.errors import Forbidden, NotFound
from lockside.web.callers import Caller, Callers
from lockside.web.sessions import SESSION_SECONDS, Session, Sessions
from lockside.web.tokens import bearer

Json = dict[str, Any]

log = logging.getLogger("lockside.web")

SAFE: Final = frozenset({"GET", "HEAD"})
SECURE_COOKIE: Final = "__Host-lockside"
LOOPBACK_COOKIE: Final = "lockside"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Unwelcome(Exception):
    """A request that is not served: 401 for nobody, 403 for what nobody here asked for. It is logged."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request; one that shows a token has no session."""

    caller: Caller
    session: Session | None


class Visitors:
    """Finds out who it is, as `auth` in the settings says."""

    def __init__(self, callers: Callers, sessions: Sessions, settings: WebSettings) -> None:
        self._callers = callers
        self._sessions = sessions
        self._settings = settings

    async def of(self, request: Request, form_token: str = "") -> Visitor:
        """Who sends it; `form_token` came in its form. Raises Unwelcome, and LocksideError of the daemon."""
        try:
            return await self._found(request, form_token)
        except Unwelcome as refused:
            self.note(request, refused)
            raise

    def knows(self, visitor: Visitor) -> bool:
        """Whether the visitor's session goes on; who shows a token has none that could end."""
        return visitor.session is None or self._sessions.find(visitor.session.id) is not None

    def note(self, request: Request, refused: Unwelcome) -> None:
        """Log what was refused."""
        peer = request.client.host if request.client else "?"
        log.warning("%d %s %s of %s: %s", refused.status, request.method, request.url.path, peer, refused)

    async def _found(self, request: Request, form_token: str) -> Visitor:
        token = bearer(request)
        if token is not None:
            return Visitor(await self.with_token(token), None)
        session = self._sessions.find(request.cookies.get(cookie_name(request)))
        if self._settings.auth == "proxy":
            user = self._named(request)
            if session is None or session.user != user:
                session = self._sessions.begin(user=user)
            caller = await self._as_user(user)
        elif session is None:
            raise Unwelcome(401, "Sign in first.")
        elif session.token is not None:
            caller = await self.with_token(session.token)
        else:
            caller = await self._callers.own()
        if request.method not in SAFE:
            check_origin(request)
            if (request.headers.get("x-csrf") or form_token) != session.csrf:
                raise Unwelcome(403, "The session's own token is missing: load the page again.")
        return Visitor(caller, session)

    async def with_token(self, token: str) -> Caller:
        """Whoever shows this token. Raises Unwelcome."""
        try:
            return await self._callers.with_token(token)
        except NotFound:
            raise Unwelcome(401, "Invalid access token.") from None
        except Forbidden as refused:
            raise Unwelcome(403, refused.message) from None

    async def _as_user(self, user: str) -> Caller:
        try:
            return await self._callers.as_user(user)
        except NotFound:
            raise Unwelcome(401, "The proxy names nobody of this machine.") from None
        except Forbidden as refused:
            raise Unwelcome(403, refused.message) from None

    def _named(self, request: Request) -> str:
        """The user whom a proxy names that is believed."""
        if not is_trusted(request, self._settings.trust):
            raise Unwelcome(401, "Only the proxy may ask.")
        named = request.headers.getlist(self._settings.user_header)
        if len(named) != 1 or not named[0].strip():
            raise Unwelcome(401, f"{self._settings.user_header} must be there once.")
        return named[0].strip()


def is_trusted(request: Request, trust: tuple[str, ...]) -> bool:
    """Whether it comes from an address of the settings, or over a Unix socket from one of these uids."""
    host = request.client.host if request.client else ""
    return host.removeprefix("uid:") in trust


def check_origin(request: Request) -> None:
    """Raise Unwelcome for a request that another site made. Old browsers tell the origin alone."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        origin = urlsplit(request.headers.get("origin", ""))
        is_ours = bool(origin.netloc) and origin.netloc.lower() == request.headers["host"].lower()
    if not is_ours:
        raise Unwelcome(403, "Another site asked for it.")


def remember(request: Request, answer: Response, session: Session | None) -> None:
    """Have the browser show its session from now on, unless it does."""
    name = cookie_name(request)
    if session is None or request.cookies.get(name) == session.id:
        return
    answer.set_cookie(
        name,
        session.id,
        max_age=SESSION_SECONDS,
        path="/",
        secure=not is_loopback(request),
        httponly=True,
        samesite="strict",
    )


def cookie_name(request: Request) -> str:
    """The cookie's name: one that only HTTPS sets, but on this machine itself."""
    return LOOPBACK_COOKIE if is_loopback(request) else SECURE_COOKIE


def is_loopback(request: Request) -> bool:
    """Whether it is asked under a name of this machine itself, without HTTPS."""
    return urlsplit(f"//{request.headers['host']}").hostname in _LOOPBACK


def own_user() -> Json:
    """The user of this process, as a principal."""
    uid = os.geteuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    return {"uid": uid, "user": user, "gid": os.getegid()}

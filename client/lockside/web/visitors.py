"""Identifies the sender of a request, and rejects requests forged by other sites.

A browser sends cookies, and a proxy its header, also with requests triggered by other sites. So a change must
prove that our own page sent it. A token in `Authorization` is never sent automatically, and needs no proof.
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
    """A refused request: 401 if the sender is unknown, 403 if it must not be served. It is logged."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Visitor:
    """The sender of a request; one with a token has no session."""

    caller: Caller
    session: Session | None


class Visitors:
    """Identifies senders by the method `auth` of the settings."""

    def __init__(self, callers: Callers, sessions: Sessions, settings: WebSettings) -> None:
        self._callers = callers
        self._sessions = sessions
        self._settings = settings

    async def of(self, request: Request, form_token: str = "") -> Visitor:
        """Return the sender; `form_token` is from its form. Raises Unwelcome and LocksideError."""
        try:
            return await self._found(request, form_token)
        except Unwelcome as refused:
            self.note(request, refused)
            raise

    def knows(self, visitor: Visitor) -> bool:
        """Return whether the visitor's session still exists; one with a token has no session to end."""
        return visitor.session is None or self._sessions.find(visitor.session.id) is not None

    def note(self, request: Request, refused: Unwelcome) -> None:
        """Log a refused request."""
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
        """Return the caller with this token. Raises Unwelcome."""
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
            raise Unwelcome(401, "The proxy names a user unknown on this machine.") from None
        except Forbidden as refused:
            raise Unwelcome(403, refused.message) from None

    def _named(self, request: Request) -> str:
        """Return the user named by a trusted proxy."""
        if not is_trusted(request, self._settings.trust):
            raise Unwelcome(401, "Only a trusted proxy may connect.")
        named = request.headers.getlist(self._settings.user_header)
        if len(named) != 1 or not named[0].strip():
            raise Unwelcome(401, f"{self._settings.user_header} must be sent exactly once.")
        return named[0].strip()


def is_trusted(request: Request, trust: tuple[str, ...]) -> bool:
    """Return whether the sender's address, or its uid over a Unix socket, is in the settings."""
    host = request.client.host if request.client else ""
    return host.removeprefix("uid:") in trust


def check_origin(request: Request) -> None:
    """Raise Unwelcome for a request from another site. Old browsers send only the origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        origin = urlsplit(request.headers.get("origin", ""))
        is_ours = bool(origin.netloc) and origin.netloc.lower() == request.headers["host"].lower()
    if not is_ours:
        raise Unwelcome(403, "Another site sent this request.")


def remember(request: Request, answer: Response, session: Session | None) -> None:
    """Set the cookie of the session, unless the browser has it."""
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
    """Return the cookie's name: on other machines one that only HTTPS may set."""
    return LOOPBACK_COOKIE if is_loopback(request) else SECURE_COOKIE


def is_loopback(request: Request) -> bool:
    """Return whether it was sent to a loopback name."""
    return urlsplit(f"//{request.headers['host']}").hostname in _LOOPBACK


def own_user() -> Json:
    """Return the user of this process as a principal."""
    uid = os.geteuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    return {"uid": uid, "user": user, "gid": os.getegid()}

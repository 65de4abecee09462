"""Signing in and out, and the identity of a session. The only page here is the form for a token."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from lockside.documents.web_settings import WebSettings
from lockside.errors import LocksideError, NotFound
from lockside.web.pages.rendering import ENVIRONMENT
from lockside.web.sessions import Session, Sessions
from lockside.web.visitors import (
    Unwelcome,
    Visitors,
    check_origin,
    cookie_name,
    is_loopback,
    own_user,
    remember,
)

_OWN_PATH = re.compile(r"/(?![/\\])[!-~]{0,2000}")
"""Matches only paths on this server: a browser takes `//host` and `/\\host` for other hosts."""


class SignIn:
    """The routes of sessions."""

    def __init__(self, visitors: Visitors, sessions: Sessions, settings: WebSettings) -> None:
        self._visitors = visitors
        self._sessions = sessions
        self._settings = settings

    def routes(self) -> list[Route]:
        """Return the routes; a proxy signs its users in itself."""
        served = [
            Route("/session", self._guarded(self.who), methods=["GET"]),
            Route("/sign-out", self._guarded(self.sign_out), methods=["POST"]),
        ]
        if self._settings.auth == "local":
            served.append(Route("/sign-in", self._guarded(self.accept), methods=["GET"]))
        if self._settings.auth == "token":
            served.append(Route("/sign-in", self.form, methods=["GET"]))
            served.append(Route("/sign-in", self._guarded(self.sign_in), methods=["POST"]))
        return served

    def _guarded(
        self, do: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                return await do(request)
            except Unwelcome as refused:
                return self._refusal_page(request, refused.status, refused.message)
            except NotFound:  # the token or user of the session no longer exists
                return self._refusal_page(request, 401, "Sign in again.")
            except LocksideError as error:
                return self._refusal_page(request, 503, error.message, {"Retry-After": "5"})

        return answer

    def _refusal_page(
        self, request: Request, status: int, message: str, headers: dict[str, str] | None = None
    ) -> Response:
        """Return a refusal: a page for browsers, or the form again if the token was refused."""
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": message}, status, headers)
        auth = self._settings.auth
        is_token = auth == "token" and (status, request.url.path) == (401, "/sign-in")
        page = ENVIRONMENT.get_template("sign_in.html" if is_token else "problem.html").render(
            desk=None, status=status, said=message, auth=auth, next=getattr(request.state, "wanted", "")
        )
        return HTMLResponse(page, status, headers)

    async def form(self, request: Request) -> Response:
        """Return the form for a token."""
        wanted = request.query_params.get("next", "")
        return HTMLResponse(ENVIRONMENT.get_template("sign_in.html").render(desk=None, next=wanted))

    async def accept(self, request: Request) -> Response:
        """Start the session for the link printed by the server."""
        if not self._sessions.accept(request.query_params.get("token", "")):
            raise self._refused(request, 401, "This link was used or is too old: start lockside-web again.")
        return self._begun(request, self._sessions.begin())

    async def sign_in(self, request: Request) -> Response:
        """Start a session with a token that the daemon accepts."""
        try:
            check_origin(request)
        except Unwelcome as refused:
            raise self._refused(request, refused.status, refused.message) from None
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        token, wanted = form.get("token", [""])[0].strip(), form.get("next", [""])[0]
        request.state.wanted = wanted
        try:
            await self._visitors.with_token(token)
        except Unwelcome as refused:
            raise self._refused(request, refused.status, refused.message) from None
        return self._begun(request, self._sessions.begin(token=token), wanted)

    def _begun(self, request: Request, session: Session, wanted: str = "") -> Response:
        usual = "/" if self._settings.page else "/session"
        answer = RedirectResponse(wanted if _OWN_PATH.fullmatch(wanted) else usual, 303)
        remember(request, answer, session)
        return answer

    def _refused(self, request: Request, status: int, message: str) -> Unwelcome:
        refused = Unwelcome(status, message)
        self._visitors.note(request, refused)
        return refused

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        visitor = await self._visitors.of(request, form.get("csrf", [""])[0])
        if visitor.session is not None:
            self._sessions.end(visitor.session)
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(cookie_name(request), path="/", secure=not is_loopback(request), httponly=True)
        return response

    async def who(self, request: Request) -> Response:
        """Return the identity, its role, and the token that changes must contain."""
        visitor = await self._visitors.of(request)
        await visitor.caller.call("daemon.health")  # a closed connection has no identity
        acting = visitor.caller.acting or {"principal": own_user(), "role": None, "token": None}
        session = visitor.session
        answer = JSONResponse({**acting, "csrf": session.csrf if session else None})
        remember(request, answer, session)
        return answer

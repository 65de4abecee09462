"""Common to all requests: the caller of the token, and the answers to refusals."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from lockside.documents.web_settings import WebSettings
from lockside.errors import Forbidden, LocksideError, NotFound
from lockside.web.callers import Caller, Callers
from lockside.web.keboola.problems import Problem, no_token, problem_of
from lockside.web.keboola.words import Components
from lockside.web.tokens import bearer

Do = Callable[[Request, Caller], Awaitable[Response]]


class Desk:
    """Finds the caller of each request."""

    def __init__(self, callers: Callers, settings: WebSettings) -> None:
        self._callers = callers
        self._url = settings.keboola_url.rstrip("/")
        self.components = Components(settings.keboola_aliases)

    def base_url(self, request: Request) -> str:
        """Return the URL at which this API is reached."""
        return self._url or f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"

    def answering(self, do: Do) -> Callable[[Request], Awaitable[Response]]:
        """Return a route that calls `do` with the token's caller, and answers its refusals."""

        async def answer(request: Request) -> Response:
            try:
                return await do(request, await self._caller(request))
            except Problem as problem:
                return problem.answer()
            except LocksideError as error:
                return (no_token() if error.path == "$.token" else problem_of(error)).answer()

        return answer

    async def _caller(self, request: Request) -> Caller:
        token = request.headers.get("x-storageapi-token") or bearer(request)
        if not token:
            raise no_token()
        try:
            return await self._callers.with_token(token)
        except NotFound:
            raise no_token() from None
        except Forbidden as refused:
            raise Problem(403, refused.message, refused.kind, refused.path) from None

"""What a page is made with: who asks, the daemon, and the templates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from lockside.web.pages.rendering import ENVIRONMENT, url
from lockside.web.visitors import Visitor

Json = dict[str, Any]

_OF_NO_PROJECT: Final = ("daemon.", "pool.", "resource.", "session.")


@dataclass(frozen=True, slots=True)
class Desk:
    """One request of somebody who has signed in. `form` is what was sent with a change."""

    request: Request
    visitor: Visitor
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def project(self) -> str | None:
        """The project that the URL names."""
        return self.request.query_params.get("project")

    @property
    def may_act(self) -> bool:
        """Whether one may change things; of whom the daemon tells no role, it decides when it is asked."""
        return self.visitor.caller.acting.get("role") != "viewer"

    async def call(self, method: str, **params: Any) -> Any:
        """Ask the daemon; what is None is not sent. Raises LocksideError."""
        if self.project and not method.startswith(_OF_NO_PROJECT):
            params.setdefault("project", self.project)
        return await self.visitor.caller.call(method, **params)

    async def told(self, tell: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of the command line makes: it calls the daemon as a session does, in a thread."""
        return await anyio.to_thread.run_sync(partial(tell, Asking(self), *arguments))

    def page(self, template: str, code: int = 200, **data: Any) -> Response:
        """A page, with an HTTP status."""
        text = ENVIRONMENT.get_template(template).render(desk=self, **data)
        return HTMLResponse(text, code)

    def link(self, path: str, *parts: str, **query: Any) -> str:
        """A URL of the same project."""
        return url(path, *parts, **({"project": self.project} | query))

    def go(self, path: str, *parts: str, **query: Any) -> Response:
        """Show that page next."""
        return RedirectResponse(self.link(path, *parts, **query), 303)


class Asking:
    """The daemon for functions of the command line that run in a thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def call(self, method: str, /, **params: Any) -> Any:
        """Ask the daemon. Raises LocksideError."""
        return anyio.from_thread.run(partial(self._desk.call, method, **params))

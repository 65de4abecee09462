"""The context of a page: the user, the daemon, and the templates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from lockside.cli import times
from lockside.errors import Forbidden
from lockside.protocol.methods import METHODS
from lockside.protocol.words import Role
from lockside.web.pages.rendering import ENVIRONMENT, url
from lockside.web.visitors import Visitor, own_user

Json = dict[str, Any]

_OF_NO_PROJECT: Final = ("daemon.", "pool.", "resource.", "session.")


@dataclass(frozen=True, slots=True)
class Desk:
    """One request of a signed-in user. `form` is the body of a change."""

    request: Request
    visitor: Visitor
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def project(self) -> str | None:
        """The project in the URL."""
        return self.request.query_params.get("project")

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the URL."""
        return self.request.query_params

    @property
    def user(self) -> str:
        """The name of the acting user."""
        return str((self.visitor.caller.acting.get("principal") or own_user())["user"])

    @property
    def may_act(self) -> bool:
        """Whether the user may create and control jobs."""
        return self.may("job.create")

    def may(self, method: str) -> bool:
        """Return whether the user's role allows this method; True if only the daemon knows the role."""
        role = self.visitor.caller.acting.get("role")
        return role is None or Role[role.upper()] >= METHODS[method].role

    def who_may(self, method: str, what: str = "this") -> str:
        """Return which role may do what the user may not; empty if the user may."""
        role = METHODS[method].role.word
        return "" if self.may(method) else f"Your role does not allow {what}: {role}s may do it."

    async def refusal(self, job: Json) -> str:
        """Return the daemon's reason why the user may not control this job; empty if they may."""
        acting = self.visitor.caller.acting
        if not self.may_act:
            return self.who_may("job.terminate", "stopping and retrying jobs")
        is_own = (job.get("principal") or {}).get("uid") == (acting.get("principal") or {}).get("uid")
        if not acting or acting.get("role") == "admin" or is_own:
            return ""
        try:
            await self.call("job.terminate", id=job["id"], dryRun=True)
        except Forbidden as refused:
            return refused.message
        return ""

    async def call(self, method: str, **params: Any) -> Any:
        """Call the daemon; parameters that are None are omitted. Raises LocksideError."""
        if self.project and not method.startswith(_OF_NO_PROJECT):
            params.setdefault("project", self.project)
        return await self.visitor.caller.call(method, **params)

    async def told(self, tell: Callable[..., Any], *arguments: Any) -> Any:
        """Return the result of a command-line function, which calls the daemon from a thread."""

        def tell_in_utc() -> Any:
            times.ARE_UTC.set(True)  # only in the context of this call
            return tell(Asking(self), *arguments)

        return await anyio.to_thread.run_sync(tell_in_utc)

    def page(self, template: str, code: int = 200, **data: Any) -> Response:
        """Return a page with an HTTP status."""
        text = ENVIRONMENT.get_template(template).render(desk=self, **data)
        return HTMLResponse(text, code)

    def link(self, path: str, *parts: str, **query: Any) -> str:
        """Return a URL in the same project."""
        return url(path, *parts, **({"project": self.project} | query))

    def here(self, **changed: Any) -> str:
        """Return the query of this page's URL with other values; parameters that are None are omitted."""
        names = dict.fromkeys([*self.request.query_params, *changed])
        now = {name: changed.get(name, self.request.query_params.getlist(name)) for name in names}
        return url("", **now) or "?"

    def go(self, path: str, *parts: str, **query: Any) -> Response:
        """Redirect to a page."""
        return RedirectResponse(self.link(path, *parts, **query), 303)


class Asking:
    """The daemon for command-line functions that run in a thread."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def call(self, method: str, /, **params: Any) -> Any:
        """Call the daemon. Raises LocksideError."""
        return anyio.from_thread.run(partial(self._desk.call, method, **params))

"""What a page is made with: who asks, the daemon, and the templates."""

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
    """One request of somebody who has signed in. `form` is what was sent with a change."""

    request: Request
    visitor: Visitor
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def project(self) -> str | None:
        """The project that the URL names."""
        return self.request.query_params.get("project")

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the URL."""
        return self.request.query_params

    @property
    def user(self) -> str:
        """As whom all is done."""
        return str((self.visitor.caller.acting.get("principal") or own_user())["user"])

    @property
    def may_act(self) -> bool:
        """Whether one may make and steer jobs."""
        return self.may("job.create")

    def may(self, method: str) -> bool:
        """Whether one's role has this method; true where only the daemon knows the role."""
        role = self.visitor.caller.acting.get("role")
        return role is None or Role[role.upper()] >= METHODS[method].role

    def who_may(self, method: str, what: str = "this") -> str:
        """Who may do what one may not; empty when one may."""
        role = METHODS[method].role.word
        return "" if self.may(method) else f"Your role does not allow {what}: {role}s may do it."

    async def refusal(self, job: Json) -> str:
        """Why one may not steer this job, as the daemon says it; empty when one may."""
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
        """Ask the daemon; what is None is not sent. Raises LocksideError."""
        if self.project and not method.startswith(_OF_NO_PROJECT):
            params.setdefault("project", self.project)
        return await self.visitor.caller.call(method, **params)

    async def told(self, tell: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of the command line makes: it calls the daemon as a session does, in a thread."""

        def tell_in_utc() -> Any:
            times.ARE_UTC.set(True)  # in the context of this call alone
            return tell(Asking(self), *arguments)

        return await anyio.to_thread.run_sync(tell_in_utc)

    def page(self, template: str, code: int = 200, **data: Any) -> Response:
        """A page, with an HTTP status."""
        text = ENVIRONMENT.get_template(template).render(desk=self, **data)
        return HTMLResponse(text, code)

    def link(self, path: str, *parts: str, **query: Any) -> str:
        """A URL of the same project."""
        return url(path, *parts, **({"project": self.project} | query))

    def here(self, **changed: Any) -> str:
        """The query of this page's URL with other values; a parameter that is None is left out."""
        names = dict.fromkeys([*self.request.query_params, *changed])
        now = {name: changed.get(name, self.request.query_params.getlist(name)) for name in names}
        return url("", **now) or "?"

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

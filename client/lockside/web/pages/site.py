"""The routes of the pages, and the pages for refusals."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from lockside.documents.web_settings import WebSettings
from lockside.errors import LocksideError
from lockside.web.gate import STREAMS
from lockside.web.pages import (
    actions,
    bulk,
    catalog,
    events,
    jobs,
    logs,
    machine,
    overview,
    running,
    schedules,
    tables,
    timelines,
    views,
)
from lockside.web.pages.desk import Desk
from lockside.web.pages.live import Live
from lockside.web.pages.rendering import ENVIRONMENT, url
from lockside.web.visitors import Unwelcome, Visitors, remember

Make = Callable[[Desk], Awaitable[Response]]

PAGES: Final[dict[str, Make]] = {
    "/": overview.overview,
    "/jobs": jobs.jobs,
    "/jobs/do": bulk.confirm,
    "/jobs/{id}": jobs.job,
    "/jobs/{id}/log": logs.log,
    "/jobs/{id}/log.txt": logs.download,
    "/jobs/{id}/timeline": timelines.timeline,
    "/run": running.form,
    "/configs": catalog.configs,
    "/configs/{component}/{config}": catalog.config,
    "/configs/{component}/{config}/edit": catalog.edit,
    "/components": catalog.components,
    "/components/{id}": catalog.component,
    "/schedules": schedules.schedules,
    "/schedules/{id}": schedules.schedule,
    "/schedules/{id}/backfill": schedules.backfill,
    "/pools": machine.pools,
    "/tables": tables.tables,
    "/tables/{table:path}": tables.table,
    "/events": events.events,
    "/status": machine.status,
    "/{subject}/{id}/do/{action}": actions.confirm,
}
CHANGES: Final[dict[str, Make]] = {
    "/jobs/do": bulk.act,
    "/jobs/views": views.save,
    "/schedules/{id}/backfill": schedules.make_backfill,
    "/schedules/{id}/stop-backfill": schedules.stop_backfill,
    "/run": running.run,
    "/configs/{component}/{config}/edit": catalog.save,
    "/configs/{component}/{config}/rollback": catalog.rollback,
    "/{subject}/{id}/do/{action}": actions.act,
}
_STATUSES: Final = {
    "not_found": 404,
    "forbidden": 403,
    "conflict": 409,
    "invalid_transition": 409,
    "limit": 429,
}
_AWAY: Final = frozenset({"not_reachable", "connection_lost", "unavailable", "timeout"})
_UNAVAILABLE, _REFUSED, _NOBODY = 503, 400, 401


class Site:
    """All pages."""

    def __init__(self, visitors: Visitors, settings: WebSettings) -> None:
        self._visitors = visitors
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        live = Live(self._visitors)
        static = StaticFiles(directory=Path(__file__).parent.parent / "static")
        served: list[BaseRoute] = [Mount("/static", static), Route(STREAMS, live.stream)]
        served += [Route(path, self._shown(make)) for path, make in PAGES.items()]
        served += [Route(path, self._changed(make), methods=["POST"]) for path, make in CHANGES.items()]
        return served

    def _shown(self, make: Make) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await self._answered(request, make, {})

        return answer

    def _changed(self, make: Make) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            text = (await request.body()).decode("utf-8", "replace")
            return await self._answered(request, make, dict(parse_qsl(text, keep_blank_values=True)))

        return answer

    async def _answered(self, request: Request, make: Make, form: Mapping[str, str]) -> Response:
        desk: Desk | None = None
        try:
            visitor = await self._visitors.of(request, form.get("csrf", ""))
            desk = Desk(request, visitor, form)
            answer = await make(desk)
            remember(request, answer, visitor.session)
        except Unwelcome as refused:
            if refused.status == _NOBODY and request.headers.get("sec-fetch-site") == "cross-site":
                return HTMLResponse(ENVIRONMENT.get_template("again.html").render(desk=None), _NOBODY)
            if refused.status == _NOBODY and self._settings.auth == "token":
                wanted = f"{request.url.path}?{request.url.query}".rstrip("?")
                return RedirectResponse(url("/sign-in", next=wanted if wanted != "/" else ""), 303)
            return self._problem(desk, refused.status, "You are not signed in.", refused.message)
        except LocksideError as error:
            status = _UNAVAILABLE if error.kind in _AWAY else _STATUSES.get(error.kind, _REFUSED)
            return self._problem(desk, status, error.message, error.remedy or "")
        return answer

    async def no_page(self, _: Request, __: Exception) -> Response:
        """Return the page for an unknown path."""
        return self._problem(None, 404, "There is no such page.", "Look at the overview, or find a job.")

    def _problem(self, desk: Desk | None, status: int, said: str, remedy: str) -> Response:
        template = ENVIRONMENT.get_template("problem.html")
        headers = {"Retry-After": "5"} if status == _UNAVAILABLE else {}
        text = template.render(desk=desk, status=status, said=said, remedy=remedy, auth=self._settings.auth)
        return HTMLResponse(text, status, headers)

"""The applications that are served, each behind its own gate."""

import socket
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from lockside.documents.web_settings import WebSettings
from lockside.web.addresses import hosts_of
from lockside.web.callers import Callers
from lockside.web.gate import Gate, Guarded
from lockside.web.keboola.desk import Desk
from lockside.web.keboola.problems import Problem
from lockside.web.keboola.queue import Queue
from lockside.web.keboola.storage import Storage
from lockside.web.monitoring import Monitoring
from lockside.web.pages.site import Site
from lockside.web.sessions import Sessions
from lockside.web.sign_in import SignIn
from lockside.web.visitors import Visitors


def main_app(callers: Callers, sessions: Sessions, settings: WebSettings, listening: socket.socket) -> Gate:
    """Return the application with monitoring, sessions of browsers, and the page."""
    visitors = Visitors(callers, sessions, settings)
    routes: list[BaseRoute] = list(Monitoring(callers, settings).routes())
    routes += SignIn(visitors, sessions, settings).routes()
    handlers: dict[Any, Any] = {}
    if settings.page:
        site = Site(visitors, settings)
        routes += site.routes()
        handlers[404] = site.no_page
    return Gate(
        Guarded(Starlette(routes=routes, exception_handlers=handlers)), hosts_of(listening, settings.hosts)
    )


def queue_app(callers: Callers, settings: WebSettings, listening: socket.socket) -> Gate:
    """Return the application of Keboola's Queue API."""
    desk = Desk(callers, settings)
    routes = [*Queue(desk).routes(), *Storage(desk).routes()]
    app = Starlette(routes=routes, exception_handlers={404: _no_route, 405: _no_method, 500: _failed})
    return Gate(app, hosts_of(listening, settings.hosts), _refusal)


def _refusal(status: int, text: str) -> Response:
    return Problem(status, text, "limit" if status == 503 else "invalid").answer()


async def _no_route(request: Request, _: Exception) -> Response:
    return Problem(404, f'Route "{request.method} {request.url.path}" not found', "not_found").answer()


async def _no_method(request: Request, _: Exception) -> Response:
    return Problem(405, f'{request.method} is not allowed for "{request.url.path}"', "invalid").answer()


async def _failed(_: Request, __: Exception) -> Response:
    return Problem(500, "lockside-web failed at this request: its log has the details", "internal").answer()

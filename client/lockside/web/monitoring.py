"""`/metrics` and `/health/*`: what monitors read."""

import ipaddress

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lockside.documents.web_settings import WebSettings
from lockside.errors import LocksideError, NotFound
from lockside.web.callers import Caller, Callers
from lockside.web.tokens import bearer

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class Monitoring:
    """The routes of monitors."""

    def __init__(self, callers: Callers, settings: WebSettings) -> None:
        self._callers = callers
        self._settings = settings

    def routes(self) -> list[Route]:
        """Return the routes."""
        served = [Route("/health/live", self.live), Route("/health/ready", self.ready)]
        return served if self._settings.metrics == "off" else [*served, Route("/metrics", self.metrics)]

    async def live(self, _: Request) -> Response:
        """Return that the server runs."""
        return JSONResponse({"status": "live"})

    async def ready(self, _: Request) -> Response:
        """Return whether jobs can be accepted and started."""
        try:
            health = await (await self._callers.own()).call("daemon.health")
        except LocksideError as error:
            health = {"status": "unavailable", "causes": [error.message]}
        is_ready = health["status"] == "ready"
        headers = {} if is_ready else {"Retry-After": "5"}
        return JSONResponse(health, status_code=200 if is_ready else 503, headers=headers)

    async def metrics(self, request: Request) -> Response:
        """Return the daemon's metrics."""
        try:
            caller = await self._metrics_caller(request)
            if caller is None:
                return PlainTextResponse("Show a token: Authorization: Bearer lsk_…\n", 401)
            return PlainTextResponse(await caller.call("daemon.metrics"), media_type=TEXT_FORMAT)
        except NotFound:
            return PlainTextResponse("Invalid access token\n", 401)
        except LocksideError as error:
            status = 403 if error.kind == "forbidden" else 503
            return PlainTextResponse(f"{error.message}\n", status, headers={"Retry-After": "5"})

    async def _metrics_caller(self, request: Request) -> Caller | None:
        """Return the caller for metrics: of a token, or this process's own for local requests if enabled."""
        token = bearer(request)
        if token is not None:
            return await self._callers.with_token(token)
        if self._settings.metrics == "local" and self._is_local(request):
            return await self._callers.own()
        return None

    def _is_local(self, request: Request) -> bool:
        """Return whether it comes from this machine, and not from a proxy, which may serve anybody."""
        host = request.client.host if request.client else ""
        if host.startswith("uid:"):
            return not self._settings.trust
        return ipaddress.ip_address(host).is_loopback and host not in self._settings.trust

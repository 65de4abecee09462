"""The part of Keboola's Storage API that clients of the queue need; the rest answers 501.

The log of a job is here, as events: there is no log in the Queue API.
"""

from typing import Any, Final
from zlib import crc32

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lockside.errors import NotFound
from lockside.web.callers import Caller
from lockside.web.keboola.desk import Desk
from lockside.web.keboola.job import time_view
from lockside.web.keboola.problems import Answer, Problem, bad, no_job
from lockside.web.keboola.query import parameters, whole
from lockside.web.keboola.words import branch_in

Json = dict[str, Any]
MOST_FRAMES: Final = 100_000
MOST_LISTED: Final = 100_000
_FRAMES: Final = 10_000
_ALL_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Storage:
    """The handlers of Storage's requests."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Return the routes, including 501 for everything else below `/v2`."""
        configs = "components/{component}/configs"
        served = {
            "/v2/storage/tokens/verify": self.token,
            "/v2/storage/dev-branches": self.branches,
            "/v2/storage/dev-branches/{id}": self.branch,
            "/v2/storage/components": self.components,
            "/v2/storage/branch/{branch}/components": self.components,
            f"/v2/storage/{configs}": self.configurations,
            f"/v2/storage/{configs}/{{config}}": self.configuration,
            f"/v2/storage/branch/{{branch}}/{configs}": self.configurations,
            f"/v2/storage/branch/{{branch}}/{configs}/{{config}}": self.configuration,
            "/v2/storage/events": self.events,
        }
        answering = self._desk.answering
        return [
            *(Route(path, self.index, methods=["GET"]) for path in ("/v2/storage", "/v2/storage/")),
            *(Route(path, answering(do), methods=["GET"]) for path, do in served.items()),
            Route("/v2/{rest:path}", self.unknown, methods=_ALL_METHODS),
        ]

    async def index(self, request: Request) -> Response:
        """Return the URLs of the services: all of them here. Like Keboola's, it needs no token."""
        url = self._desk.base_url(request)
        services = [{"id": name, "url": url} for name in ("queue", "connection", "storage")]
        return Answer({"api": "storage", "host": url, "services": services, "features": []})

    async def unknown(self, request: Request) -> Response:
        """Answer 501 for a part of the API that is not supported."""
        text = f"{request.method} {request.url.path} is not a part of what lockside does"
        return Problem(501, text, "not_implemented").answer()

    async def token(self, _: Request, caller: Caller) -> Response:
        """Return the token and its project."""
        acting = caller.acting
        token = acting["token"]
        name = token["project"]
        project = {"id": _number(name), "name": name, "features": [], "type": "production"}
        user = {"id": acting["principal"]["uid"], "name": acting["principal"]["user"], "role": acting["role"]}
        return Answer(
            {
                "id": token["id"],
                "description": token["name"],
                "expires": time_view(token.get("expiresTime")),
                "isMasterToken": False,
                "isExpired": False,
                "isDisabled": False,
                "canManageBuckets": False,
                "owner": project,
                "admin": user,
            }
        )

    async def branches(self, _: Request, caller: Caller) -> Response:
        """Return all branches; the default one has the id 0."""
        found = (await caller.call("branch.list"))["branches"]
        others = [_branch(one) for one in found if branch_in(one["id"]) != "default"]
        return Answer([_DEFAULT, *others])

    async def branch(self, request: Request, caller: Caller) -> Response:
        """Return one branch."""
        name = branch_in(request.path_params["id"])
        if name == "default":
            return Answer(_DEFAULT)
        return Answer(_branch(await caller.call("branch.get", id=name)))

    async def components(self, request: Request, caller: Caller) -> Response:
        """Return the components that have configurations, with these."""
        listed = await caller.call("component.list", limit=MOST_LISTED)
        known = {one["id"]: one for one in listed["components"]}
        found: dict[str, list[Json]] = {}
        branch = branch_in(request.path_params.get("branch"))
        for config in (await caller.call("config.list", branchId=branch, limit=MOST_LISTED))["configs"]:
            found.setdefault(config["component"], []).append(_configuration(config))
        return Answer(
            [
                {
                    "id": self._desk.components.shown(name),
                    "type": known.get(name, {}).get("type") or "other",
                    "name": known.get(name, {}).get("name") or name,
                    "description": known.get(name, {}).get("description") or "",
                    "configurations": configs,
                }
                for name, configs in sorted(found.items())
            ]
        )

    async def configurations(self, request: Request, caller: Caller) -> Response:
        """Return the configurations of a component."""
        found = await caller.call("config.list", **self._named(request), limit=MOST_LISTED)
        return Answer([_configuration(config) for config in found["configs"]])

    async def configuration(self, request: Request, caller: Caller) -> Response:
        """Return one configuration."""
        config = request.path_params["config"]
        return Answer(_configuration(await caller.call("config.get", config=config, **self._named(request))))

    def _named(self, request: Request) -> Json:
        path = request.path_params
        return {
            "component": self._desk.components.read(path["component"]),
            "branchId": branch_in(path.get("branch")),
        }

    async def events(self, request: Request, caller: Caller) -> Response:
        """Return the output of a job, one event per line, the newest first."""
        given = parameters(request.query_params.multi_items())
        run = given.get("runId", [""])[-1].rpartition(".")[2]
        if not run:
            raise bad('"runId" must be the id of a job', "$.runId")
        limit, offset = whole(given, "limit", 100, 1, 10_000), whole(given, "offset", 0, 0, MOST_FRAMES)
        try:
            job = await caller.call("job.get", id=run)
        except NotFound:
            raise no_job(run) from None
        component = self._desk.components.shown(job["component"])
        frames = await _frames(caller, run, offset + limit)
        events = [_event(job, component, frame) for frame in frames if frame.get("text")]
        if job["isFinished"]:
            events.append(_end(job, component))
        return Answer(events[::-1][offset : offset + limit])


_DEFAULT: Final = {"id": 0, "name": "Main", "description": "", "isDefault": True, "created": None}


def _number(name: str) -> int:
    """Return a project's id as a number, always the same for a name."""
    return int(name) if name.isdecimal() else crc32(name.encode())


def _branch(branch: Json) -> Json:
    name = branch["id"]
    return {
        "id": int(name) if name.isdecimal() else name,
        "name": branch.get("name") or name,
        "description": branch.get("description") or "",
        "isDefault": False,
        "created": time_view(branch.get("createdTime")),
    }


def _configuration(config: Json) -> Json:
    content = dict(config.get("configuration") or {})
    return {
        "id": config["config"],
        "name": config.get("name") or config["config"],
        "description": config.get("description") or "",
        "version": config["version"],
        "created": time_view(config.get("createdTime")),
        "changeDescription": config.get("changeDescription") or "",
        "isDisabled": bool(config.get("isDisabled")),
        "isDeleted": False,
        "configuration": content,
        "rows": [
            {
                "id": row["id"],
                "name": row.get("name") or row["id"],
                "description": row.get("description") or "",
                "isDisabled": bool(row.get("isDisabled")),
                "configuration": row.get("configuration") or {},
            }
            for row in config.get("rows") or []
        ],
    }


async def _frames(caller: Caller, job_id: str, count: int) -> list[Json]:
    """Return the last frames of a log; if many are requested, earlier ones too, up to a limit."""
    frames: list[Json] = []
    offset, tail = 0, count if count <= _FRAMES else None
    while len(frames) < MOST_FRAMES:
        page = await caller.call("job.log", id=job_id, offset=offset, limit=_FRAMES, tail=tail)
        frames += page["frames"]
        if page["nextOffset"] == offset or not page["frames"]:
            break
        offset, tail = page["nextOffset"], None
    return frames


def _event(job: Json, component: str, frame: Json) -> Json:
    kind = "error" if frame.get("stream") == "stderr" else "info"
    text = frame["text"].rstrip("\n")
    return _described(job, component, str(frame["seq"]), frame["time"], text, kind)


def _end(job: Json, component: str) -> Json:
    kind = "success" if job["status"] in ("success", "warning") else "error"
    result = job.get("result") or {}
    message = result.get("message") or job.get("message") or f"Job ended with {job['status']}"
    return _described(job, component, "end", job["endTime"], message, kind)


def _described(job: Json, component: str, number: str, time: str, message: str, kind: str) -> Json:
    name = f"{job['id']}-{number}"
    return {
        "uuid": name,
        "id": name,
        "event": f"job.{kind}",
        "component": component,
        "message": message,
        "type": kind,
        "created": time_view(time),
        "runId": job["runId"],
        "configurationId": job.get("config"),
    }

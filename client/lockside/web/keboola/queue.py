"""The routes of the Queue API."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lockside.errors import LocksideError, NotFound
from lockside.web.callers import Caller
from lockside.web.keboola import search
from lockside.web.keboola.desk import Desk
from lockside.web.keboola.job import SHOWN, job_view
from lockside.web.keboola.problems import Answer, Problem, bad, no_job
from lockside.web.keboola.query import Page, Query, parameters, whole
from lockside.web.keboola.request import MOST_LABEL, creation
from lockside.web.keboola.words import MADE_WITH, MADE_WITH_NAME, ORCHESTRATOR, RUN_ID

Json = dict[str, Any]
KILLABLE: Final = ("created", "waiting", "processing")
MOST_PER_GROUP: Final = 1000
MOST_LISTED: Final = 100_000
_OF_TASK: Final = ["id", "creator", "component", "config", "status"]
_CONFIGURATION: Final = ["componentId", "configId", "branchId"]


class Queue:
    """The handlers of the queue's requests."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Return the routes."""
        answering = self._desk.answering
        listed: dict[str, Callable[[Request, Caller], Awaitable[Response]]] = {
            "/jobs/{id}": self.one,
            "/jobs": self.listed,
            "/search/jobs": self.listed,
            "/search/grouped-jobs": self.grouped,
            "/configurations-jobs": self.of_configurations,
            "/latest-configurations-jobs": self.latest,
            "/stats/project": self.stats,
            "/jobs/{id}/open-api-lineage": self.lineage,
            "/job/{id}/open-api-lineage": self.lineage,
            "/orchestration-rerun-plan/{id}": self.rerun_plan,
        }
        return [
            *(Route(path, answering(do), methods=["GET"]) for path, do in listed.items()),
            Route("/jobs", answering(self.create), methods=["POST"]),
            Route("/jobs/{id}/kill", answering(self.kill), methods=["POST"]),
        ]

    def _view(self, request: Request, job: Json) -> Json:
        return job_view(job, self._desk.components, self._desk.base_url(request))

    def _views(self, request: Request, jobs: list[Json]) -> Response:
        return Answer([self._view(request, job) for job in jobs])

    # -- single jobs

    async def create(self, request: Request, caller: Caller) -> Response:
        """Create a job."""
        try:
            body = msgspec.json.decode(await request.body() or b"{}")
        except (ValueError, RecursionError):
            raise bad("The body is not valid JSON", "$") from None
        asked = creation(body, self._desk.components)
        token = caller.acting["token"]
        asked["labels"] |= {MADE_WITH: token["id"], MADE_WITH_NAME: token["name"]}
        given = asked.pop("parentRunId", None) or request.headers.get("x-kbc-runid")
        if given:
            parent = await _live_parent(caller, given)
            foreign = given if parent is None else parent["labels"].get(RUN_ID)
            if parent is not None:
                asked["parentRunId"] = parent["runId"]
            if foreign:
                asked["labels"][RUN_ID] = foreign[:MOST_LABEL]
        perform = caller.call if "deduplicationId" in asked else caller.call_once
        job = await perform("job.create", **asked, fields=SHOWN)
        if job["status"] in ("waiting", "processing") and not job.get("deduplicated"):
            job |= {"status": "created", "startTime": None}  # clients expect the state at creation
        return Answer(self._view(request, job), 201)

    async def one(self, request: Request, caller: Caller) -> Response:
        """Show a job."""
        return Answer(self._view(request, await _job(caller, request.path_params["id"])))

    async def kill(self, request: Request, caller: Caller) -> Response:
        """Stop an unfinished job."""
        job = await _job(caller, request.path_params["id"])
        if job["status"] in KILLABLE:
            stopped = await caller.call("job.terminate", id=job["id"], fields=SHOWN)
            return Answer(self._view(request, stopped), 202)
        states = ", ".join(KILLABLE)
        text = f'Job "{job["id"]}" is {job["status"]}, not in one of killable states ({states})'
        raise Problem(400, text, "invalid_transition", "$.id")

    async def lineage(self, _request: Request, _caller: Caller) -> Response:
        """Answer 501: lineage is not recorded."""
        raise Problem(501, "Lineage of jobs is not recorded", "not_implemented")

    async def rerun_plan(self, request: Request, caller: Caller) -> Response:
        """Return which tasks of an orchestration had a job in its last run."""
        job = await _job(caller, request.path_params["id"])
        if job["component"] != ORCHESTRATOR:
            raise bad(f'Job "{job["id"]}" is not an orchestration', "$.id")
        config = {"config": job["config"]} if job.get("config") else {"configData": job.get("configData")}
        branch = job.get("branchId")
        plan = await caller.call("orchestration.plan", **config, branchId=branch, previousJobId=job["id"])
        before = await _tasks_of(caller, job)
        matched = [
            _matched(task["id"], before.get(task["id"]), self._desk)
            for phase in plan["phases"]
            for task in phase["tasks"]
        ]
        answer = {"jobId": job["id"], "configId": job.get("config"), "matchedTasks": matched}
        return Answer(answer)

    # -- many jobs

    async def listed(self, request: Request, caller: Caller) -> Response:
        """Search jobs."""
        given = parameters(request.query_params.multi_items())
        query, page = await self._query(caller, given), Page.read(given)
        return self._views(request, await search.found(caller, query, page))

    async def _query(self, caller: Caller, given: dict[str, list[str]]) -> Query:
        """Return the query; filters of components are replaced by the ids of these components."""
        kinds = given.pop("componentProps.type", None)
        if kinds:
            known = [
                component["id"]
                for kind in kinds
                for component in (await caller.call("component.list", type=_kind(kind), limit=MOST_LISTED))[
                    "components"
                ]
            ]
            asked = given.get("componentId")
            given["componentId"] = [one for one in known if asked is None or one in asked] or ["-"]
        if caller.acting["token"]["project"] in given.get("projectId", ()):
            del given["projectId"]  # a token has access to one project
        return Query.read(given, self._desk.components)

    async def grouped(self, request: Request, caller: Caller) -> Response:
        """Search jobs, and return the first ones of each group."""
        given = parameters(request.query_params.multi_items())
        names = given.get("groupBy", [])
        if not names or set(names) - search.GROUPS.keys():
            raise bad(f'"groupBy" takes {", ".join(search.GROUPS)}', "$.groupBy")
        query, page = await self._query(caller, given), Page.read(given, "asc")
        per_group = whole(given, "jobsPerGroup", 5, 1, MOST_PER_GROUP)
        jobs = page.sort(await search.scanned(caller, query, page, names))
        groups = search.grouped(jobs, names, per_group, page.limit)
        return Answer(
            [
                {
                    "group": self._shown(dict(zip(names, key, strict=True))),
                    "jobs": [self._view(request, one) for one in await search.whole_jobs(caller, ids)],
                }
                for key, ids in groups
            ]
        )

    def _shown(self, group: dict[str, str]) -> dict[str, str]:
        if "componentId" in group:
            group["componentId"] = self._desk.components.shown(group["componentId"])
        return group

    async def of_configurations(self, request: Request, caller: Caller) -> Response:
        """Return the newest jobs of each configuration."""
        given = parameters(request.query_params.multi_items())
        per_group = whole(given, "jobsPerConfiguration", 5, 1, MOST_PER_GROUP)
        return await self._per_configuration(request, caller, given, per_group)

    async def latest(self, request: Request, caller: Caller) -> Response:
        """Return the newest job of each configuration that ran within a month."""
        given = parameters(request.query_params.multi_items())
        month = datetime.now(UTC) - timedelta(days=31)
        given.setdefault("createdTimeFrom", [month.isoformat()])
        return await self._per_configuration(request, caller, given, 1)

    async def _per_configuration(
        self, request: Request, caller: Caller, given: dict[str, list[str]], per_group: int
    ) -> Response:
        order = "asc" if "sortBy" in given else "desc"
        query, page = await self._query(caller, given), Page.read(given, order)
        jobs = [job for job in await search.scanned(caller, query, page, _CONFIGURATION) if job.get("config")]
        groups = search.grouped(jobs, _CONFIGURATION, per_group, search.MOST_SCANNED)
        ids = {job_id for _, some in groups for job_id in some}
        chosen = page.sort(job for job in jobs if job["id"] in ids)[page.offset : page.offset + page.limit]
        return self._views(request, await search.whole_jobs(caller, [job["id"] for job in chosen]))

    async def stats(self, _: Request, caller: Caller) -> Response:
        """Return the total duration of the project's standard jobs."""
        found = await caller.call("job.stats", groupBy=["status"], type="standard")
        seconds = sum(group["durationSeconds"]["sum"] or 0 for group in found["groups"])
        return Answer({"jobs": {"durationSum": int(seconds)}})


def _kind(word: str) -> str:
    """Return the type of components for its plural."""
    return word.removesuffix("s")


async def _job(caller: Caller, job_id: str) -> Json:
    """Return one job. Raises Problem."""
    try:
        job: Json = await caller.call("job.get", id=job_id, fields=SHOWN)
    except NotFound:
        raise no_job(job_id) from None
    except LocksideError as error:
        if error.path == "$.id":
            raise no_job(job_id) from None
        raise
    return job


async def _live_parent(caller: Caller, given: str) -> Json | None:
    """Return the running job named by this run id; None if there is none."""
    try:
        job: Json = await caller.call(
            "job.get", id=given.rpartition(".")[2], fields=["runId", "labels", "isFinished", "startTime"]
        )
    except LocksideError:
        return None
    is_live = not job["isFinished"] and job.get("startTime") is not None
    return job if is_live else None


async def _tasks_of(caller: Caller, job: Json) -> dict[str, Json]:
    """Return the jobs of an orchestration's tasks by task id; carried-over tasks have earlier runs' jobs."""
    found: dict[str, Json] = {}
    phases = await caller.call("job.list", parentRunId=job["runId"], limit=1000, fields=["runId", "result"])
    carried: dict[str, str] = {}
    for phase in phases["jobs"]:
        tasks = (phase.get("result") or {}).get("tasks") or []
        carried |= {task["id"]: task["job"] for task in tasks if task.get("job")}
        made = await caller.call("job.list", parentRunId=phase["runId"], limit=1000, fields=_OF_TASK)
        found |= {one["creator"]["id"]: one for one in made["jobs"]}
    jobs = {one["id"]: one for one in await search.whole_jobs(caller, list(carried.values()))}
    return {task: jobs[job_id] for task, job_id in carried.items() if job_id in jobs} | found


def _matched(task: str, job: Json | None, desk: Desk) -> Json:
    return {
        "taskId": task,
        "matched": job is not None,
        "jobId": job and job["id"],
        "componentId": job and desk.components.shown(job["component"]),
        "configId": job and job.get("config"),
        "status": job and job["status"],
    }

"""Actions on several jobs at once: a page that shows the effect, and one that shows the result."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from starlette.responses import Response

from lockside.cli.jobs import describe
from lockside.errors import InvalidParams, LocksideError
from lockside.web.pages.actions import ACTIONS, Action, effect_of, merged_plan, new_deduplication_id
from lockside.web.pages.desk import Desk
from lockside.web.pages.overview import BRIEF

Json = dict[str, Any]

MOST: Final = 100
AT_ONCE: Final = 10
BULK: Final = {
    action.word: action
    for action in ACTIONS["jobs"]
    if action.word in {"terminate", "retry", "hold", "release", "acknowledge"}
}
_FIELDS: Final = [*BRIEF, "reasons", "desiredStatus", "acknowledged"]


def _asked(desk: Desk, word: str, ids: list[str]) -> tuple[Action, list[str]]:
    """Return the action and the jobs. Raises InvalidParams."""
    if word not in BULK:
        raise InvalidParams(f"There is no action {word!r} for several jobs.", data={"path": "$.action"})
    if not ids or len(ids) > MOST:
        text = f"Choose 1 to {MOST} jobs in the list." if not ids else f"At most {MOST} jobs at once."
        raise InvalidParams(text, data={"path": "$.ids"})
    return BULK[word], ids


async def confirm(desk: Desk) -> Response:
    """Return the page `/jobs/do`: the effect on the selected jobs, and which are omitted."""
    chosen = desk.request.query_params.getlist("ids")
    action, ids = _asked(desk, desk.query.get("action", ""), chosen)
    asked = {"ids": ids, "limit": MOST, "fields": _FIELDS, "expand": ["configData"]}
    jobs = (await desk.call("job.list", **asked))["jobs"]
    fitting = [job for job in jobs if action.is_offered(job)]
    left = [(job, "this cannot be done with it now") for job in jobs if job not in fitting]
    effect = None
    if action.method == "job.terminate":
        plans = await _each(fitting, lambda job: desk.call(action.method, id=job["id"], dryRun=True))
        left += [(job, plan.message) for job, plan in plans if isinstance(plan, LocksideError)]
        good = [(job, plan) for job, plan in plans if not isinstance(plan, LocksideError)]
        fitting = [job for job, _ in good]
        effect = await effect_of(desk, merged_plan([plan for _, plan in good])) if good else None
    return desk.page(
        "bulk.html", action=action, jobs=fitting, left=left, effect=effect, once=new_deduplication_id()
    )


async def act(desk: Desk) -> Response:
    """Perform the action once on each of the jobs, and show the result."""
    form = desk.form
    action, ids = _asked(desk, form.get("action", ""), form.get("ids", "").split())
    more = {"comment": form.get("comment", "").strip() or None} if action.comment else {}

    def do(job: Json) -> Any:
        once = f"{form['once']}-{job['id']}" if form.get("once") else None
        return desk.call(action.method, id=job["id"], deduplicationId=once, **more, **dict(action.more))

    named = {"ids": ids, "limit": MOST, "fields": describe.NAMING, "expand": ["configData"]}
    jobs = (await desk.call("job.list", **named))["jobs"]
    done = await _each(jobs, do)
    return desk.page(
        "bulk_done.html",
        action=action,
        done=[(job, answer) for job, answer in done if not isinstance(answer, LocksideError)],
        refused=[(job, answer) for job, answer in done if isinstance(answer, LocksideError)],
    )


async def _each(jobs: list[Json], ask: Callable[[Json], Any]) -> list[tuple[Json, Any]]:
    """Return each job with its answer, or with its error; a few calls run at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(job: Json) -> tuple[Json, Any]:
        async with room:
            try:
                return job, await ask(job)
            except LocksideError as refused:
                return job, refused

    return list(await asyncio.gather(*map(one, jobs)))

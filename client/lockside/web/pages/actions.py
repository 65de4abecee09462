"""The actions on jobs, pools and schedules: one entry each, one page that asks, and one that acts.

The page that asks shows the effect; it needs no script.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from starlette.responses import Response

from lockside.cli.jobs import describe
from lockside.errors import NotFound
from lockside.web.pages.desk import Desk

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its word in URLs, the title of its button, and its explanation.

    `is_offered` examines the object; `more` are parameters of the method, and `comment` is the label of an
    optional comment. `is_grave` marks what cannot be undone. `makes_job`: the answer is another job.
    """

    word: str
    title: str
    says: str
    method: str
    is_offered: Callable[[Json], bool]
    more: tuple[tuple[str, Any], ...] = ()
    comment: str = ""
    is_grave: bool = False
    makes_job: bool = False


def _waits(job: Json) -> bool:
    return job["status"] in describe.NOT_STARTED


def _waits_for(kind: str) -> Callable[[Json], bool]:
    return lambda job: any(reason["kind"] == kind for reason in job.get("reasons") or ())


def _is_paused(job: Json) -> bool:
    return job["status"] == "processing" and (job.get("message") or "").startswith("Paused by ")


def _can_be_stopped(job: Json) -> bool:
    return not job["isFinished"] and job["desiredStatus"] != "terminating"


def _is_container(job: Json) -> bool:
    return job["type"] in describe.CONTAINERS


ACTIONS: Final[dict[str, list[Action]]] = {
    "jobs": [
        Action(
            "terminate",
            "Stop",
            "Stops the job and all jobs below it; one that waits is cancelled.",
            "job.terminate",
            _can_be_stopped,
            is_grave=True,
        ),
        Action(
            "resume-failed",
            "Retry what failed",
            "Runs again what did not end well; what did is carried over.",
            "job.retry",
            lambda job: job["retriable"] and _is_container(job),
            (("resume", True),),
            makes_job=True,
        ),
        Action(
            "retry",
            "Retry",
            "Runs it again, with its configuration as it is now. If that ends well, this failure is settled.",
            "job.retry",
            lambda job: job["retriable"],
            makes_job=True,
        ),
        Action(
            "rerun",
            "Run again",
            "Makes a new job of the same request; this one stays as it is.",
            "job.resubmit",
            lambda job: job["isFinished"],
            makes_job=True,
        ),
        Action(
            "acknowledge",
            "Acknowledge",
            "Notes that the failure was seen; it is no longer listed as open.",
            "job.acknowledge",
            lambda job: job["status"] in describe.FAILED and not job.get("acknowledged"),
            comment="Why nothing more is to be done",
        ),
        Action("release", "Release", "Lets the held job start.", "job.release", _waits_for("held")),
        Action(
            "unblock",
            "Unblock",
            "Starts it again without waiting for the test.",
            "job.unblock",
            _waits_for("recovery"),
        ),
        Action(
            "hold",
            "Hold",
            "Keeps it from starting until it is released.",
            "job.hold",
            lambda job: _waits(job) and not _waits_for("held")(job),
        ),
        Action(
            "pause",
            "Pause",
            "Suspends its processes; it keeps its slot and its lock.",
            "job.pause",
            lambda job: job["status"] == "processing" and not _is_paused(job),
        ),
        Action("resume", "Continue", "Lets its processes go on.", "job.resume", _is_paused),
    ],
    "pools": [
        Action(
            "pause",
            "Pause",
            "Starts no more jobs in this pool; those that run go on.",
            "pool.pause",
            lambda pool: not pool["isPaused"],
            comment="Why, for whoever waits",
        ),
        Action(
            "resume",
            "Resume",
            "Starts jobs in this pool again.",
            "pool.resume",
            lambda pool: bool(pool["isPaused"]),
        ),
    ],
    "schedules": [
        Action("run", "Run now", "Makes a job of it now.", "schedule.run", lambda _: True, makes_job=True),
        Action(
            "pause",
            "Pause",
            "Makes no jobs of its moments until it is resumed.",
            "schedule.pause",
            lambda one: not one.get("paused"),
            comment="Why it is paused",
        ),
        Action(
            "resume",
            "Resume",
            "Makes jobs of its moments again.",
            "schedule.resume",
            lambda one: bool(one.get("paused")),
        ),
    ],
}
_PLANNED: Final = ("stopped", "cancelled", "freed", "started", "ended")
_KINDS: Final = {"jobs": "job", "pools": "pool", "schedules": "schedule"}


def offered(desk: Desk, thing: Json, subject: str = "jobs") -> list[Action]:
    """Return the actions that the user may take on the object now."""
    return [one for one in ACTIONS[subject] if one.is_offered(thing) and desk.may(one.method)]


def new_deduplication_id() -> str:
    """Return an id that makes a form count once, however often it is sent."""
    return secrets.token_hex(16)


def _asked(desk: Desk) -> tuple[str, str, Action]:
    """Return the object and the action in the URL. Raises NotFound."""
    asked = desk.request.path_params
    for action in ACTIONS.get(asked["subject"], ()):
        if action.word == asked["action"]:
            return asked["subject"], asked["id"], action
    raise NotFound(f"There is no action {asked['action']!r} here.", data={"path": "$.action"})


async def confirm(desk: Desk) -> Response:
    """Return the page that shows the effect, and asks."""
    subject, name, action = _asked(desk)
    thing = await desk.call(f"{_KINDS[subject]}.get", id=name)
    effect = None
    if action.method == "job.terminate":
        effect = await effect_of(desk, await desk.call("job.terminate", id=name, dryRun=True))
    refusal = desk.who_may(action.method)
    if subject == "jobs" and not refusal:
        refusal = await desk.refusal(thing)
    return desk.page(
        "confirm.html",
        refusal=refusal,
        subject=subject,
        name=name,
        action=action,
        thing=thing,
        title=describe.title(thing) if subject == "jobs" else name,
        effect=effect,
        is_offered=action.is_offered(thing),
        once=new_deduplication_id(),
    )


def merged_plan(plans: list[Json]) -> Json:
    """Return the joint effect of several stops; a job stopped by one of them is not started by another."""
    lists: Json = {name: list(chain(*(plan[name] for plan in plans))) for name in _PLANNED}
    gone = {*lists["stopped"], *lists["cancelled"]}
    merged: Json = {name: list(dict.fromkeys(lists[name])) for name in _PLANNED if name != "ended"}
    merged["started"] = [job for job in merged["started"] if job not in gone]
    return merged | {"ended": [one for one in lists["ended"] if one["job"] not in gone]}


async def effect_of(desk: Desk, plan: Json) -> Json:
    """Return the effect of a stop, with the titles of its jobs."""
    ids = [*plan["stopped"], *plan["cancelled"], *plan["started"], *(one["job"] for one in plan["ended"])]
    asked = {"ids": ids[:1000], "fields": describe.NAMING, "expand": ["configData"]}
    found = (await desk.call("job.list", **asked, limit=1000))["jobs"] if ids else []
    return plan | {"named": {job["id"]: describe.title(job) for job in found}}


async def act(desk: Desk) -> Response:
    """Perform the action once, and show the result."""
    subject, name, action = _asked(desk)
    comment = desk.form.get("comment", "").strip() or None
    answer = await desk.call(
        action.method,
        id=name,
        deduplicationId=desk.form.get("once", "") or None,
        **({"comment": comment} if action.comment else {}),
        **dict(action.more),
    )
    if action.makes_job:
        return desk.go("/jobs/*", answer["id"])
    return desk.go("/jobs/*", name) if subject == "jobs" else desk.go(f"/{subject}")

"""Configurations with their versions, and components."""

import asyncio
import json
from collections import Counter
from typing import Any, Final

from starlette.responses import Response

from lockside.errors import InvalidParams, LocksideError
from lockside.web.pages.actions import new_deduplication_id
from lockside.web.pages.desk import Desk
from lockside.web.pages.overview import BRIEF
from lockside.web.pages.rendering import document

Json = dict[str, Any]

PAGE: Final = 100
VERSIONS: Final = 50
RUNS: Final = 500
"""The number of a configuration's last jobs that are counted by version."""
_EDITED: Final = ("name", "description", "isDisabled", "configuration", "rows")
"""The members of a configuration in the form, as one document."""
_STORED: Final = frozenset(
    ("version", "createdTime", "updatedTime", "changedBy", "changeDescription", "isDeleted", "warnings")
)
"""The members of a stored object beside its document."""


async def configs(desk: Desk) -> Response:
    """Return the page `/configs`."""
    query = desk.request.query_params
    found = await desk.call(
        "config.list",
        component=query.get("component") or None,
        limit=PAGE,
        cursor=query.get("cursor") or None,
        fields=["component", "config", "name", "description", "version", "updatedTime", "changedBy"],
    )
    return desk.page("configs.html", configs=found["configs"], next_cursor=found.get("nextCursor"))


def _key(desk: Desk) -> Json:
    asked = desk.request.path_params
    return {"component": asked["component"], "config": asked["config"]}


async def config(desk: Desk) -> Response:
    """Return the page `/configs/C/K`: the newest or the given version, and its changes with their reasons."""
    key, query = _key(desk), desk.request.query_params
    version = int(query["version"]) if query.get("version", "").isdecimal() else None
    shown, versions, jobs, runs = await asyncio.gather(
        desk.call("config.get", **key, version=version),
        desk.call("config.versions", **key, limit=VERSIONS),
        desk.call("job.list", **key, limit=10, fields=[*BRIEF, "configVersion"], expand=["configData"]),
        desk.call("job.list", **key, limit=RUNS, onlyRoots=True, fields=["status", "configVersion"]),
    )
    diff = None
    if query.get("from", "").isdecimal():
        to = int(query["to"]) if query.get("to", "").isdecimal() else shown["version"]
        diff = await desk.call("config.diff", **key, version=int(query["from"]), to=to)
    return desk.page(
        "config.html",
        config=shown,
        body=_document(shown),
        versions=versions["versions"],
        jobs=jobs["jobs"],
        diff=diff,
        once=new_deduplication_id(),
        is_cut=runs.get("nextCursor") is not None,
        runs={
            version: Counter(job["status"] for job in runs["jobs"] if job["configVersion"] == version)
            for version in {job["configVersion"] for job in runs["jobs"]}
        },
    )


def _document(config: Json) -> Json:
    return {name: config[name] for name in _EDITED if config.get(name) not in (None, [], {})}


async def edit(desk: Desk) -> Response:
    """Return the form with a configuration as one document."""
    found = await desk.call("config.get", **_key(desk))
    return _form(desk, document(_document(found)), found["version"], "", None)


def _form(desk: Desk, text: str, version: Any, why: str, fault: LocksideError | None) -> Response:
    data = {
        **_key(desk),
        "text": text,
        "version": version,
        "why": why,
        "fault": fault,
        "once": new_deduplication_id(),
    }
    return desk.page("edit.html", 400 if fault else 200, **data)


async def save(desk: Desk) -> Response:
    """Store it as the next version, unless it was changed meanwhile. An error is shown in the form."""
    text, why = desk.form.get("document", ""), desk.form.get("why", "").strip()
    version = desk.form.get("version", "")
    try:
        try:
            given = json.loads(text)
        except ValueError as fault:
            raise InvalidParams(f"This is not JSON: {fault}", data={"path": "$"}) from None
        if not isinstance(given, dict):
            raise InvalidParams("A configuration is a JSON object.", data={"path": "$"})
        await desk.call(
            "config.put",
            **{name: given[name] for name in given if name in _EDITED},
            **_key(desk),
            expectedVersion=int(version) if version.isdecimal() else None,
            changeDescription=why or None,
            deduplicationId=desk.form.get("once", "") or None,
        )
    except LocksideError as error:
        if not error.path and error.kind != "conflict":
            raise
        return _form(desk, text, version, why, error)
    return desk.go("/configs/*/*", *_key(desk).values())


async def rollback(desk: Desk) -> Response:
    """Store an old version as the newest."""
    await desk.call(
        "config.rollback",
        **_key(desk),
        version=int(desk.form["version"]),
        deduplicationId=desk.form.get("once", "") or None,
    )
    return desk.go("/configs/*/*", *_key(desk).values())


async def components(desk: Desk) -> Response:
    """Return the page `/components`."""
    found = await desk.call("component.list", limit=PAGE, cursor=desk.request.query_params.get("cursor"))
    return desk.page("components.html", components=found["components"], next_cursor=found.get("nextCursor"))


async def component(desk: Desk) -> Response:
    """Return the page `/components/ID`: its manifest, tags, versions, users, and recent jobs."""
    name = desk.request.path_params["id"]
    version = int(desk.query["version"]) if desk.query.get("version", "").isdecimal() else None
    found, versions, configs, jobs = await asyncio.gather(
        desk.call("component.get", id=name, version=version),
        desk.call("component.versions", id=name, limit=VERSIONS),
        desk.call(
            "config.list", component=name, limit=PAGE, fields=["component", "config", "name", "version"]
        ),
        desk.call("job.list", component=name, limit=10, fields=BRIEF, expand=["configData"]),
    )
    return desk.page(
        "component.html",
        component=found,
        versions=versions["versions"],
        jobs=jobs["jobs"],
        configs=configs["configs"],
        has_more=configs.get("nextCursor") is not None,
        manifest={
            key: value for key, value in found.items() if key not in _STORED and value not in (None, [], {})
        },
    )

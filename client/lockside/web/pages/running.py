"""The form that makes a job."""

import json
from typing import Any, Final

from starlette.responses import Response

from lockside.documents.enums import Mode
from lockside.errors import InvalidParams, LocksideError
from lockside.web.pages.actions import new_word
from lockside.web.pages.desk import Desk

Json = dict[str, Any]

_MODES: Final = [mode.value for mode in Mode]


async def form(desk: Desk) -> Response:
    """The page `/run`; the URL may fill it in."""
    return await _form(desk, {**desk.request.query_params}, None, None)


async def run(desk: Desk) -> Response:
    """Make the job; or, checked only, say what it would be. A fault is shown in the form."""
    given = {name: text.strip() for name, text in desk.form.items()}
    try:
        job = await desk.call("job.create", **_request(given), deduplicationId=given.get("once"))
    except LocksideError as error:
        if not error.path:
            raise
        return await _form(desk, given, error, None)
    if given.get("check"):
        return await _form(desk, given, None, job)
    return desk.go("/jobs/*", job["id"])


def _request(given: dict[str, str]) -> Json:
    request: Json = {
        name: given[name] for name in ("component", "config", "mode", "pool", "name") if given.get(name)
    }
    if given.get("rows"):
        request["configRowIds"] = [row.strip() for row in given["rows"].split(",") if row.strip()]
    if given.get("parameters"):
        try:
            request["configData"] = {"parameters": json.loads(given["parameters"])}
        except ValueError as fault:
            raise InvalidParams(
                f"The parameters are no JSON: {fault}", data={"path": "$.parameters"}
            ) from None
    if given.get("variables"):
        pairs = [line.partition("=") for line in given["variables"].splitlines() if line.strip()]
        request["variableValuesData"] = {
            "values": [{"name": name.strip(), "value": value.strip()} for name, _, value in pairs]
        }
    if given.get("check"):
        request["dryRun"] = True
    return request


async def _form(desk: Desk, given: Json, fault: LocksideError | None, checked: Json | None) -> Response:
    components = (await desk.call("component.list", fields=["id", "description"], limit=1000))["components"]
    configs = []
    if given.get("component"):
        asked = {"component": given["component"], "fields": ["component", "config", "name"], "limit": 1000}
        configs = (await desk.call("config.list", **asked))["configs"]
    return desk.page(
        "run.html",
        400 if fault else 200,
        given=given,
        fault=fault,
        checked=checked,
        components=components,
        configs=configs,
        modes=_MODES,
        once=new_word(),
    )

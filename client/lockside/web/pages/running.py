"""The form that creates a job: what runs, its parameters by the component's schema, and how it runs."""

import json
from typing import Any, Final

from starlette.responses import Response

from lockside.documents.enums import Mode
from lockside.errors import InvalidParams, LocksideError, NotFound
from lockside.web.pages.actions import new_deduplication_id
from lockside.web.pages.desk import Desk
from lockside.web.pages.schema_form import PREFIX, SchemaField, fields_of, filled

Json = dict[str, Any]

_MODES: Final = [mode.value for mode in Mode]
_BUILT_IN: Final[dict[str, Json]] = {
    "lockside.command": {
        "properties": {
            "shell": {"type": "string", "title": "Command, for a shell"},
            "cwd": {"type": "string", "title": "Working folder"},
            "environment": {"title": "Environment", "description": 'A JSON object: {"NAME": "value"}'},
        }
    }
}


async def form(desk: Desk) -> Response:
    """Return the page `/run`; the URL may fill in fields."""
    return await _form(desk, {**desk.query}, None, None)


async def run(desk: Desk) -> Response:
    """Create the job, or show what it would be. An error is shown in the form."""
    given = {name: text.strip() for name, text in desk.form.items()}
    try:
        job = await desk.call("job.create", **await _request(desk, given), deduplicationId=given.get("once"))
    except LocksideError as error:
        if not error.path:
            raise
        return await _form(desk, given, error, None)
    if given.get("check"):
        return await _form(desk, given, None, job)
    return desk.go("/jobs/*", job["id"])


async def _request(desk: Desk, given: dict[str, str]) -> Json:
    names = ("component", "config", "mode", "pool", "name")
    request: Json = {name: given[name] for name in names if given.get(name)}
    if given.get("rows"):
        request["configRowIds"] = [row.strip() for row in given["rows"].split(",") if row.strip()]
    stored, has_rows = await _stored(desk, given)
    wanted = _parameters(given, await _fields(desk, given, has_rows), stored)
    if wanted != (stored.get("parameters") or {}) or (given.get("parameters") and not stored):
        request["configData"] = stored | {"parameters": wanted}
    if given.get("variables"):
        pairs = [line.partition("=") for line in given["variables"].splitlines() if line.strip()]
        request["variableValuesData"] = {
            "values": [{"name": name.strip(), "value": value.strip()} for name, _, value in pairs]
        }
    if given.get("check"):
        request["dryRun"] = True
    return request


def _parameters(given: dict[str, str], fields: list[SchemaField], stored: Json) -> Any:
    """Return the parameters typed as JSON, if any, else the stored ones updated from the form."""
    if not given.get("parameters"):
        return filled(fields, given, stored.get("parameters") or {})
    try:
        return json.loads(given["parameters"])
    except ValueError as fault:
        raise InvalidParams(f"The parameters are not JSON: {fault}", data={"path": "$.parameters"}) from None


async def _stored(desk: Desk, given: Json) -> tuple[Json, bool]:
    """Return the body of the configuration, which `configData` replaces, and whether it has rows."""
    if not given.get("component") or not given.get("config"):
        return {}, False
    try:
        found = await desk.call("config.get", component=given["component"], config=given["config"])
    except (NotFound, InvalidParams):
        return {}, False
    return found.get("configuration") or {}, bool(found.get("rows"))


async def _fields(desk: Desk, given: Json, has_rows: bool) -> list[SchemaField]:
    """Return the fields of the component's schema; none if rows have their own parameters."""
    if not given.get("component") or has_rows:
        return []
    schema = _BUILT_IN.get(given["component"])
    if schema is None:
        try:
            schema = (await desk.call("component.get", id=given["component"])).get("schema")
        except (NotFound, InvalidParams):
            return []
    return list(fields_of(schema)) if isinstance(schema, dict) else []


async def _form(desk: Desk, given: Json, fault: LocksideError | None, checked: Json | None) -> Response:
    components = (await desk.call("component.list", fields=["id", "description"], limit=1000))["components"]
    configs = []
    if given.get("component"):
        asked = {"component": given["component"], "fields": ["component", "config", "name"], "limit": 1000}
        configs = (await desk.call("config.list", **asked))["configs"]
    stored, has_rows = await _stored(desk, given)
    fields = await _fields(desk, given, has_rows)
    is_typed = any(name.startswith(PREFIX) for name in given)
    base = {} if is_typed else stored.get("parameters") or {}
    return desk.page(
        "run.html",
        400 if fault else 200,
        given=given,
        fault=fault,
        checked=checked,
        components=components,
        configs=configs,
        fields=[(field, given.get(field.name, "") or field.shown(base)) for field in fields],
        modes=_MODES,
        once=new_deduplication_id(),
    )

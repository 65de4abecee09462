"""From a template and what a request says of its own to the request in full. Pure."""

from collections.abc import Mapping
from typing import Any

from lockside.documents.paths import join
from lockside.documents.template import TemplateSpec
from lockside.documents.variables import filled, text_of
from locksided.core.errors import Invalid

VALUES = "variableValuesData"
_BY_KEY = ("labels", "limits")
"""Members that are merged; of all others the request's own win as a whole."""


def request_from(template: TemplateSpec, version: int, own: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the request in full, as in JSON. `own` are those that were given with the template.

    Raises Invalid with the path of a value that the template does not ask for, or not so.
    """
    values = _values(template, own)
    texts = {name: text_of(value) for name, value in values.items() if not _is_secret(template, name)}
    made: dict[str, Any] = filled(template.job, texts)
    made |= {name: value for name, value in own.items() if value is not None and name not in _BY_KEY}
    for name in _BY_KEY:
        if template.job.get(name) or own.get(name):
            made[name] = {**(filled(template.job.get(name) or {}, texts)), **(own.get(name) or {})}
    values = {**_listed(template.job), **values}
    made[VALUES] = {"values": [{"name": name, "value": value} for name, value in values.items()]}
    made["template"] = f"{template.id}@{version}"
    return made


def _values(template: TemplateSpec, own: Mapping[str, Any]) -> dict[str, Any]:
    """All values of the template, its defaults included."""
    given: dict[str, Any] = {}
    for place, one in enumerate((own.get(VALUES) or {}).get("values", ())):
        path = join("$", VALUES, "values", place)
        asked = template.value(one["name"])
        if asked is None:
            known = ", ".join(value.name for value in template.values) or "none"
            text = f"Template {template.id} has no value {one['name']!r}. Its values: {known}."
            raise Invalid(text, path=join(path, "name"))
        if (fault := asked.fault(one["value"])) is not None:
            raise Invalid(f"{one['name']}: {fault}.", path=join(path, "value"))
        given[one["name"]] = one["value"]
    if missing := list(template.missing(given)):
        text = f"Template {template.id} requires a value of: {', '.join(missing)}."
        raise Invalid(text, path=f"$.{VALUES}", missing=missing)
    return {**template.defaults(), **given}


def _is_secret(template: TemplateSpec, name: str) -> bool:
    asked = template.value(name)
    return asked is not None and asked.is_secret


def _listed(job: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the template's own job has for variables of its configuration."""
    return {one["name"]: one["value"] for one in (job.get(VALUES) or {}).get("values", ())}

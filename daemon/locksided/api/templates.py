"""Expands requests that name a template, before anything else is done with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from lockside.documents.paths import join
from lockside.documents.reading import convert, fault_of, from_store
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Behavior
from lockside.documents.sentences import ended
from lockside.documents.template import TemplateSpec
from lockside.documents.variables import filled, text_of
from lockside.kinds import TEMPLATE
from locksided.api.object_reader import Objects
from locksided.core.errors import Invalid, NotFound
from locksided.store.catalog.keys import Key
from locksided.store.rows import StoredRow

VALUES = "variableValuesData"
_BY_KEY = ("labels", "limits")
"""Members that are merged; in all others the request's own value replaces the template's."""


def request_from(template: TemplateSpec, version: int, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the expanded request, as in JSON. `own` are those given with the template.

    Raises Invalid with the path of a value that the template does not ask for, or of an invalid one.
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
    """Return all values for the template, including its defaults."""
    given: dict[str, Any] = {}
    for place, one in enumerate((own.get(VALUES) or {}).get("values", ())):
        path = join("$", VALUES, "values", place)
        asked = template.value(one["name"])
        if asked is None:
            known = ", ".join(value.name for value in template.values) or "none"
            text = f"Template {template.id} has no value {one['name']!r}. Its values: {known}."
            raise Invalid(text, path=join(path, "name"))
        if (fault := asked.fault(one["value"])) is not None:
            raise Invalid(ended(f"{one['name']}: {fault}"), path=join(path, "value"))
        given[one["name"]] = one["value"]
    if missing := list(template.missing(given)):
        text = f"Template {template.id} requires a value of: {', '.join(missing)}."
        raise Invalid(text, path=f"$.{VALUES}", missing=missing)
    return {**template.defaults(), **given}


def _is_secret(template: TemplateSpec, name: str) -> bool:
    asked = template.value(name)
    return asked is not None and asked.is_secret


def _listed(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that the template's own job has for variables of its configuration."""
    return {one["name"]: one["value"] for one in (job.get(VALUES) or {}).get("values", ())}


R = TypeVar("R", bound=JobRequest)
PATH = "$.template"
NO_BEHAVIOR = Behavior()


@dataclass(frozen=True, slots=True)
class InFull(Generic[R]):
    """An expanded request. `writers` are the last authors of its text, besides the caller."""

    request: R
    writers: tuple[Mapping[str, Any], ...] = ()


async def in_full(store: Objects, project: str, request: R, given: Mapping[str, Any]) -> InFull[R]:
    """Expand the template of a request; `given` are the members given with it, as in JSON.

    Raises Invalid and NotFound with path and remedy.
    """
    if request.template is None:
        return InFull(request)
    row = await _stored(store, project, request.template)
    template: TemplateSpec = from_store(row.body, TemplateSpec)
    made = request_from(template, row.version, given)
    try:
        return InFull(convert(made, type(request)), (row.changed_by,))
    except msgspec.ValidationError as problem:
        fault = fault_of(problem, made, type(request))
        text = ended(f"Template {template.id}: {fault.path}: {fault.message}")
        raise Invalid(text, path=fault.path) from None


def given_in(request: JobRequest) -> dict[str, Any]:
    """Return the members of a request that are set, as in JSON."""
    members = ((one, getattr(request, one.name)) for one in msgspec.structs.fields(request))
    return {
        one.encode_name: msgspec.to_builtins(value)
        for one, value in members
        if value != one.default and value not in (None, [], {}, "", NO_BEHAVIOR)
    }


async def _stored(store: Objects, project: str, name: str) -> StoredRow:
    """Return the template with its secrets decrypted, as far as possible."""
    template_id, at, text = name.partition("@")
    if at and not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Invalid(f"{text!r} is not a version: name a template as `load` or `load@3`.", path=PATH)
    key = Key(project, TEMPLATE, (template_id,))
    row = await store.object(key, int(text) if at else None)
    if row is None:
        which = f"version {text} of template {template_id!r}" if at else f"template {template_id!r}"
        raise NotFound(f"There is no {which}. `lockside template ls` lists those that exist.", path=PATH)
    return msgspec.structs.replace(row, body=store.vault.opened_if_possible(row.body, key.place))

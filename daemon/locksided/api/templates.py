"""Requests that name a template are made into requests in full, before anything else is done with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from lockside.documents.reading import convert, fault_of, from_store
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Behavior
from lockside.documents.template import TemplateSpec
from lockside.kinds import TEMPLATE
from locksided.api.object_reader import Objects
from locksided.core.errors import Invalid, NotFound
from locksided.runs.template_jobs import request_from
from locksided.store.catalog.keys import Key
from locksided.store.rows import StoredRow

R = TypeVar("R", bound=JobRequest)
PATH = "$.template"
NO_BEHAVIOR = Behavior()


@dataclass(frozen=True, slots=True)
class InFull(Generic[R]):
    """A request in full. `writers` are those who wrote its text last, besides the caller."""

    request: R
    writers: tuple[Mapping[str, Any], ...] = ()


async def in_full(store: Objects, project: str, request: R, given: Mapping[str, Any]) -> InFull[R]:
    """The request of a template; `given` are the members that were given with it, as in JSON.

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
        raise Invalid(f"Template {template.id}: {fault.path}: {fault.message}.", path=fault.path) from None


def given_in(request: JobRequest) -> dict[str, Any]:
    """The members of a request that say something, as in JSON."""
    members = ((one, getattr(request, one.name)) for one in msgspec.structs.fields(request))
    return {
        one.encode_name: msgspec.to_builtins(value)
        for one, value in members
        if value != one.default and value not in (None, [], {}, "", NO_BEHAVIOR)
    }


async def _stored(store: Objects, project: str, name: str) -> StoredRow:
    """The template with its secrets in plain, as far as they can be decrypted."""
    template_id, at, text = name.partition("@")
    if at and not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Invalid(f"{text!r} is no version: name a template as `load` or `load@3`.", path=PATH)
    key = Key(project, TEMPLATE, (template_id,))
    row = await store.object(key, int(text) if at else None)
    if row is None:
        which = f"version {text} of template {template_id!r}" if at else f"template {template_id!r}"
        raise NotFound(f"There is no {which}. `lockside template ls` lists those that exist.", path=PATH)
    return msgspec.structs.replace(row, body=store.vault.opened_if_possible(row.body, key.place))

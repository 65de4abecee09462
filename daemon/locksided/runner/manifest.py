"""A component's manifest: checked when it is stored, made effective for one tag when a job is created."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockside.documents.enums import Leftovers, OnLost
from locksided.core.errors import Invalid, NotFound
from locksided.runner.builtin import COMMAND, ORCHESTRATOR
from locksided.runner.fields import (
    Fields,
    as_integer,
    as_list,
    as_number,
    as_object,
    as_text,
    checked_id,
    join,
)
from locksided.runner.limits import parse_limits
from locksided.runner.locking import lock_policy
from locksided.runner.program import FORMS, Program, given_forms, parse_cwd, parse_environment, parse_program
from locksided.runner.retrying import parse_retry
from locksided.runner.schemas import check_schema

TYPES = ("extractor", "transformation", "writer", "application", "processor", "other")
POSITIONS = ("any", "before", "after")
_MERGED = ("environment", "imageParameters", "limits", "exitCodes")
_TAG_FIELDS = frozenset(
    (
        *FORMS,
        "description",
        "cwd",
        "environment",
        "user",
        "imageParameters",
        "limits",
        "graceSeconds",
        "stopSignal",
        "schema",
        "rowSchema",
        "actions",
        "lock",
        "pool",
        "retry",
        "onLost",
        "leftovers",
        "exitCodes",
        "allowedProcessorPosition",
    )
)
_FIELDS = _TAG_FIELDS | {"id", "name", "type", "tag", "tags"}
_MAX_GRACE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class ExitCodes:
    """What a component's exit codes mean; what is in neither list is an application error."""

    success: frozenset[int] = frozenset({0})
    user_error: frozenset[int] = frozenset({1})


@dataclass(frozen=True, slots=True)
class Execution:
    """How a component's program is started and stopped, whatever the configuration says.

    Without a grace period of its own the daemon's setting holds.
    """

    program: Program
    cwd: str | None
    environment: Mapping[str, str]
    image_parameters: Mapping[str, Any]
    stop_signal: int
    grace_seconds: float | None
    leftovers: Leftovers
    exit_codes: ExitCodes


def check_component(body: Mapping[str, Any], path: str = "$.component") -> None:
    """Raises `Invalid` for a manifest that no job could use, tags included."""
    fields = Fields(body, path)
    fields.refuse_unknown(_FIELDS)
    checked_id(as_text(fields.get("id"), fields.at("id")), fields.at("id"))
    if body["id"] in (COMMAND, ORCHESTRATOR):
        raise Invalid(f"{body['id']} is built in and cannot be changed.", path=fields.at("id"))
    fields.choice("type", TYPES)
    for name in ("name", "tag"):
        fields.text(name)
    _check_version(fields)
    for tag, differing in fields.object("tags").values.items():
        at = join(path, "tags", tag)
        Fields(as_object(differing, at), at).refuse_unknown(_TAG_FIELDS)
        _check_version(Fields(_with_tag(body, as_object(differing, at)), at))


def _check_version(fields: Fields) -> None:
    parse_execution(fields)
    for name in ("description", "user", "pool"):
        fields.text(name)
    fields.choice("onLost", OnLost)
    fields.choice("allowedProcessorPosition", POSITIONS)
    parse_limits([fields.object("limits")])
    parse_retry(fields.object("retry").values, fields.at("retry"))
    for index, action in enumerate(fields.list("actions")):
        as_text(action, join(fields.at("actions"), index))
    if fields.get("lock") is not None:
        lock_policy(fields.get("lock"), fields.at("lock"))
    for name in ("schema", "rowSchema"):
        if fields.get(name) is not None:
            check_schema(as_object(fields.get(name), fields.at(name)), fields.at(name))


def effective_manifest(body: Mapping[str, Any], tag: str | None, path: str) -> dict[str, Any]:
    """The manifest of one tag (None: the component's own) without `tags`. Raises `NotFound`.

    A component without `tags` is the same under every tag; the tag is then only a name for what ran.
    """
    tags = body.get("tags") or {}
    tag = body.get("tag") if tag is None else tag
    if tag in tags:
        manifest = _with_tag(body, tags[tag])
    elif tag == body.get("tag") or not tags:
        manifest = dict(body)
    else:
        known = sorted({*tags, *([body["tag"]] if body.get("tag") else [])})
        raise NotFound(
            f"Component {body['id']} has no tag {tag!r}. Known tags: {', '.join(known) or 'none'}.",
            path=path,
        )
    manifest.pop("tags", None)
    return manifest | {"tag": tag}


def _with_tag(body: Mapping[str, Any], differing: Mapping[str, Any]) -> dict[str, Any]:
    dropped = FORMS if given_forms(differing) else ()
    base = {name: value for name, value in body.items() if name not in dropped}
    merged = {name: {**(base.get(name) or {}), **(differing.get(name) or {})} for name in _MERGED}
    return {**base, **differing, **{name: value for name, value in merged.items() if value}}


def parse_execution(fields: Fields) -> Execution:
    """How the component's program is started. Raises `Invalid`."""
    return Execution(
        program=parse_program(fields),
        cwd=parse_cwd(fields),
        environment=parse_environment(fields.object("environment")),
        image_parameters=fields.object("imageParameters").values,
        stop_signal=_stop_signal(fields.get("stopSignal"), fields.at("stopSignal")),
        grace_seconds=_grace_seconds(fields.get("graceSeconds"), fields.at("graceSeconds")),
        leftovers=Leftovers(fields.choice("leftovers", Leftovers) or Leftovers.STOP),
        exit_codes=parse_exit_codes(fields.object("exitCodes")),
    )


def parse_exit_codes(fields: Fields) -> ExitCodes:
    """The meaning of exit codes; a list that is not given keeps its default. Raises `Invalid`."""
    fields.refuse_unknown(("success", "userError"))
    defaults = ExitCodes()
    success = _codes(fields, "success", defaults.success)
    user_error = _codes(fields, "userError", defaults.user_error - success)
    if both := success & user_error:
        at = fields.at("userError")
        raise Invalid(f"{at}: {min(both)} cannot be a success and a user error.", path=at)
    return ExitCodes(success, user_error)


def _codes(fields: Fields, name: str, default: frozenset[int]) -> frozenset[int]:
    if fields.get(name) is None:
        return default
    at = fields.at(name)
    codes = as_list(fields.get(name), at)
    return frozenset(as_integer(code, join(at, index), least=0, most=255) for index, code in enumerate(codes))


def _grace_seconds(value: object, path: str) -> float | None:
    if value is None:
        return None
    seconds = as_number(value, path, least=0)
    if seconds > _MAX_GRACE_SECONDS:
        raise Invalid(f"{path} must be at most {_MAX_GRACE_SECONDS}.", path=path)
    return float(seconds)


def _stop_signal(value: object, path: str) -> int:
    match value:
        case None:
            return int(signal.SIGTERM)
        case str():
            name = value.upper()
            number = signal.Signals.__members__.get(name if name.startswith("SIG") else f"SIG{name}")
            if number is not None:
                return int(number)
            raise Invalid(f'{path} is {value[:20]!r}; name a signal, as in "SIGTERM".', path=path)
        case _:
            return as_integer(value, path, least=1, most=signal.NSIG - 1)

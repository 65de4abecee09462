"""A request to run something, read from its fields: what is asked for, nothing looked up yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockside.documents.enums import Mode, OnError, OnRecordErrors
from locksided.core.errors import Invalid
from locksided.runner.fields import Fields, as_integer, as_text, checked_id, join
from locksided.runner.variables import refuse_deep

DEFAULT_BRANCH = "default"
_COMPONENT_LENGTH, _NAME_LENGTH = 80, 64


@dataclass(frozen=True, slots=True)
class References:
    """The stored objects that a request names; `branch` is where the configuration stands.

    A version is None for the newest one.
    """

    component: str
    component_version: int | None
    config: str | None
    config_version: int | None
    branch: str
    variables: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """The checked fields of a request. `config_data` None means: run the stored configuration, if any."""

    fields: Fields
    refers_to: References
    mode: Mode
    config_data: Mapping[str, Any] | None
    row_ids: tuple[str, ...]
    name: str | None
    on_error: OnError | None
    on_record_errors: OnRecordErrors


def read_request(values: Mapping[str, Any]) -> Request:
    """The request behind plain fields; a null counts as not given. Raises `Invalid`."""
    fields = Fields(values)
    component = fields.text("component", _COMPONENT_LENGTH)
    if component is None:
        raise Invalid("$.component is missing: name the component to run.", path="$.component")
    checked_id(component, "$.component")
    config, config_data = fields.id("config"), _config_data(fields)
    branch = fields.id("branchId")
    behavior = fields.object("behavior")
    on_error = behavior.choice("onError", OnError)
    return Request(
        fields=fields,
        refers_to=References(
            component=component,
            component_version=_version(fields, "componentVersion"),
            config=config,
            config_version=_version(fields, "configVersion"),
            branch=DEFAULT_BRANCH if branch is None or config_data is not None else branch,
            variables=fields.id("variableValuesId"),
        ),
        mode=Mode(fields.choice("mode", Mode) or Mode.RUN),
        config_data=config_data,
        row_ids=() if config_data is not None else _row_ids(fields, config),
        name=fields.text("name", _NAME_LENGTH),
        on_error=OnError(on_error) if on_error else None,
        on_record_errors=OnRecordErrors(
            fields.choice("onRecordErrors", OnRecordErrors) or OnRecordErrors.SUCCESS
        ),
    )


def _config_data(fields: Fields) -> Mapping[str, Any] | None:
    """What stands in for a stored configuration; an empty object does so only where no config is named."""
    data = fields.object("configData")
    refuse_deep(data.values, data.path)
    if data.values:
        return data.values
    return None if fields.get("config") is not None or fields.get("configData") is None else {}


def _version(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    return None if value is None else as_integer(value, fields.at(name), least=1)


def _row_ids(fields: Fields, config: str | None) -> tuple[str, ...]:
    path = fields.at("configRowIds")
    ids = [as_text(item, join(path, index)) for index, item in enumerate(fields.list("configRowIds"))]
    for index, row_id in enumerate(ids):
        checked_id(row_id, join(path, index))
    if ids and config is None:
        raise Invalid(f"{path}: rows belong to a stored configuration; name it in $.config.", path=path)
    return tuple(dict.fromkeys(ids))

"""The parameters of what runs: checked against the component's schemas, or as a plain command."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from locksided.core.errors import Invalid
from locksided.runner.builtin import COMMAND
from locksided.runner.configuration import Row, merged
from locksided.runner.fields import Fields, join
from locksided.runner.program import FORMS, parse_cwd, parse_environment, parse_program
from locksided.runner.schemas import check_document, document_faults
from locksided.runner.variables import filled, names_in

_COMMAND_FIELDS = (*FORMS, "cwd", "environment")


@dataclass(frozen=True, slots=True)
class Parts:
    """A configuration as it will run: its root, the rows that run (None without rows) and the variables."""

    root: Fields
    rows: Sequence[Row] | None
    variables: Mapping[str, str]


def check_parameters(component: str, manifest: Mapping[str, Any], parts: Parts) -> None:
    """Raises `Invalid` with the path of the first parameter that cannot be right."""
    if component == COMMAND:
        _check_commands(parts)
        return
    for one in _checks(manifest, parts):
        check_document(one.document, one.schema, one.schema_path, one.path)


def parameter_faults(manifest: Mapping[str, Any], parts: Parts) -> list[Invalid]:
    """All that the component's schemas do not allow, as far as it is known before there is a job.

    Texts whose variables have no value yet may become anything.
    """
    return [
        fault
        for one in _checks(manifest, parts)
        for fault, value in document_faults(one.document, one.schema, one.schema_path, one.path)
        if not (isinstance(value, str) and names_in(value))
    ]


@dataclass(frozen=True, slots=True)
class _Check:
    """Parameters that are to be held against a schema, and where both stand."""

    document: Any
    schema: Any
    schema_path: str
    path: str


def _checks(manifest: Mapping[str, Any], parts: Parts) -> Iterator[_Check]:
    schema, row_schema = manifest.get("schema"), manifest.get("rowSchema")
    root = _parameters(parts.root.values, parts.variables)
    if schema is not None and (parts.rows is None or row_schema is not None):
        yield _Check(root, schema, "$.component.schema", parts.root.at("parameters"))
    for row in parts.rows or ():
        own, path = _parameters(row.configuration, parts.variables), join(row.path, "parameters")
        if row_schema is not None:
            yield _Check(own, row_schema, "$.component.rowSchema", path)
        elif schema is not None:
            yield _Check(merged(root, own), schema, "$.component.schema", path)


def _parameters(configuration: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    return filled(configuration.get("parameters") or {}, variables)


def _check_commands(parts: Parts) -> None:
    if parts.rows is None:
        check_command(_parameters(parts.root.values, parts.variables), parts.root.at("parameters"))
    for row in parts.rows or ():
        whole = merged(parts.root.values, row.configuration)
        check_command(_parameters(whole, parts.variables), join(row.path, "parameters"))


def check_command(parameters: Mapping[str, Any], path: str) -> None:
    """Raises `Invalid` for parameters of a plain command that cannot be started."""
    fields = Fields(parameters, path)
    fields.refuse_unknown(_COMMAND_FIELDS)
    parse_program(fields)
    parse_cwd(fields)
    parse_environment(fields.object("environment"))


def split_environment(root: Fields) -> tuple[dict[str, Any], dict[str, str] | None]:
    """A command's configuration without its environment, and the environment by itself. Raises `Invalid`."""
    parameters = root.object("parameters")
    given = parameters.get("environment")
    environment = None if given is None else parse_environment(parameters.object("environment"))
    rest = {name: value for name, value in parameters.values.items() if name != "environment"}
    return {**root.values, "parameters": rest}, environment

"""Templates: requests for jobs that are submitted often, with values to fill in."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import fields

from lockside.documents.base import FieldError, In, Text, VariableName, VariablesId
from lockside.documents.paths import join, split_problem
from lockside.documents.reading import convert
from lockside.documents.request import JobRequest
from lockside.documents.secrets import MARK, is_cipher
from lockside.documents.variables import Scalar, names_in

TYPES: Final[Mapping[str, tuple[type, ...]]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}
FILLED_AT_RUN: Final = frozenset({"configData", "variableValuesData"})
"""The members of a request in which variables are filled when the job runs: they may have secrets."""
_NOT_OF_A_TEMPLATE: Final = frozenset({"template", "parentRunId"})
_MEMBERS: Final = frozenset(one.encode_name for one in fields(JobRequest)) - _NOT_OF_A_TEMPLATE


class TemplateValue(In, frozen=True, kw_only=True):
    """A value of a template.

    Attributes:
        name: The name, as in `{{ name }}`; names of secrets begin with `#`.
        type: The type of the value.
        choices: The allowed values; empty allows all.
        required: Whether a job must give it.
        default: The default value.
    """

    name: VariableName
    type: Literal["string", "number", "boolean"] = "string"
    choices: Annotated[list[Text | int | float | bool], Meta(max_length=1000)] = []
    required: bool = False
    default: Text | int | float | bool | None = None
    description: Text | None = None

    @property
    def is_secret(self) -> bool:
        """Whether it is stored encrypted."""
        return self.name.startswith(MARK)

    def fault(self, value: Any) -> str | None:
        """Return what is wrong with a value, or None; encrypted values are not checked."""
        if is_cipher(value):
            return None
        if not isinstance(value, TYPES[self.type]) or (self.type == "number" and isinstance(value, bool)):
            return f"It must be a {self.type}"
        if self.choices and value not in self.choices:
            return f"It must be one of: {', '.join(map(str, self.choices))}"
        return None

    def check(self) -> None:
        """Raises FieldError for an invalid default or choice."""
        if self.is_secret and self.choices:
            raise FieldError("A secret has no choices: they would be stored in plain", "choices")
        for place, choice in enumerate(self.choices):
            if not isinstance(choice, TYPES[self.type]):
                raise FieldError(f"It must be a {self.type}", f"choices[{place}]")
        if self.default is not None and (text := self.fault(self.default)) is not None:
            raise FieldError(text, "default")


class TemplateSpec(In, frozen=True, kw_only=True):
    """A template.

    Attributes:
        id: The template's id; in a file, the file's name.
        values: The values that a job of the template gives.
        job: The request, with the fields of `job.create`. `{{ name }}` in its texts is filled with the value
            of that name, also in `component` and `config`; other names are variables of the configuration.
    """

    id: VariablesId
    name: Annotated[str, Meta(max_length=255)] | None = None
    description: Text | None = None
    values: Annotated[list[TemplateValue], Meta(max_length=1000)] = []
    job: dict[str, Any]

    def check(self) -> None:
        """Raises FieldError for a template from which no job could be created."""
        names = [one.name for one in self.values]
        for place, name in enumerate(names):
            if names.index(name) != place:
                raise FieldError(
                    f"The name {name!r} is taken by values[{names.index(name)}]", f"values[{place}].name"
                )
        for name in self.job:
            if name not in _MEMBERS:
                raise FieldError("It is not a field of a template's job", join("job", name))
        if "component" not in self.job:
            raise FieldError("A template must name its component", "job.component")
        self._check_secrets()
        if not set(names) & set(names_in(self.job)):
            self._check_job()

    def _check_secrets(self) -> None:
        """Refuse secrets in members that everybody can see."""
        secret = {one.name for one in self.values if one.is_secret}
        for name, value in self.job.items():
            if name not in FILLED_AT_RUN and (shown := secret & set(names_in(value))):
                text = f"{shown.pop()} is a secret: it can be filled into configData only"
                raise FieldError(text, join("job", name))

    def _check_job(self) -> None:
        try:
            convert(self.job, JobRequest)
        except msgspec.ValidationError as problem:
            message, path = split_problem(str(problem))
            raise FieldError(message, f"job{path[1:]}") from None

    def value(self, name: str) -> TemplateValue | None:
        """Return the value with a name, or None."""
        return next((one for one in self.values if one.name == name), None)

    def missing(self, given: Mapping[str, Any]) -> Iterator[str]:
        """Return the names of required values that are missing."""
        return (
            one.name for one in self.values if one.required and one.default is None and one.name not in given
        )

    def defaults(self) -> dict[str, Scalar]:
        """Return the default values."""
        return {one.name: one.default for one in self.values if one.default is not None}

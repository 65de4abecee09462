"""The fields of a form from a JSON Schema: one for each scalar, also in an object; JSON for the rest."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lockside.errors import InvalidParams

Json = dict[str, Any]

PREFIX: Final = "p:"
"""The prefix of the names of these fields in a form."""
_DEEPEST: Final = 2
_NUMBERS: Final = ("integer", "number")
_MOST_CHOICES: Final = 200


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field: its path in the parameters, its label, and its kind of input.

    `kind` is `text`, `secret`, `integer`, `number`, `choice` (also yes and no) or `json`.
    """

    steps: tuple[str, ...]
    label: str
    kind: str
    says: str = ""
    usual: str = ""
    is_required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the form."""
        return PREFIX + "/".join(step.replace("~", "~0").replace("/", "~1") for step in self.steps)

    @property
    def path(self) -> str:
        """The path of its value in the parameters."""
        return ".".join(("$.parameters", *self.steps))

    def shown(self, parameters: Json) -> str:
        """Return the value in these parameters for the form; empty for a secret."""
        value: Any = parameters
        for step in self.steps:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None or self.kind == "secret":
            return ""
        if self.kind in ("text", *_NUMBERS) and isinstance(value, str):
            return value
        return (
            value
            if isinstance(value, str) and value in self.choices
            else json.dumps(value, ensure_ascii=False)
        )

    def read(self, text: str) -> Any:
        """Return the value that was typed. Raises InvalidParams."""
        if self.kind in ("text", "secret") or (self.kind == "choice" and text not in ("true", "false")):
            return text
        try:
            return json.loads(text)
        except ValueError:
            wanted = "a number" if self.kind in _NUMBERS else "JSON"
            raise InvalidParams(f"{self.label}: {text!r} is not {wanted}", data={"path": self.path}) from None


def fields_of(schema: Any, before: tuple[str, ...] = (), title: str = "") -> Iterator[SchemaField]:
    """Yield the fields of a schema, in its order."""
    required = schema.get("required") or ()
    for name, one in (schema.get("properties") or {}).items():
        steps, described = (*before, str(name)), one if isinstance(one, dict) else {}
        label = str(described.get("title") or name)
        if described.get("properties") and len(steps) < _DEEPEST:
            yield from fields_of(described, steps, label)
            continue
        kind, choices = _kind(name, described)
        yield SchemaField(
            steps,
            f"{title}: {label}" if title else label,
            kind,
            str(described.get("description") or ""),
            json.dumps(described["default"], ensure_ascii=False) if "default" in described else "",
            name in required and not before,
            choices,
        )


def _kind(name: str, described: Json) -> tuple[str, tuple[str, ...]]:
    if name.startswith("#"):
        return "secret", ()
    words = described.get("enum")
    if isinstance(words, list) and len(words) <= _MOST_CHOICES and all(isinstance(one, str) for one in words):
        return "choice", tuple(words)
    if described.get("type") == "boolean":
        return "choice", ("true", "false")
    if described.get("type") in _NUMBERS:
        return described["type"], ()
    if described.get("type") == "string":
        return "text", ()
    return "json", ()


def filled(fields: list[SchemaField], form: Mapping[str, str], base: Json) -> Json:
    """Return `base` updated with typed values; an empty field removes a value. Raises InvalidParams."""
    made: Json = json.loads(json.dumps(base))
    for field in fields:
        if field.name not in form:
            continue
        text = form[field.name].strip()
        if not text and field.kind == "secret":
            continue
        inner = made
        for step in field.steps[:-1]:
            inner = inner.setdefault(step, {}) if text else inner.get(step) or {}
        if text:
            inner[field.steps[-1]] = field.read(text)
        else:
            inner.pop(field.steps[-1], None)
    return made

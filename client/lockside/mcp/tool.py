"""The declaration of tools: `@tool` above a function adds it to `TOOLS`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

from lockside.documents.base import In, Out
from lockside.mcp.desk import Desk
from lockside.protocol.schemas import described

Json = dict[str, Any]
Do = Callable[[Desk, Any], Awaitable[tuple[str, Out]]]
"""The function of a tool: returns a text for the agent and the same as data."""

_REFERENCE: Final = "#/$defs/{name}"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool; `asks` and `answers` are the types of its arguments and of its data."""

    name: str
    description: str
    asks: type[In]
    answers: type[Out]
    do: Do
    acts: bool
    is_destructive: bool

    def view(self) -> Json:
        """Return the tool as in `tools/list`."""
        hints = {"readOnlyHint": not self.acts, "openWorldHint": False}
        if self.acts:
            hints |= {"destructiveHint": self.is_destructive, "idempotentHint": not self.is_destructive}
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": _schema(self.asks) | {"additionalProperties": False},
            "outputSchema": _schema(self.answers),
            "annotations": hints,
        }


TOOLS: Final[dict[str, Tool]] = {}
"""Every tool by its name, in the order of their declarations."""


def tool(
    name: str, asks: type[In], answers: type[Out], *, acts: bool = False, is_destructive: bool = False
) -> Callable[[Do], Do]:
    """Declare the decorated function as a tool; its docstring is the description for the agent."""

    def declare(do: Do) -> Do:
        TOOLS[name] = Tool(name, do.__doc__ or "", asks, answers, do, acts, is_destructive)
        return do

    return declare


def _schema(kind: type[Struct]) -> Json:
    """Return the JSON Schema of an object, with the types that it contains."""
    _, components = described([kind], _REFERENCE)
    own = components.pop(kind.__name__)
    return own | ({"$defs": components} if components else {})


def data_of(answer: Out) -> Json:
    """Return an answer as JSON."""
    data: Json = msgspec.to_builtins(answer)
    return data


def lines(*parts: str | None) -> str:
    """Join the lines that are not empty."""
    return "\n".join(part for part in parts if part)


def facts(names: Mapping[str, Any]) -> str:
    """Format facts in one line, without unknown ones."""
    known = {name: value for name, value in names.items() if value not in (None, "", [], {})}
    return ", ".join(f"{name} {value}" for name, value in known.items())

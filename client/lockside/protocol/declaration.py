"""How a method of the wire is declared: `@method` above the type of its parameters enters it in `METHODS`.

The server's checks, both clients, the OpenRPC document and the reference of the handbook are derived from it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from msgspec import Meta, Struct

from lockside.documents.base import DeduplicationId, In, ProjectId
from lockside.protocol.errors import ErrorKind
from lockside.protocol.sentences import summary
from lockside.protocol.words import Role

Cursor = Annotated[str, Meta(min_length=1, max_length=1024)]
PageLimit = Annotated[int, Meta(ge=1, le=1000)]


class Params(In, frozen=True, kw_only=True):
    """The parameters of every method."""

    project: ProjectId = "default"


class ListParams(Params, frozen=True, kw_only=True):
    """The parameters of every list: a page has `limit` entries, or fewer if a line would be too long.

    Attributes:
        limit: The maximum number of entries of a page.
        cursor: The `nextCursor` of the previous page; the other parameters must be the same.
    """

    limit: PageLimit = 1000
    cursor: Cursor | None = None


class Mutation(Params, frozen=True, kw_only=True):
    """The parameters of methods that change something; a repeat with the same id has no further effect."""

    deduplication_id: DeduplicationId | None = None


def fields_of(kind: type[Struct]) -> Any:
    """Return the type of the parameter `fields`, a list of the members of an object to return."""
    names = tuple(name for name in kind.__struct_encode_fields__ if name != "deduplicated")
    return Annotated[
        list[Literal[names]],  # type: ignore[valid-type]
        Meta(max_length=200, description="Return only these members of each, and its id."),
    ]


class OtherUse(Struct, frozen=True, kw_only=True):
    """A second use of a method, with another type of result.

    Attributes:
        given: The parameter that selects it: a flag, or one that replaces the first parameter.
        answers: The type of its result.
        called: The name of this use in the Python library.
        summary: What this use does.
    """

    given: str
    answers: Any
    called: str
    summary: str


class Method(Struct, frozen=True, kw_only=True, eq=False):
    """A method. Methods that change something accept a `deduplicationId` and write an event.

    Attributes:
        refuses: The kinds of errors that it returns beside the general ones.
        other: Its second use.
        called: Its name in the Python library, if different.
        of_connection: Whether it affects the connection that it is sent on; the library does not offer it.
        positional: The optional parameters that the library also takes by position, after the required ones.
        defaults: What the library sends for a parameter that is not given.
        is_repeatable: Whether it may be sent again if it is unknown whether it was executed.
        is_alone: Whether later calls of the connection begin after its end; it cannot be part of a batch.
    """

    name: str
    params: type[Struct]
    answers: Any
    role: Role
    example: Mapping[str, Any]
    refuses: frozenset[ErrorKind]
    other: OtherUse | None = None
    called: str = ""
    of_connection: bool = False
    positional: tuple[str, ...] = ()
    defaults: Mapping[str, Any]
    is_repeatable: bool = True
    is_alone: bool = False

    @property
    def summary(self) -> str:
        """The first sentence of the declaration's docstring."""
        return summary(self.params).split(". ")[0].split("\n")[0].rstrip(".") + "."

    @property
    def results(self) -> list[Any]:
        """The types of its results."""
        return [self.answers] if self.other is None else [self.answers, self.other.answers]

    @property
    def mutates(self) -> bool:
        """Whether it changes something."""
        return "deduplication_id" in self.params.__struct_fields__

    @property
    def errors(self) -> list[ErrorKind]:
        """All kinds of errors that it returns; a repeat that differs from the first call is a conflict."""
        repeated = {ErrorKind.CONFLICT} if self.mutates else set[ErrorKind]()
        return [kind for kind in ErrorKind if kind in GENERAL_ERRORS | self.refuses | repeated]


GENERAL_ERRORS: Final = frozenset(ErrorKind) - {
    ErrorKind.NOT_FOUND,
    ErrorKind.CONFLICT,
    ErrorKind.INVALID_TRANSITION,
    ErrorKind.DISABLED,
    ErrorKind.TIMEOUT,
    ErrorKind.FAILED,
}
"""The kinds of errors that any call can return."""

METHODS: Final[dict[str, Method]] = {}
"""Every method by its name, in the order of their declarations."""

P = TypeVar("P", bound=Struct)


def method(
    name: str,
    role: Role,
    *,
    answers: Any,
    example: Mapping[str, Any] | None = None,
    refuses: Sequence[ErrorKind] = (),
    other: OtherUse | None = None,
    called: str = "",
    of_connection: bool = False,
    positional: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
    is_repeatable: bool = True,
    is_alone: bool = False,
    table: dict[str, Method] = METHODS,
) -> Callable[[type[P]], type[P]]:
    """Declare the decorated type as the parameters of a method; see `Method` for the arguments."""

    def declare(params: type[P]) -> type[P]:
        if name in table:
            raise ValueError(f"The method {name} is declared twice")
        table[name] = Method(
            name=name,
            params=params,
            answers=answers,
            role=role,
            example=example or {},
            refuses=frozenset(refuses),
            other=other,
            called=called or name,
            of_connection=of_connection,
            positional=tuple(positional),
            defaults=defaults or {},
            is_repeatable=is_repeatable,
            is_alone=is_alone,
        )
        return params

    return declare

"""A method is one declaration and one handler; everything else provides it automatically."""

from pathlib import Path
from typing import Any

import pytest
import structlog
from anyio import create_task_group, to_thread

from lockside import AsyncClient, Client
from lockside.cli.reference import _Book
from lockside.documents.base import Out
from lockside.protocol.declaration import METHODS, Method, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods import TEST_METHODS
from lockside.protocol.openrpc import describe
from lockside.protocol.words import Role
from locksided.api.catalog import CatalogMethods
from locksided.api.clock import ClockMethods
from locksided.api.handlers import GROUPS
from locksided.core.errors import NotFound
from locksided.server import Call, ClientLimits, Server, listen
from locksided.server.handlers import handler, handlers_of
from server.serving import OWN_ACCESS


class Greeting(Out, frozen=True, kw_only=True):
    """A greeting.

    Attributes:
        text: The text.
    """

    text: str


NAME = "greeting.sayTo"
TABLE: dict[str, Method] = {}


@method(
    NAME,
    Role.VIEWER,
    answers=Greeting,
    refuses=[ErrorKind.NOT_FOUND],
    example={"person": "Ada"},
    table=TABLE,
)
class GreetingSayTo(Params, frozen=True, kw_only=True):
    """Greet a person. It is polite.

    Attributes:
        person: Who is greeted.
        salutation: How.
    """

    person: str
    salutation: str = "Hello"


class Greetings:
    """The handler."""

    @handler
    async def say_to(self, _call: Call, asked: GreetingSayTo) -> Greeting:
        if asked.person == "Nobody":
            raise NotFound("There is nobody.", path="$.person")
        return Greeting(text=f"{asked.salutation}, {asked.person}")


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the declaration to all others."""
    monkeypatch.setitem(METHODS, NAME, TABLE[NAME])


@pytest.mark.usefixtures("declared")
async def test_a_declared_method_with_a_handler_is_served_described_and_offered_by_both_clients(
    tmp_path: Path,
) -> None:
    server = Server(handlers_of(Greetings(), METHODS), OWN_ACCESS, ClientLimits(), structlog.get_logger())
    path = str(tmp_path / "s")

    def blocking() -> Any:
        client: Any
        with Client(path) as client:
            return client.greeting.say_to("Ada").text

    async with create_task_group() as tasks:
        await tasks.start(server.serve, [listen(Path(path))])
        assert await to_thread.run_sync(blocking) == "Hello, Ada"
        client: Any
        async with AsyncClient(path) as client:
            assert (await client.greeting.say_to("Ada", salutation="Hi")).text == "Hi, Ada"
        server.stop()
    document = describe(METHODS, "1")
    [described] = [one for one in document["methods"] if one["name"] == NAME]
    assert described["summary"] == "Greet a person."
    assert "#/components/errors/not_found" in {error["$ref"] for error in described["errors"]}
    assert "`salutation`" in _Book(document).method(NAME)


def test_a_handler_without_a_declared_method_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="no method is declared with GreetingSayTo"):
        handlers_of(Greetings(), METHODS)


def test_two_declarations_of_one_name_are_an_error_at_once() -> None:
    with pytest.raises(ValueError, match=r"greeting\.sayTo is declared twice"):
        method(NAME, Role.VIEWER, answers=Any, table=TABLE)(Params)


def test_every_declared_method_has_one_handler_and_every_handler_a_declared_method() -> None:
    groups = [object.__new__(group) for group in (*GROUPS, ClockMethods)]
    handled = [name for group in groups for name in handlers_of(group, TEST_METHODS)]
    assert len(handled) == len(set(handled))
    of_kinds = CatalogMethods.of_kinds(object.__new__(CatalogMethods))
    assert sorted({*handled, *of_kinds}) == sorted(TEST_METHODS)

"""Every method of the library names its errors, and names none that there is not."""

import re
from collections.abc import Iterator

import pytest

from lockside import AsyncClient, Client, errors
from lockside.protocol.methods import METHODS
from lockside.requests import Group, call

CLASSES = {name for name, one in vars(errors).items() if isinstance(one, type)}
STEERING = ["hold", "release", "pause", "resume", "reprioritise", "purge", "retry", "amend"]


def methods() -> Iterator[tuple[str, str]]:
    """Every method with its docstring."""
    client = Client("/nowhere")
    for name, group in vars(client).items():
        if isinstance(group, Group):
            for word in dir(type(group)):
                member = getattr(type(group), word)
                if isinstance(member, call):
                    yield f"{name}.{word}", member.__doc__ or ""


METHODS_OF_THE_LIBRARY = dict(methods())


def raised(text: str) -> set[str]:
    """The classes that a docstring says are raised."""
    named = re.search(r"Raises (.*)", text, re.DOTALL)
    return set(re.findall(r"\b[A-Z]\w+", named[1])) if named else set()


@pytest.mark.parametrize("name", METHODS_OF_THE_LIBRARY)
def test_what_a_method_says_that_it_raises_exists(name: str) -> None:
    text = METHODS_OF_THE_LIBRARY[name]
    assert text.partition("\n")[0].rstrip('"').count(".") >= 1, "it begins with a sentence"
    assert raised(text) <= CLASSES


def test_the_errors_of_every_method_are_named_once_for_all() -> None:
    from lockside import methods as module

    assert {"NotReachable", "Unavailable", "InvalidParams", "Forbidden", "LimitExceeded", "Conflict"} <= set(
        re.findall(r"[A-Z]\w+", module.__doc__ or "")
    )


NAMING = [
    name
    for name, method in METHODS.items()
    if {"id", "config", "token"} & set(method.params.__struct_fields__)
    and name.partition(".")[2] not in ("put", "list", "stats")
]


@pytest.mark.parametrize("name", NAMING)
def test_a_method_about_something_that_may_not_be_there_names_not_found(name: str) -> None:
    word = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
    assert "NotFound" in raised(METHODS_OF_THE_LIBRARY[word])


@pytest.mark.parametrize("word", STEERING)
def test_what_a_status_can_forbid_names_the_invalid_transition(word: str) -> None:
    assert "InvalidTransition" in raised(METHODS_OF_THE_LIBRARY[f"job.{word}"])


def test_the_iterators_of_both_clients_name_what_ends_them() -> None:
    for kind in (Client, AsyncClient):
        assert raised(kind.events.__doc__ or "") == {"NotFound", "NotReachable", "ConnectionLost"}

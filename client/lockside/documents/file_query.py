"""Queries for stored files: `tags:crm AND (name:orders* OR "all of it") AND NOT id:17`.

Fields are `tags`, `name` and `id`; a text without a field is a name or a tag. `*` matches any characters,
except within quotes. Adjacent terms must all match. Case is ignored. Pure.
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias, cast

Field: TypeAlias = Literal["tags", "name", "id", ""]
_TOKEN = re.compile(
    r'\s*(?:(?P<bracket>[()])|(?:(?P<field>[a-z_]+):)?(?:"(?P<quoted>[^"]*)"|(?P<word>[^\s()":]+)))'
)
_MOST_TOKENS = 200


class BadQuery(ValueError):
    """An invalid query; the message says why."""


class Match(NamedTuple):
    """Matches files with this `field`; the empty field is a name or a tag."""

    field: Field
    text: str
    is_pattern: bool


class Not(NamedTuple):
    """Matches files that the query does not match."""

    what: "Query"


class Both(NamedTuple):
    """Matches files that all parts match."""

    parts: "tuple[Query, ...]"


class Either(NamedTuple):
    """Matches files that at least one part matches."""

    parts: "tuple[Query, ...]"


Query: TypeAlias = Match | Not | Both | Either


def read_query(text: str) -> Query:
    """Parse a query. Raises BadQuery."""
    tokens = _tokens(text)
    query = _either(tokens)
    if tokens:
        raise BadQuery("A bracket is closed that was not opened")
    return query


def _tokens(text: str) -> list[Match | str]:
    """Return the tokens in reverse order: brackets and operators as texts, terms as `Match`."""
    tokens: list[Match | str] = []
    text, at = text.rstrip(), 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadQuery(f"It is invalid from character {at + 1} on")
        at = found.end()
        tokens.append(found["bracket"] or _word(found))
    if len(tokens) > _MOST_TOKENS:
        raise BadQuery(f"It has more than {_MOST_TOKENS} words")
    return tokens[::-1]


def _word(found: re.Match[str]) -> Match | str:
    field, quoted, word = found["field"], found["quoted"], found["word"]
    if field is None and word in ("AND", "OR", "NOT"):
        return str(word)
    if field not in (None, "tags", "name", "id"):
        raise BadQuery(f"There is no field {field!r}: the fields are tags, name and id")
    text = quoted if word is None else word
    if field == "id" and not text.isdecimal():
        raise BadQuery("An id is a number")
    return Match(cast("Field", field or ""), text, is_pattern=word is not None and "*" in word)


def _either(tokens: list[Match | str]) -> Query:
    parts = [_both(tokens)]
    while tokens and tokens[-1] == "OR":
        tokens.pop()
        parts.append(_both(tokens))
    return _joined(parts, Either)


def _both(tokens: list[Match | str]) -> Query:
    parts = [_one(tokens)]
    while tokens and tokens[-1] not in ("OR", ")"):
        if tokens[-1] == "AND":
            tokens.pop()
        parts.append(_one(tokens))
    return _joined(parts, Both)


def _joined(parts: list[Query], by: Callable[[tuple[Query, ...]], Query]) -> Query:
    return parts[0] if len(parts) == 1 else by(tuple(parts))


def _one(tokens: list[Match | str]) -> Query:
    token = tokens.pop() if tokens else None
    match token:
        case Match():
            return token
        case "NOT":
            return Not(_one(tokens))
        case "(":
            inner = _either(tokens)
            if not tokens or tokens.pop() != ")":
                raise BadQuery("A bracket is not closed")
            return inner
        case _:
            raise BadQuery("A word is missing" if token is None else f"{token} stands without a word")

"""Queries for stored files: what they mean, and which are refused."""

import pytest

from lockside.documents.file_query import BadQuery, Both, Either, Match, Not, Query, read_query

A, B, C = (Match("tags", letter, is_pattern=False) for letter in "abc")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("tags:a", A),
        ("tags:a tags:b", Both((A, B))),
        ("tags:a AND tags:b OR tags:c", Either((Both((A, B)), C))),
        ("tags:a (tags:b OR NOT tags:c)", Both((A, Either((B, Not(C)))))),
        ('tags:"componentId: x"', Match("tags", "componentId: x", is_pattern=False)),
        ("name:x*", Match("name", "x*", is_pattern=True)),
        ('"x*"', Match("", "x*", is_pattern=False)),
        ("id:17", Match("id", "17", is_pattern=False)),
        ("and", Match("", "and", is_pattern=False)),
    ],
)
def test_a_query_is_read(text: str, meaning: Query) -> None:
    assert read_query(text) == meaning


@pytest.mark.parametrize(
    "text", ["", " ", "(tags:a", "tags:a)", "AND", "tags:a OR", "NOT", "size:3", "id:x", '"a', "a " * 201]
)
def test_an_invalid_query_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(BadQuery, match=r"^[A-Z]"):
        read_query(text)

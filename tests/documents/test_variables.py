"""`{{ name }}` in texts: filled in, found, or left unchanged."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockside.documents.reading import convert, faults_of
from lockside.documents.variables import (
    VariableValue,
    VariableValues,
    defaults_of,
    filled,
    names_in,
    texts_of,
)

NAMES = st.from_regex(r"\A#?[A-Za-z_][A-Za-z0-9_.-]{0,8}\Z")
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | NAMES.map("{{{{ {} }}}}".format),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


def test_texts_are_filled_at_any_depth_and_keys_are_not() -> None:
    document = {"{{ a }}": ["x{{a}}y", {"b": "{{  a  }}{{ b }}"}], "n": 1}
    assert filled(document, {"a": "1", "b": "2"}) == {"{{ a }}": ["x1y", {"b": "12"}], "n": 1}


def test_a_filled_value_is_not_filled_again() -> None:
    assert filled("{{ a }}", {"a": "{{ b }}", "b": "x"}) == "{{ b }}"


@pytest.mark.parametrize("text", ["{{ .Name }}", "{{ 1 }}", "{ a }", "{{a b}}", "{{}}", "{{ a | upper }}"])
def test_text_that_only_looks_like_a_variable_is_left_unchanged(text: str) -> None:
    assert names_in(text) == []
    assert filled(text, {"a": "1"}) == text


def test_each_name_is_listed_once_in_order() -> None:
    assert names_in(["{{ b }}", {"k": "{{ a }}{{ b }}"}]) == ["b", "a"]


def test_values_of_any_scalar_type_become_texts() -> None:
    pairs = [{"name": "a", "value": True}, {"name": "b", "value": 1.5}, {"name": "a", "value": "late"}]
    assert texts_of(convert({"values": pairs}, VariableValues).values) == {"a": "late", "b": "1.5"}
    assert texts_of([VariableValue(name="a", value=False)]) == {"a": "false"}


@pytest.mark.parametrize(
    ("pair", "path"),
    [
        ({"name": "a"}, "$.values[0].value"),
        ({"name": "a b", "value": 1}, "$.values[0].name"),
        ({"value": 1}, "$.values[0].name"),
        ({"name": "a", "value": []}, "$.values[0].value"),
        ({"name": "a", "value": 1, "extra": 1}, "$.values[0].extra"),
        ("a=1", "$.values[0]"),
    ],
)
def test_an_invalid_pair_is_refused_with_its_path(pair: Any, path: str) -> None:
    assert [fault.path for fault in faults_of({"values": [pair]}, VariableValues)] == [path]


def test_a_null_default_is_no_default() -> None:
    assert defaults_of({"a": None, "b": 2}) == {"b": "2"}


@given(DOCUMENTS, st.dictionaries(NAMES, st.text(max_size=5)))
def test_filling_leaves_exactly_the_variables_without_a_value(document: Any, values: dict[str, str]) -> None:
    plain = {name: value.replace("{", "(") for name, value in values.items()}
    missing = [name for name in names_in(document) if name not in plain]
    assert set(missing) <= set(names_in(filled(document, plain)))
    complete = plain | dict.fromkeys(missing, "!")
    assert filled(filled(document, plain), complete) == filled(document, complete)

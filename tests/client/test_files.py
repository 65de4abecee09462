"""A document that cannot be read is refused with the line and the usual intention."""

import pytest

from lockside.cli.files.parse import FileError, read_document

TOML = {
    "foo = [": (1, "not closed before the end of the file"),
    "a = 1\nfoo = [\n\n1,\n": (2, "not closed before the end of the file"),
    "a = 1\nfoo = [\n1\nbar = 2\n": (2, "not closed before line 4"),
    'a = 1\nx = """abc\ndef\n': (2, "a quote is missing"),
    "[a]\nb = {c = 1": (2, "a } or a quote is missing"),
    "a = 1\nb =": (2, "a value is missing after the ="),
    "a = 1\nb = tru\n": (2, "a text needs quotes"),
    "a = 1\n\na = 2\n": (3, "this key appears twice"),
    "[t]\nx = 1\n[t]\ny = 2": (3, "the table 't' appears twice"),
    'x = "a\n"': (1, "three quotes"),
    "a = 1\nb = nan": (2, "b: It is not a finite number"),
}
JSON = {
    '{"a": 1,\n"b": 2,}': (2, "double quotes"),
    '{"a": 1,\n"a": 2}': (2, "a: This key appears twice"),
    '{"b":\n[{"a": 1,\n"a": 2}]}': (3, "b[0].a: This key appears twice"),
    '{"a": 1,\n"b": NaN}': (2, "b: It is not a finite number"),
    '{"a": 1,\n"b": 1e999}': (2, "b: It is not a finite number"),
    "[1]": (1, "the top must be an object"),
    "": (1, "Expecting value"),
}
CASES = [("x.toml", *case) for case in TOML.items()] + [("x.json", *case) for case in JSON.items()]


@pytest.mark.parametrize(("file", "text", "expected"), CASES)
def test_a_fault_is_reported_where_it_begins(file: str, text: str, expected: tuple[int, str]) -> None:
    with pytest.raises(FileError) as refused:
        read_document(file, text)
    line, words = expected
    assert (refused.value.file, refused.value.line) == (file, line)
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ['{"a": 1,\n"b": }', '\n  {"a": '])
def test_a_file_without_a_suffix_is_read_as_what_it_looks_like(text: str) -> None:
    with pytest.raises(FileError, match="Expecting value"):
        read_document("v2", text)


def test_the_search_for_the_start_of_an_unclosed_value_is_bounded() -> None:
    with pytest.raises(FileError, match="end of the file") as refused:
        read_document("x.toml", 'a = 1\nx = """\n' + "word\n" * 10_000)
    assert refused.value.line == 10_002

"""Turns a validation error of msgspec into a sentence: the field, the accepted values, the remedy.

Used only after an error: it inspects the types by reflection and is slow.
"""

import re
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec import inspect

from lockside.documents import (
    base,
    image,
    notification,
    pool,
    recovery,
    staging,
    storage,
    stored_files,
    table,
)
from lockside.documents.paths import join, split_problem

PATTERNS: Final = {
    base.NAME_PATTERN: "consist of ASCII letters, digits, '_', '-' and single '.', first a letter or digit",
    base.JOB_ID_PATTERN: "be a job's id as a text of digits, or its uuid",
    base.RUN_ID_PATTERN: "be job ids joined by dots, as in '12.15'",
    base.RUN_ID_PREFIX_PATTERN: "be job ids joined by dots, as in '12.15'",
    base.LOCK_PATTERN: "be 'exclusive', 'none' or 'shared:N' with N from 1 to 1000000",
    base.VARIABLE_PATTERN: "be a variable's name: a letter or '_', then letters, digits, '_', '-' or '.'",
    base.NO_NUL_PATTERN: "not contain a NUL character",
    base.UMASK_PATTERN: "be an umask of three octal digits, as in '022', or empty for the default",
    base.PATH_PATTERN: "be an absolute path, which begins with '/'",
    base.HEX_PATTERN: "be an id of hexadecimal digits in lower case, as in '0f3a9c51b2d47e68'",
    base.KEY_ID_PATTERN: "be a key's id of 8 hexadecimal digits, as `lockside secret keys` lists them",
    base.NUMBER_PATTERN: "be a number in digits, as in '17'",
    storage.TABLE_PATTERN: "be a table's id: stage, bucket and name, as in 'in.c-shop.orders'",
    storage.DELIMITER_PATTERN: "not be a line end or a NUL character",
    storage.ENCLOSURE_PATTERN: "be an ASCII character, and not a line end or NUL",
    storage.BUCKET_PATTERN: "be a bucket's id: stage and name, as in 'in.c-shop'",
    stored_files.FILE_NAME_PATTERN: "be a file's name, without '/' and NUL",
    table.COLUMN_PATTERN: "be a column's name: ASCII letters, digits, and '_' between them",
    notification.ADDRESS_PATTERN: "be a mail address, as in 'team@example.com'",
    image.IMAGE_PATTERN: "be an image's name, as in 'registry.example.org/etl/orders:1.2'",
    pool.VARIABLE_OF_ENVIRONMENT: "be a variable's name: a letter or '_', then letters, digits or '_'",
    base.ENVIRONMENT_NAME_PATTERN: "be a variable's name, without '=' and NUL",
    pool.KIND_PATTERN: "be an executor's kind: lower-case letters, digits, '_' and '-', first a letter",
    pool.UNIT_PATTERN: "be a unit: ASCII letters, digits and any of '._:/-'",
    recovery.HOST_PATTERN: "be a host: a name or an address, without spaces, '/' and '@'",
    recovery.METHOD_PATTERN: "be a method of HTTP in capital letters, as in 'GET'",
    staging.CHECKSUM_PATTERN: "be 'sha256:' and 64 hexadecimal digits, or 'md5:' and 32, in lower case",
    base.HEADER_PATTERN: "be a header's name: ASCII letters, digits and '-'",
    base.OPTIONAL_URL_PATTERN: "be an http or https URL, or empty",
}
WORDS: Final = re.compile(r"\^\((\w+(?:\|\w+)*)\)\$")
"""A pattern that is a list of words."""
_OF_A_NAME: Final = re.compile(r" - at `key` in (?=`[^`]*`$)")
_KINDS: Final = {
    "object": "an object",
    "array": "a list",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "null": "null",
}
_LONGEST: Final = 4000
_QUOTES: Final = "'\""
_STEP: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<item>[^\]]*)\]")


def explain(problem: msgspec.ValidationError, expected: Any) -> tuple[str, str]:
    """Return a sentence about an error while reading as `expected`, and the path of the field."""
    whole = str(problem)
    if len(whole) > _LONGEST:
        whole = f"{whole[: _LONGEST // 2]}…{whole[-_LONGEST // 2 :]}"
    whole, is_of_a_name = _OF_A_NAME.subn(" - at ", whole)
    text, path = split_problem(whole)
    if unknown := re.match(r"Object contains unknown field `(.*)`$", text, re.DOTALL):
        name = shortened(unknown[1])
        return f"Unknown field `{name}`{_suggestion(name, _fields_at(expected, path))}", join(path, name)
    if missing := re.match(r"Object missing required field `(.*)`$", text):
        return f"The field `{missing[1]}` is missing: it is required", f"{path}.{missing[1]}"
    sentence = _rewritten(text, expected, path)
    if is_of_a_name:
        sentence = sentence.replace("It must", "Each name in it must", 1)
    return sentence, path


def shortened(text: str, limit: int = 80) -> str:
    """Shorten a caller's value for a message."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def with_subject(sentence: str, path: str) -> str:
    """Return the sentence with its field, for places that do not show the path separately."""
    if path == "$" or sentence.startswith(("Unknown field", "The field")):
        return sentence
    return f"`{path.removeprefix('$.')}`: {sentence}"


def _rewritten(text: str, expected: Any, path: str) -> str:
    if match := re.match(
        r"Expected `str` matching regex (?P<quote>['\"])(?P<pattern>.*)(?P=quote)$", text, re.DOTALL
    ):
        pattern = match["pattern"].replace("\\\\", "\\")
        listed = WORDS.fullmatch(pattern)
        otherwise = f"be one of {listed[1].replace('|', ', ')}" if listed else f"match {pattern}"
        return f"It must {PATTERNS.get(pattern, otherwise)}"
    if match := re.match(r"Invalid enum value (?P<value>.*)$", text, re.DOTALL):
        choices = _choices_at(expected, path)
        given = shortened(match["value"])
        if len(choices) > 20:
            return f"{given} is not one of its values{_suggestion(given.strip(_QUOTES), choices)}"
        return f"{given} is not one of {', '.join(choices)}"
    if match := re.match(r"Expected `(?P<types>[a-z |]+)`, got `(?P<got>\w+)`$", text):
        return f"It must be {_one_of(match['types'])}, not {_KINDS.get(match['got'], match['got'])}"
    if match := re.match(r"Expected `(?P<type>\w+)` of length (?P<op>[<>]=) (?P<bound>\d+)$", text):
        unit = "character" if match["type"] == "str" else "member"
        ending = "" if match["bound"] == "1" else "s"
        least_or_most = "at most" if match["op"] == "<=" else "at least"
        return f"It must have {least_or_most} {match['bound']} {unit}{ending}"
    if match := re.match(r"Expected `(?:int|float)` (?P<op>[<>]=?) (?P<bound>\S+)$", text):
        words = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}
        return f"It must be {words[match['op']]} {match['bound'].removesuffix('.0')}"
    return text


def _one_of(types: str) -> str:
    names = [_KINDS.get(name.strip(), name.strip()) for name in types.split("|")]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _suggestion(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f": did you mean `{close[0]}`?"
    return f"; known here are {', '.join(known)}" if 0 < len(known) <= 40 else ""


def _fields_at(expected: Any, path: str) -> list[str]:
    return [field.encode_name for kind in _kinds_at(expected, path) for field in getattr(kind, "fields", ())]


def _choices_at(expected: Any, path: str) -> list[str]:
    choices: list[str] = []
    for kind in _kinds_at(expected, path):
        match kind:
            case inspect.EnumType():
                choices += [str(member.value) for member in kind.cls]
            case inspect.LiteralType():
                choices += [str(value) for value in kind.values]
            case inspect.DictType(key_type=inspect.LiteralType(values=names)):  # the name itself is wrong
                choices += map(str, names)
            case _:
                pass
    return choices


def _kinds_at(expected: Any, path: str) -> list[inspect.Type]:
    kinds = _alternatives(inspect.type_info(expected))
    for step in _STEP.finditer(path.removeprefix("$")):
        kinds = [deeper for kind in kinds for deeper in _step(kind, step["name"])]
    return kinds


def _step(kind: inspect.Type, name: str | None) -> list[inspect.Type]:
    match kind:
        case inspect.StructType():
            return [k for f in kind.fields if f.encode_name == name for k in _alternatives(f.type)]
        case inspect.DictType():
            return _alternatives(kind.value_type)
        case inspect.ListType():
            return _alternatives(kind.item_type)
        case _:
            return []


def _alternatives(kind: inspect.Type) -> list[inspect.Type]:
    match kind:
        case inspect.UnionType():
            return [inner for part in kind.types for inner in _alternatives(part)]
        case inspect.Metadata():
            return _alternatives(kind.type)
        case _:
            return [kind]

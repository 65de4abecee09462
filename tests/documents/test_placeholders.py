"""The placeholders in the arguments of a component: parameters, and the paths of its files."""

from typing import Any

import pytest

from lockside.documents.component import Manifest
from lockside.documents.placeholders import (
    needed_parameters,
    parameter_files,
    with_parameters,
    with_paths,
    without_value,
)
from runs.examples import read


def manifest(**form: Any) -> Manifest:
    return read(Manifest, {"id": "ex.tap", **form})


TAP = manifest(
    pipeline=[
        ["tap", "--config", "{parameters.tap}", "--state={state}", "--since", "{{ since }}"],
        ["target", "{{ target.schema }}.{{ table }}", "{parameters}"],
    ]
)


def test_parameters_reach_every_side_of_a_pipeline() -> None:
    given = {"since": "2026", "target": {"schema": "raw"}, "table": "t", "tap": {"n": 1}}
    tap, target = with_parameters(TAP, given).stages
    assert tap[-1] == "2026"
    assert target[1] == "raw.t"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (1.5, "1.5"), ("é", "é"), ([1, "é"], '[1, "é"]'), ({"a": {}}, '{"a": {}}')],
)
def test_a_value_is_inserted_as_text_or_as_json(value: Any, text: str) -> None:
    filled = with_parameters(manifest(command=["run", "{{ x }}"]), {"x": value})
    assert filled.command == ["run", text]


def test_a_name_with_dots_is_a_parameter_name_before_it_is_a_path() -> None:
    filled = with_parameters(manifest(command=["run", "{{ a.b }}"]), {"a.b": "whole", "a": {"b": "inner"}})
    assert filled.command == ["run", "whole"]


def test_the_parameters_that_arguments_need_are_known_before_a_run() -> None:
    assert needed_parameters(TAP) == ["tap", "since", "target.schema", "table"]
    assert without_value(TAP, {"tap": {}, "since": None, "target": "raw"}) == [
        "since",
        "target.schema",
        "table",
    ]


def test_files_of_parameters_contain_the_parameter_that_names_them() -> None:
    files = parameter_files(TAP, {"tap": {"path": "é"}, "since": 1})
    assert files == {
        "parameters.tap.json": '{\n  "path": "é"\n}',
        "parameters.json": '{\n  "tap": {\n    "path": "é"\n  },\n  "since": 1\n}',
    }


@pytest.mark.parametrize(
    ("word", "filled"),
    [
        ("{state}", "/d/in/state.json"),
        ("--state={state}", "--state=/d/in/state.json"),
        ("{parameters}", "/d/in/parameters.json"),
        ("-c={parameters.tap}", "-c=/d/in/parameters.tap.json"),
        ("{datadir}out/x", "/d/out/x"),
        ("print(f'{state}')", "print(f'{state}')"),
        ("{parameters.a.b}", "{parameters.a.b}"),
    ],
)
def test_a_path_is_the_whole_argument_or_the_part_after_its_equals_sign(word: str, filled: str) -> None:
    assert with_paths(word, "/d/") == filled


def test_a_shell_text_stays_unchanged() -> None:
    shell = manifest(shell="docker ps --format '{{ name }}'")
    assert (needed_parameters(shell), with_parameters(shell, {"name": "x; rm -r /"})) == ([], shell)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["{{ program }}"], "The program cannot be a parameter: only its arguments can"),
        (["tap", "--password", "{{ #password }}"], "Other users can read arguments"),
    ],
)
def test_no_parameter_can_choose_the_program_or_show_a_secret(argv: list[str], said: str) -> None:
    with pytest.raises(Exception, match=said) as caught:
        manifest(pipeline=[["cat"], argv])
    assert str(getattr(caught.value, "path", "")).startswith("$.pipeline[1]")

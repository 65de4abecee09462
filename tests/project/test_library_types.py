"""The types of the library match the declarations, and a type checker uses them."""

from pathlib import Path

import pytest
from mypy import api

from project.library_stub import FILES, FOLDER, written

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", FILES)
def test_the_stubs_match_the_declarations(name: str) -> None:
    told = "the declarations have changed: run `python tests/project/library_stub.py`"
    assert (FOLDER / name).read_text("utf-8") == written(name), told


def test_a_program_that_uses_the_library_is_type_checked() -> None:
    sample = str(ROOT / "tests" / "project" / "library_sample.py")
    out, err, code = api.run(["--strict", "--config-file", str(ROOT / "pyproject.toml"), sample])
    assert (code, err) == (0, ""), out

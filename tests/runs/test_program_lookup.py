"""Programs are looked up below another root as a start there would; an undecidable case is not reported."""

from pathlib import Path

import pytest

from locksided.backends.base import RequiredPrograms
from locksided.backends.program_lookup import missing_program


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a program, absolute and relative links to it, and files that are not programs."""
    for folder in ("usr/bin", "opt/tool/bin", "work"):
        (tmp_path / folder).mkdir(parents=True)
    program = tmp_path / "opt/tool/bin/tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "usr/bin/absolute").symlink_to("/opt/tool/bin/tool")
    (tmp_path / "usr/bin/relative").symlink_to("../../opt/tool/bin/tool")
    (tmp_path / "usr/bin/dangling").symlink_to("/opt/nothing")
    (tmp_path / "usr/bin/circle").symlink_to("circle")
    (tmp_path / "usr/bin/plain").write_text("no program")
    (tmp_path / "usr/bin/folder").mkdir()
    return tmp_path


def missing(root: Path, *names: str, path: str = "/none:/usr/bin", cwd: str | None = None) -> str | None:
    return missing_program(RequiredPrograms(names, path, cwd), str(root))


@pytest.mark.parametrize("name", ["absolute", "relative", "/opt/tool/bin/tool", "/usr/bin/../bin/absolute"])
def test_a_program_is_found_through_links_inside_the_root(root: Path, name: str) -> None:
    assert missing(root, name) is None


@pytest.mark.parametrize(
    "name", ["nothing", "dangling", "/usr/bin/nothing", "/usr/bin/plain/below", "./tool"]
)
def test_a_program_that_is_not_there_is_named(root: Path, name: str) -> None:
    assert missing(root, name) == f"{name}: No such file or directory"


@pytest.mark.parametrize("name", ["plain", "folder", "/usr/bin/plain"])
def test_a_file_that_nobody_may_execute_is_not_a_program(root: Path, name: str) -> None:
    assert missing(root, name) == f"{name}: Permission denied"


def test_the_first_missing_stage_of_a_pipe_is_named(root: Path) -> None:
    assert missing(root, "absolute", "first", "second") == "first: No such file or directory"


def test_relative_names_and_folders_count_from_the_working_folder(root: Path) -> None:
    assert missing(root, "./bin/tool", cwd="/opt/tool") is None
    assert missing(root, "tool", path="bin", cwd="/opt/tool") is None
    assert missing(root, "tool", path="bin", cwd="/work") == "tool: No such file or directory"
    assert missing(root, cwd="/gone") == "working folder /gone: No such file or directory"


def test_undecidable_cases_are_left_to_the_start(root: Path) -> None:
    assert missing(root, "circle") is None
    assert missing(root, "/proc/self/exe") is None
    assert missing(root / "gone", "nothing") is None

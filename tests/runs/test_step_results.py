"""The results of steps, in folders that may belong to the users of jobs."""

import os
from pathlib import Path

import pytest

from locksided.runs.folder import RunFolder
from locksided.runs.result import RunResult
from locksided.runs.step_results import NAME, keep_result, kept_result
from locksided.runs.verdict import Verdict


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(str(tmp_path))


def made(message: str) -> RunResult:
    return RunResult(Verdict.SUCCESS, message, None, {})


def test_a_result_is_stored_whatever_a_job_has_put_in_its_place(folder: RunFolder, tmp_path: Path) -> None:
    control = Path(folder.control(1, 0))
    keep_result(folder, 1, 0, made("first"))
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (control / f"{NAME}.new").symlink_to(victim)
    keep_result(folder, 1, 0, made("second"))
    assert victim.read_text() == "precious"
    kept = kept_result(folder, 1, 0)
    assert kept is not None
    assert kept.message == "second"


def test_only_a_regular_file_is_a_result(folder: RunFolder) -> None:
    control = Path(folder.control(1, 0))
    control.mkdir(parents=True)
    assert kept_result(folder, 1, 0) is None
    os.mkfifo(control / NAME)
    assert kept_result(folder, 1, 0) is None

"""The results of steps, in folders that may belong to the users of jobs."""

import os
from pathlib import Path

import msgspec
import pytest

from locksided.runs.folder import RunFolder
from locksided.runs.result import RunResult
from locksided.runs.step_results import OLD_NAME, keep_result, kept_result, starts_of
from locksided.runs.verdict import Verdict

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(str(tmp_path))


def made(message: str) -> RunResult:
    return RunResult(Verdict.SUCCESS, message, None, {})


def message_of(folder: RunFolder) -> str | None:
    kept = kept_result(folder, 1, 0)
    return None if kept is None else kept.message


def test_a_result_of_a_job_is_nowhere_where_the_job_can_write(folder: RunFolder) -> None:
    control = Path(folder.control(1, 0))
    control.mkdir(parents=True)
    before = os.listdir(control)
    keep_result(folder, 1, 0, made("first"))
    keep_result(folder, 1, 0, made("second"))
    assert os.listdir(control) == before
    assert message_of(folder) == "second"
    assert starts_of(folder) == {(1, 0)}


@pytest.mark.parametrize("uid", [os.geteuid(), pytest.param(65534, marks=needs_root)])
def test_the_result_of_an_earlier_release_counts_only_in_our_own_folder(folder: RunFolder, uid: int) -> None:
    control = Path(folder.control(1, 0))
    control.mkdir(parents=True)
    (control / OLD_NAME).write_bytes(msgspec.msgpack.encode(made("earlier")))
    os.chown(control, uid, -1)
    assert message_of(folder) == ("earlier" if uid == os.geteuid() else None)


def test_only_a_regular_file_is_a_result(folder: RunFolder) -> None:
    control = Path(folder.control(1, 0))
    control.mkdir(parents=True)
    assert kept_result(folder, 1, 0) is None
    os.mkfifo(control / OLD_NAME)
    assert kept_result(folder, 1, 0) is None

"""Regressions found by fuzzing: requests that once caused an internal fault of the daemon."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from e2e.wire import Wire
from lockside.cli.files.parse import FileError, read_document
from lockside.documents.settings_files import SettingsError
from locksided import settings
from locksided.backends.messages import read_hello, read_outcome, read_whole
from locksided.joblog.reader import read_page
from locksided.keeper import outcome
from locksided.keeper.log import format as logformat
from locksided.keeper.log.format import DROPPED, STDOUT, Frame
from locksided.keeper.start import order
from locksided.keeper.wire import encode
from locksided.runs.data_folder import OutFile
from locksided.runs.out_files import BadOutFile, read_state, read_usage

NINES = "9" * 64


@pytest.mark.parametrize(
    ("method", "params", "code", "path"),
    [
        ("job.report", {"token": NINES}, -32001, "$.token"),
        ("job.report", {"token": "٣-1-0"}, -32001, "$.token"),
        ("job.create", {"component": "a", "labels": {"a\0b": "x"}}, -32602, "$.labels"),
        ("job.createMany", {"jobs": [{"component": "a", "labels": {"": "x"}}]}, -32602, "$.jobs[0].labels"),
        ("job.stats", {"labels": {"": "x"}}, -32602, "$.labels"),
        ("daemon.backup", {"path": "/" + "x" * 300}, -32602, "$.path"),
        ("daemon.backup", {"path": "/" + "x" * 300 + "/x"}, -32602, "$.path"),
        ("daemon.backup", {"path": "/dev/null/x"}, -32602, "$.path"),
        ("daemon.backup", {"path": "/dev/null"}, -32002, "$.path"),
        ("daemon.backup", {"path": "/proc/backup.db"}, -32006, "$.path"),
    ],
)
def test_a_request_that_once_caused_an_internal_fault_names_its_field(
    wire: Wire, method: str, params: dict[str, Any], code: int, path: str
) -> None:
    refusal = wire.refused(method, **params)
    assert (refusal.code, refusal.data.get("path")) == (code, path), refusal


@pytest.mark.parametrize("owner", [NINES, "4294967296", "٣"])
def test_an_impossible_owner_has_no_jobs(wire: Wire, owner: str) -> None:
    assert wire.call("job.list", owner=owner)["jobs"] == []
    assert wire.call("job.stats", owner=owner)["groups"] == []


def test_the_log_of_a_retried_job_that_has_not_started_is_empty(wire: Wire) -> None:
    held = wire.shell("true", retry={"maxAttempts": 2}, hold=True)
    assert wire.call("job.log", id=held["id"])["frames"] == []
    with Wire(wire.socket.getpeername()) as other:
        follow = other.ask("job.log", id=held["id"], waitSeconds=60)
        wire.call("job.release", id=held["id"])
        assert other.answer(follow)["isComplete"]


def test_an_action_without_an_answer_is_a_fault_of_the_component(wire: Wire) -> None:
    wire.call("component.put", component={"id": "mute", "command": ["true"], "actions": ["ask"]})
    assert wire.refused("action.run", component="mute", action="ask").kind == "failed"


@pytest.mark.parametrize("read", [read_state, read_usage])
def test_a_file_of_a_job_that_is_not_utf_8_is_refused_by_name(read: Any) -> None:
    with pytest.raises(BadOutFile, match=r"out/\w+\.json is not UTF-8"):
        read(OutFile(b'{"a": "\x97"}'))


@pytest.mark.parametrize(
    "forged",
    [
        Frame(STDOUT, 0, 1, 2**63, b"too late"),
        Frame(STDOUT, 0, 2**60, 1, b"too far"),
        Frame(77, 0, 1, 1, b"no stream"),
        Frame(DROPPED, 0, 1, 1, b"no range"),
        Frame(DROPPED, 0, 1, 1, b"[" * 5000),
        Frame(DROPPED, 0, 1, 1, b'{"bytes": 1, "fromSeq": 1, "toSeq": 0}'),
    ],
)
def test_a_forged_frame_is_a_gap(tmp_path: Path, forged: Frame) -> None:
    frames = [Frame(STDOUT, 0, 0, 1, b"a"), forged, Frame(STDOUT, 0, 2, 1, b"c")]
    (tmp_path / logformat.segment_name(0)).write_bytes(b"".join(map(logformat.encode, frames)))
    page = read_page(str(tmp_path))
    assert (len(page.items), page.next_offset) == (3, 3)


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 5000, "a = '\x07'"])
def test_a_file_that_crashes_the_toml_reader_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "lockside.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"lockside\.toml: "):
        settings.load([file], {})
    with pytest.raises(FileError, match=r"lockside\.toml(:1)?: "):
        read_document(str(file))


def test_a_path_with_a_nul_byte_is_refused_with_its_field() -> None:
    with pytest.raises(order.BadOrder, match="NUL"):
        order.parse_reap({"token": "1-1-0", "folder": "/a\0b"})


def test_a_record_nested_too_deeply_is_ignored(tmp_path: Path) -> None:
    (tmp_path / outcome.FILE).write_bytes(b"[" * 100_000)
    assert outcome.read(str(tmp_path), outcome.FILE) is None


@pytest.mark.parametrize(
    "said",
    [
        {"op": "ended", "token": "1-1-0"},
        {"op": "ended", "token": "1-1-0", "outcome": {"spawnTime": 2**63}},
        {"op": "refused", "token": "1-1-0", "kind": "system"},
        {"op": "started", "token": "1-1-0", "pid": 1},
        {"op": "progress", "token": "1-1-0", "progress": []},
        {"op": "log", "token": 5},
        {"token": "1-1-0"},
    ],
)
def test_an_invalid_message_of_a_keeper_is_rejected(said: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read_whole(json.dumps(said).encode())


@pytest.mark.parametrize("hello", [{"pid": 1}, {"pid": 1, "version": 1, "runs": None}, {"runs": []}])
def test_a_hello_without_the_identity_and_the_runs_of_the_keeper_is_refused(hello: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"missing required|is expected"):
        read_hello(json.dumps(hello).encode())


def test_an_outcome_written_by_the_keeper_is_read_back() -> None:
    written = outcome.blank("1-1-0")
    assert read_outcome(encode(written)) == written

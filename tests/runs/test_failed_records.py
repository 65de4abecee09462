"""The list of failed records: which lines count, and how parts of it are read."""

import json
import os
from io import BytesIO
from pathlib import Path

import pytest

from locksided.runs import failed_records
from locksided.runs.failed_records import PATH, is_input, lines_of, measure, page, records_at
from locksided.runs.safefs import NotPlain


def listed(*lines: str) -> BytesIO:
    return BytesIO("\n".join(lines).encode())


@pytest.mark.parametrize(
    "line",
    [
        *("x", "[]", "1", '{"record": 1}', "{}", '{"record": {}, "input": 1}', '{"record": {"a": NaN}}'),
        '{"record": {}, "input": "in/x"}',
        '{"record": {}, "input": "in/tables/../x"}',
        '{"record": {}, "input": "out/tables/x"}',
    ],
)
def test_a_bad_line_is_counted_and_left_out(line: str) -> None:
    assert list(lines_of(listed(line, '{"record": {}}', "", " "))) == [None, {"record": {}}]


def test_a_line_that_is_too_long_is_one_bad_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_records, "MAX_LINE_BYTES", 20)
    long = json.dumps({"record": {"a": "x" * 100}})
    assert list(lines_of(listed('{"record": {}}', long, '{"record": {}}'))) == [
        {"record": {}},
        None,
        {"record": {}},
    ]


@pytest.mark.parametrize(("limit", "most"), [("MAX_RECORDS", 2), ("MAX_BYTES", 40)])
def test_records_beyond_the_limit_are_counted(limit: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_records, limit, most)
    found = list(lines_of(listed(*['{"record": {}}'] * 5)))
    assert found == [{"record": {}}] * 2 + [None] * 3


def test_consecutive_valid_lines_are_read_together() -> None:
    lines = [json.dumps({"record": {"n": n}}) for n in range(10)]
    lines.insert(3, "bad")
    found = records_at(listed(*lines), [(7, 2), (2, 2)])
    assert [(place, one["record"]["n"]) for place, one in found] == [(2, 2), (3, 3), (7, 7), (8, 8)]


def test_a_folder_of_a_job_is_measured_and_read_without_following_links(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert measure(fd, {}) == {}
        path = tmp_path / PATH
        path.parent.mkdir(parents=True)
        path.write_text('{"record": {"a": 1}}\nbad\n')
        assert measure(fd, {}) == {"count": 1, "lines": 2, "sizeBytes": 25}
        assert page(fd, {"path": PATH, "runs": [[0, 5]]}) == {"records": [{"record": {"a": 1}}]}
        path.rename(tmp_path / "other")
        path.symlink_to(tmp_path / "other")
        with pytest.raises(NotPlain):
            measure(fd, {})
    finally:
        os.close(fd)


def test_a_page_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_records, "MAX_PAGE_BYTES", 50)
    (tmp_path / "list").write_text('{"record": {"a": 1}}\n' * 10)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert len(page(fd, {"path": "list", "runs": [(0, 10)]})["records"]) == 2
    finally:
        os.close(fd)


def test_an_input_is_a_file_below_in() -> None:
    assert [is_input(one) for one in (None, "in/files/a", "in/user/a/b", "in/files/", 3, "in/files/a\0")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]

"""One table from several sources: the settings of each source apply."""

from pathlib import Path
from typing import Any

import pytest

from steps.lake import Lake

X: dict[str, Any] = {"source": "x.csv", "incremental": True}
Y: dict[str, Any] = {"source": "y.csv", "destination": "in.c-main.x", "incremental": True}
TYPED = {"schema": [{"name": "a", "data_type": {"base": {"type": "INTEGER"}}}], "has_header": True}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_new_columns_of_all_sources_are_added_and_each_source_has_all_columns(lake: Lake) -> None:
    lake.load({"x.csv": "a\n1\n", "y.csv": "a,b\n2,3\n"}, X, Y)
    assert lake.rows() == [("1", None), ("2", "3")]
    told = lake.fails({"x.csv": "a,b\n1,2\n", "y.csv": "a\n2\n"}, X, Y)
    assert "Missing columns: b." in told
    assert lake.rows() == [("1", None), ("2", "3")]


def test_rows_that_a_rule_of_any_source_matches_are_deleted(lake: Lake) -> None:
    lake.load({"x.csv": "a\n1\n2\n3\n"}, X)
    first = {**X, "delete_where_column": "a", "delete_where_values": ["1"]}
    second = {**Y, "delete_where_column": "a", "delete_where_values": ["2"]}
    shown = lake.load({"x.csv": "a\n8\n", "y.csv": "a\n9\n"}, first, second)
    assert lake.rows() == [("3",), ("8",), ("9",)]
    assert shown["rowsDeleted"] == 2


def test_the_checks_and_the_key_of_every_source_apply(lake: Lake) -> None:
    files = {"x.csv": "a\n1\n", "y.csv": "a\n1\n"}
    told = lake.fails(files, X, {**Y, "checks": [{"kind": "maxRows", "value": 1}]})
    assert told == 'Failed to load table "in.c-main.x": Check "maxRows(1)" failed: it has 2 rows.'
    lake.load(files, X, {**Y, "primary_key": ["a"]})
    assert lake.rows() == [("1",)]


def test_rows_are_rejected_only_in_sources_that_allow_it(lake: Lake) -> None:
    files = {"x.csv": "a\n1\nbad\n", "x.csv.manifest": TYPED, "y.csv": "a\n2\n", "y.csv.manifest": TYPED}
    rejecting = {**X, "on_bad_rows": "reject"}
    assert lake.load(files, rejecting, Y)["rowsRejected"] == 1
    told = lake.fails({**files, "y.csv": "a\nworse\n"}, rejecting, Y)
    assert told.endswith('"y.csv" record 1, column "a": "worse" is not INTEGER.')
    assert lake.rows() == [(1,), (2,)]


def test_a_column_that_any_source_requires_is_empty_in_no_row(lake: Lake) -> None:
    column = {"name": "a", "nullable": False, "data_type": {"base": {"type": "INTEGER"}}}
    required = {"schema": [column], "has_header": True}
    files = {"x.csv": "a\n1\n", "x.csv.manifest": TYPED, "y.csv": 'a\n2\n""\n', "y.csv.manifest": required}
    assert lake.fails(files, X, Y).endswith('"y.csv" record 2, column "a" is empty.')
    lake.load({**files, "y.csv": "a\n2\n"}, X, Y)
    assert lake.fails(files, X, Y).endswith('"y.csv" record 2, column "a" is empty.')

"""Changes of tables without a file: rows are deleted, keys and columns change, each change in one commit."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from locksided.steps.lake import changes
from locksided.steps.program import UserFault
from steps.lake import BUCKET, Lake

TABLE = {"source": "x.csv", "destination": f"{BUCKET}.x"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.load({"x.csv": "id,name,n\n1,a,10\n2,b,20\n3,c,\n"}, TABLE)
    return lake


def change(lake: Lake, operation: Any, **parameters: Any) -> dict[str, Any]:
    """Commit a change and return the commit."""
    order = lake.order({}, ["x"])
    order["parameters"] = parameters
    (commit,) = operation(order)["commits"]
    lake.ratify(commit)
    found: dict[str, Any] = commit
    return found


def altered(lake: Lake, **parameters: Any) -> dict[str, Any]:
    return change(lake, changes.alter, **{"addColumns": [], "dropColumns": [], "types": {}, **parameters})


def deleted(lake: Lake, *rules: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = change(lake, changes.delete_rows, delete_where=list(rules))["counts"]
    return counts


def fails(lake: Lake, operation: Any, **parameters: Any) -> str:
    with pytest.raises(UserFault) as fault:
        change(lake, operation, **parameters)
    return str(fault.value)


def test_rows_that_match_a_rule_are_deleted(lake: Lake) -> None:
    times = dict(pl.read_delta(str(lake.folder())).select("id", "_timestamp").rows())
    counts = deleted(lake, {"where_filters": [{"column": "id", "values_from_set": ["2"]}]})
    assert (counts["rowsDeleted"], counts["rowsCount"]) == (1, 2)
    assert [row[0] for row in lake.rows()] == ["1", "3"]
    assert dict(pl.read_delta(str(lake.folder())).select("id", "_timestamp").rows()).items() <= times.items()


def test_a_rule_on_a_missing_column_is_reported_once(lake: Lake) -> None:
    rules = [{"where_filters": [{"column": "q", "values_from_set": ["2"]}]}]
    told = fails(lake, changes.delete_rows, delete_where=rules)
    assert told == 'Cannot change table "in.c-main.x": it has no column "q".'


def test_an_empty_rule_deletes_all_rows(lake: Lake) -> None:
    assert deleted(lake, {})["rowsDeleted"] == 3
    assert lake.rows() == []
    assert DeltaTable(lake.folder()).file_uris() == []


def test_a_deletion_that_matches_no_row_creates_no_version(lake: Lake) -> None:
    rule = {"where_filters": [{"column": "id", "values_from_set": ["9"]}]}
    commit = change(lake, changes.delete_rows, delete_where=[rule])
    assert (commit["version"], commit["staged"]) == (0, "")


def test_a_new_primary_key_is_checked(lake: Lake) -> None:
    commit = change(lake, changes.set_primary_key, primaryKey=["id"])
    assert commit["definition"]["primaryKey"] == ["id"]
    lake.load({"x.csv": "id,name,n\n1,z,1\n"}, {**TABLE, "incremental": True})
    assert len(lake.rows()) == 3
    lake.load({"x.csv": "id,name,n\n4,z,1\n"}, {**TABLE, "incremental": True})
    message = fails(lake, changes.set_primary_key, primaryKey=["name"])
    assert message.endswith('Cannot change primary key from "id" to "name": 1 keys occur more than once.')
    assert fails(lake, changes.set_primary_key, primaryKey=["q"]).endswith('column "q" not found.')
    assert change(lake, changes.set_primary_key, primaryKey=[])["definition"]["primaryKey"] == []


def test_columns_are_added_and_dropped(lake: Lake) -> None:
    altered(lake, addColumns=[{"name": "note"}, {"name": "at", "type": "DATE"}], dropColumns=["name"])
    assert lake.rows() == [("1", "10", None, None), ("2", "20", None, None), ("3", "", None, None)]
    assert pl.read_delta(str(lake.folder())).columns == ["id", "n", "note", "at", "_timestamp"]
    altered(lake, addColumns=[{"name": "name"}])
    assert {row[-1] for row in lake.rows()} == {None}, "dropped values do not reappear"


def test_a_type_can_be_changed_when_all_values_fit(lake: Lake) -> None:
    altered(lake, types={"n": {"type": "INTEGER"}})
    assert [row[2] for row in lake.rows()] == [10, 20, None]
    altered(lake, types={"n": {"type": "NUMERIC", "length": "10,2"}})
    assert [str(row[2]) for row in lake.rows()] == ["10.00", "20.00", "None"]
    message = fails(lake, changes.alter, addColumns=[], dropColumns=[], types={"name": {"type": "INTEGER"}})
    assert message == ('Cannot change table "in.c-main.x": column "name": "a" is not INTEGER (and 2 more).')
    altered(lake, types={"n": {"type": "STRING"}})
    assert [row[2] for row in lake.rows()] == ["10.00", "20.00", None]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dropColumns": ["q"]}, 'It has no column "q".'),
        ({"types": {"q": {"type": "DATE"}}}, 'It has no column "q".'),
        ({"types": {"n": {"type": "BLOB"}}}, 'There is no type "BLOB".'),
        ({"addColumns": [{"name": "ID"}]}, 'Column "ID" exists already, or its name is invalid.'),
        (
            {"addColumns": [{"name": "q"}, {"name": "Q"}]},
            'Column "Q" exists already, or its name is invalid.',
        ),
        ({"dropColumns": ["id", "name", "n"]}, "A table needs a column."),
    ],
)
def test_an_impossible_change_is_reported(lake: Lake, parameters: dict[str, Any], message: str) -> None:
    given = {"addColumns": [], "dropColumns": [], "types": {}, **parameters}
    assert fails(lake, changes.alter, **given) == f'Cannot change table "in.c-main.x": {message}'
    assert lake.rows()[0] == ("1", "a", "10")


def test_a_type_change_that_makes_keys_equal_or_empty_is_refused(lake: Lake) -> None:
    change(lake, changes.set_primary_key, primaryKey=["id", "id"])
    lake.load({"x.csv": "id,name,n\n01,z,1\n,y,1\n"}, {**TABLE, "incremental": True})
    given: dict[str, Any] = {"addColumns": [], "dropColumns": [], "types": {"id": {"type": "INTEGER"}}}
    told = fails(lake, changes.alter, **given)
    assert told.endswith("2 keys would be empty or occur more than once.")
    deleted(lake, {"where_filters": [{"column": "id", "values_from_set": ["1", ""]}]})
    assert altered(lake, types=given["types"])["definition"]["primaryKey"] == ["id"]


def test_dropping_a_column_of_the_key_is_refused(lake: Lake) -> None:
    change(lake, changes.set_primary_key, primaryKey=["id"])
    given: dict[str, Any] = {"addColumns": [], "dropColumns": ["id"], "types": {}}
    assert fails(lake, changes.alter, **given).endswith('Column "id" is part of the primary key.')

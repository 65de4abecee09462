"""A load stores the rows and values of its sources, whatever the names of files and columns."""

import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, QueryBuilder

from locksided.steps.lake import changes, creation, diff, output
from steps.lake import BUCKET, Lake

X: dict[str, Any] = {"source": "x.csv", "destination": f"{BUCKET}.x"}
ADDED = {**X, "incremental": True}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def typed(**kinds: str) -> dict[str, Any]:
    """A manifest of a file with a header."""
    columns = [{"name": name, "data_type": {"base": {"type": kind}}} for name, kind in kinds.items()]
    return {"schema": columns, "has_header": True}


def load_slices(lake: Lake, *frames: pl.DataFrame, name: str = "s") -> None:
    """Load a folder of Parquet files into the table `y`."""
    lake.write({name: {}})
    for number, frame in enumerate(frames):
        frame.write_parquet(lake.base / "data/out/tables" / name / f"{number}.parquet")
    order = lake.order({"tables": [{"source": name, "destination": f"{BUCKET}.y"}]}, ["y"])
    for commit in output.store(order)["commits"]:
        lake.ratify(commit)


def test_rows_of_a_load_are_not_deleted_by_its_own_rule_when_small_files_are_merged(lake: Lake) -> None:
    for number in range(63):
        lake.load({"x.csv": f"a\n{number}\n"}, ADDED)
    rule = {"where_filters": [{"column": "a", "values_from_set": ["new"]}]}
    lake.load({"x.csv": "a\nnew\n"}, {**ADDED, "delete_where": [rule]})
    assert lake.tables[f"default/default/{BUCKET}.x"]["version"] == 64, "the last version is the merged one"
    assert ("new",) in lake.rows()
    assert len(lake.rows()) == 64


def test_a_key_that_was_inserted_twice_is_one_row_after_an_update(lake: Lake) -> None:
    lake.load({"x.csv": "k,v\n1,a\n"}, {**ADDED, "primary_key": ["k"]})
    again = {**ADDED, "deduplication_strategy": "insert"}
    lake.load({"x.csv": "k,v\n1,b\n1,c\n3,d\n"}, again)
    shown = lake.load({"x.csv": "k,v\n1,c\n2,z\n3,d\n"}, ADDED)
    assert lake.rows() == [("1", "c"), ("2", "z"), ("3", "d")]
    counts = [
        shown[one] for one in ("rowsInserted", "rowsUpdated", "rowsUnchanged", "rowsDeleted", "rowsCount")
    ]
    assert counts == [1, 1, 1, 2, 3]


def test_columns_beside_a_key_that_is_not_unique_can_be_dropped_and_compared(lake: Lake) -> None:
    inserts = {**ADDED, "primary_key": ["k"], "deduplication_strategy": "insert"}
    lake.load({"x.csv": "k,v\n1,a\n1,b\n"}, inserts)
    lake.load({"x.csv": "k,v\n1,c\n"}, inserts)
    changed(lake, changes.alter, addColumns=[], dropColumns=["v"], types={})
    assert lake.rows() == [("1",), ("1",), ("1",)]
    newer = lake.order({}, ["x"])["tables"][0]
    order = lake.order({}, [], limit=9) | {"tables": [newer | {"version": 0}, newer | {"version": 1}]}
    assert diff.diff(order)["result"]["counts"] == {"inserted": 1, "deleted": 0, "updated": 0}


def test_the_first_load_of_a_table_that_only_inserts_keeps_equal_keys(lake: Lake) -> None:
    inserts = {**ADDED, "primary_key": ["k"], "deduplication_strategy": "insert"}
    assert lake.load({"x.csv": "k\n1\n1\n"}, inserts)["rowsInserted"] == 2
    assert lake.rows() == [("1",), ("1",)]


@pytest.mark.parametrize("column", ["filename", "differs", "rowid", "this", "old"])
def test_a_column_may_have_any_name(lake: Lake, column: str) -> None:
    keyed = {**ADDED, "on_bad_rows": "reject"}
    manifest = typed(**{column: "STRING", "n": "INTEGER"})
    manifest["schema"][0]["primary_key"] = True
    lake.load({"x.csv": f"{column},n\n1,1\n2,x\n0,3\n", "x.csv.manifest": manifest}, keyed)
    lake.load({"x.csv": f"{column},n\n0,4\n5,5\n", "x.csv.manifest": manifest}, keyed)
    assert lake.rows() == [("0", 4), ("1", 1), ("5", 5)]


def test_names_of_files_are_no_patterns(lake: Lake) -> None:
    names = {"a*.csv": "x", "a1.csv": "y", "a[1].csv": "z"}
    entries = [{"source": source, "destination": f"{BUCKET}.{name}"} for source, name in names.items()]
    lake.load({source: f"k\n{source}\n" for source in names}, *entries, names=["x", "y", "z"])
    assert [lake.rows(name) for name in names.values()] == [[(source,)] for source in names]


def test_names_of_folders_are_no_values(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "k=1" / "v=b")
    lake.load(
        {"k=5": {"1.csv": "7,a\n"}}, {**X, "source": "k=5", "columns": ["k", "v"], "primary_key": ["k"]}
    )
    lake.load({"x.csv": "k,v\n8,c\n"}, ADDED)
    assert lake.rows() == [("7", "a"), ("8", "c")]
    load_slices(lake, pl.DataFrame({"k": [1, 2]}), name="k=5")
    assert lake.rows("y") == [(1,), (2,)]


def test_slices_of_parquet_files_must_have_the_same_columns_and_may_have_wider_types(lake: Lake) -> None:
    load_slices(lake, pl.DataFrame({"a": [2], "b": ["x"]}), pl.DataFrame({"b": ["y"], "a": [1.5]}))
    assert lake.rows("y") == [(1.5, "y"), (2.0, "x")]
    with pytest.raises(Exception, match='Not all slices of "s" have the columns "c"'):
        load_slices(lake, pl.DataFrame({"a": [2]}), pl.DataFrame({"a": [1], "c": [1]}))


@pytest.mark.parametrize("value", [2, 1.5, float("nan")])
def test_a_number_that_is_no_truth_value_is_refused_in_parquet_files_as_in_csv(
    lake: Lake, tmp_path: Path, value: float
) -> None:
    pl.DataFrame({"a": [1 if value == 2 else True]}).write_parquet(tmp_path / "good")
    pl.DataFrame({"a": [value]}).write_parquet(tmp_path / "bad")
    lake.load({"x.csv": "a\n0\n", "x.csv.manifest": typed(a="BOOLEAN")}, ADDED)
    lake.load({"x.csv": (tmp_path / "good").read_bytes()}, ADDED)
    assert lake.fails({"x.csv": (tmp_path / "bad").read_bytes()}, ADDED).endswith("is not BOOLEAN.")
    assert lake.rows() == [(False,), (True,)]


@pytest.mark.parametrize("enclosure", ['"', ""])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_each_empty_line_of_a_file_with_one_column_is_a_row(lake: Lake, enclosure: str, begin: bytes) -> None:
    manifest = {"enclosure": enclosure, "columns": ["a"]}
    lake.load({"x.csv": begin + b'\n5" pipe\n\n', "x.csv.manifest": manifest}, X)
    assert lake.rows() == [("",), ("",), ('5" pipe',)]


def test_an_empty_line_hides_no_bad_quote(lake: Lake) -> None:
    assert '"x.csv" line 2: ' in lake.fails({"x.csv": 'a\n"a"b\n\n'}, X)


@pytest.mark.parametrize("place", [-1, -6])
def test_a_damaged_gzip_file_is_refused(lake: Lake, place: int) -> None:
    packed = bytearray(gzip.compress(b"a\n1\n"))
    packed[place] ^= 1
    assert '"x.csv" cannot be read: ' in lake.fails({"x.csv": bytes(packed)}, X)


@pytest.mark.parametrize(
    "form",
    [{"enclosure": "§"}, {"delimiter": '"'}, {"delimiter": "\n"}, {"enclosure": "\r"}, {"delimiter": "\0"}],
)
def test_separators_that_cannot_be_told_apart_are_refused(lake: Lake, form: dict[str, str]) -> None:
    told = lake.fails({"x.csv": "a\n1\n", "x.csv.manifest": form}, X)
    assert told.startswith("Failed to prepare mapping configuration for table x.csv: ")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("DATE", "infinity"),
        ("DATE", "10000-01-01"),
        ("DATE", "0000-12-31"),
        ("DATE", "0044-03-15 (BC)"),
        ("TIMESTAMP", "-infinity"),
        ("TIMESTAMP", "9999-12-31 23:59:59-01"),
    ],
)
def test_a_time_that_other_readers_cannot_read_is_refused(lake: Lake, kind: str, value: str) -> None:
    files = {"x.csv": f"a\n{value}\n0001-01-01\n9999-12-31\n", "x.csv.manifest": typed(a=kind)}
    assert lake.fails(files, X).endswith(f'"x.csv" record 1, column "a": "{value}" is not {kind}.')
    assert lake.load(files, {**X, "on_bad_rows": "reject"})["rowsInserted"] == 2
    assert [row[0].year for row in lake.rows()] == [1, 9999]


def changed(lake: Lake, operation: Any, table: str = "x", **parameters: Any) -> dict[str, Any]:
    """Change a table, and return its new definition."""
    order = lake.order({}, [table], parameters=parameters)
    (commit,) = operation(order)["commits"]
    lake.ratify(commit)
    found: dict[str, Any] = commit["definition"]
    return found


@pytest.mark.parametrize(("value", "kind"), [("1.5", "INTEGER"), ("0x1F", "INTEGER"), ("infinity", "DATE")])
def test_a_change_of_type_follows_the_rules_of_loads(lake: Lake, value: str, kind: str) -> None:
    lake.load({"x.csv": f"a\n{value}\n\n"}, X)
    none: dict[str, Any] = {"addColumns": [], "dropColumns": []}
    with pytest.raises(Exception, match=f'column "a": "{value}" is not {kind}.'):
        changed(lake, changes.alter, **none, types={"a": {"type": kind}})
    files = {"x.csv": "a\n2024-01-31 10:00:00.5\n", "x.csv.manifest": typed(a="TIMESTAMP")}
    lake.load(files, X, output={"table_modifications": "all"})
    changed(lake, changes.alter, **none, types={"a": {"type": "STRING"}})
    assert lake.rows() == [("2024-01-31 10:00:00.500000",)], "as it was written to CSV"


def test_a_clone_of_an_earlier_version_has_the_key_of_that_version(lake: Lake) -> None:
    lake.load({"x.csv": "k\n1\n1\n"}, X)
    lake.load({"x.csv": "k\n1\n"}, {**X, "primary_key": ["k"]})
    for version, key in ((0, []), (1, ["k"])):
        source = lake.order({}, ["x"])["tables"][0] | {"version": version, "newest": 1}
        order = lake.order({}, [f"c{version}"], sources=[source])
        (commit,) = creation.clone(order)["commits"]
        assert commit["definition"]["primaryKey"] == key


@pytest.mark.parametrize("value", ["9007199254740993", "-123456789.123456789", "999999999999999", "-0.1"])
def test_a_reader_that_skips_files_by_their_bounds_finds_each_number(lake: Lake, value: str) -> None:
    lake.load({"x.csv": f"a\n{value}\n", "x.csv.manifest": typed(a="NUMERIC")}, X)
    number = pl.lit(Decimal(value)).cast(pl.Decimal(38, 9))
    for condition in (pl.col("a") >= number, pl.col("a") <= number):
        assert pl.scan_delta(str(lake.folder())).filter(condition).collect().height == 1


def test_a_reader_that_skips_files_by_their_bounds_finds_nan(lake: Lake) -> None:
    lake.load({"x.csv": "a\n1.0\nnan\n", "x.csv.manifest": typed(a="FLOAT")}, X)
    assert pl.scan_delta(str(lake.folder())).filter(pl.col("a") > 2).collect().height == 1
    table = QueryBuilder().register("x", DeltaTable(lake.folder()))
    assert pl.DataFrame(table.execute("SELECT a FROM x WHERE a > 2")).height == 1

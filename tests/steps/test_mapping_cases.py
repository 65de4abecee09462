"""Cases of the mapping: how a file becomes a table, and how a table becomes a file."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from locksided.steps.archiving.archive import archive
from locksided.steps.lake import input_tables
from locksided.steps.program import UserFault
from locksided.steps.staging.fetching import stage
from locksided.tables.mapping import Load, Source, loads
from locksided.tables.metadata import metadata_of
from steps.lake import BUCKET, Lake

X: dict[str, Any] = {"source": "x.csv"}
MORE: dict[str, Any] = {**X, "incremental": True}
ALL: dict[str, Any] = {"table_modifications": "all"}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def typed(**kinds: str) -> dict[str, Any]:
    """A manifest of a file with a header whose columns have these types."""
    schema = [{"name": name, "data_type": {"base": {"type": kind}}} for name, kind in kinds.items()]
    return {"schema": schema, "has_header": True}


@pytest.mark.parametrize(
    ("files", "entry", "rows"),
    [
        ({"x.csv": "a\n\n1\n"}, X, [("",), ("1",)]),
        ({"x.csv": gzip.compress(b"a\r\n1\r\n\r\n")}, X, [("",), ("1",)]),
        ({"x.csv": '\n"p\n\nq"\n'}, {**X, "columns": ["a"]}, [("",), ("p\n\nq",)]),
        ({"x.csv": 'a,b\n"",\n'}, X, [("", "")]),
        ({"x.csv": "a,b\n1,2"}, X, [("1", "2")]),
        ({"x.csv": 'a,b\r\n1,"x\r\ny"\r\n'}, X, [("1", "x\r\ny")]),
        ({"x.csv": "a|b\n'x''y'|2\n"}, {**X, "delimiter": "|", "enclosure": "'"}, [("x'y", "2")]),
        (
            {"x.csv": 'a\tb\n1\t"2\n', "x.csv.manifest": {"delimiter": "\t", "enclosure": ""}},
            X,
            [("1", '"2')],
        ),
        ({"x.csv": "1,2\n"}, {**X, "columns": ["b", "a"]}, [("1", "2")]),
        ({"x.csv": gzip.compress(b"1,2\n")}, {**X, "columns": ["a", "b"]}, [("1", "2")]),
        ({"x.csv": {"0": "1,2\n", "1": "3,4\n"}}, {**X, "columns": ["a", "b"]}, [("1", "2"), ("3", "4")]),
        ({"x.csv": {}, "x.csv.manifest": {"columns": ["a"]}}, X, []),
        ({"x.csv": "", "x.csv.manifest": {"columns": ["a"]}}, X, []),
        ({"x.csv": "a\n1\n", "x.csv.manifest": {"incremental": None, "columns": None}}, X, [("1",)]),
        (
            {"x.csv": "n\n1.0\n+2\n 3\n\n", "x.csv.manifest": typed(n="INTEGER")},
            {},
            [(1,), (2,), (3,), (None,)],
        ),
        (
            {"x.csv": "b\ntrue\nFALSE\n1\n0\n", "x.csv.manifest": typed(b="BOOLEAN")},
            {},
            [(False,), (False,), (True,), (True,)],
        ),
        ({"x.csv": "é ä,_b_\n1,2\n"}, X, [("1", "2")]),
    ],
)
def test_a_file_becomes_these_rows(
    lake: Lake, files: dict[str, Any], entry: dict[str, Any], rows: list[Any]
) -> None:
    lake.load(files, *([entry] if entry else []))
    assert lake.rows() == rows


CUT = gzip.compress(b"id,b\n" + b"1,2\n" * 1000)[:-9]


@pytest.mark.parametrize(
    ("files", "entry", "output", "told"),
    [
        ({"x.csv": "b\n2\n"}, X, ALL, 'Primary key column "id" not found.'),
        ({"x.csv": "id\n1.5\n", "x.csv.manifest": typed(id="INTEGER")}, {}, ALL, '"1.5" is not INTEGER.'),
        ({"x.csv": "id\n0x1F\n", "x.csv.manifest": typed(id="INTEGER")}, {}, ALL, '"0x1F" is not INTEGER.'),
        ({"x.csv": "id\n1\n", "x.csv.manifest": typed(id="BLOB")}, {}, ALL, 'There is no type "BLOB".'),
        (
            {"x.csv": ",".join(f"c{n}" for n in range(1601))},
            X,
            ALL,
            "It has 1601 columns, at most 1600 are allowed.",
        ),
        (
            {"x.csv": "id\n1\n"},
            {**X, "checks": [{"kind": "notNull", "columns": ["q"]}]},
            ALL,
            'Check "notNull(q)" failed: ',
        ),
        ({"x.csv": "id\n"}, {**X, "column_metadata": {"_timestamp": []}}, ALL, 'System columns "_timestamp"'),
        ({"x.csv": CUT}, X, ALL, '"x.csv" cannot be read: '),
        ({"x.csv": b"\x1f\x8bgarbage"}, X, ALL, '"x.csv" cannot be read: '),
        ({"x.csv": b"PAR1garbage"}, X, ALL, '"x.csv" cannot be read: '),
        ({"x.csv": "ID,b\n1,2\n"}, MORE, {}, "Missing columns: id. Expected columns: id."),
        ({"x.csv": "id\n1\n"}, {**X, "destination": "in.c-main.X"}, {}, 'Table "in.c-main.X" differs'),
    ],
)
def test_a_file_that_cannot_be_loaded_is_a_user_error_with_a_message(
    lake: Lake, files: dict[str, Any], entry: dict[str, Any], output: dict[str, Any], told: str
) -> None:
    lake.load({"x.csv": "id\n1\n"}, {**X, "primary_key": ["id"]})
    assert told in lake.fails(files, *([entry] if entry else []), output=output)
    assert lake.rows() == [("1",)]


Exporting = Callable[..., str]


@pytest.fixture
def exported(lake: Lake) -> Exporting:
    """Export a table that has all types, with an entry of an input mapping, as CSV."""
    kinds = {"s": "STRING", "i": "INTEGER", "n": "NUMERIC", "b": "BOOLEAN", "d": "DATE", "t": "TIMESTAMP"}
    text = (
        's,i,n,b,d,t\n"a,""b",1,1.5,true,2026-01-31,2026-01-31 10:00:00\n,,,,,\n'
        "z,2,3,false,1999-01-01,2026-01-31T10:00:00.25+01:00\n"
    )
    lake.load({"x.csv": text, "x.csv.manifest": typed(**kinds)})

    def export(**entry: Any) -> str:
        folder = lake.base / "in" / "tables"
        folder.mkdir(parents=True)
        key = f"default/default/{BUCKET}.x"
        table = {"key": key, "folder": f"default/default/{BUCKET}/x", "branch": "default", **lake.tables[key]}
        order = {
            "folders": {"data": str(lake.base), "tmp": str(lake.base / "tmp")},
            "root": str(lake.base / "lake"),
            "timeUs": lake.now_us + 5_000_000,
            "entries": [{"source": f"{BUCKET}.x", "destination": "x", **entry}],
            "sources": [table],
            "told": [[]],
            "since": [None],
            "branch": "default",
            "row": None,
        }
        input_tables.export(order)
        return (folder / "x").read_text()

    return export


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (
            {},
            (
                's,i,n,b,d,t\n"a,""b",1,1.500000000,true,2026-01-31,2026-01-31 10:00:00\n"",,,,,\n'
                "z,2,3.000000000,false,1999-01-01,2026-01-31 09:00:00.250000\n"
            ),
        ),
        ({"columns": ["d", "s"]}, 'd,s\n2026-01-31,"a,""b"\n,""\n1999-01-01,z\n'),
        ({"column_types": [{"source": "i"}]}, "i\n1\n\n2\n"),
        ({"columns": ["i"], "where_column": "i", "where_values": [1]}, "i\n1\n"),
        ({"columns": ["i"], "where_column": "i", "where_values": ["1"], "where_operator": "ne"}, "i\n\n2\n"),
        ({"columns": ["i"], "where_column": "i", "where_values": [""]}, "i\n\n"),
        ({"columns": ["i"], "where_column": "b", "where_values": [True]}, "i\n1\n"),
        ({"columns": ["i"], "where_column": "t", "where_values": ["2026-01-31 10:00:00"]}, "i\n1\n"),
        ({"columns": ["i"], "where_column": "s", "where_values": []}, "i\n"),
        ({"columns": [" i", "i"], "where_column": "i ", "where_values": ["1"]}, "i\n1\n"),
        ({"columns": ["i"], "where_column": "_timestamp", "where_values": ["x"]}, "i\n"),
        ({"columns": ["i"], "limit": 1}, "i\n1\n"),
        ({"columns": ["i"], "limit": 0}, "i\n1\n\n2\n"),
        ({"columns": ["i"], "changed_since": "-1 days"}, "i\n1\n\n2\n"),
        ({"columns": ["i"], "changed_since": "2100-01-01"}, "i\n"),
        ({"columns": ["i"], "changed_since": "1700000000"}, "i\n1\n\n2\n"),
        ({"columns": ["i"], "changed_since": ""}, "i\n1\n\n2\n"),
        ({"columns": ["i"], "days": 3}, "i\n1\n\n2\n"),
    ],
)
def test_a_table_becomes_this_text(exported: Exporting, entry: dict[str, Any], text: str) -> None:
    assert exported(**entry) == text


def test_a_mapping_wins_over_a_manifest_by_the_keys_and_columns_that_it_names() -> None:
    manifest = {
        "table_metadata": {"k": "1", "l": "2"},
        "schema": [{"name": "a", "nullable": False, "metadata": {"m": "1", "n": "2"}}, {"name": "b"}],
    }
    entry = {**X, "table_metadata": {"k": "9"}, "schema": [{"name": "a", "metadata": {"m": "9"}}]}
    (load,) = loads(Source(None, "x.csv", manifest), {"tables": [entry]}, BUCKET, may_stay=False)
    assert isinstance(load, Load)
    assert load.mapping.schema == [
        {"name": "a", "nullable": False, "metadata": {"m": "9", "n": "2"}},
        {"name": "b"},
    ]
    assert {one.key: one.value for one in metadata_of(load.mapping, with_types=False) if not one.column} == {
        "k": "9",
        "l": "2",
    }
    manifest = {"column_metadata": {"a": [{"key": "m", "value": "1"}], "b": [{"key": "o", "value": "3"}]}}
    entry = {**X, "column_metadata": {"a": [{"key": "n", "value": "2"}]}}
    (load,) = loads(Source(None, "x.csv", manifest), {"tables": [entry]}, BUCKET, may_stay=False)
    assert isinstance(load, Load)
    told = {(one.column, one.key): one.value for one in metadata_of(load.mapping, with_types=False)}
    assert told == {("a", "m"): "1", ("a", "n"): "2", ("b", "o"): "3"}


def test_columns_are_found_by_their_sanitised_names(lake: Lake) -> None:
    lake.load({"x.csv": "a b,c\n1,2\n5,6\n"}, X)
    rule = {"where_filters": [{"column": "a b", "values_from_set": ["1"]}]}
    checks = [{"kind": kind, "columns": ["a b"]} for kind in ("unique", "notNull")]
    lake.load({"x.csv": "a b,c\n3,4\n"}, {**MORE, "delete_where": [rule], "checks": checks})
    assert lake.rows() == [("3", "4"), ("5", "6")]


def test_a_missing_required_value_is_found_by_every_kind_of_load(lake: Lake) -> None:
    column = {"name": "a", "data_type": {"base": {"type": "INTEGER"}}, "nullable": False}
    manifest = {"schema": [column, {"name": "b"}], "has_header": True}
    lake.load({"x.csv": "a,b\n1,2\n", "x.csv.manifest": manifest})
    for entry in (X, MORE, {**MORE, "primary_key": ["b"]}):
        assert lake.fails({"x.csv": "a,b\n,2\n"}, entry).endswith('record 1, column "a" is empty.')
    lake.load({"x.csv": "a,b\n5,2\n"}, MORE)
    assert lake.rows() == [(1, "2"), (5, "2")]


def test_a_column_with_empty_values_cannot_become_the_key(lake: Lake) -> None:
    lake.load({"x.csv": "a,b\n1,\n", "x.csv.manifest": typed(a="INTEGER", b="INTEGER")})
    told = lake.fails({"x.csv": "a,b\n7,7\n"}, {**MORE, "primary_key": ["b"]})
    assert told.endswith('Cannot change primary key from "" to "b": 1 rows are empty in column "b".')


def test_a_step_fails_at_once_on_a_full_disk(lake: Lake) -> None:
    told = lake.fails({"x.csv": "a\n1\n"}, X, minFreeBytes=2**62)
    assert told.endswith("bytes left, less than [storage] min_free_bytes.")
    folders = {"data": str(lake.base / "not" / "made")}
    with pytest.raises(UserFault, match="min_free_bytes"):
        input_tables.export({"folders": folders, "minFreeBytes": 2**62})
    with pytest.raises(UserFault, match="min_free_bytes"):
        stage({"data": str(lake.base), "minFreeBytes": 2**62, "inputs": []})
    with pytest.raises(UserFault, match="min_free_bytes"):
        archive({"folders": folders, "minFreeBytes": 2**62, "onFailure": "error"})


def test_a_file_larger_than_the_memory_of_the_step_is_loaded(lake: Lake) -> None:
    row = f"1,{'x' * 4000}\n"
    engine = {"memory_bytes": 180 * 2**20, "threads": 1}
    shown = lake.load({"x.csv": "a,b\n" + row * 40_000}, X, engine=engine)
    assert shown["rowsCount"] == 40_000


def test_more_tables_than_a_job_may_write_are_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locksided.steps.lake.output.MOST_TABLES", 1)
    told = lake.fails({"x.csv": "a\n", "y.csv": "a\n"}, names=["x", "y"])
    assert told == "There are 2 tables, at most 1 are allowed."


@pytest.mark.parametrize(
    "entry", [{"columns": ["q", "s", "r"]}, {"where_column": "q", "where_values": ["1"]}]
)
def test_missing_columns_are_named(exported: Exporting, entry: dict[str, Any]) -> None:
    with pytest.raises(UserFault, match=r'^Table "in.c-main.x" has no columns "q"'):
        exported(**entry)

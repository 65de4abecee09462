"""How the output step loads files: structure, types, keys, deletions and checks."""

import gzip
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from steps.lake import Lake

X: dict[str, Any] = {"source": "x.csv"}
MORE: dict[str, Any] = {**X, "incremental": True}
KEYED: dict[str, Any] = {**MORE, "primary_key": ["id"]}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def typed(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "data_type": {"base": {"type": kind, **more}}}


def test_a_full_load_replaces_and_an_incremental_one_adds(lake: Lake) -> None:
    lake.load({"x.csv": "a\n1\n"}, X)
    lake.load({"x.csv": "a\n2\n"}, MORE)
    assert lake.rows() == [("1",), ("2",)]
    shown = lake.load({"x.csv": "a\n3\n"}, X)
    assert lake.rows() == [("3",)]
    assert (shown["rowsDeleted"], shown["rowsInserted"], shown["rowsCount"]) == (2, 1, 1)


def test_columns_get_the_types_of_the_schema(lake: Lake) -> None:
    schema = [
        typed("s", "STRING"),
        typed("i", "INTEGER"),
        typed("n", "NUMERIC", length="10,2"),
        typed("f", "FLOAT"),
        typed("b", "BOOLEAN"),
        typed("d", "DATE"),
        typed("t", "TIMESTAMP"),
    ]
    text = "s,i,n,f,b,d,t\nx,1,1.5,0.5,true,2026-01-31,2026-01-31 10:00:00\n,,,,,,\n"
    lake.load({"x.csv": text, "x.csv.manifest": {"schema": schema, "has_header": True}})
    moment = datetime(2026, 1, 31, 10, tzinfo=UTC)
    full = ("x", 1, Decimal("1.50"), 0.5, True, date(2026, 1, 31), moment)
    assert lake.rows() == sorted([full, ("", None, None, None, None, None, None)], key=str)


def test_type_hints_and_untyped_columns_are_loaded_as_text(lake: Lake) -> None:
    manifest = {"schema": [typed("i", "INTEGER")], "has_header": True}
    lake.load({"x.csv": "i\n1\n", "x.csv.manifest": manifest}, output={"data_type_support": "none"})
    assert lake.rows() == [("1",)]


def test_new_columns_are_empty_in_old_rows(lake: Lake) -> None:
    lake.load({"x.csv": "a\n1\n"}, X)
    lake.load({"x.csv": "a,b\n2,y\n"}, MORE)
    assert lake.rows() == [("1", None), ("2", "y")]


def test_the_last_of_equal_keys_wins_in_every_load(lake: Lake) -> None:
    shown = lake.load({"x.csv": "id,v\n1,a\n1,b\n2,c\n"}, {**X, "primary_key": ["id"]})
    assert lake.rows() == [("1", "b"), ("2", "c")]
    assert (shown["recordsCount"], shown["rowsDuplicate"]) == (3, 1)
    shown = lake.load({"x.csv": "id,v\n2,c\n3,d\n3,e\n"}, MORE)
    counts = [shown[name] for name in ("rowsInserted", "rowsUpdated", "rowsUnchanged", "rowsDuplicate")]
    assert counts == [1, 0, 1, 1]
    assert lake.rows() == [("1", "b"), ("2", "c"), ("3", "e")]


def test_a_load_that_changes_nothing_creates_no_version(lake: Lake) -> None:
    lake.load({"x.csv": "id\n1\n"}, KEYED)
    assert lake.load({"x.csv": "id\n1\n"}, KEYED)["version"] == 0
    assert lake.load({"x.csv": "id\n"}, MORE)["version"] == 0


def test_slices_gzip_headerless_files_and_other_delimiters_are_read(lake: Lake) -> None:
    lake.load(
        {"x.csv": {"1": "1;a\n", "0": "0;'b;c'\n", ".no": "9;9\n"}},
        {**X, "columns": ["n", "t"], "delimiter": ";", "enclosure": "'"},
    )
    assert lake.rows() == [("0", "b;c"), ("1", "a")]
    lake.load({"x.csv": gzip.compress("\ufeffn,t\r\n5,x\r\n".encode())}, X)
    assert lake.rows() == [("5", "x")]


def test_parquet_is_recognised_by_its_first_bytes(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "p"
    values = "1::BIGINT AS n, [1, 2] AS list, 2.5::DECIMAL(5, 1) AS d, TIMESTAMP '2026-01-31' AS t"
    duckdb.sql(f"COPY (SELECT {values}) TO '{path}' (FORMAT parquet)")
    lake.load({"x.csv": path.read_bytes()}, X)
    assert lake.rows() == [(1, "[1,2]", Decimal("2.5"), datetime(2026, 1, 31, tzinfo=UTC))]
    lake.load({"y.csv": path.read_bytes()}, output={"data_type_support": "none"}, names=["y"])
    assert lake.rows("y") == [("1", "[1,2]", "2.5", "2026-01-31 00:00:00")]


def test_texts_that_stand_for_null_are_loaded_as_null(lake: Lake) -> None:
    lake.load({"x.csv": "a,b\n-,\n"}, X, output={"treat_values_as_null": ["-"]})
    assert lake.rows() == [(None, "")]


def test_rows_are_deleted_before_new_rows_are_added(lake: Lake) -> None:
    lake.load({"x.csv": "id,v\n1,a\n2,b\n3,c\n"}, {**X, "primary_key": ["id"]})
    rule = {"where_filters": [{"column": "v", "values_from_set": ["a", "b"]}]}
    shown = lake.load({"x.csv": "id,v\n2,z\n"}, {**MORE, "delete_where": [rule]})
    assert lake.rows() == [("2", "z"), ("3", "c")]
    assert (shown["rowsDeleted"], shown["rowsInserted"], shown["rowsCount"]) == (2, 1, 2)
    simple = {"delete_where_column": "id", "delete_where_values": ["3"], "delete_where_operator": "ne"}
    lake.load({"x.csv": "id,v\n"}, {**MORE, **simple})
    assert lake.rows() == [("3", "c")]
    lake.load({"x.csv": "id,v\n9,n\n"}, {**MORE, "deduplication_strategy": "insert", "delete_where": [{}]})
    assert lake.rows() == [("9", "n")]


def test_rows_can_be_deleted_by_the_values_of_another_table(lake: Lake) -> None:
    lake.load({"x.csv": "id,v\n1,a\n2,b\n3,c\n"}, {**X, "primary_key": ["id"]})
    lake.load({"y.csv": "gone,n\n1,x\n3,y\n"}, {"source": "y.csv"}, names=["y"])
    values = {"bucket_id": "in.c-main", "table": "y", "column": "gone"}
    rule = {"where_filters": [{"column": "id", "values_from_storage": values}]}
    source = {
        **lake.tables["default/default/in.c-main.y"],
        "key": "y",
        "folder": "default/default/in.c-main/y",
    }
    lake.load({"x.csv": "id,v\n9,z\n"}, {**MORE, "delete_where": [rule]}, sources=[source])
    assert lake.rows() == [("2", "b"), ("9", "z")]
    unknown = {"where_filters": [{"column": "id", "values_from_storage": {**values, "table": "q"}}]}
    told = lake.fails({"x.csv": "id,v\n9,z\n"}, {**MORE, "delete_where": [unknown]}, sources=[source])
    assert 'name table "in.c-main.q", which has the values, in the configuration.' in told


def test_checks_run_before_the_table_is_published(lake: Lake) -> None:
    lake.load({"x.csv": "a\n" + "1\n" * 10}, X)
    shrunk = {**X, "checks": [{"kind": "maxShrink", "value": 0.5}]}
    assert lake.fails({"x.csv": "a\n1\n"}, shrunk) == (
        'Failed to load table "in.c-main.x": Check "maxShrink(0.5)" failed: of 10 rows 1 are left.'
    )
    twice = {**X, "checks": [{"kind": "unique", "columns": ["a"], "onFail": "warning"}]}
    (check,) = lake.load({"x.csv": "a\n1\n1\n"}, twice)["checks"]
    assert check["message"] == 'Check "unique(a)" failed: 1 keys occur more than once.'
    query = {"kind": "sql", "query": "SELECT * FROM this ANTI JOIN previous USING (a)"}
    assert "its query returned 1 rows" in lake.fails({"x.csv": "a\n5\n"}, {**X, "checks": [query]})
    assert lake.rows() == [("1",), ("1",)]


def test_the_counts_of_a_load_add_up(lake: Lake) -> None:
    before = 0
    for text in ("id,v\n1,a\n2,b\n2,c\n", "id,v\n2,c\n3,d\n", "id,v\n1,x\n1,y\n4,z\n"):
        shown = lake.load({"x.csv": text}, KEYED)
        parts = ("rowsInserted", "rowsUpdated", "rowsUnchanged", "rowsDuplicate", "rowsRejected")
        assert shown["recordsCount"] == sum(shown[name] for name in parts)
        assert shown["rowsCount"] == before - shown["rowsDeleted"] + shown["rowsInserted"]
        before = shown["rowsCount"]


LOAD = 'Failed to load table "in.c-main.x": '
SCHEMA = {"schema": [typed("a", "INTEGER"), typed("b", "STRING")], "has_header": True}


@pytest.mark.parametrize(
    ("files", "entry", "message"),
    [
        ({}, X, 'Table sources not found: "x.csv"'),
        ({"y.csv.manifest": {}}, {}, 'Found orphaned table manifest: "y.csv.manifest"'),
        (
            {"x.csv": "a\n", "x.csv.manifest": "{"},
            {},
            (
                'Failed to parse manifest file "x.csv.manifest": Expecting property name enclosed in double '
                "quotes: line 1 column 2 (char 1)"
            ),
        ),
        (
            {"x.csv": "a\n", "x.csv.manifest": {"schema": [{"name": "a"}], "columns": ["a"]}},
            {},
            (
                "Failed to prepare mapping configuration for table x.csv: "
                'Only one of "schema" or "columns" can be defined.'
            ),
        ),
        (
            {"x.csv": "a\n"},
            {**X, "delete_where": [{}], "delete_where_column": "a"},
            (
                "Failed to prepare mapping configuration for table x.csv: "
                'Only one of "delete_where" or "delete_where_column" can be defined.'
            ),
        ),
        (
            {"x.csv": "a\n"},
            {**X, "destination": "x"},
            'Failed to resolve valid destination. "x" is not a valid table ID.',
        ),
        (
            {"x.csv": "a\n"},
            {**X, "columns": ["_timestamp"]},
            (
                "Failed to process mapping for table x.csv: "
                'System columns "_timestamp" cannot be imported to '
                "the table."
            ),
        ),
        ({"x.csv": {"0": "1\n"}}, {}, 'Sliced file "x.csv" columns specification missing.'),
        (
            {"x.csv": "a\n", "z.csv": "a\n"},
            [{**X}, {"source": "z.csv", "destination": "in.c-main.x"}],
            'Table "in.c-main.x" has several sources: "x.csv", "z.csv".',
        ),
        ({"x.csv": ""}, X, LOAD + 'File "x.csv" is empty, a header is expected.'),
        (
            {"x.csv": "a;b\n1;2\n"},
            X,
            LOAD + "Some columns are missing in the csv file. Missing columns: a,b. Expected columns: a,b. "
            'Please check if the expected delimiter "," is used in the csv file.',
        ),
        (
            {"x.csv": "a,c\n", "x.csv.manifest": SCHEMA},
            {},
            LOAD + 'Header of "x.csv" is a,c, its schema is a,b.',
        ),
        ({"x.csv": "a,a\n"}, X, LOAD + 'Duplicate column "a" in "x.csv".'),
        ({"x.csv": "a,b\n1,2\n1\n"}, X, LOAD + '"x.csv" line 3: Expected Number of Columns: 2 Found: 1.'),
        ({"x.csv": "a,b\n1,2,3\n"}, X, LOAD + '"x.csv" line 2: Expected Number of Columns: 2 Found: 3.'),
        ({"x.csv": b"a,b\n1,\xff\n"}, X, LOAD + '"x.csv" line 2: '),
        ({"x.csv": 'a,b\n1,"2\n'}, X, LOAD + '"x.csv" line 2: '),
        (
            {"x.csv": "a,b\n1,2\n"},
            {**X, "primary_key": ["c"]},
            LOAD + 'Primary key column "c" not found.',
        ),
        (
            {"x.csv": "a,b\n1,2\n"},
            {**MORE, "delete_where": [{"where_filters": [{"column": "q", "values_from_set": ["1"]}]}]},
            LOAD + 'Cannot delete rows from table "in.c-main.x": it has no column "q".',
        ),
        (
            {"x.csv": "a,b\n1,2\n"},
            {**MORE, "primary_key": ["b"]},
            LOAD + 'Cannot change primary key from "" to "b": 1 keys occur more than once.',
        ),
        (
            {"x.csv": "a,b\n1,2\n"},
            {**X, "checks": [{"kind": "minRows", "value": 5}]},
            LOAD + 'Check "minRows(5)" failed: it has 1 rows.',
        ),
        (
            {"x.csv": "a,b\n1,2\n", "x.csv.manifest": SCHEMA},
            {},
            LOAD + 'Table "in.c-main.x" column "a" has different type than the schema. Table type: "STRING", '
            'schema type: "INTEGER".',
        ),
    ],
)
def test_faults_are_reported_and_nothing_is_stored(
    lake: Lake, files: dict[str, Any], entry: Any, message: str
) -> None:
    lake.load({"x.csv": "a,b\n1,2\n3,2\n"}, X)
    entries = entry if isinstance(entry, list) else [entry] if entry else []
    assert lake.fails(files, *entries, names=["x", "y", "z"]).startswith(message)
    assert lake.rows() == [("1", "2"), ("3", "2")]


@pytest.mark.parametrize(
    "other", ["columns", "metadata", "column_metadata", "primary_key", "distribution_key"]
)
def test_a_schema_excludes_members_with_the_same_meaning(lake: Lake, other: str) -> None:
    value: Any = {"a": []} if other == "column_metadata" else ["a"]
    manifest = {"schema": [{"name": "a"}], other: value}
    assert lake.fails({"x.csv": "a\n", "x.csv.manifest": manifest}) == (
        "Failed to prepare mapping configuration for table x.csv: "
        f'Only one of "schema" or "{other}" can be defined.'
    )


def test_a_table_without_a_destination_is_a_configuration_error(lake: Lake) -> None:
    told = lake.fails({"x.csv": "a\n"}, row={"bucket": None})
    assert told == 'Failed to resolve destination for output table "x.csv".'


def test_a_table_that_changed_since_it_was_read_is_not_written(lake: Lake) -> None:
    lake.load({"x.csv": "a\n1\n"}, X)
    lake.load({"x.csv": "a\n2\n"}, X)
    lake.tables["default/default/in.c-main.x"] |= {"pinned": 0, "headJob": "12"}
    told = lake.fails({"x.csv": "a\n3\n"}, {**X, "require_unchanged": True})
    assert told == LOAD + "Job 12 changed it since this job read it (version 0, now 1)."
    assert lake.rows() == [("2",)]


@pytest.mark.parametrize(
    ("text", "schema", "message"),
    [
        ("a,b\n1,\nN/A,\nx,\n", SCHEMA, '"x.csv" record 2, column "a": "N/A" is not INTEGER (and 1 more).'),
        (
            "a,b\n1,\n,y\n",
            {
                "schema": [{**typed("a", "INTEGER"), "nullable": False}, typed("b", "STRING")],
                "has_header": True,
            },
            '"x.csv" record 2, column "a" is empty.',
        ),
        (
            "a,b\n,1\n,2\n",
            {
                "schema": [{**typed("a", "INTEGER"), "primary_key": True}, typed("b", "STRING")],
                "has_header": True,
            },
            '"x.csv" record 1, column "a" is empty (and 1 more).',
        ),
    ],
)
def test_values_that_do_not_fit_are_reported_with_their_record(
    lake: Lake, text: str, schema: dict[str, Any], message: str
) -> None:
    assert lake.fails({"x.csv": text, "x.csv.manifest": schema}) == LOAD + message


def test_a_structure_declared_fixed_does_not_change(lake: Lake) -> None:
    lake.load({"x.csv": "a\n1\n"}, X)
    told = lake.fails({"x.csv": "a,y\n1,2\n"}, MORE, output={"table_modifications": "none"})
    assert told == LOAD + 'Column "y" is new and table_modifications is "none".'
    lake.load({"x.csv": "b\n1\n"}, X, output={"table_modifications": "all"})
    assert lake.rows() == [("1",)]


def test_all_problems_of_all_tables_are_reported(lake: Lake) -> None:
    told = lake.fails(
        {"x.csv": '"a\nb"\n1,2\n', "y.csv": "a\n\n1,2\n"}, {"source": "n.csv"}, names=["x", "y"]
    )
    assert told.splitlines() == [
        'Table sources not found: "n.csv"',
        'Failed to load table "in.c-main.x": "x.csv" line 3: Expected Number of Columns: 1 Found: 2.',
        'Failed to load table "in.c-main.y": "y.csv" line 3: Expected Number of Columns: 1 Found: 2.',
    ]


REJECT = {**X, "on_bad_rows": "reject"}
BAD = 'a,b\n1,x\nN/A,y\n3\n4,"z"\n5,p,q\n'


def test_rows_that_cannot_be_loaded_are_rejected_and_listed(lake: Lake) -> None:
    files = {"x.csv": BAD, "x.csv.manifest": SCHEMA}
    shown = lake.load(files, REJECT)
    assert lake.rows() == [(1, "x"), (4, "z")]
    assert (shown["recordsCount"], shown["rowsInserted"], shown["rowsRejected"]) == (5, 2, 3)
    lines = (lake.base / "data/artifacts/out/failed_records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [(one["record"]["line"], one["record"]["column"], one["record"]["value"]) for one in records] == [
        (3, "a", "N/A"),
        (4, "b", None),
        (6, None, None),
    ]
    assert records[0]["message"] == '"x.csv" line 3, column "a": "N/A" is not INTEGER.'
    keyed = {**REJECT, "incremental": True, "primary_key": ["a"]}
    schema = {"x.csv.manifest": {**SCHEMA, "schema": SCHEMA["schema"]}}
    del keyed["primary_key"]
    shown = lake.load({"x.csv": BAD, **schema}, keyed)
    assert (shown["rowsInserted"], shown["rowsRejected"], shown["rowsCount"]) == (2, 3, 4)


def test_more_bad_rows_than_allowed_fail_the_load(lake: Lake) -> None:
    files = {"x.csv": BAD, "x.csv.manifest": SCHEMA}
    told = lake.fails(files, {**REJECT, "max_bad_rows": 2})
    assert told == LOAD + (
        'More than 2 rows cannot be loaded (max_bad_rows). The first: "x.csv" line 3, column "a": "N/A" is '
        "not INTEGER."
    )


def test_texts_that_stand_for_null_are_null_when_rows_are_rejected_too(lake: Lake) -> None:
    files = {"x.csv": "a,b\n-,-\n,\n+,z\n", "x.csv.manifest": SCHEMA}
    shown = lake.load(files, REJECT, output={"treat_values_as_null": ["-", ""]})
    assert lake.rows() == [(None, None), (None, None)]
    assert shown["rowsRejected"] == 1


def listed_records(lake: Lake) -> list[tuple[int | None, str | None, str | None]]:
    lines = (lake.base / "data/artifacts/out/failed_records.jsonl").read_text().splitlines()
    records = [json.loads(line)["record"] for line in lines]
    return [(one["line"], one["column"], one["value"]) for one in records]


def test_rows_whose_numbers_would_be_rounded_are_rejected_with_their_first_line(lake: Lake) -> None:
    text = '"a",b\n1.0,"p\nq"\n\n1.5,x\n0x1F,y\n\n5,p,q\n6,"z"\n,\n'
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        lake.load({"x.csv": content, "x.csv.manifest": SCHEMA}, REJECT)
        assert lake.rows() == [(1, "p\nq"), (6, "z"), (None, "")]
    found = [(5, "a", "1.5"), (6, "a", "0x1F"), (8, None, None)]
    assert listed_records(lake) == found * 2
    told = lake.fails({"x.csv": text, "x.csv.manifest": SCHEMA}, X)
    assert told == LOAD + '"x.csv" line 8: Expected Number of Columns: 2 Found: 3.'


def test_values_of_parquet_files_are_rejected_and_not_rounded(lake: Lake) -> None:
    lake.load({"x.csv": "a,b\n1,x\n", "x.csv.manifest": SCHEMA}, X)
    file = io.BytesIO()
    pl.DataFrame({"a": [2.0, 2.5, None], "b": ["p", "q", "r"]}).write_parquet(file)
    told = lake.fails({"x.csv": file.getvalue()}, X)
    assert told == LOAD + '"x.csv" record 2, column "a": "2.5" is not INTEGER.'
    assert lake.load({"x.csv": file.getvalue()}, REJECT)["rowsRejected"] == 1
    assert lake.rows() == [(2, "p"), (None, "r")]
    assert listed_records(lake) == [(None, "a", "2.5")]


def test_a_field_of_more_than_16_mib_is_refused_and_one_of_16_mib_is_not(lake: Lake) -> None:
    most = 16 * 2**20
    files = {"x.csv": "a,b\n1,x\n2," + "x" * (most + 1) + "\n3," + "y" * most + "\n"}
    told = lake.fails(files, X)
    assert told == LOAD + f'"x.csv" record 2, column "b": it has more than {most} bytes.'
    assert lake.load(files, REJECT)["rowsRejected"] == 1
    assert [(row[0], len(row[1])) for row in lake.rows()] == [("1", 1), ("3", most)]
    assert [(line, column, len(value or "")) for line, column, value in listed_records(lake)] == [
        (3, "b", 65_536)
    ]


def test_37_bad_rows_of_a_million_are_listed_with_their_lines(lake: Lake) -> None:
    bad = {27_000 * number for number in range(1, 38)}
    text = "".join(f"{'?' if row in bad else row},x\n" for row in range(1_000_000))
    shown = lake.load({"x.csv": "a,b\n" + text, "x.csv.manifest": SCHEMA}, REJECT)
    assert (shown["rowsInserted"], shown["rowsRejected"]) == (999_963, 37)
    listed = (lake.base / "data/artifacts/out/failed_records.jsonl").read_text().splitlines()
    assert {json.loads(line)["record"]["line"] for line in listed} == {row + 2 for row in bad}

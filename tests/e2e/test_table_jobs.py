"""Tables that are created, loaded, exported and cloned by hand, and their metadata."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from e2e.harness import LAKE, Daemon, running
from e2e.lake import folder, log_of, published, rows, writes
from e2e.test_systems import put_system
from e2e.wire import Message, Wire, of

pytestmark = pytest.mark.real_processes


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with tables, which the tests of this module share."""
    with running(**LAKE) as one:
        yield one


def done(wire: Wire, method: str, **params: object) -> Message:
    """Run a job of one of these methods, which must succeed."""
    job = wire.done(wire.call(method, **params))
    assert job["status"] == "success", job["message"]
    return job


def test_a_table_is_created_empty_and_its_descriptions_are_changed(wire: Wire, daemon: Daemon) -> None:
    columns = [
        {"name": "id", "description": "its number"},
        {"name": "n", "type": "NUMERIC", "length": "10,2"},
    ]
    spec = {"id": "in.c-made.t", "columns": columns, "primaryKey": ["id"], "description": "first"}
    table = wire.call("storage.table.put", table=spec)
    assert of(table, "rowsCount", "version", "description", "isTyped") == (0, 0, "first", True)
    assert table["definition"][0]["description"] == "its number"
    assert rows(published(wire, daemon, "in.c-made.t", 0)) == []
    metadata = [{"key": "owner", "value": "ann"}]
    again = wire.call("storage.table.put", table={**spec, "description": "second", "metadata": metadata})
    assert of(again, "description", "version") == ("second", 0)
    assert [of(one, "value", "provider") for one in again["metadata"] if one["key"] == "owner"] == [
        ("ann", "user")
    ]
    other = wire.refused("storage.table.put", table={**spec, "columns": [{"name": "x"}], "primaryKey": ["x"]})
    assert (other.kind, other.data["path"]) == ("conflict", "$.table.columns")
    capitals = wire.refused("storage.table.put", table={**spec, "id": "in.c-made.T"})
    assert (capitals.kind, capitals.data["path"]) == ("conflict", "$.table.id")


def test_a_file_can_be_loaded_and_a_table_written_to_a_file(wire: Wire, tmp_path: Path) -> None:
    source, target = tmp_path / "orders.csv", tmp_path / "out.csv"
    source.write_text("id,name\n1,a\n2,b\n")
    job = done(wire, "storage.table.import", id="in.c-files.t", path=str(source), primaryKey=["id"])
    (table,) = job["result"]["output"]["tables"]
    assert of(table, "id", "rowsInserted", "primaryKey", "path") == ("in.c-files.t", 2, ["id"], None)
    assert source.exists()
    source.write_text("id,name\n2,c\n")
    done(wire, "storage.table.import", id="in.c-files.t", path=str(source), incremental=True)
    selected = {"whereColumn": "id", "whereValues": ["2"], "columns": ["name"]}
    job = done(wire, "storage.table.export", id="in.c-files.t", path=str(target), **selected)
    assert target.read_text() == "name\nc\n"
    assert of(job["result"]["input"]["tables"][0], "recordsCount", "destination") == (1, str(target))
    taken = wire.done(wire.call("storage.table.export", id="in.c-files.t", path=str(target)))
    assert "exists already" in taken["message"]
    done(wire, "storage.table.export", id="in.c-files.t", path=str(target), overwrite=True, version=0)
    assert sorted(target.read_text().splitlines()) == ["1,a", "2,b", "id,name"]
    done(wire, "storage.table.export", id="in.c-files.t", path=str(tmp_path / "p"), format="parquet")
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/p/*.parquet'").fetchall() == [(2,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv", "out.csv", "p"]


def test_a_file_can_be_loaded_with_every_option_of_a_mapping(
    wire: Wire, daemon: Daemon, tmp_path: Path
) -> None:
    (tmp_path / "n.csv").write_text("n,t\n1,a\n1.5,b\n2,\n")
    schema = [{"name": "n", "data_type": {"base": {"type": "INTEGER"}}}, {"name": "t"}]
    load = {"id": "in.c-said.t", "path": str(tmp_path / "n.csv"), "schema": schema, "hasHeader": True}
    strict = wire.done(wire.call("storage.table.import", **load))
    assert strict["message"].endswith('"n.csv" record 2, column "n": "1.5" is not INTEGER.')
    few = wire.done(wire.call("storage.table.import", **load, onBadRows="reject", maxBadRows=0))
    assert 'line 3, column "n": "1.5" is not INTEGER.' in few["message"]
    job = done(wire, "storage.table.import", **load, onBadRows="reject")
    assert job["result"]["output"]["tables"][0]["rowsRejected"] == 1
    assert rows(published(wire, daemon, "in.c-said.t", 0)) == [(1, "a"), (2, "")]
    (tmp_path / "n.csv").write_text("n,t,u\n3,c,d\n")
    told = {"tableMetadata": {"owner": "ann"}, "columnMetadata": {"u": [{"key": "unit", "value": "m"}]}}
    done(wire, "storage.table.import", id=load["id"], path=load["path"], incremental=True, **told)
    head = wire.call("storage.table.get", id="in.c-said.t")
    assert "ann" in [one["value"] for one in head["metadata"]]
    assert [one["value"] for one in head["columnMetadata"]["u"]] == ["m"]
    first = wire.call("storage.table.get", id="in.c-said.t", version=0)
    assert (head["columns"], first["columns"]) == (["n", "t", "u"], ["n", "t"])
    assert of(first, "version", "rowsCount") == (0, 2)
    (tmp_path / "n.csv").write_text("n,t,u\n4,-,d\n")
    done(wire, "storage.table.import", id=load["id"], path=load["path"], treatValuesAsNull=["-"])
    assert wire.call("storage.preview", table="in.c-said.t")["rows"] == [["4", None, "d"]]
    (tmp_path / "n.csv").write_text("n,t,u,v\n4,a,d,e\n")
    fixed = wire.call("storage.table.import", id=load["id"], path=load["path"], tableModifications="none")
    assert wire.done(fixed)["message"].endswith('Column "v" is new and table_modifications is "none".')
    half = wire.refused("storage.table.export", id="in.c-said.t", path="/x", whereColumn="n")
    assert half.data["path"] == "$.whereValues"


def test_a_table_is_written_to_a_system(wire: Wire, place: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("n\n1\n")
    done(wire, "storage.table.import", id="in.c-away.x", path=str(tmp_path / "x.csv"))
    put_system(wire, "away", str(place), isWritable=True)
    asked = {"id": "in.c-away.x", "system": "away", "path": "deep/x.csv"}
    job = done(wire, "storage.table.export", **asked)
    assert (place / "deep/x.csv").read_text() == "n\n1\n"
    assert job["result"]["input"]["tables"][0]["destination"] == f"file://{place}/deep/x.csv"
    taken = wire.done(wire.call("storage.table.export", **asked))
    assert "exists already" in taken["message"]
    done(wire, "storage.table.export", **asked, overwrite=True, columns=["_timestamp"])
    assert (place / "deep/x.csv").read_text().startswith("_timestamp\n2")
    done(wire, "storage.table.export", **asked | {"path": "p", "format": "parquet"})
    assert duckdb.sql(f"SELECT n FROM '{place}/p/*.parquet'").fetchall() == [("1",)]
    put_system(wire, "away", str(place))
    refusals = [
        wire.refused("storage.table.export", **asked),
        wire.refused("storage.table.export", **asked | {"system": "nowhere"}),
        wire.refused("storage.table.export", **asked | {"path": "../x"}),
    ]
    assert [one.data["path"] for one in refusals] == ["$.system", "$.system", "$.path"]


def test_unreadable_sources_and_unwritable_targets_are_reported(wire: Wire, tmp_path: Path) -> None:
    missing = wire.done(wire.call("storage.table.import", id="in.c-files.none", path=f"{tmp_path}/none.csv"))
    assert missing["message"] == f'"{tmp_path}/none.csv" cannot be read: No such file or directory.'
    assert missing["result"]["error"]["type"] == "user"
    relative = wire.refused("storage.table.import", id="in.c-files.none", path="none.csv")
    assert relative.data["path"] == "$.path"
    (tmp_path / "bad.csv").write_text("a,b\n1\n")
    bad = wire.done(wire.call("storage.table.import", id="in.c-files.bad", path=f"{tmp_path}/bad.csv"))
    assert bad["message"].startswith('Failed to load table "in.c-files.bad": "bad.csv" line 2: ')


def test_a_clone_shares_the_files_of_a_version_and_changes_independently(wire: Wire, daemon: Daemon) -> None:
    output = {"tables": [{"source": "x.csv", "destination": "in.c-first.x", "primary_key": ["id"]}]}
    wire.done(writes(wire, {"x.csv": "id\n1\n2\n"}, output=output))
    wire.done(writes(wire, {"x.csv": "id\n9\n"}, output=output))
    done(wire, "storage.table.clone", id="in.c-first.x", version=0, toId="out.c-second.y")
    path = published(wire, daemon, "out.c-second.y", 0)
    assert rows(path) == [("1",), ("2",)]
    (data,) = path.glob("*.parquet")
    assert (folder(daemon, "in.c-first.x") / data.name).samefile(data)
    assert log_of(path)[0][0]["commitInfo"]["lockside"]["inputs"] == [{"table": "in.c-first.x", "version": 0}]
    more = {"tables": [{"source": "x.csv", "destination": "out.c-second.y", "incremental": True}]}
    assert wire.done(writes(wire, {"x.csv": "id\n2\n3\n"}, output=more))["status"] == "success"
    assert rows(published(wire, daemon, "out.c-second.y", 1)) == [("1",), ("2",), ("3",)]
    taken = wire.refused("storage.table.clone", id="in.c-first.x", toId="out.c-second.y")
    assert (taken.kind, taken.data["path"]) == ("conflict", "$.toId")


def test_a_missing_version_is_reported_by_every_method(wire: Wire, tmp_path: Path) -> None:
    wire.done(writes(wire, {"x.csv": "n\n1\n"}, output={"default_bucket": "in.c-seven"}))
    table, told = "in.c-seven.x", 'Table "in.c-seven.x" has no version 7: its newest is 0.'
    assert told in str(wire.refused("storage.table.get", id=table, version=7))
    assert told in str(wire.refused("storage.preview", table=table, version=7))
    out = wire.done(wire.call("storage.table.export", id=table, version=7, path=str(tmp_path / "x.csv")))
    clone = wire.done(wire.call("storage.table.clone", id=table, version=7, toId="in.c-seven.y"))
    assert [out["message"], clone["message"]] == [told, told]


def test_a_table_loaded_or_created_in_a_branch_is_only_in_that_branch(wire: Wire, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("n\n1\n2\n")
    load = {"id": "in.c-apart.x", "path": str(tmp_path / "x.csv")}
    wire.call("branch.create", branch={"id": "apart"})
    done(wire, "storage.table.import", **load, branchId="apart")
    done(wire, "storage.table.clone", id="in.c-apart.x", branchId="apart", toId="in.c-apart.y")
    tables = wire.call("storage.table.list", bucket="in.c-apart", branchId="apart")["tables"]
    assert [(one["id"], one["rowsCount"]) for one in tables] == [("in.c-apart.x", 2), ("in.c-apart.y", 2)]
    assert not wire.call("storage.table.list", bucket="in.c-apart")["tables"]
    exported = {"id": "in.c-apart.x", "branchId": "apart", "path": str(tmp_path / "y.csv")}
    done(wire, "storage.table.export", **exported)
    assert (tmp_path / "y.csv").read_text().split() == ["n", "1", "2"]


def test_loading_creating_and_cloning_into_a_missing_branch_is_refused(wire: Wire, tmp_path: Path) -> None:
    wire.done(writes(wire, {"x.csv": "n\n1\n"}, output={"default_bucket": "in.c-lost"}))
    table = {"id": "in.c-lost.y", "columns": [{"name": "n"}]}
    for method, path, params in (
        ("import", "$.branchId", {"id": "in.c-lost.y", "path": str(tmp_path), "branchId": "nope"}),
        ("put", "$.branchId", {"table": table, "branchId": "nope"}),
        ("clone", "$.toBranchId", {"id": "in.c-lost.x", "toBranchId": "nope"}),
        ("restore", "$.branchId", {"id": "in.c-lost.x", "branchId": "nope", "fromTrash": True}),
    ):
        refusal = wire.refused(f"storage.table.{method}", **params)
        assert (refusal.kind, refusal.data["path"]) == ("not_found", path), method


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("storage.table.list", {}),
        ("storage.snapshot", {"tables": []}),
        ("storage.bucket.list", {}),
        ("storage.file.list", {}),
        ("config.list", {}),
    ],
)
def test_listing_a_missing_branch_is_refused(wire: Wire, method: str, more: Message) -> None:
    refusal = wire.refused(method, branchId="nope", **more)
    assert (refusal.kind, refusal.data["path"]) == ("not_found", "$.branchId")
    assert "`lockside branch ls` lists those that exist" in str(refusal)


def test_metadata_that_components_report_of_a_table_is_stored(wire: Wire) -> None:
    schema = [{"name": "id", "description": "a number", "data_type": {"base": {"type": "INTEGER"}}}]
    manifest = {"schema": schema, "has_header": True, "table_metadata": {"source": "shop"}}
    output = {"tables": [{"source": "x.csv", "destination": "in.c-told.x", "description": "all orders"}]}
    request = {"tables": {"x.csv": "id\n1\n"}, "manifests": {"x.csv": manifest}}
    job = wire.done(writes(wire, **request, output={**output, "data_type_support": "hints"}))
    assert job["status"] == "success", job["message"]
    table = wire.call("storage.table.get", id="in.c-told.x")
    told = {(one["provider"], one["key"]): one["value"] for one in table["metadata"]}
    assert told["acme.writer", "source"] == "shop"
    assert told["system", "KBC.createdBy.component.id"] == "acme.writer"
    assert of(table, "description", "isTyped") == ("all orders", False)
    column = {one["key"]: one["value"] for one in table["columnMetadata"]["id"]}
    assert column["KBC.datatype.basetype"] == "INTEGER"
    assert column["KBC.description"] == "a number"
    wire.done(writes(wire, **request, output={**output, "data_type_support": "hints"}))
    again = wire.call("storage.table.get", id="in.c-told.x")["metadata"]
    assert {one["key"] for one in again} >= {"KBC.lastUpdatedBy.configuration.id", "KBC.createdBy.branch.id"}


def test_versions_are_compared_by_key(wire: Wire) -> None:
    mapping = {"source": "x.csv", "destination": "in.c-diff.x", "primary_key": ["id"], "incremental": True}
    wire.done(writes(wire, {"x.csv": "id,v\n1,a\n2,b\n3,c\n"}, output={"tables": [mapping]}))
    rule = [{"where_filters": [{"column": "id", "values_from_set": ["3"]}]}]
    changed = {**mapping, "delete_where": rule}
    wire.done(writes(wire, {"x.csv": "id,v\n2,z\n4,d\n"}, output={"tables": [changed]}))
    found = wire.call("storage.diff", table="in.c-diff.x", **{"from": 0})
    assert found["counts"] == {"inserted": 1, "deleted": 1, "updated": 1}
    assert of(found, "inserted", "deleted") == ([["4", "d"]], [["3", "c"]])
    assert found["updated"] == [{"before": ["2", "b"], "after": ["2", "z"]}]
    same = wire.call("storage.diff", table="in.c-diff.x", **{"from": 1})
    assert set(same["counts"].values()) == {0}
    assert wire.refused("storage.diff", table="in.c-diff.x", **{"from": 7}).data["path"] == "$.from"


def test_lineage_shows_which_job_made_a_version_and_which_jobs_read_it(wire: Wire) -> None:
    to = {"tables": [{"source": "x.csv", "destination": "in.c-line.a"}]}
    first = wire.done(writes(wire, {"x.csv": "n\n1\n"}, output=to))
    read = {"input": {"tables": [{"source": "in.c-line.a", "destination": "a.csv"}]}}
    to = {"tables": [{"source": "x.csv", "destination": "out.c-line.b"}]}
    second = wire.done(writes(wire, {"x.csv": "n\n2\n"}, "two", output=to, storage=read))
    assert second["status"] == "success", second["message"]
    (version,) = wire.call("storage.table.history", id="out.c-line.b")["versions"]
    assert version["inputs"] == [{"table": "in.c-line.a", "version": 0, "branchId": "default"}]
    one, other = f"job:{first['id']}", f"job:{second['id']}"
    up = wire.call("storage.lineage", table="out.c-line.b")
    assert [node["id"] for node in up["nodes"]] == [
        "table:out.c-line.b@0",
        other,
        "table:in.c-line.a@0",
        one,
    ]
    assert [of(edge, "fromId", "toId") for edge in up["edges"]] == [
        (other, "table:out.c-line.b@0"),
        ("table:in.c-line.a@0", other),
        (one, "table:in.c-line.a@0"),
    ]
    down = wire.call("storage.lineage", job=first["id"], direction="down", depth=1)
    assert [node["id"] for node in down["nodes"]] == [one, "table:in.c-line.a@0"]
    whole = wire.call("storage.lineage", job=first["id"], direction="down")
    assert whole["nodes"][-1]["table"] == "out.c-line.b"


def test_a_bucket_is_created_with_its_first_table_and_deleted_only_when_empty(wire: Wire) -> None:
    wire.done(writes(wire, {"x.csv": "n\n1\n"}, output={"default_bucket": "in.c-held"}))
    bucket = wire.call("storage.bucket.get", id="in.c-held")
    assert of(bucket, "access", "version", "description") == ("private", 1, None)
    described = {"id": "in.c-held", "description": "what is held"}
    assert wire.call("storage.bucket.put", bucket=described)["version"] == 2
    assert [one["id"] for one in wire.call("storage.bucket.list", text="HELD")["buckets"]] == ["in.c-held"]
    full = wire.refused("storage.bucket.delete", id="in.c-held")
    assert (full.kind, full.data["path"]) == ("conflict", "$.id")
    open_ = wire.refused("storage.bucket.put", bucket={"id": "in.c-held", "access": "allRead"})
    assert (open_.kind, open_.data["path"]) == ("conflict", "$.bucket.access")
    capitals = wire.refused("storage.bucket.put", bucket={"id": "in.c-HELD"})
    assert (capitals.kind, capitals.data["path"]) == ("conflict", "$.bucket.id")
    named = {"id": "in.c-HELD.y", "columns": [{"name": "n"}]}
    for method, more, path in (
        ("storage.table.put", {"table": named}, "$.table.id"),
        ("storage.table.clone", {"id": "in.c-held.x", "toId": "in.c-HELD.y"}, "$.toId"),
    ):
        refused = wire.refused(method, **more)
        assert (refused.kind, refused.data["path"]) == ("conflict", path)
    job = wire.done(writes(wire, {"y.csv": "n\n1\n"}, output={"default_bucket": "in.c-HELD"}))
    assert job["message"] == 'Table "in.c-HELD.y" differs from "in.c-held.y" only in case.'
    wire.call("storage.bucket.put", bucket={"id": "in.c-empty", "access": "allRead"})
    wire.call("storage.bucket.put", bucket={"id": "in.c-empty", "access": "groupRead"})
    wire.call("storage.bucket.delete", id="in.c-empty")
    assert wire.refused("storage.bucket.get", id="in.c-empty").kind == "not_found"


@pytest.mark.parametrize(
    ("access", "folder_mode", "file_mode"),
    [
        ("private", 0o700, 0o400),
        ("groupRead", 0o750, 0o440),
        ("groupWrite", 0o2770, 0o440),
        ("allRead", 0o755, 0o444),
    ],
)
def test_files_have_the_permissions_of_their_bucket(
    wire: Wire, daemon: Daemon, access: str, folder_mode: int, file_mode: int
) -> None:
    bucket = f"in.c-access-{access}"
    wire.call("storage.bucket.put", bucket={"id": bucket, "access": access})
    wire.done(writes(wire, {"x.csv": "n\n1\n"}, output={"default_bucket": bucket}))
    path = published(wire, daemon, f"{bucket}.x", 0)
    assert path.parent.stat().st_mode & 0o7777 == folder_mode
    (data,) = path.glob("*.parquet")
    (entry,) = (path / "_delta_log").glob("*.json")
    assert data.stat().st_mode & 0o777 == file_mode
    assert entry.stat().st_mode & 0o444 == file_mode


def test_a_dropped_table_can_be_restored_from_the_trash(wire: Wire, daemon: Daemon) -> None:
    mapping = {"source": "x.csv", "destination": "in.c-back.x", "primary_key": ["id"]}
    for text in ("id\n1\n", "id\n2\n"):
        wire.done(writes(wire, {"x.csv": text}, output={"tables": [mapping]}))
    there = wire.refused("storage.table.restore", id="in.c-back.x", fromTrash=True)
    assert there.kind == "conflict"
    wire.call("storage.table.delete", id="in.c-back.x")
    job = wire.done(wire.call("storage.table.restore", id="in.c-back.x", fromTrash=True))
    assert job["status"] == "success", job["message"]
    assert rows(published(wire, daemon, "in.c-back.x", 0)) == [("2",)]
    assert wire.call("storage.table.get", id="in.c-back.x")["primaryKey"] == ["id"]
    assert wire.refused("storage.table.restore", id="in.c-none.x", fromTrash=True).kind == "not_found"


def test_a_dropped_table_is_gone_and_its_name_can_be_reused(wire: Wire, daemon: Daemon) -> None:
    output = {"default_bucket": "in.c-drop"}
    wire.done(writes(wire, {"x.csv": "n\n1\n"}, output=output))
    published(wire, daemon, "in.c-drop.x", 0)
    assert wire.call("storage.table.delete", id="in.c-drop.x")["id"] == "in.c-drop.x"
    assert wire.refused("storage.table.get", id="in.c-drop.x").kind == "not_found"
    wire.call("storage.bucket.delete", id="in.c-drop")
    again = wire.done(writes(wire, {"x.csv": "m\n2\n"}, output=output))
    assert again["status"] == "success", again["message"]
    assert rows(published(wire, daemon, "in.c-drop.x", 0)) == [("2",)]
    assert wire.refused("storage.table.delete", id="in.c-none.x").kind == "not_found"


def test_parameters_of_storage_jobs_are_checked_like_any_document(wire: Wire) -> None:
    def refused(**parameters: object) -> str:
        body = {"parameters": parameters}
        told = wire.refused("job.create", component="lockside.storage", configData=body)
        assert told.kind == "invalid"
        return str(told.data["path"])

    table = {"id": "in.c-x.y", "branch": "../../x", "version": 0}
    assert refused(operation="restore", tables=[table]).endswith(".parameters.tables[0].branch")
    named = {"id": "in.c-x/../y.z", "version": 0}
    assert refused(operation="restore", tables=[named]).endswith(".parameters.tables[0].id")
    assert refused(operation="export").endswith(".parameters.path")

"""Tables as foreign readers see them, and jobs that leave files in out/tables."""

import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from deltalake import DeltaTable

from e2e.harness import Daemon, python
from e2e.wire import Message, Wire, put_component, put_config

WRITER = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
config = json.loads((data / "config.json").read_text())
for name, text in config["parameters"].get("tables", {}).items():
    (data / "out/tables" / name).write_text(text)
for name, manifest in config["parameters"].get("manifests", {}).items():
    (data / "out/tables" / (name + ".manifest")).write_text(json.dumps(manifest))
for name, text in config["parameters"].get("files", {}).items():
    (data / "out/files" / name).write_text(text)
if "state" in config["parameters"]:
    (data / "out/state.json").write_text(json.dumps(config["parameters"]["state"]))
raise SystemExit(config["parameters"].get("code", 0))
"""


READER = """
import os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
for path in sorted((data / "in/tables").iterdir()):
    if not path.name.endswith(".manifest"):
        print(path.name, path.read_text().splitlines(), flush=True)
"""


def writes(wire: Wire, tables: dict[str, str], config: str = "one", **more: Any) -> Message:
    """Create a job that leaves these files in out/tables; `output` is its mapping."""
    put_component(wire, "acme.writer", command=python(WRITER))
    storage = {"output": more.pop("output", {}), **more.pop("storage", {})}
    request = more.pop("request", {})
    parameters = {"tables": tables, **more}
    put_config(wire, "acme.writer", config, configuration={"parameters": parameters, "storage": storage})
    return wire.create("acme.writer", config=config, **request)


def reads(wire: Wire, tables: list[dict[str, object]], rows: int = 0, **request: object) -> Message:
    """Create a job that prints these tables."""
    put_component(wire, "acme.reader", command=python(READER))
    storage = {"input": {"tables": tables}}
    listed = [{"id": f"r{number}", "configuration": {}} for number in range(rows)]
    put_config(wire, "acme.reader", "one", configuration={"storage": storage}, rows=listed)
    return wire.create("acme.reader", config="one", **request)


def folder(daemon: Daemon, table: str, branch: str = "default") -> Path:
    """Return the folder of a table of the default project."""
    bucket, _, name = table.rpartition(".")
    return daemon.state_dir / "lake" / "default" / branch / bucket / name


def rows(path: Path) -> list[tuple[Any, ...]]:
    """Return the rows of a published table without `_timestamp`, as every reader sees them."""
    table = DeltaTable(path)
    by_polars = pl.read_delta(str(path)).drop("_timestamp")
    found = (
        duckdb.sql(f"SELECT * EXCLUDE (_timestamp) FROM read_parquet({table.file_uris()!r})")
        if (table.file_uris())
        else None
    )
    seen = sorted(by_polars.rows(), key=str)
    assert seen == ([] if found is None else sorted(found.fetchall(), key=str))
    return seen


def log_of(path: Path) -> list[list[dict[str, Any]]]:
    """Return the published entries of a table's log, by version."""
    return [
        [json.loads(line) for line in entry.read_text().splitlines()]
        for entry in sorted((path / "_delta_log").glob("*.json"))
    ]


def published(wire: Wire, daemon: Daemon, table: str, version: int) -> Path:
    """Wait until that version is published in the table's folder, and return the folder."""
    number = wire.call("event.subscribe", kinds=["table.published"])["subscription"]
    while not _is_published(wire, table, version):
        wire.notice()
    wire.call("event.unsubscribe", subscription=number)
    return folder(daemon, table)


def _is_published(wire: Wire, table: str, version: int) -> bool:
    newest = wire.call("storage.table.get", id=table)["publishedVersion"]
    return newest is not None and newest >= version

"""Random loads, deletions, new columns, restores and clones, compared with a model after each change."""

import random
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from locksided.steps.lake import changes, creation, restore
from steps.lake import BUCKET, Lake

VALUES = ["", "a", "1", "NULL", 'q"q', "l\nl", "é", " s ", "a,b", "\x00", "x" * 300]
STEPS = 14
Row = dict[str, str]


@dataclass
class Model:
    """The expected content of a table, and its earlier versions."""

    columns: list[str]
    key: list[str]
    rows: list[Row] = field(default_factory=list)
    earlier: "dict[int, Model]" = field(default_factory=dict)

    def take(self, rows: list[Row], *, is_added: bool, is_unique: bool) -> None:
        last = {self._key_of(row, number): row for number, row in enumerate(rows)} if is_unique else {}
        kept = [row for row in self.rows if is_added and self._key_of(row, -1) not in last]
        self.rows = kept + (list(last.values()) if is_unique else rows)

    def _key_of(self, row: Row, number: int) -> tuple[object, ...]:
        return tuple(row.get(one, "") for one in self.key) or (number,)

    def delete(self, column: str, values: list[str], operator: str) -> None:
        self.rows = [one for one in self.rows if (one.get(column, "") in values) != (operator == "eq")]

    def content(self) -> list[tuple[str | None, ...]]:
        return sorted((tuple(row.get(column) for column in self.columns) for row in self.rows), key=str)


class World:
    """A lake, its model, and a source of chance."""

    def __init__(self, lake: Lake, seed: int) -> None:
        self.lake, self.chance, self.models = lake, random.Random(seed), {"x": Model(["filename", "v"], [])}
        self.load("x")

    def load(self, name: str) -> None:
        model, chance = self.models[name], self.chance
        is_added, inserts = chance.random() < 0.8, chance.random() < 0.2
        entries, files, loaded = [], {}, []
        for source in (f"{name}*.csv", f"{name}[1].csv")[: 1 + is_added]:
            rows = [{one: chance.choice(VALUES) for one in model.columns} for _ in range(chance.randrange(6))]
            lines = [[row[one].replace('"', '""') for one in model.columns] for row in rows]
            texts = ['"' + '","'.join(line) + '"\n' for line in lines]
            files[source] = ",".join(model.columns) + "\n" + "".join(texts)
            entry: dict[str, Any] = {
                "source": source,
                "destination": f"{BUCKET}.{name}",
                "incremental": is_added,
            }
            if inserts and is_added:
                entry["deduplication_strategy"] = "insert"
            if chance.random() < 0.4:
                rule = self._rule(model)
                entry["delete_where"] = [{"where_filters": [rule]}]
                if is_added:
                    model.delete(rule["column"], rule["values_from_set"], rule["operator"])
            entries.append(entry)
            loaded += rows
        model.take(loaded, is_added=is_added, is_unique=bool(model.key) and not (inserts and is_added))
        shown = self.lake.load(files, *entries, names=[name])
        assert shown["rowsCount"] == len(model.rows)

    def _rule(self, model: Model) -> dict[str, Any]:
        operator, values = self.chance.choice(["eq", "ne"]), self.chance.sample(VALUES, 4)
        return {"column": self.chance.choice(model.columns), "operator": operator, "values_from_set": values}

    def delete(self, name: str) -> None:
        rule = self._rule(self.models[name])
        self.models[name].delete(rule["column"], rule["values_from_set"], rule["operator"])
        self._change(changes.delete_rows, name, {"delete_where": [{"where_filters": [rule]}]})

    def set_key(self, name: str) -> None:
        model = self.models[name]
        model.rows, model.key = [], self.chance.sample(model.columns, 1)
        self._change(changes.delete_rows, name, {"delete_where": [{}]})
        self._change(changes.set_primary_key, name, {"primaryKey": model.key})

    def add_column(self, name: str) -> None:
        column = f"n{len(self.models[name].columns)}"
        self.models[name].columns.append(column)
        self._change(changes.alter, name, {"addColumns": [{"name": column}], "dropColumns": [], "types": {}})

    def restore(self, name: str) -> None:
        model = self.models[name]
        version = self.chance.choice(list(model.earlier))
        earlier = deepcopy(model.earlier[version])
        self.models[name] = Model(earlier.columns, earlier.key, earlier.rows, model.earlier)
        self._change(restore.restore, name, {"tables": [{"version": version}]})

    def clone(self, name: str) -> None:
        version, new = self.chance.choice(list(self.models[name].earlier)), f"y{len(self.models)}"
        source = self.lake.order({}, [name])["tables"][0] | {"version": version}
        self.models[new] = deepcopy(self.models[name].earlier[version])
        self._change(creation.clone, new, {}, sources=[source])

    def _change(self, operation: Any, name: str, parameters: dict[str, Any], **more: Any) -> None:
        (commit,) = operation(self.lake.order({}, [name], parameters=parameters, **more))["commits"]
        self.lake.ratify(commit)

    def check(self) -> None:
        for name, model in self.models.items():
            known, folder = self.lake.tables[f"default/default/{BUCKET}.{name}"], self.lake.folder(name)
            assert known["definition"]["primaryKey"] == model.key
            assert self.lake.rows(name) == model.content()
            paths = [uri.replace("[", "[[]") for uri in DeltaTable(folder).file_uris()]
            form = f"read_parquet({paths!r}, union_by_name=true, hive_partitioning=false)"
            count = duckdb.sql(f"SELECT count(*) FROM {form}").fetchall() if paths else [(0,)]
            assert count == [(len(model.rows),)] == [(known["rowsCount"],)]
            for version, earlier in self.chance.sample(
                sorted(model.earlier.items()), min(1, len(model.earlier))
            ):
                found = pl.read_delta(str(folder), version=version).drop("_timestamp").rows()
                assert sorted(found, key=str) == earlier.content()
            kept = Model(list(model.columns), list(model.key), [*model.rows])
            model.earlier[known["version"]] = kept


@pytest.mark.parametrize("seed", range(2))
def test_every_reader_sees_what_the_changes_left(tmp_path: Path, seed: int) -> None:
    world = World(Lake(tmp_path / "v=1" / "[l]"), seed)
    world.check()
    acts = [world.load, world.load, world.load, world.delete, world.set_key]
    acts += [world.add_column, world.restore, world.clone]
    for _ in range(STEPS):
        world.chance.choice(acts)(world.chance.choice(list(world.models)))
        world.check()

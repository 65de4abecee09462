"""A lake in a folder, and storage steps run in this process; this module plays the part of the daemon."""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from locksided.steps.lake import output
from locksided.steps.program import UserFault

BUCKET = "in.c-main"


@dataclass
class Lake:
    """Loads files into tables of `in.c-main`, and publishes them if the load succeeds."""

    base: Path
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    serial: int = 0
    now_us: int = 1_800_000_000_000_000

    def __post_init__(self) -> None:
        for name in ("data/out/tables", f"lake/default/default/{BUCKET}", "tmp"):
            (self.base / name).mkdir(parents=True)

    def write(self, files: dict[str, Any]) -> None:
        """Write files to out/tables: texts, bytes, manifests as objects, slices as objects of texts."""
        folder = self.base / "data/out/tables"
        shutil.rmtree(folder)
        folder.mkdir()
        for name, content in files.items():
            path = folder / name
            if isinstance(content, dict) and not name.endswith(".manifest"):
                path.mkdir()
                for inner, text in content.items():
                    (path / inner).write_text(text)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content if isinstance(content, str) else json.dumps(content))

    def order(self, mapping: dict[str, Any], names: list[str], **more: Any) -> dict[str, Any]:
        tables = []
        for name in names:
            self.serial += 1
            key = f"default/default/{BUCKET}.{name.lower()}"
            known = self.tables.get(key, {"id": f"{BUCKET}.{name}"})
            folder = f"default/default/{BUCKET}/{name}"
            tables.append({"key": key, "folder": folder, **known, "serial": self.serial})
        self.now_us += 1_000_000
        row = {"row": None, "folder": str(self.base / "data"), "place": "data", "mayStay": False}
        return {
            "folders": {"data": str(self.base / "data"), "tmp": str(self.base / "tmp")},
            "root": str(self.base / "lake"),
            "lakeId": "1",
            "timeUs": self.now_us,
            "origin": {"project": "default", "branch": "default", "job": "1"},
            "dataTypeSupport": "authoritative",
            "rows": [{**row, "output": mapping, "bucket": BUCKET, **more.pop("row", {})}],
            "tables": tables,
            **more,
        }

    def load(self, files: dict[str, Any], *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Load the tables `names`, by default `x`, and return what the result shows of the first."""
        self.write(files)
        names = more.pop("names", ["x"])
        mapping = {"tables": list(entries), **more.pop("output", {})}
        result = output.store(self.order(mapping, names, **more))
        for commit in result["commits"]:
            self.ratify(commit)
        shown: dict[str, Any] = result["result"]["output"]["tables"][0]
        return shown

    def fails(self, files: dict[str, Any], *entries: dict[str, Any], **more: Any) -> str:
        """Return the message of a load that fails."""
        try:
            self.load(files, *entries, **more)
        except UserFault as fault:
            return str(fault)
        raise AssertionError("it did not fail")

    def ratify(self, commit: dict[str, Any]) -> None:
        name = commit["key"].rpartition(".")[2]
        path = self.folder(name)
        if commit["staged"]:
            entry = f"{commit['version']:020d}.json"
            os.rename(path / "_lockside/staged" / commit["staged"], path / "_delta_log" / entry)
        self.tables[commit["key"]] = {
            "id": f"{BUCKET}.{name}",
            "version": commit["version"],
            "definition": commit["definition"],
            "rowsCount": commit["rowsCount"],
            "importedUs": commit["timeUs"],
        }

    def folder(self, name: str = "x") -> Path:
        return self.base / "lake/default/default" / BUCKET / name

    def rows(self, name: str = "x") -> list[tuple[Any, ...]]:
        """Return the rows as a foreign reader sees them, without `_timestamp`."""
        return sorted(pl.read_delta(str(self.folder(name))).drop("_timestamp").rows(), key=str)

"""`sql`: a query over tables in a process of the caller, which reads one snapshot and writes nothing."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.cli.storage.tables import print_rows


def sql(session: Session, parsed: Parsed) -> int:
    """Run a query and print its result."""
    snapshot = session.call("storage.snapshot", branchId=parsed.text("branch"), withFiles=False)
    code, result = _run(snapshot, parsed.required("query"))
    if code != 0:
        session.say_aside(result.get("message") or f"The query ended with exit code {code}.")
        return exits.FAILED
    print_rows(session, result["result"])
    return exits.DONE


def _run(snapshot: Json, query: str) -> tuple[int, Json]:
    with tempfile.TemporaryDirectory(prefix="lockside-sql-") as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        order = {
            "query": query,
            "root": snapshot["root"],
            "folders": {"tmp": str(folder / "tmp")},
            "tables": [_order(table) for table in snapshot["tables"]],
        }
        (folder / "order.json").write_text(json.dumps(order), "utf-8")
        # In a group of its own it does not get Ctrl-C, which would make it print a traceback: `run` kills it.
        done = subprocess.run([*snapshot["program"], "sql", name], check=False, process_group=0)
        try:
            result: Json = json.loads((folder / "result.json").read_text("utf-8"))
        except FileNotFoundError:
            result = {}
    return done.returncode, result


def _order(table: Json) -> Json:
    """Return a table of the snapshot in the program's format; staged commits begin with their version."""
    return {**table, "key": table["id"], "staged": {str(int(name[:20])): name for name in table["staged"]}}

"""Rules on imports of the standard library that import contracts cannot express."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DAEMON = ROOT / "daemon" / "locksided"
ENUMS = ROOT / "client" / "lockside" / "documents" / "enums.py"
DATA_TYPES = {
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "heapq",
    "itertools",
    "typing",
}


def imported(folder: Path, pattern: str = "*.py") -> Iterator[tuple[str, str]]:
    """Return each file below a folder with the first part of every module name that it imports."""
    for file in folder.rglob(pattern):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                yield str(file.relative_to(ROOT)), name.partition(".")[0]


def test_the_core_uses_no_clock_no_input_or_output_and_no_randomness() -> None:
    assert {name for _, name in imported(DAEMON / "core")} <= {*DATA_TYPES, "locksided", "lockside"}


def test_the_enums_shared_by_core_and_client_need_only_the_standard_library() -> None:
    assert {name for _, name in imported(ENUMS.parent, ENUMS.name)} <= DATA_TYPES


def test_the_keeper_needs_only_the_standard_library() -> None:
    assert {name for _, name in imported(DAEMON / "keeper")} <= {*sys.stdlib_module_names, "locksided"}


def test_only_the_store_opens_the_database() -> None:
    users = {file for file, name in imported(DAEMON) if name in ("sqlite3", "aiosqlite")}
    assert users
    assert {file.split("/")[2] for file in users} == {"store"}


def test_only_the_clock_module_uses_the_time_and_timers_of_the_event_loop() -> None:
    """The linter bans functions by name; it cannot tell to which object a method belongs."""
    users = {
        str(file.relative_to(DAEMON))
        for file in DAEMON.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("time", "call_later", "call_at")
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "clock")
    }
    assert {file for file in users if not file.startswith("keeper/")} == {"clock.py"}

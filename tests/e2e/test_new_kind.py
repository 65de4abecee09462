"""A new kind of stored object is a document and a record; methods, versions, folders and commands follow."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import newkind
from e2e.harness import Daemon, short_folder
from e2e.processes import PATIENCE_SECONDS
from e2e.wire import Wire, of

PROGRAM = [sys.executable, newkind.__file__]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with one more kind."""
    with short_folder() as folder:
        one = Daemon(folder)
        one.program = [*PROGRAM, "locksided"]
        one.start()
        yield one
        one.end()


def lockside(daemon: Daemon, *words: str) -> str:
    """Run a command line that has the new kind; returns its output."""
    command = [*PROGRAM, "lockside", "--socket", str(daemon.socket), *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_an_object_of_a_new_kind_is_put_read_listed_and_deleted(wire: Wire) -> None:
    first = wire.call("note.put", note={"id": "a", "text": "one"})
    assert of(first, "id", "text", "version", "isDeleted") == ("a", "one", 1, False)
    assert first["changedBy"]["user"]
    assert wire.call("note.put", note={"id": "a", "text": "two"})["version"] == 2
    assert wire.call("note.get", id="a")["text"] == "two"
    assert wire.call("note.get", id="a", version=1)["text"] == "one"
    assert wire.call("note.list", fields=["text"])["notes"] == [{"id": "a", "text": "two"}]
    assert wire.call("note.delete", id="a")["id"] == "a"
    assert wire.refused("note.get", id="a").data["path"] == "$.id"
    assert wire.refused("note.put", note={"id": "a", "colour": "red"}).kind == "invalid"
    kinds = [event["kind"] for event in wire.events() if event["kind"].startswith("note.")]
    assert kinds == ["note.created", "note.updated", "note.deleted"]


def test_versions_of_the_new_kind_are_listed_compared_restored_and_copied(wire: Wire) -> None:
    for text in ("one", "two"):
        wire.call("note.put", note={"id": "v", "text": text})
    assert [one["version"] for one in wire.call("note.versions", id="v")["versions"]] == [2, 1]
    assert wire.call("note.diff", id="v", version=1) == {
        "version": 1,
        "to": 2,
        "fields": [{"path": "text", "old": "one", "new": "two"}],
    }
    assert of(wire.call("note.rollback", id="v", version=1), "text", "version") == ("one", 3)
    assert of(wire.call("note.copy", id="v", toId="w", version=2), "id", "text", "version") == ("w", "two", 1)


def test_methods_of_the_new_kind_are_described_with_all_others(wire: Wire) -> None:
    described = {method["name"]: method for method in wire.call("rpc.discover")["methods"]}
    verbs = ("put", "get", "list", "delete", "versions", "rollback", "diff", "copy")
    assert {f"note.{verb}" for verb in verbs} <= described.keys()
    assert described["note.put"]["x-role"] == "operator"


def test_applying_an_exported_folder_of_the_kind_changes_nothing(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "in" / "notes").mkdir(parents=True)
    (tmp_path / "in" / "notes" / "n.toml").write_text('text = "from a file"\n')
    assert "Done:" in lockside(daemon, "apply", str(tmp_path / "in"), "--prune", "--yes")
    assert "Nothing to change: 1 unchanged" in lockside(daemon, "apply", str(tmp_path / "in"))
    lockside(daemon, "export", str(tmp_path / "out"))
    assert (tmp_path / "out" / "notes" / "n.toml").read_text() == 'text = "from a file"\n'
    assert "1 note" in lockside(daemon, "validate", str(tmp_path / "in"))


def test_the_new_kind_has_commands(daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    for text in ("one", "two"):
        file.write_text(f'text = "{text}"\n')
        lockside(daemon, "note", "put", str(file))
    assert "c\t2" in lockside(daemon, "note", "ls")
    assert json.loads(lockside(daemon, "note", "show", "c", "--at", "1"))["text"] == "one"
    assert len(lockside(daemon, "note", "versions", "c").splitlines()) == 2
    assert '"one" -> "two"' in lockside(daemon, "note", "diff", "c", "1")
    assert "it is version 3" in lockside(daemon, "note", "rollback", "c", "1")
    assert "note c is deleted" in lockside(daemon, "note", "rm", "c")
    assert "lockside note put NAME.toml" in lockside(daemon, "note", "put", "--help")

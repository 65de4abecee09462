"""Files that successful jobs leave in out/files are stored, and given to jobs that request them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import LAKE, Daemon, python, running
from e2e.wire import Message, Refusal, Wire, of, put_component, put_config

pytestmark = pytest.mark.real_processes

LOCKSIDE = [sys.executable, "-c", "from lockside.cli.main import main; raise SystemExit(main())"]
WRITER = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
asked = json.loads((data / "config.json").read_text())["parameters"]
for name, text in asked.get("files", {}).items():
    (data / "out/files" / name).write_text(text)
for name, manifest in asked.get("manifests", {}).items():
    (data / "out/files" / (name + ".manifest")).write_text(json.dumps(manifest))
raise SystemExit(asked.get("code", 0))
"""
READER = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
for path in sorted((data / "in/files").iterdir()):
    print(path.name, path.read_text(), flush=True)
raise SystemExit(json.loads((data / "config.json").read_text())["parameters"].get("code", 0))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running(**LAKE) as one:
        yield one


def writes(wire: Wire, files: dict[str, str], output: list[Message] | None = None, **more: Any) -> Message:
    """Run a job that leaves these files in out/files, and return it when final."""
    put_component(wire, "acme.files", command=python(WRITER))
    storage = {"output": {"files": output or []}}
    parameters = {"files": files, **more}
    put_config(wire, "acme.files", "one", configuration={"parameters": parameters, "storage": storage})
    return wire.done(wire.create("acme.files", config="one"))


def reads(wire: Wire, *entries: Message, config: str = "one", code: int = 0) -> Message:
    """Run a job that prints these files, and return it when final."""
    put_component(wire, "acme.shows", command=python(READER))
    body = {"parameters": {"code": code}, "storage": {"input": {"files": list(entries)}}}
    put_config(wire, "acme.shows", config, configuration=body)
    return wire.done(wire.create("acme.shows", config=config))


def read_names(wire: Wire, *entries: Message, **more: Any) -> list[str]:
    """Return the names of the files that a job with these entries reads."""
    job = reads(wire, *entries, **more)
    assert job["status"] in ("success", "error"), job["message"]
    return [one["name"] for one in job["result"]["input"]["files"]]


def names(wire: Wire, **asked: Any) -> list[str]:
    return [one["name"] for one in wire.call("storage.file.list", **asked)["files"]]


def test_a_file_is_stored_with_the_tags_of_its_manifest_and_of_its_job(wire: Wire) -> None:
    manifests = {"a.csv": {"tags": ["first"], "is_permanent": True}}
    job = writes(wire, {"a.csv": "n\n1\n", "b.bin": "\0"}, manifests=manifests)
    assert job["status"] == "success", job["message"]
    a, b = job["result"]["output"]["files"]
    assert of(a, "name", "stored", "isPermanent", "path", "previewType") == ("a.csv", True, True, None, "csv")
    assert of(b, "isPermanent", "previewType", "sizeBytes") == (False, "binary", 1)
    own = ["componentId: acme.files", "configurationId: one", f"runId: {job['runId']}"]
    stored = wire.call("storage.file.get", id=a["id"])
    assert sorted(stored["tags"]) == sorted(["first", *own])
    assert of(stored, "job", "expires", "checksum") == (job["id"], None, a["checksum"])
    assert Path(stored["path"]).read_text() == "n\n1\n"
    assert not list(Path(job["workPath"], "data/out/files").iterdir())
    (event, _) = wire.events(job, kinds=["file.stored"])
    assert of(event["data"], "file", "name") == (a["id"], "a.csv")


def test_a_mapping_replaces_the_manifest(wire: Wire) -> None:
    manifests = {"m.csv": {"tags": ["by manifest"], "is_permanent": True}}
    job = writes(wire, {"m.csv": ""}, [{"source": "m.csv", "tags": ["by mapping"]}], manifests=manifests)
    (stored,) = job["result"]["output"]["files"]
    assert (stored["isPermanent"], stored["tags"][0]) == (False, "by mapping")
    assert "by manifest" not in stored["tags"]


@pytest.mark.parametrize(
    ("files", "output", "more", "said"),
    [
        ({}, [{"source": "a"}], {}, 'File "a" not found.'),
        ({}, [], {"manifests": {"a": {}}}, 'Found orphaned file manifest: "a.manifest"'),
        ({"a": ""}, [], {"manifests": {"a": []}}, None),
        ({"a": ""}, [], {"manifests": {"a": {"tags": 5}}}, 'Failed to parse manifest file "a.manifest": '),
    ],
)
def test_files_that_cannot_be_stored_are_reported_and_none_is_stored(
    wire: Wire, files: dict[str, str], output: list[Message], more: dict[str, Any], said: str | None
) -> None:
    job = writes(wire, {**files, **({"other": "x"} if files and said else {})}, output, **more)
    if said is None:
        assert job["status"] == "success"
        return
    assert job["message"].startswith(said)
    assert of(job["result"]["error"], "type", "kind") == ("user", "output")
    assert not names(wire, tags=[f"runId: {job['runId']}"])


def test_a_failed_run_stores_no_files(wire: Wire) -> None:
    job = writes(wire, {"a": "x"}, code=1)
    assert (job["status"], names(wire, tags=[f"runId: {job['runId']}"])) == ("error", [])


def test_the_newest_files_with_all_tags_are_read_first_and_have_manifests(wire: Wire) -> None:
    for text in ("one", "two", "three"):
        writes(wire, {f"{text}.txt": text}, [{"source": f"{text}.txt", "tags": ["t", text]}])
    job = reads(wire, {"tags": ["t"], "limit": 2})
    first, second = job["result"]["input"]["files"]
    assert of(first, "name", "target") == ("three.txt", f"in/files/{first['id']}_three.txt")
    lines = wire.text(job).splitlines()
    assert f"{second['id']}_two.txt two" in lines
    manifest = json.loads(next(line for line in lines if "_two.txt.manifest" in line).partition(" ")[2])
    assert (manifest["id"], manifest["name"], manifest["size_bytes"]) == (int(second["id"]), "two.txt", 3)
    assert read_names(wire, {"source": {"tags": [{"name": "t"}, {"name": "two", "match": "exclude"}]}}) == [
        "three.txt",
        "one.txt",
    ]
    assert read_names(wire, {"tags": ["t", "nothing has this"]}) == []


def test_a_query_finds_files_by_tags_names_and_ids(wire: Wire) -> None:
    files = {"q-1.csv": "", "q-2.csv": "", "q 3.csv": "", "Q-4.txt": ""}
    job = writes(wire, files, [{"source": name, "tags": ["q", f"of {name}"]} for name in files])
    ids = {one["name"]: one["id"] for one in job["result"]["output"]["files"]}
    for query, found in (
        ("tags:q AND name:*.csv", {"q-1.csv", "q-2.csv", "q 3.csv"}),
        ("name:q-*", {"q-1.csv", "q-2.csv", "Q-4.txt"}),
        ('"q 3.csv"', {"q 3.csv"}),
        ('tags:q NOT (name:q-1.csv OR tags:"of q 3.csv")', {"q-2.csv", "Q-4.txt"}),
        (f"id:{ids['q-2.csv']} OR id:{ids['q-1.csv']}", {"q-1.csv", "q-2.csv"}),
        ("tags:q name:%", set()),
    ):
        assert set(names(wire, query=query)) == found, query
        assert set(read_names(wire, {"query": query})) == found, query


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({}, "tags"),
        ({"tags": ["a"], "source": {"tags": [{"name": "b"}]}}, "tags"),
        ({"query": "a", "changed_since": "-2 days"}, "changed_since"),
        ({"file_ids": [1], "limit": 1}, "file_ids"),
        ({"tags": ["a"], "overwrite": False}, "overwrite"),
        ({"query": "(a"}, "query"),
    ],
)
def test_contradictory_entries_are_refused(wire: Wire, entry: Message, path: str) -> None:
    put_component(wire, "acme.shows", command=python(READER))
    body = {"storage": {"input": {"files": [entry]}}}
    with pytest.raises(Refusal) as refused:
        wire.create("acme.shows", configData=body)
    assert refused.value.data["path"].endswith(f"storage.input.files[0].{path}")


def test_a_file_requested_by_id_must_exist(wire: Wire) -> None:
    job = reads(wire, {"file_ids": [999999]})
    assert of(job["result"]["error"], "kind") == ("input",)
    assert job["message"].endswith("There is no file 999999.")


def test_adaptive_files_are_given_once_and_again_after_a_failure(wire: Wire) -> None:
    entry = {"tags": ["seen"], "changed_since": "adaptive", "processed_tags": ["done"]}

    def write(name: str) -> None:
        writes(wire, {name: ""}, [{"source": name, "tags": ["seen"]}])

    write("x")
    assert read_names(wire, entry, config="adaptive", code=1) == ["x"]
    assert names(wire, tags=["done"]) == []
    assert read_names(wire, entry, config="adaptive") == ["x"]
    assert names(wire, tags=["done"]) == ["x"]
    write("y")
    assert read_names(wire, entry, config="adaptive") == ["y"]
    assert read_names(wire, entry, config="adaptive") == []
    (state,) = wire.call("state.get", component="acme.shows", config="adaptive")["storage"]["input"]["files"]
    assert state["tags"] == ["seen"]


def test_files_are_put_tagged_and_deleted_by_hand(wire: Wire, daemon: Daemon, place: Path) -> None:
    (place / "mine.txt").write_text("mine")
    job = wire.done(wire.call("storage.file.put", path=str(place / "mine.txt"), name="ours", tags=["hand"]))
    assert job["status"] == "success", job["message"]
    (stored,) = job["result"]["output"]["files"]
    assert (place / "mine.txt").read_text() == "mine"
    tagged = wire.call("storage.file.tag", id=stored["id"], add=["new"], remove=["hand"])
    assert (tagged["name"], [tag for tag in tagged["tags"] if ": " not in tag]) == ("ours", ["new"])
    wire.call("storage.file.delete", id=stored["id"])
    with pytest.raises(Refusal):
        wire.call("storage.file.get", id=stored["id"])
    missing = wire.done(wire.call("storage.file.put", path=str(place / "none")))
    assert missing["result"]["error"]["type"] == "user"


def test_a_list_of_files_has_pages(wire: Wire) -> None:
    files = {f"p{number}": "" for number in range(5)}
    writes(wire, files, [{"source": name, "tags": ["pages"]} for name in files])
    first = wire.call("storage.file.list", tags=["pages"], limit=3)
    second = wire.call("storage.file.list", tags=["pages"], limit=3, cursor=first["nextCursor"])
    assert [one["name"] for one in first["files"] + second["files"]] == ["p4", "p3", "p2", "p1", "p0"]
    assert second["nextCursor"] is None


def test_a_branch_reads_its_own_files_or_else_those_of_the_default_branch(wire: Wire) -> None:
    writes(wire, {"base": ""}, [{"source": "base", "tags": ["branched"]}])
    wire.call("branch.create", branch={"id": "try"})
    put_component(wire, "acme.shows", command=python(READER))
    body = {"storage": {"input": {"files": [{"tags": ["branched"]}]}}}
    read = wire.done(wire.create("acme.shows", configData=body, branchId="try"))
    assert [one["name"] for one in read["result"]["input"]["files"]] == ["base"]


def test_a_file_stored_in_a_branch_is_only_in_that_branch(wire: Wire, place: Path) -> None:
    wire.call("branch.create", branch={"id": "apart"})
    (place / "apart.txt").write_text("")
    put = {"path": str(place / "apart.txt"), "tags": ["apart"]}
    job = wire.done(wire.call("storage.file.put", **put, branchId="apart"))
    assert of(job, "status", "branchId") == ("success", "apart")
    assert [one["name"] for one in wire.call("storage.file.list", branchId="apart")["files"]] == ["apart.txt"]
    assert not names(wire, tags=["apart"])
    refusal = wire.refused("storage.file.put", **put, branchId="nope")
    assert (refusal.kind, refusal.data["path"]) == ("not_found", "$.branchId")


def test_the_command_line_stores_and_copies_files(wire: Wire, daemon: Daemon, place: Path) -> None:
    def lockside(*words: str) -> str:
        environment = os.environ | {"LOCKSIDE_SOCKET": str(daemon.socket)}
        done = subprocess.run(
            [*LOCKSIDE, *words], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    (place / "cli.txt").write_text("by hand")
    put = lockside("file", "put", str(place / "cli.txt"), "--tag", "cli")
    (one,) = wire.call("storage.file.list", tags=["cli"])["files"]
    assert f"file {one['id']}: cli.txt" in put
    assert "cli.txt" in lockside("file", "ls", "--tag", "cli")
    tagged = lockside("file", "tag", one["id"], "more", "--remove", "cli")
    assert tagged.startswith(f"file {one['id']}, cli.txt: componentId: lockside.storage, more, ")
    lockside("file", "get", one["id"], str(place / "copy.txt"))
    assert (place / "copy.txt").read_text() == "by hand"
    lockside("file", "rm", one["id"])
    assert not names(wire, tags=["more"])


def test_undoing_a_job_deletes_its_files(wire: Wire) -> None:
    job = writes(wire, {"undone": ""}, [{"source": "undone", "tags": ["undone"]}])
    plan = wire.call("job.undo", id=job["id"], dryRun=True)
    assert [one["name"] for one in plan["files"]] == ["undone"]
    undo = wire.done(wire.call("job.undo", id=job["id"]))
    assert (undo["status"], names(wire, tags=["undone"])) == ("success", [])


def test_expired_files_are_deleted_and_later_removed_from_the_disk(fresh: Callable[..., Daemon]) -> None:
    short = {"LOCKSIDE_STORAGE__FILE_DAYS": "0.000000001", "LOCKSIDE_STORAGE__TRASH_DAYS": "0.000000001"}
    daemon = fresh(**LAKE, **short)
    wire = daemon.wire()
    kept = [{"source": "kept", "is_permanent": True}]
    job = writes(wire, {"kept": "x", "old": "y"}, kept)
    ids = {one["name"]: one["id"] for one in job["result"]["output"]["files"]}
    old = Path(wire.call("storage.file.get", id=ids["old"])["path"])
    (vacuum,) = wire.call("storage.vacuum")["jobs"]
    assert wire.done(vacuum)["status"] == "success"
    assert (names(wire), old.exists()) == (["kept"], False)
    assert wire.call("storage.vacuum")["jobs"] == []
    assert Path(wire.call("storage.file.get", id=ids["kept"])["path"]).read_text() == "x"


def test_a_file_whose_data_is_missing_is_reported_by_name(wire: Wire) -> None:
    job = writes(wire, {"torn.csv": ""}, [{"source": "torn.csv", "tags": ["torn"]}])
    (stored,) = job["result"]["output"]["files"]
    Path(wire.call("storage.file.get", id=stored["id"])["path"]).unlink()
    read = reads(wire, {"tags": ["torn"]})
    assert f'File "torn.csv" ({stored["id"]}) is damaged: ' in read["message"]


def test_a_preview_shows_the_beginning_of_an_output_whether_stored_or_not(wire: Wire) -> None:
    good = writes(wire, {"t.txt": "é" * 40_000, "j.json": "{}", "b": "\0"})
    text = wire.call("storage.preview", job=good["id"], name="t.txt")
    assert (len(text["text"].encode()), text["isTruncated"]) == (65_536, True)
    assert of(wire.call("storage.preview", job=good["id"], name="j.json"), "previewType", "text") == (
        "json",
        "{}",
    )
    assert wire.call("storage.preview", job=good["id"], name="b")["text"] is None
    assert wire.refused("storage.preview", job=good["id"], name="other").kind == "not_found"

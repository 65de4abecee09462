"""The daemon's own splitter and assembler, in folders only."""

import json
from pathlib import Path
from typing import Any

import pytest

from locksided.steps.assembler import AssemblyError, assemble
from locksided.steps.splitter import SplitError, split


def cut(data: Path, files: dict[str, str], **parameters: Any) -> list[dict[str, str]]:
    """Return the contents of the chunks, by their paths."""
    for name, text in files.items():
        path = data / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in ("in/tables", "in/files"):
        (data / name).mkdir(parents=True, exist_ok=True)
    (data / "config.json").write_text(json.dumps({"parameters": parameters}))
    made = split(data)
    chunks = sorted((data / "out/chunks").iterdir()) if made else []
    assert len(chunks) == made
    return [
        {str(path.relative_to(chunk)): path.read_text() for path in chunk.rglob("*") if path.is_file()}
        for chunk in chunks
    ]


CSV = 'a,b\n1,"x\ny"\n2,"""\n"\n3,z'


def test_records_are_never_split_and_each_chunk_has_the_header_and_the_other_files(tmp_path: Path) -> None:
    files = {"tables/t.csv": CSV, "tables/t.csv.manifest": "{}", "files/other": "o"}
    chunks = cut(tmp_path, files, input="in/tables/t.csv", chunkRows=2)
    rest = {"tables/t.csv.manifest": "{}", "files/other": "o"}
    assert chunks == [
        {"tables/t.csv": 'a,b\n1,"x\ny"\n2,"""\n"\n', **rest},
        {"tables/t.csv": "a,b\n3,z", **rest},
    ]


def test_lines_of_other_files_are_split_by_size_or_into_a_number_of_chunks(tmp_path: Path) -> None:
    lines = "".join(f'{n}"\n' for n in range(6))
    by_size = cut(tmp_path / "a", {"files/l.txt": lines}, chunkBytes=4)
    assert [one["files/l.txt"] for one in by_size] == ['0"\n1"\n', '2"\n3"\n', '4"\n5"\n']
    assert len(cut(tmp_path / "b", {"files/l.txt": lines}, chunks=3)) == 3
    assert len(cut(tmp_path / "c", {"files/l.txt": lines}, chunks=100)) == 6


def test_an_input_without_records_makes_no_chunk_and_a_missing_file_is_an_error(tmp_path: Path) -> None:
    assert cut(tmp_path / "a", {"tables/t.csv": "a,b\n"}, chunks=3) == []
    with pytest.raises(SplitError, match="no file"):
        cut(tmp_path / "b", {}, chunks=3)


def left(data: Path, *chunks: dict[str, str]) -> None:
    """Write what chunks left, by the paths in their folders."""
    for name in ("out/tables", "out/files", "in/chunks"):
        (data / name).mkdir(parents=True)
    for number, files in enumerate(chunks, 1):
        for name in ("tables", "files"):
            (data / f"in/chunks/{number:06}" / name).mkdir(parents=True)
        for name, text in files.items():
            path = data / f"in/chunks/{number:06}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def test_tables_become_slices_and_files_are_named_after_their_chunks(tmp_path: Path) -> None:
    left(
        tmp_path,
        {"tables/t.csv": "a,b\n1,2\n", "files/f": "1"},
        {"tables/t.csv": "a,b\n3,4\n", "files/f": "2"},
    )
    (tmp_path / "in/state.json").write_text('{"s": 1}')
    assemble(tmp_path)
    slices = sorted((tmp_path / "out/tables/t.csv").iterdir())
    assert [(one.name, one.read_text()) for one in slices] == [
        ("000001.csv", "1,2\n"),
        ("000002.csv", "3,4\n"),
    ]
    assert json.loads((tmp_path / "out/tables/t.csv.manifest").read_text()) == {"columns": ["a", "b"]}
    assert sorted(one.name for one in (tmp_path / "out/files").iterdir()) == ["000001_f", "000002_f"]
    assert json.loads((tmp_path / "out/state.json").read_text()) == {"s": 1}


def test_manifests_name_the_columns_of_files_without_a_header(tmp_path: Path) -> None:
    manifest = json.dumps({"columns": ["a"], "primary_key": ["a"]})
    one = {"tables/t.csv": "1\n", "tables/t.csv.manifest": manifest}
    sliced = {"tables/t.csv/x": "2\n", "tables/t.csv.manifest": manifest}
    left(tmp_path, one, sliced)
    assemble(tmp_path)
    texts = [path.read_text() for path in sorted((tmp_path / "out/tables/t.csv").iterdir())]
    assert texts == ["1\n", "2\n"]
    assert json.loads((tmp_path / "out/tables/t.csv.manifest").read_text()) == json.loads(manifest)


def test_other_columns_are_an_error_that_names_them(tmp_path: Path) -> None:
    left(tmp_path, {"tables/t.csv": "a,b\n"}, {"tables/t.csv": "a,c\n"})
    with pytest.raises(AssemblyError, match="chunk 000002 has the columns a, c, those before it have a, b"):
        assemble(tmp_path)

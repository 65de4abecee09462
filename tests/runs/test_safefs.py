"""Removing what hostile programs leave: depth, rights, links."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locksided.runs import safefs

TREES = st.recursive(
    st.sampled_from(["file", "link", "fifo", "dangling"]),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", ".c", "-d"]), inner, max_size=3),
    max_leaves=12,
)


def opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def test_a_tree_deeper_than_descriptors_and_stack_is_removed(tmp_path: Path) -> None:
    top = opened(tmp_path)
    fd = os.dup(top)
    for _ in range(3000):
        os.mkdir("d", dir_fd=fd)
        deeper = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    safefs.clear(top)
    os.close(top)
    assert os.listdir(tmp_path) == []


def test_folders_without_rights_are_removed(tmp_path: Path) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    inner.chmod(0)
    (tmp_path / "a").chmod(0)
    fd = opened(tmp_path)
    safefs.remove("a", fd)
    safefs.remove("a", fd)
    os.close(fd)
    assert os.listdir(tmp_path) == []


def build(path: Path, tree: object, target: Path) -> None:
    match tree:
        case dict():
            path.mkdir()
            for name, inner in tree.items():
                build(path / name, inner, target)
        case "link":
            path.symlink_to(target)
        case "dangling":
            path.symlink_to("/nowhere/at/all")
        case "fifo":
            os.mkfifo(path)
        case _:
            path.write_text("x")


@given(TREES)
@settings(max_examples=60)
def test_any_tree_is_removed_and_no_link_is_followed(
    tmp_path_factory: pytest.TempPathFactory, tree: object
) -> None:
    base = tmp_path_factory.mktemp("tree")
    target = base / "precious"
    target.mkdir()
    (target / "file").write_text("x")
    build(base / "tree", tree, target)
    fd = opened(base)
    safefs.remove("tree", fd)
    os.close(fd)
    assert sorted(os.listdir(base)) == ["precious"]
    assert (target / "file").exists()


def test_a_written_file_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "config.json").symlink_to(target)
    fd = opened(tmp_path)
    safefs.write_file("config.json", fd, b"new")
    os.close(fd)
    assert target.read_text() == "precious"
    assert (tmp_path / "config.json").read_bytes() == b"new"


def test_a_folder_that_is_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    fd = opened(tmp_path)
    with pytest.raises(safefs.NotPlain), safefs.opened_folder("link", fd):
        pass
    os.close(fd)

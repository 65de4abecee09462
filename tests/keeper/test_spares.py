"""Empty folders that are passed from one run to the next."""

import os
from pathlib import Path

import pytest

from keeper.kit import Keeper, Peer
from locksided.keeper.start.spares import SpareFolders


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "spare")


def inode(path: Path) -> int:
    return path.stat().st_ino


def test_a_folder_left_as_it_was_created_is_used_for_the_next_run(tmp_path: Path, place: str) -> None:
    spares, first, second = SpareFolders(), tmp_path / "first", tmp_path / "second"
    spares.put(str(first))
    known = inode(first)
    assert spares.take(str(first), place)
    assert not first.exists()
    spares.put(str(second))
    assert (inode(second), second.stat().st_mode & 0o7777, os.listdir(second)) == (known, 0o700, [])


def test_a_folder_with_another_mode_is_removed_and_not_handed_on(tmp_path: Path, place: str) -> None:
    spares, folder = SpareFolders(), tmp_path / "folder"
    spares.put(str(folder))
    folder.chmod(0o777)
    assert spares.take(str(folder), place)
    assert not folder.exists()
    assert not os.path.exists(place)


def test_a_folder_that_is_not_empty_stays(tmp_path: Path, place: str) -> None:
    spares, folder = SpareFolders(), tmp_path / "folder"
    spares.put(str(folder))
    (folder / "left").touch()
    assert not spares.take(str(folder), place)
    assert os.listdir(folder) == ["left"]


def test_a_link_where_the_folder_was_stays_and_is_not_followed(tmp_path: Path, place: str) -> None:
    spares, folder, elsewhere = SpareFolders(), tmp_path / "folder", tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.symlink_to(elsewhere)
    assert not spares.take(str(folder), place)
    assert folder.is_symlink()
    assert elsewhere.is_dir()


def test_a_folder_that_no_longer_exists_counts_as_taken_away(tmp_path: Path, place: str) -> None:
    assert SpareFolders().take(str(tmp_path / "gone"), place)


def test_without_a_place_for_spare_folders_an_empty_one_is_removed(tmp_path: Path) -> None:
    spares, folder = SpareFolders(), tmp_path / "folder"
    spares.put(str(folder))
    assert spares.take(str(folder), None)
    assert not folder.exists()


def test_a_spare_folder_does_not_replace_an_existing_folder(tmp_path: Path, place: str) -> None:
    spares, folder, taken = SpareFolders(), tmp_path / "folder", tmp_path / "taken"
    spares.put(str(folder))
    spares.take(str(folder), place)
    taken.mkdir()
    (taken / "file").touch()
    with pytest.raises(FileExistsError):
        spares.put(str(taken))


def test_a_spare_folder_that_was_removed_is_replaced_by_a_new_one(tmp_path: Path, place: str) -> None:
    spares, folder = SpareFolders(), tmp_path / "folder"
    spares.put(str(folder))
    spares.take(str(folder), place)
    os.rmdir(os.path.join(place, os.listdir(place)[0]))
    spares.put(str(folder))
    assert folder.is_dir()


def test_only_the_spares_of_a_dead_keeper_are_taken_over(tmp_path: Path, place: str) -> None:
    os.makedirs(place)
    os.mkdir(f"{place}/999999999-1", 0o700)
    os.mkdir(f"{place}/{os.getppid()}-1", 0o700)
    spares, folder = SpareFolders(), tmp_path / "folder"
    spares.put(str(folder))
    spares.take(str(folder), place)
    spares.remove()
    assert os.listdir(place) == [f"{os.getppid()}-1"]


def test_runs_reuse_the_folders_of_earlier_runs(keeper: Keeper, daemon: Peer) -> None:
    place, seen = str(keeper.base / "spare"), []
    for token in ("1-1-0", "2-1-0", "3-1-0"):
        folder = str(keeper.base / token)
        order = keeper.order("stat", "-c", "%i:%a:%h", folder, token=token, cwd=folder)
        daemon.send(**order, emptyFolders=[folder], spareFolder=place)
        seen.append(daemon.outcome(token)["stdoutTail"])
    assert len(set(seen)) == 1
    assert seen[0].endswith(":700:2\n")

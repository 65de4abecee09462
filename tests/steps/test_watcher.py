"""The parts of the watcher: when a file counts, and what happens when the kernel or a folder is overrun."""

from pathlib import Path
from typing import Any

import pytest

from locksided.steps.watcher import settling
from locksided.steps.watcher.folder_watches import FolderWatches
from locksided.steps.watcher.settling import Files, TooManyFilesError, Watch

SETTLE = 2.0


class Said(list[dict[str, Any]]):
    """The messages that were sent."""

    def tell(self, **members: Any) -> None:
        self.append(members)

    def names(self) -> list[str]:
        return [word["name"] for word in self if "name" in word]


@pytest.fixture
def said() -> Said:
    return Said()


def files(folder: Path, said: Said, poll_seconds: float | None = None) -> Files:
    return Files(Watch(0, str(folder), "*.csv", (".*",), SETTLE, poll_seconds), said.tell)


def test_a_file_is_reported_once_when_it_has_settled(tmp_path: Path, said: Said) -> None:
    watched, path = files(tmp_path, said), tmp_path / "a.csv"
    path.write_text("1")
    watched.appeared("a.csv", 10.0)
    watched.settle(11.9)
    path.write_text("12")
    watched.appeared("a.csv", 11.9)
    watched.settle(12.0)
    assert said == []
    watched.settle(13.9)
    watched.appeared("a.csv", 20.0)
    watched.settle(30.0)
    assert said.names() == ["a.csv"]
    assert said[0]["size"] == 2


def test_a_file_that_is_still_being_written_waits_for_its_writer(tmp_path: Path, said: Said) -> None:
    watched, path = files(tmp_path, said), tmp_path / "a.csv"
    with path.open("w"):
        watched.appeared("a.csv", 0.0)
        watched.settle(SETTLE)
        assert (said, watched.due) == ([], None)
    watched.appeared("a.csv", 3.0)
    watched.settle(3.0 + SETTLE)
    assert said.names() == ["a.csv"]


def test_existing_files_are_listed_and_removed_files_are_reported(tmp_path: Path, said: Said) -> None:
    for name in ("a.csv", "b.csv", "c.txt", ".d.csv"):
        (tmp_path / name).touch()
    watched = files(tmp_path, said)
    watched.compare(0.0)
    watched.settle(SETTLE)
    assert sorted(said.names()) == ["a.csv", "b.csv"]
    assert said[-1] == {"listed": True}
    (tmp_path / "a.csv").unlink()
    watched.compare(5.0)
    watched.settle(9.0)
    assert said[3:] == [{"gone": "a.csv"}]


def test_nothing_is_reported_of_a_missing_folder(tmp_path: Path, said: Said) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").touch()
    watched = files(folder, said)
    watched.compare(0.0)
    watched.settle(SETTLE)
    folder.rename(tmp_path / "away")
    watched.compare(5.0)
    (tmp_path / "away").rename(folder)
    watched.compare(6.0)
    watched.settle(9.0)
    assert said.names() == ["a.csv"]
    assert len(said) == 2


def test_a_folder_with_too_many_files_is_refused(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MOST_FILES", 2)
    watched = files(tmp_path, said)
    for number in range(2):
        (tmp_path / f"{number}.csv").touch()
    watched.compare(0.0)
    (tmp_path / "2.csv").touch()
    with pytest.raises(TooManyFilesError):
        watched.appeared("2.csv", 1.0)
    with pytest.raises(TooManyFilesError):
        watched.compare(1.0)


def test_names_that_are_not_text_are_reported_with_backslashes(tmp_path: Path, said: Said) -> None:
    Path(f"{tmp_path}/\udcff.csv").touch()
    watched = files(tmp_path, said)
    watched.compare(0.0)
    watched.settle(SETTLE)
    assert said.names() == ["\\xff.csv"]


def test_an_overflow_of_the_kernel_queue_is_reported(tmp_path: Path) -> None:
    watches = FolderWatches([str(tmp_path)])
    watches.begin()
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if most > 50_000:
        pytest.skip("this kernel keeps very many events")
    for number in range(most // 2 + 1):
        path = tmp_path / str(number)
        path.touch()
        path.unlink()
    _, is_lost = watches.events()
    assert is_lost
    watches.begin()
    (tmp_path / "last").touch()
    assert watches.events() == ([(str(tmp_path), "last", True)], False)

"""Input folders are passed from run to run as long as nobody changed anything in them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from locksided.runs import folder_operations, spare_inputs


class Run:
    """A data folder, and the descriptor that the operations use."""

    def __init__(self, data: Path, spares: Path) -> None:
        self.data = data
        self._argument = {"spares": str(spares), "config": "{}", "state": '{"n": 1}'}
        data.mkdir(mode=0o700)
        self._fd = os.open(data, os.O_RDONLY | os.O_DIRECTORY)

    def fill(self) -> int:
        """Prepare the input folder and return its inode number."""
        folder_operations.fill(self._fd, self._argument)
        return os.stat(self.data / "in").st_ino

    def finish(self) -> None:
        folder_operations.finish(self._fd, self._argument)
        assert sorted(path.name for path in self.data.iterdir()) == ["artifacts", "out"]

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def spares(tmp_path: Path) -> Path:
    return tmp_path / "spare"


@pytest.fixture
def run(tmp_path: Path, spares: Path) -> Iterator[Callable[[], Run]]:
    runs: list[Run] = []

    def make() -> Run:
        runs.append(Run(tmp_path / f"data-{len(runs)}", spares))
        return runs[-1]

    yield make
    for one in runs:
        one.close()


def test_the_next_run_reuses_the_folder_of_the_previous_one(run: Callable[[], Run], spares: Path) -> None:
    first, second = run(), run()
    number = first.fill()
    first.finish()
    assert second.fill() == number
    assert not list(spares.iterdir())
    found = {str(path.relative_to(second.data)) for path in second.data.rglob("*")}
    assert found == {
        *("config.json", "in", "in/state.json", "in/tables", "in/files", "in/user"),
        *("out", "out/tables", "out/files", "artifacts", "artifacts/in", "artifacts/out"),
    }


def test_two_runs_at_once_have_separate_folders(run: Callable[[], Run]) -> None:
    first, second, third = run(), run(), run()
    number = first.fill()
    first.finish()
    assert len({number, second.fill(), third.fill()}) == 2


def test_no_state_is_passed_on(run: Callable[[], Run], spares: Path) -> None:
    one = run()
    one.fill()
    one.finish()
    (kept,) = spares.iterdir()
    assert sorted(path.name for path in kept.iterdir()) == ["files", "tables", "user"]


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file in tables": lambda folder: (folder / "tables" / "left.csv").touch(),
    "a folder in files": lambda folder: (folder / "files" / "left").mkdir(),
    "a file beside them": lambda folder: (folder / "left").touch(),
    "one removed": lambda folder: (folder / "user").rmdir(),
    "a link in its place": lambda folder: ((folder / "user").rmdir(), (folder / "user").symlink_to("/tmp")),
    "a file in its place": lambda folder: ((folder / "user").rmdir(), (folder / "user").touch()),
    "other rights": lambda folder: folder.chmod(0o755),
    "other rights inside": lambda folder: (folder / "files").chmod(0o777),
    "an attribute": lambda folder: os.setxattr(folder / "tables", "user.note", b"mine"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_folder_is_removed(run: Callable[[], Run], spares: Path, change: str) -> None:
    one = run()
    one.fill()
    CHANGES[change](one.data / "in")
    one.finish()
    assert not spares.exists() or not list(spares.iterdir())


def test_no_more_folders_are_kept_than_runs_need(run: Callable[[], Run], spares: Path) -> None:
    runs = [run() for _ in range(spare_inputs.MOST + 3)]
    for one in runs:
        one.fill()
    for one in runs:
        one.finish()
    assert len(list(spares.iterdir())) == spare_inputs.MOST

"""The permissions and the path of the socket, and what happens to existing files there."""

import asyncio
import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from locksided.server import ListenError, listen, listeners, passed_listeners
from locksided.server.listeners import Listener, made_again


def mode_of(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_the_socket_belongs_to_its_owner_alone_from_the_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    really_lstat = os.lstat

    def watching_lstat(path: Path, **more: object) -> os.stat_result:
        found = really_lstat(path, **more)  # type: ignore[arg-type]
        seen.append(stat.S_IMODE(found.st_mode))
        return found

    monkeypatch.setattr(os, "lstat", watching_lstat)
    listen(tmp_path / "s").close()
    assert set(seen) == {0o600}


@pytest.mark.usefixtures("open_umask")
def test_a_group_gets_permissions_only_after_the_socket_belongs_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    modes_at_chown: list[int] = []
    monkeypatch.setattr(os, "chown", lambda *_: modes_at_chown.append(mode_of(path)))
    listener = listen(path, gid=os.getgid())
    assert modes_at_chown == [0o600]
    assert mode_of(path) == 0o660
    listener.close()


def test_the_umask_is_restored(tmp_path: Path) -> None:
    before = os.umask(0o022)
    listen(tmp_path / "s").close()
    assert os.umask(before) == 0o022


def test_a_missing_folder_is_created_for_its_owner_alone(tmp_path: Path) -> None:
    listener = listen(tmp_path / "new" / "s")
    assert mode_of(tmp_path / "new") == 0o700
    listener.close()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "s"))
    listener = listen(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
    listener.close()


def test_a_socket_on_which_a_process_answers_is_left_alone(tmp_path: Path) -> None:
    first = listen(tmp_path / "s")
    with pytest.raises(ListenError, match="Another process listens"):
        listen(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
    first.close()


def test_a_file_that_is_not_a_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(ListenError, match="not a socket"):
        listen(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_closing_does_not_remove_a_socket_that_another_process_put_there(tmp_path: Path) -> None:
    listener = listen(tmp_path / "s")
    (tmp_path / "s").unlink()
    (tmp_path / "s").write_text("another's")
    listener.close()
    assert (tmp_path / "s").read_text() == "another's"


def test_a_path_longer_than_the_kernel_takes_works(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 100) / ("e" * 100) / "s"
    assert len(str(path)) > 107
    listener = listen(path)
    folder = os.open(path.parent, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"/proc/self/fd/{folder}/s")
    os.close(folder)
    listener.close()
    assert not path.exists()


def test_an_unwritable_folder_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ListenError, match="file/s"):
        listen(tmp_path / "file" / "s")


def test_descriptors_passed_to_another_process_are_not_used() -> None:
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "HOME": "/"}
    assert passed_listeners(environment) == []
    assert environment == {"HOME": "/"}


PASSED = """
import os
from locksided.server import passed_listeners
os.environ["LISTEN_PID"] = str(os.getpid())
[listener] = passed_listeners(os.environ)
print(listener.socket.getsockname(), os.get_inheritable(listener.socket.fileno()))
listener.close()
"""


def passed(inherited: socket.socket) -> subprocess.CompletedProcess[str]:
    """Run a process that has this socket as descriptor 3."""
    with_three = f"import os; os.dup2({inherited.fileno()}, 3)\n{PASSED}"
    return subprocess.run(
        [sys.executable, "-c", with_three],
        env=os.environ | {"LISTEN_FDS": "1"},
        pass_fds=[inherited.fileno()],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_socket_that_systemd_passed_is_used_and_its_file_is_kept(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        done = passed(listening)
    assert done.stdout == f"{tmp_path}/s False\n", done.stderr
    assert (tmp_path / "s").exists()


def test_a_passed_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wrong:
        assert "must be a listening Unix stream socket" in passed(wrong).stderr


# -- a path that is removed or replaced


class Told:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.heard = asyncio.Event()

    def error(self, text: str, **values: object) -> None:
        self.lines.append(f"{text}: {values['cause']}")
        self.heard.set()


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[tuple[Listener, "asyncio.Task[Listener]", Told]]:
    """A listener in its own folder, which is being watched."""
    listener, log = listen(tmp_path / "folder" / "s"), Told()
    task = asyncio.create_task(made_again(listener, log))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    yield listener, task, log
    task.cancel()
    with suppress(asyncio.CancelledError):
        (await task).close()
    listener.close()


Watched = tuple[Listener, "asyncio.Task[Listener]", Told]


def unlink(path: Path) -> None:
    path.unlink()


def rename(path: Path) -> None:
    path.rename(path.with_name("moved"))


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def rename_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def put_a_dead_socket_over_it(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path.with_name("other")))
    path.with_name("other").rename(path)


@pytest.mark.parametrize(
    "take_away", [unlink, rename, remove_folder, rename_folder, put_a_dead_socket_over_it]
)
@pytest.mark.usefixtures("open_umask")
async def test_a_socket_that_is_taken_away_is_recreated_with_its_permissions(
    watched: Watched, take_away: Callable[[Path], None]
) -> None:
    listener, task, _ = watched
    take_away(listener.path)
    again = await asyncio.wait_for(asyncio.shield(task), 3)  # the timer alone would take longer
    assert again.is_in_place
    assert not listener.is_in_place
    assert answers(listener.path)
    assert mode_of(listener.path) == 0o600
    assert mode_of(listener.path.parent) == 0o700


async def test_a_recreated_folder_has_the_permissions_of_the_former_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o755)
    first = listen(tmp_path / "folder" / "s")
    shutil.rmtree(tmp_path / "folder")
    second = first.again()
    assert mode_of(tmp_path / "folder") == 0o755
    second.close()
    first.close()


async def test_a_socket_of_another_living_process_is_left_alone_until_it_is_removed(watched: Watched) -> None:
    listener, task, log = watched
    listener.path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(listener.path))
        other.listen()
        await asyncio.wait_for(log.heard.wait(), 3)
        assert "Another process listens" in log.lines[0]
        assert not task.done()
        listener.path.unlink()
        await asyncio.wait_for(asyncio.shield(task), 3)
    assert len(log.lines) == 1
    assert answers(listener.path)


async def test_a_socket_is_recreated_even_without_notifications_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_watch_left(_path: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(listeners, "watched", no_watch_left)
    monkeypatch.setattr(listeners, "AGAIN_SECONDS", 0.01)
    listener = listen(tmp_path / "s")
    listener.path.unlink()
    again = await asyncio.wait_for(made_again(listener, Told()), 3)  # type: ignore[arg-type]
    assert answers(listener.path)
    again.close()
    listener.close()


async def test_a_passed_socket_is_not_recreated_and_the_log_says_so(tmp_path: Path) -> None:
    made, log = listen(tmp_path / "s"), Told()
    passed_one = replace(made, is_passed=True)
    task = asyncio.create_task(made_again(passed_one, log))  # type: ignore[arg-type]
    made.path.unlink()
    await asyncio.wait_for(log.heard.wait(), 3)
    assert "systemctl restart lockside.socket" in log.lines[0]
    assert not made.path.exists()
    task.cancel()
    made.close()

"""The socket's rights, its path, and what happens to what stands there already."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from locksided.server import ListenError, listen, passed_listeners


def mode_of(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_the_socket_is_its_owners_alone_from_the_first_moment_on(
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
def test_a_group_gets_its_right_only_after_the_socket_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    modes_at_chown: list[int] = []
    monkeypatch.setattr(os, "chown", lambda *_: modes_at_chown.append(mode_of(path)))
    listener = listen(path, gid=os.getgid())
    assert modes_at_chown == [0o600]
    assert mode_of(path) == 0o660
    listener.close()


def test_the_umask_is_as_it_was(tmp_path: Path) -> None:
    before = os.umask(0o022)
    listen(tmp_path / "s").close()
    assert os.umask(before) == 0o022


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
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


def test_a_socket_on_which_somebody_answers_is_left_alone(tmp_path: Path) -> None:
    first = listen(tmp_path / "s")
    with pytest.raises(ListenError, match="Another process listens"):
        listen(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
    first.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(ListenError, match="no socket"):
        listen(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "precious"


def test_closing_does_not_remove_a_socket_that_somebody_else_put_there(tmp_path: Path) -> None:
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


def test_a_folder_that_cannot_be_written_is_an_error_that_names_the_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ListenError, match="file/s"):
        listen(tmp_path / "file" / "s")


def test_descriptors_passed_to_another_process_are_not_ours() -> None:
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
    """Run a process that finds this socket as its descriptor 3."""
    with_three = f"import os; os.dup2({inherited.fileno()}, 3)\n{PASSED}"
    return subprocess.run(
        [sys.executable, "-c", with_three],
        env=os.environ | {"LISTEN_FDS": "1"},
        pass_fds=[inherited.fileno()],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_socket_that_systemd_passed_is_taken_and_its_file_kept(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        done = passed(listening)
    assert done.stdout == f"{tmp_path}/s False\n", done.stderr
    assert (tmp_path / "s").exists()


def test_a_passed_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wrong:
        assert "must be a listening Unix stream socket" in passed(wrong).stderr

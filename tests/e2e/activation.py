"""A minimal service manager for keepers: holds their sockets, and starts a keeper when a client connects."""

import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import locksided
from e2e.processes import PLAIN, stop_and_wait

PASS_ON = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", *sys.argv[2:]])
"""
KEEPER = """
import sys
sys.path.append(sys.argv.pop(1))
from locksided.keeper.main import main
raise SystemExit(main())
"""
INSTALLED = Path(locksided.__file__).parent.parent


class Manager:
    """Holds one listening socket per name; `release` is the folder from which keepers are started."""

    def __init__(self, folder: Path, names: str) -> None:
        self.folder = folder
        self.release = INSTALLED
        self.paths = [folder / f"{name}.sock" for name in names]
        self.pids: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._end, end = socket.socketpair()
        self._selector.register(end, selectors.EVENT_READ, None)
        for path in self.paths:
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listening.bind(str(path))
            listening.listen()
            self._selector.register(listening, selectors.EVENT_READ, path)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def setting(self) -> str:
        return ":".join(map(str, self.paths))

    def _run(self) -> None:
        """A readable socket has a connection to accept; a readable pidfd means that the process ended."""
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                self._selector.unregister(key.fileobj)
                if isinstance(key.data, Path):
                    assert isinstance(key.fileobj, socket.socket)
                    keeper = self._start(key.fileobj, key.data)
                    ended = os.pidfd_open(keeper.pid)
                    self._selector.register(ended, selectors.EVENT_READ, (keeper, key.fileobj, key.data))
                else:
                    keeper, listening, path = key.data
                    keeper.wait()
                    os.close(key.fd)
                    self._selector.register(listening, selectors.EVENT_READ, path)

    def _start(self, listening: socket.socket, path: Path) -> "subprocess.Popen[bytes]":
        number = listening.fileno()
        arguments = [KEEPER, str(self.release), "--socket", str(path), "--log", str(self.folder / "log")]
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", PASS_ON, str(number), *arguments],
            env=PLAIN,
            pass_fds=[number],
        )
        self.pids.append(keeper.pid)
        return keeper

    def close(self) -> None:
        """Start no more keepers, and stop those that are running."""
        self._end.send(b"x")
        self._thread.join()
        for pid in self.pids:
            stop_and_wait(pid)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, tuple):
                key.data[0].wait()
        self._selector.close()


@contextmanager
def manager(folder: Path, names: str) -> Iterator[Manager]:
    one = Manager(folder, names)
    try:
        yield one
    finally:
        one.close()

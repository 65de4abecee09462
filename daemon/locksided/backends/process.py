"""Starts keepers and other executors where no service manager does: as processes of their own session that
outlive us.
"""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from locksided import threads

READY_SECONDS = 20.0
LONGEST_WORDS = 500


class KeeperNotStartedError(Exception):
    """The keeper could not be started; the message says why."""


def command(path: Path, linger_seconds: float) -> list[str]:
    """Return the command for a keeper: isolated, without site packages, from this package's parent folder."""
    root = str(Path(__file__).resolve().parents[2])
    code = (
        "import sys; sys.path.append(sys.argv.pop(1)); "
        "from locksided.keeper.main import main; raise SystemExit(main())"
    )
    options = ["--socket", str(path), "--linger", f"{linger_seconds:g}"]
    return [sys.executable, "-I", "-S", "-c", code, root, *options]


async def launch(path: Path, log_file: Path, linger_seconds: float, cgroups: str) -> int:
    """Start a keeper and wait until it listens; returns its pid. Raises KeeperNotStartedError."""
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    if cgroups == "off":
        environment["LOCKSIDE_KEEPER_CGROUPS"] = "off"
    return await threads.run_sync(launch_program, command(path, linger_seconds), environment, log_file)


def launch_program(arguments: list[str], environment: dict[str, str], log_file: Path) -> int:
    """Start a program that listens for daemons and wait until it does; returns its pid.

    Raises KeeperNotStartedError.
    """
    begins = log_file.stat().st_size if log_file.exists() else 0
    with _ready_socket() as ready:
        environment["NOTIFY_SOCKET"] = ready.getsockname()
        process = _spawn(arguments, environment, log_file)
        assert process.stdout is not None
        with process.stdout as output:
            readable, _, _ = select.select([ready.fileno(), output.fileno()], [], [], READY_SECONDS)
        is_ready = ready.fileno() in readable
    if not is_ready:
        line = _last_line(log_file, begins)
        raise KeeperNotStartedError(f"it ended at its start or does not answer: {line} (see {log_file})")
    return process.pid


def _last_line(log_file: Path, begins: int) -> str:
    """Return the last line that the keeper has written since its start."""
    with open(log_file, "rb") as log:
        log.seek(begins)
        lines = log.read().decode(errors="replace").splitlines()
    return lines[-1][:LONGEST_WORDS] if lines else "it said nothing"


def _spawn(arguments: list[str], environment: dict[str, str], log_file: Path) -> "subprocess.Popen[bytes]":
    try:
        with open(log_file, "ab") as log:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise KeeperNotStartedError(f"the keeper cannot be started: {error}") from error


@contextmanager
def _ready_socket() -> Iterator[socket.socket]:
    """Yield a socket for readiness notifications, as a service manager has (sd_notify)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, TemporaryDirectory(prefix="ls") as short:
        ready.bind(f"{short}/ready")
        yield ready

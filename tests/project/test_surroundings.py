"""Signals, umask, environment and locale of the process that starts the tests do not matter."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__)


def seen_from_within() -> tuple[object, ...]:
    umask = os.umask(0)
    os.umask(umask)
    strange = {name for name in os.environ if name.startswith(("LOCKSIDE_SOCKET", "LC_", "XDG_", "COLUMNS"))}
    return (
        signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGTERM),
        umask,
        strange,
        Path.home().exists(),
    )


def test_the_environment_of_tests_is_neutral() -> None:
    plain = (set(), signal.default_int_handler, signal.SIG_DFL, 0o022, set(), True)
    assert seen_from_within() == plain


@pytest.mark.real_processes
def test_an_unusual_environment_is_made_neutral() -> None:
    strange = {
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "COLUMNS": "7",
        "XDG_RUNTIME_DIR": "/nonexistent",
        "LOCKSIDE_SOCKET": "/nonexistent",
        "PATH": os.environ["PATH"],
    }
    script = """
        trap '' INT TERM
        umask 0077
        exec "$@"
    """
    inner = f"{HERE}::{test_the_environment_of_tests_is_neutral.__name__}"
    pytest_again = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "1", inner]
    ran = subprocess.run(
        ["sh", "-c", script, "sh", *pytest_again],
        env=strange,
        capture_output=True,
        text=True,
        cwd=HERE.parents[2],
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr

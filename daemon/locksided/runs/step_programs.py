"""How the daemon starts programs of `locksided.steps` outside of jobs."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from locksided.keeper.messages import StartOrder
from locksided.runs.folder import RunFolder

GRACE_SECONDS = 1.0
_TRUSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL variables that name trusted certificates to use instead of the machine's."""

_ROOT = str(Path(__file__).resolve().parents[2])


def program_order(
    program: str, token: str, folder: RunFolder, file: str, *, log_bytes: int, timeout_seconds: float | None
) -> StartOrder:
    """Return an order for a program that reads a file in its data folder, under the daemon's account.

    In the machine's list of processes its command line has the name `locksided-PROGRAM`.
    """
    boot = (
        "import sys; sys.path.append(sys.argv.pop(2)); del sys.argv[0]; "
        f"from locksided.steps.{program}.__main__ import main; raise SystemExit(main())"
    )
    return StartOrder(
        token=token,
        folder=folder.control(1, 0),
        pipeline=[
            [sys.executable, "-I", "-S", "-c", boot, f"locksided-{program}", _ROOT, f"{folder.data}/{file}"]
        ],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **_of_environment(_TRUSTED)},
        timeout_seconds=timeout_seconds,
        log_folder=folder.log,
        max_log_bytes=log_bytes,
        grace_seconds=GRACE_SECONDS,
    )


def _of_environment(names: Iterable[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}

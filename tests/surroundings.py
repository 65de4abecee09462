"""The tests inherit nothing from their caller but PATH, TMPDIR and their own settings.

Signals that the caller blocks or ignores, its umask, locale, home and daemon do not matter.
"""

import os
import signal
import tempfile
from pathlib import Path

HANDLED_BY_PYTHON = {signal.SIGINT: signal.default_int_handler, signal.SIGPIPE: signal.SIG_IGN}
KEPT = ("LOCKSIDE_TEST_", "LOCKSIDE_FUZZ_", "LOCKSIDE_SIMULATION_", "LOCKSIDE_RECORD")
DROPPED = ("LOCKSIDE_", "KBC_", "XDG_", "LC_", "LANG", "LISTEN_", "COLUMNS", "LINES", "NO_COLOR", "PAGER")
SYSTEMDS = ("NOTIFY_SOCKET", "INVOCATION_ID", "JOURNAL_STREAM", "STATE_DIRECTORY", "RUNTIME_DIRECTORY")


def make_plain() -> None:
    """Give this process and its children plain surroundings."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN and number != signal.SIGXFSZ:  # Python ignores SIGXFSZ
            signal.signal(number, HANDLED_BY_PYTHON.get(signal.Signals(number), signal.SIG_DFL))
    os.umask(0o022)
    cache = Path(os.environ.get("HOME", "/")) / ".cache" / "lockside-tests"
    os.environ.setdefault("LOCKSIDE_TEST_CACHE", str(cache))
    for name in list(os.environ):
        if name.startswith((*DROPPED, *SYSTEMDS)) and not name.startswith(KEPT):
            del os.environ[name]
    os.environ.update(HOME=tempfile.gettempdir(), LANG="C.UTF-8", TERM="dumb")

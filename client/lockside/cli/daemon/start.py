"""`start` and `stop`: the user's own daemon at the usual paths, by `systemd --user` if available. Without it
the daemon is a process in a new session, which logs to a file beside its state.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess

from lockside.cli import exits
from lockside.cli.daemon import own_daemon
from lockside.cli.grammar import Parsed
from lockside.cli.session import Json, Session
from lockside.errors import LocksideError, NotReachable

SERVICE, SOCKET = "lockside.service", "lockside.socket"
UNITS = (SERVICE, SOCKET, "lockside-keeper@.service", "lockside-keeper@.socket")
_WRITTEN = "# Written by `lockside start`, which writes it anew; remove this line to keep it as it is.\n"
_PROGRAMS = "%h/.local/bin/"


def start(session: Session, parsed: Parsed) -> int:
    """Start the daemon unless one answers, and return when it answers."""
    status = _status(session)
    if status is not None:
        session.out.line(f"A daemon is running: {_called(status)}.")
        return exits.DONE
    if _has_systemd() and not parsed.flag("without_systemd"):
        _write_units()
        _systemctl("daemon-reload")
        _systemctl("start", SERVICE)
        told = f"systemctl --user status {SERVICE}"
    else:
        told = own_daemon.start_alone(_log_file(), lambda: session.call("daemon.status"))
    status = session.call_patiently("daemon.status")
    session.out.line(f"Started: {_called(status)}.")
    session.out.hint(f"  socket  {status['socket']}")
    session.out.hint(f"  log     {told}")
    return exits.DONE


def stop(session: Session, parsed: Parsed) -> int:
    """Stop the daemon; with jobs as arguments stop these, like `kill`."""
    if parsed.many("job"):
        from lockside.cli.jobs.control import kill

        return kill(session, parsed)
    status = _status(session)
    if status is None:
        session.out.line("No daemon is running.")
        return exits.DONE
    running = sum(int(pool["running"]) for pool in status["pools"])
    if _is_a_unit(int(status["pid"])):
        _systemctl("stop", SOCKET, SERVICE)
    else:
        _end(int(status["pid"]))
    session.out.line(f"Stopped: {_called(status)}.")
    if running:
        jobs = "1 job goes" if running == 1 else f"{running} jobs go"
        session.out.line(f"{jobs} on without it; `lockside start` takes them over again.")
    return exits.DONE


def _status(session: Session) -> Json | None:
    try:
        status: Json = session.call("daemon.status")
    except NotReachable:
        return None
    return status


def _called(status: Json) -> str:
    return f"lockside {status['version']}, pid {status['pid']}"


def _log_file() -> str:
    """Return the daemon's log, beside its state; a daemon started by hand writes to the terminal."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "lockside-daemon.log")


def _end(pid: int) -> None:
    """Tell a daemon to stop, and wait until it is gone; its keeper keeps its jobs."""
    try:
        process = os.pidfd_open(pid)
        signal.pidfd_send_signal(process, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise LocksideError(
            f"The daemon (pid {pid}) is not yours.", remedy="Stop it as its own user, or stop its service."
        ) from None
    try:
        ended, _, _ = select.select([process], [], [], own_daemon.START_SECONDS)
    finally:
        os.close(process)
    if not ended:
        raise LocksideError(f"The daemon (pid {pid}) has not stopped yet.", remedy="Look at its log.")


# -- systemd ----------------------------------------------------------------------------------------------


def _has_systemd() -> bool:
    """Return whether `systemd --user` is available and no other socket is set."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if not runtime or os.environ.get("LOCKSIDE_SOCKET"):
        return False
    return os.path.exists(os.path.join(runtime, "systemd", "private"))


def _is_a_unit(pid: int) -> bool:
    """Return whether the daemon is the main process of the user's service."""
    if not _has_systemd():
        return False
    asked = ["systemctl", "--user", "show", "--property=MainPID", "--value", SERVICE]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return found.stdout.strip() == str(pid)


def _systemctl(*words: str) -> None:
    done = subprocess.run(["systemctl", "--user", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocksideError(
            f"systemctl --user {' '.join(words)}: {done.stderr.strip() or f'exit code {done.returncode}'}",
            remedy=f"`journalctl --user -u {SERVICE}` shows more; --without-systemd does without systemd.",
        )


def _write_units() -> None:
    """Write the units where systemd finds them; units that the user wrote are not changed."""
    from lockside.paths import shipped

    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    folder = os.path.join(config, "systemd", "user")
    os.makedirs(folder, exist_ok=True)
    programs = os.path.dirname(own_daemon.program()[0]) + "/"
    for name in UNITS:
        with open(shipped(os.path.join("systemd", "user", name)), encoding="utf-8") as file:
            text = _WRITTEN + file.read().replace(_PROGRAMS, programs.replace("%", "%%"))
        path = os.path.join(folder, name)
        if not os.path.exists(path) or _is_ours(path):
            with open(path, "w", encoding="utf-8") as made:
                made.write(text)


def _is_ours(path: str) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readline() == _WRITTEN

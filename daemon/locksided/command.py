"""The command `locksided`: parses its arguments, prepares the folders, runs the daemon in the foreground."""

import argparse
import gc
import os
import resource
import signal
import sys
from pathlib import Path

import anyio

from lockside import __version__
from lockside.documents.settings_files import Files, SettingsError, variables_in
from locksided import clock, log
from locksided.daemon import Daemon, Place, missing_names, place_of
from locksided.manual_clock import ManualClock
from locksided.paths import StateDir, find_state_dir
from locksided.restore import RestoreError, restore, story
from locksided.server.listeners import ListenError
from locksided.settings import Settings, files_of
from locksided.state_folder import AnotherDaemonError, prepare_state_dir
from locksided.store.errors import StoreError

EXAMPLE = """\
examples:
  locksided                          as a service, or by hand with the user's own folders
  locksided --state-dir /tmp/try     everything in one folder, the socket and the settings too
  locksided --config FILE --check-config

settings, the last one wins:
  FILE of --config, else STATE/lockside.toml; for STATE = /var/lib/lockside: /etc/lockside/lockside.toml
  conf.d/*.toml beside that file
  LOCKSIDE_SECTION__KEY in the environment
"""
EXIT_USAGE = 2
EXIT_CANNOT_START = 1
COLLECT_AFTER = (10_000, 50, 50)
"""Requests leave almost nothing for the collector: it need not run after every 700 objects."""
FULL_BYTES = 1_000_000


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="locksided",
        description="The job daemon: runs in the foreground and logs to stderr.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--config", metavar="FILE", type=Path, help="read the settings (TOML) from this file")
    made.add_argument(
        "--state-dir",
        metavar="DIR",
        default="",
        help="keep everything in this folder, whatever is set elsewhere",
    )
    made.add_argument("--socket", metavar="PATH", default="", help="where to listen")
    made.add_argument("--check-config", action="store_true", help="list what is read, say what is wrong, end")
    made.add_argument(
        "--restore", metavar="FILE", type=Path, help="put a backup in the place of the database, and end"
    )
    made.add_argument(
        "--test-clock",
        metavar="TIME",
        type=_time,
        help="for tests: let the clock stand still at TIME and move only by the methods clock.*",
    )
    made.add_argument("--version", action="version", version=f"locksided {__version__}")
    return made


def _time(text: str) -> int:
    try:
        return clock.from_text(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def main(arguments: list[str] | None = None) -> int:
    """Run the daemon; returns its exit code."""
    options = parser().parse_args(arguments)
    files = files_of(options.config, find_state_dir(options.state_dir, "", os.environ))
    try:
        known, root, socket = place_of(files, options.state_dir, options.socket, os.environ)
    except SettingsError as error:
        return _tell(str(error).splitlines())
    for what, path in (("state folder", root), ("socket", socket)):
        if not _is_text(path):
            return _tell(
                [f"The path of the {what} is no UTF-8 text: {os.fsencode(path)!r}. Name another one."]
            )
    if options.check_config:
        return _tell(missing_names(known)) or _tell_settings(files, root, socket)
    test_clock = None if options.test_clock is None else ManualClock(options.test_clock)
    with clock.used(test_clock or clock.SystemClock()):
        if options.restore is not None:
            return _restore(options.restore.absolute(), root, known)
        named = bool(options.socket or (os.environ.get("LOCKSIDE_SOCKET") and not options.state_dir))
        return _serve(Place(StateDir(root), socket, named, known, files, os.umask(0o077), test_clock))


def _is_text(path: Path) -> bool:
    """Return whether the path can be part of JSON, as it is in answers and orders."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _tell(faults: list[str]) -> int:
    """Print the faults in the settings; returns the exit code."""
    for fault in faults:
        print(f"locksided: {fault}", file=sys.stderr)
    return EXIT_USAGE if faults else 0


def _tell_settings(files: Files, root: Path, socket: Path) -> int:
    """Print the sources of the settings and the resulting paths; returns the exit code."""
    print(f"The settings are good. State folder: {root}. Socket: {socket}.")
    sources = [*map(str, files.present), *variables_in(os.environ)]
    print("Read, in this order:" if sources else f"Nothing is set: there is no {files.main}.")
    for source in sources:
        print(f"  {source}")
    return 0


def _serve(place: Place) -> int:
    """Run the daemon until it is told to stop; returns its exit code."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # signals blocked by the starter would never arrive
    log.configure(place.settings.daemon.log_format, place.settings.daemon.log_level)
    gc.set_threshold(*COLLECT_AFTER)
    _allow_open_files()
    options = {} if place.test_clock is None else {"loop_factory": place.test_clock.new_loop}
    exit_code = 0
    try:
        prepare_state_dir(place.state_dir.root)
        anyio.run(Daemon(place).run, backend_options=options)
    except* (AnotherDaemonError, StoreError, ListenError, OSError) as failures:
        for failure in _leaves(failures):
            print(f"locksided: {failure}{_room(place.state_dir.root)}", file=sys.stderr)
        exit_code = EXIT_CANNOT_START
    return exit_code


def _room(root: Path) -> str:
    """Return a hint if the disk is full: SQLite and the system report that in many ways."""
    try:
        free = os.statvfs(root)
    except OSError:
        return ""
    if free.f_bavail * free.f_frsize < FULL_BYTES:
        return f" (the disk of {root} is full: make room there, then start again)"
    return ""


def _restore(backup: Path, root: Path, known: Settings) -> int:
    """Put a backup in the place of the database; returns the exit code."""
    os.umask(0o077)
    try:
        print(story(restore(prepare_state_dir(root), backup, known.keeper.socket)))
    except (AnotherDaemonError, RestoreError, StoreError, OSError) as error:
        print(f"locksided: {error}", file=sys.stderr)
        return EXIT_CANNOT_START
    return 0


def _allow_open_files() -> None:
    """Raise the limit of open files to the maximum: every client and every log being read is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _leaves(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    """Return the failures in a group of groups."""
    leaves: list[Exception] = []
    for one in group.exceptions:
        leaves += _leaves(one) if isinstance(one, BaseExceptionGroup) else [one]
    return leaves

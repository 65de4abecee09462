"""Starts the keeper: takes the socket, prepares the process, runs the loop, cleans up.

It makes no decisions about jobs.
"""

import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

from locksided.keeper import build, libc, listener, reserve, systemd
from locksided.keeper.journal import Journal
from locksided.keeper.keeper import Keeper
from locksided.keeper.listener import KeeperLives
from locksided.keeper.loop import Loop
from locksided.keeper.start.spawn import OOM_SCORE, PROGRESS_FD, Inherited
from locksided.keeper.tree import hierarchy

USAGE = "usage: keeper --socket PATH [--log FILE] [--linger SECONDS]"
DEFAULT_LINGER_SECONDS = 60.0
EXIT_USAGE = 2
EXIT_KEEPER_LIVES = 75
"""Another keeper holds the socket; the temporary failure of sysexits.h."""


class BadUsage(ValueError):
    """The command line is invalid."""


def main(arguments: list[str] | None = None) -> int:
    """Run a keeper until it leaves; return the exit code of the process."""
    try:
        options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    except BadUsage as error:
        print(f"keeper: {error}\n{USAGE}", file=sys.stderr)
        return EXIT_USAGE
    passed = systemd.passed_socket()
    reserve_low_descriptors(passed)
    inherited = prepare_process()
    journal = Journal(options.get("log"))
    path = os.path.abspath(options["socket"])
    try:
        listener.take_lock(path)
    except KeeperLives as error:
        print(f"keeper: {error}", file=sys.stderr)
        return EXIT_KEEPER_LIVES
    listening = passed or listener.listen(path)
    _serve(listening, journal, inherited, float(options.get("linger", DEFAULT_LINGER_SECONDS)))
    if passed is None:
        with suppress(FileNotFoundError):
            os.unlink(path)
    return 0


def _serve(listening: socket.socket, journal: Journal, inherited: Inherited, linger_seconds: float) -> None:
    found = hierarchy.find(dict(os.environ))
    if found is not None:
        hierarchy.sweep(found)
    loop = Loop()
    keeper = Keeper(loop, journal, listening, found, inherited, linger_seconds, build.fingerprint())
    watch_signals(loop, {signal.SIGTERM: keeper.leave}, keeper.reap_children)
    journal.write("ready", pid=os.getpid(), cgroups=found is not None)
    reserve.keep()
    systemd.notify("READY=1")
    loop.run()
    systemd.notify("STOPPING=1")
    listening.close()
    if found is not None:
        hierarchy.remove(found)
    journal.write("left", pid=os.getpid())


def parse_arguments(arguments: list[str]) -> dict[str, str]:
    """Parse the command line. Raises BadUsage."""
    names = {"--socket": "socket", "--log": "log", "--linger": "linger"}
    options = {}
    rest = iter(arguments)
    for name in rest:
        if name not in names:
            raise BadUsage(f"unknown argument {name!r}")
        value = next(rest, None)
        if value is None:
            raise BadUsage(f"{name} needs a value")
        options[names[name]] = value
    if "socket" not in options:
        raise BadUsage("--socket is missing")
    if not options.get("linger", "0").replace(".", "", 1).isdigit():
        raise BadUsage("--linger needs a number of seconds")
    return options


def reserve_low_descriptors(passed: socket.socket | None) -> None:
    """Close inherited descriptors and occupy 0 to 3, which a job's descriptors replace."""
    kept = -1 if passed is None else passed.fileno()
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != kept:
            with suppress(OSError):
                os.close(int(name))
    while (fd := os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)) < PROGRESS_FD:
        pass
    if fd > PROGRESS_FD:
        os.close(fd)


def prepare_process() -> Inherited:
    """Prepare this process to outlive others; return its previous attributes, for its children."""
    os.chdir("/")
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc.become_subreaper()
    open_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files[1], open_files[1]))
    return Inherited(os.umask(0o077), _protect_from_oom_killer(), open_files)


def _protect_from_oom_killer() -> bytes | None:
    """Return the score that children get back, or None if ours could not be changed."""
    path = "/proc/self/oom_score_adj"
    try:
        with open(path, "rb") as file:
            before = file.read().strip()
        with open(path, "wb", buffering=0) as file:
            file.write(OOM_SCORE)
    except OSError:
        return None
    return score_for_children(before)


def score_for_children(before: bytes) -> bytes:
    """Return the score for jobs: they do not inherit a service manager's protection of the keeper."""
    return before if int(before) >= 0 else b"0"


def watch_signals(
    loop: Loop, actions: Mapping[signal.Signals, Callable[[], None]], reap: Callable[[], None]
) -> None:
    """Handle these signals, then the ends of children, in the loop."""
    received: list[int] = []
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in actions:
        signal.signal(number, lambda caught, _: received.append(caught))
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def woken() -> None:
        with suppress(BlockingIOError):
            os.read(reading, 4096)
        while received:
            actions[signal.Signals(received.pop(0))]()
        reap()

    loop.watch(reading, woken)

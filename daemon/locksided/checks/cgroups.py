"""Cgroups of our runs left by dead keepers. The next keeper removes the empty ones."""

import os
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial

from locksided import clock, threads
from locksided.checks.problem import Problem
from locksided.keeper.tree.hierarchy import PREFIX, read_mounts

TRIES = 50
PAUSE_SECONDS = 0.02


def check(control: Callable[[str], str], in_flight: Collection[str]) -> list[Problem]:
    """`control` returns a token's control folder: its checksum is part of the name of a run's cgroup."""
    found = []
    for folder in _of_dead_keepers():
        for path in _folders_in(folder):
            token = _token_of(path, control)
            if token is not None and token not in in_flight:
                found.append(_problem(path, token.partition("-")[0]))
    return found


def _folders_in(folder: str) -> list[str]:
    """Return the folders in a folder; other users' are inaccessible, some may be gone meanwhile."""
    with suppress(OSError):
        return [entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    return []


def _of_dead_keepers() -> Iterator[str]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        mounts = read_mounts(file.read())
    for mount in mounts:
        if mount.kind == "cgroup2" or mount.options & {"memory", "cpu"}:
            for folder, names, _ in os.walk(mount.path):
                for name in [name for name in names if name.startswith(PREFIX)]:
                    names.remove(name)
                    pid = name.removeprefix(PREFIX)
                    if pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
                        yield os.path.join(folder, name)


def _token_of(path: str, control: Callable[[str], str]) -> str | None:
    """Return the token of a run of this state folder; None for another daemon's."""
    token, _, checksum = os.path.basename(path).rpartition("-")
    if token.count("-") != 2 or not token.replace("-", "").isdecimal():
        return None
    ours = f"{zlib.crc32(os.fsencode(control(token))):08x}"
    return token if checksum == ours else None


def _problem(path: str, job: str) -> Problem:
    since_us = int(os.stat(path).st_ctime * 1_000_000)
    text = f"The cgroup {path} was left by job {job}, which is over, and its keeper is dead."
    repair = f"kill what is in it, then rmdir {path}"
    return Problem("orphan_cgroup", text, repair, since_us, partial(_remove, path))


async def _remove(path: str) -> None:
    """Kill its processes, if any, and remove it. Raises OSError if it cannot be removed."""
    await threads.run_sync(_kill, path)
    for left in reversed(range(TRIES)):
        try:
            await threads.run_sync(_remove_tree, path)
        except OSError:
            if not left:
                raise
            await clock.real_sleep(PAUSE_SECONDS)  # the kernel takes a moment to end killed processes
        else:
            return


def _kill(path: str) -> None:
    with suppress(FileNotFoundError), open(os.path.join(path, "cgroup.kill"), "w", encoding="ascii") as file:
        file.write("1")


def _remove_tree(path: str) -> None:
    for folder, _, _ in os.walk(path, topdown=False):
        os.rmdir(folder)
    with suppress(OSError):  # fails while there are others in it
        os.rmdir(os.path.dirname(path))

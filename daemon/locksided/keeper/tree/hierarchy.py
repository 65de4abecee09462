"""Finds where on this machine the keeper may create cgroups.

It creates only the keeper's own folder.
"""

import os
from contextlib import suppress
from typing import NamedTuple

SWITCH = "LOCKSIDE_KEEPER_CGROUPS"
"""Environment variable; `off` makes the keeper scan /proc even if cgroups could be used."""

PREFIX = "lockside-"
"""The prefix of a keeper's folder; its pid follows."""

HOLDER = "user.lockside.run"
"""Extended attribute of a reused cgroup: the run that has it; empty if none has."""

HOME = "keeper"
"""The keeper's own cgroup in its folder."""

_DELEGATE_ATTRIBUTES = ("user.delegate", "trusted.delegate")


class Mount(NamedTuple):
    """A mounted cgroup hierarchy; `root` is the folder of the hierarchy that the mount shows."""

    path: str
    root: str
    kind: str
    options: frozenset[str]


class Hierarchy(NamedTuple):
    """The keeper's folders with one cgroup per run; None where that is not possible."""

    unified: str
    controllers: frozenset[str]
    memory_v1: str | None
    cpu_v1: str | None
    origin: str
    """The cgroup in which the keeper was started."""
    home_fd: int | None
    """Open on the `cgroup.procs` of the keeper's own cgroup beside the runs'; None if it has none."""


def find(environ: dict[str, str]) -> Hierarchy | None:
    """Return the keeper's cgroup folders, created if needed, or None if cgroups cannot be used."""
    if environ.get(SWITCH) == "off":
        return None
    try:
        mounts = read_mounts(_read("/proc/self/mountinfo"))
        own = read_own(_read("/proc/self/cgroup"))
    except OSError:
        return None
    unified = next((mount for mount in mounts if mount.kind == "cgroup2"), None)
    if unified is None:
        return None
    parent = _unified_parent(unified, own.get("", "/"))
    folder = _make_folder(parent)
    if folder is None:
        return None
    home_fd = _move_home(folder)
    controllers = _delegate_controllers(parent)
    return Hierarchy(
        unified=folder,
        controllers=controllers,
        memory_v1=None if "memory" in controllers else _v1_folder(mounts, own, "memory"),
        cpu_v1=None if "cpu" in controllers else _v1_folder(mounts, own, "cpu"),
        origin=_folder_of(unified, own.get("", "/")),
        home_fd=home_fd,
    )


def remove(hierarchy: Hierarchy) -> None:
    """Remove the keeper's empty folders."""
    if hierarchy.home_fd is not None:
        with suppress(OSError):  # a service's cgroup cannot be entered again, and is removed with the service
            _write(os.path.join(hierarchy.origin, "cgroup.procs"), "0")
        os.close(hierarchy.home_fd)
    for folder in filter(None, (hierarchy.unified, hierarchy.memory_v1, hierarchy.cpu_v1)):
        _remove_empty(folder)


def sweep(hierarchy: Hierarchy) -> None:
    """Remove the empty folders of dead keepers; the kernel refuses those that still hold processes."""
    for own in filter(None, (hierarchy.unified, hierarchy.memory_v1, hierarchy.cpu_v1)):
        beside = os.path.dirname(own)
        for entry in os.listdir(beside):
            pid = entry.removeprefix(PREFIX)
            if entry.startswith(PREFIX) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                _remove_empty(os.path.join(beside, entry))


def _remove_empty(top: str) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            os.rmdir(folder)


def find_left_by_others(hierarchy: Hierarchy, name: str) -> str | None:
    """Return the cgroup that another keeper beside ours gave to that run; it may have the run's name."""
    beside = os.path.dirname(hierarchy.unified)
    with suppress(OSError):
        for entry in filter(lambda entry: entry.startswith(PREFIX), os.listdir(beside)):
            keepers = os.path.join(beside, entry)
            named = os.path.join(keepers, name)
            if os.path.isdir(named):
                return named
            with suppress(FileNotFoundError):  # that keeper is just leaving
                for place in os.scandir(keepers):
                    if place.is_dir() and holder_of(place.path) == name:
                        return place.path
    return None


def holder_of(path: str) -> str | None:
    """Return the run that has a cgroup, empty if none has; None if it is not recorded."""
    try:
        return os.getxattr(path, HOLDER).decode()
    except OSError:
        return None


def read_mounts(mountinfo: str) -> list[Mount]:
    """Parse the cgroup mounts from /proc/self/mountinfo."""
    mounts = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split(maxsplit=2)
        if kind in ("cgroup", "cgroup2"):
            mounts.append(Mount(fields[4], fields[3], kind, frozenset(options.split(","))))
    return mounts


def read_own(cgroup: str) -> dict[str, str]:
    """Parse /proc/self/cgroup: controller -> path of the own cgroup; the empty name is the unified one."""
    own = {}
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            own[controller] = path
    return own


def _unified_parent(mount: Mount, own_path: str) -> str:
    """Return the folder to work in: the own cgroup if it was delegated by systemd or is writable; for root
    else the top.
    """
    own = _folder_of(mount, own_path)
    if _is_delegated(own) or (os.geteuid() != 0 and os.access(own, os.W_OK)):
        return own
    return mount.path


def _folder_of(mount: Mount, path: str) -> str:
    relative = os.path.relpath(path, mount.root) if mount.root != "/" else path.lstrip("/")
    return os.path.normpath(os.path.join(mount.path, relative))


def _is_delegated(folder: str) -> bool:
    for attribute in _DELEGATE_ATTRIBUTES:
        with suppress(OSError):
            if os.getxattr(folder, attribute) == b"1":
                return True
    return False


def _make_folder(parent: str) -> str | None:
    """Create the keeper's folder, and check that processes can be moved and killed there."""
    folder = os.path.join(parent, f"{PREFIX}{os.getpid()}")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return None
    needed = ("cgroup.procs", "cgroup.events", "cgroup.freeze", "cgroup.kill")
    if all(os.path.exists(os.path.join(folder, name)) for name in needed):
        return folder
    with suppress(OSError):
        os.rmdir(folder)
    return None


def _delegate_controllers(parent: str) -> frozenset[str]:
    """Enable memory and cpu limits for the run's cgroups if the own cgroup allows it."""
    with suppress(OSError):
        available = set(_read(os.path.join(parent, "cgroup.controllers")).split()) & {"memory", "cpu"}
        if not available:
            return frozenset()
        folder = os.path.join(parent, f"{PREFIX}{os.getpid()}")
        for place in (parent, folder):
            _write(os.path.join(place, "cgroup.subtree_control"), " ".join(f"+{name}" for name in available))
        return frozenset(available)
    return frozenset()


def _move_home(folder: str) -> int | None:
    """Move the keeper into a leaf of its own, from which it can visit the runs' cgroups and return.

    A cgroup that contains processes cannot delegate controllers, either.
    """
    home = os.path.join(folder, HOME)
    try:
        os.makedirs(home, exist_ok=True)
        fd = os.open(os.path.join(home, "cgroup.procs"), os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.write(fd, b"0")
    except OSError:
        os.close(fd)
        return None
    return fd


def _v1_folder(mounts: list[Mount], own: dict[str, str], controller: str) -> str | None:
    mount = next((m for m in mounts if m.kind == "cgroup" and controller in m.options), None)
    if mount is None:
        return None
    folder = os.path.join(_folder_of(mount, own.get(controller, "/")), f"{PREFIX}{os.getpid()}")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return None
    return folder


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)

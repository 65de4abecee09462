"""Starts a program without forking the keeper: for runs that need no preparation before the exec.

It costs a third of a fork. The keeper blocks until the exec has succeeded or failed, so that the result is
known at once; meanwhile the keeper has the attributes that its child is to inherit.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from locksided.keeper.start import spawn
from locksided.keeper.start.mounts import Mounts
from locksided.keeper.start.order import Order
from locksided.keeper.start.spawn import DEFAULT_SIGNALS, Inherited, NotStarted
from locksided.keeper.tree.tree import Tree

HOME = "/"
"""The keeper's own working folder, so that it keeps no file system busy."""


class Direct:
    """Starts single programs as the keeper's own user."""

    def __init__(self, inherited: Inherited, mounts: Mounts) -> None:
        self._inherited = inherited
        self._mounts = mounts
        self._oom_fd = -1
        if inherited.oom_score_adj is not None:
            self._oom_fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)

    def can_start(self, order: Order, tree: Tree) -> bool:
        """Return whether the order needs nothing that only a fork can do."""
        return (
            len(order.stages) == 1
            and order.user is None
            and tree.can_host
            and tree.address_space_bytes is None
            and not self._mounts.may_hang
        )

    def start(
        self,
        order: Order,
        environment: dict[bytes, bytes],
        descriptors: tuple[int, int, int, int],
        tree: Tree,
    ) -> int:
        """Start the program and return its pid. Raises NotStarted.

        `descriptors` become its standard input, output, error and its progress pipe.
        """
        argv = order.stages[0]
        kind, subject, program = "system", "", None
        try:
            with tree.hosting(), self._as_before(order.umask):
                kind, subject = "program", f"working folder {os.fsdecode(order.cwd)}: "
                os.chdir(order.cwd)
                subject = f"{os.fsdecode(argv[0])}: "
                program = spawn.find_program(argv[0], environment.get(b"PATH", spawn.DEFAULT_PATH))
                return os.posix_spawn(
                    program,
                    argv,
                    environment,
                    file_actions=[(os.POSIX_SPAWN_DUP2, fd, place) for place, fd in enumerate(descriptors)],
                    setsid=True,
                    setsigmask=(),
                    setsigdef=DEFAULT_SIGNALS,
                )
        except (OSError, ValueError) as error:
            raise NotStarted(spawn.refusal_of(error, kind, subject, program)) from error

    @contextmanager
    def _as_before(self, umask: int | None) -> Iterator[None]:
        """Restore the inherited attributes for a moment; always return to the keeper's own folder."""
        inherited = self._inherited
        own_umask = os.umask(inherited.umask if umask is None else umask)
        soft, hard = inherited.open_files  # the keeper's own soft limit is the hard one
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self._set_oom_score(inherited.oom_score_adj)
        try:
            yield
        finally:
            os.chdir(HOME)
            self._set_oom_score(spawn.OOM_SCORE)
            if soft != hard:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            os.umask(own_umask)

    def _set_oom_score(self, score: bytes | None) -> None:
        if self._oom_fd >= 0 and score is not None:
            os.pwrite(self._oom_fd, score, 0)

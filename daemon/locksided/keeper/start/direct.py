"""Starts a program without a copy of the keeper: for runs that need no step of their own before the exec.

It costs a third of a fork. The keeper stands still until the exec has succeeded or failed, so that the answer
is there at once; and for that moment it is what its child is to inherit.
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
"""Where the keeper itself works, so that it keeps no file system busy."""


class Direct:
    """Starts single programs of the keeper's own user."""

    def __init__(self, inherited: Inherited, mounts: Mounts) -> None:
        self._inherited = inherited
        self._mounts = mounts
        self._oom_fd = -1
        if inherited.oom_score_adj is not None:
            self._oom_fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)

    def can_start(self, order: Order, tree: Tree) -> bool:
        """Whether nothing is asked for that only a copy of the keeper can do."""
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
        """Return the pid of the program, which runs. Raises NotStarted.

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
        """Be for a moment as this process was found, and wherever the caller goes come home again."""
        inherited = self._inherited
        own_umask = os.umask(inherited.umask if umask is None else umask)
        soft, hard = inherited.open_files  # the keeper itself has all that it may have
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

"""Starts all stages of a run, from the fork to the exec, or to one refusal.

What follows belongs to the run.
"""

import os
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from locksided.keeper.loop import Loop
from locksided.keeper.messages import Exit, Refusal
from locksided.keeper.outcome import refusal_of
from locksided.keeper.start import spawn
from locksided.keeper.start.direct import Direct
from locksided.keeper.start.order import Order
from locksided.keeper.start.spawn import READY, Inherited, NotStarted, PipelineStage
from locksided.keeper.tree import proc
from locksided.keeper.tree.tree import Tree

RECORD_BYTES = 64 * 1024


class Pipe(NamedTuple):
    """Both ends of a pipe, closed in every executed program."""

    read: int
    write: int


def make_pipe() -> Pipe:
    """Create a pipe. Raises OSError."""
    return Pipe(*os.pipe2(os.O_CLOEXEC))


def make_pipes(count: int) -> list[Pipe]:
    """Create all or none. Raises OSError."""
    pipes: list[Pipe] = []
    try:
        while len(pipes) < count:
            pipes.append(make_pipe())
    except OSError:
        close_pipes(pipes)
        raise
    return pipes


def close_pipes(pipes: list[Pipe]) -> None:
    for pipe in pipes:
        os.close(pipe.read)
        os.close(pipe.write)


class Leader:
    """A process that the keeper started for one stage; it is starting while `errors_fd` is open."""

    def __init__(self, pid: int, errors_fd: int) -> None:
        self.pid = pid
        self.errors_fd = errors_fd
        self.record = b""
        self.exit: Exit | None = None

    @cached_property
    def start_ticks(self) -> int:
        """Its start in clock ticks since boot; 0 if it ended before it was first asked for."""
        return proc.start_ticks(self.pid) if self.exit is None else 0

    @property
    def is_ready(self) -> bool:
        return self.record.startswith(READY)


class Outlets(NamedTuple):
    """Write ends of the pipes that all stages share."""

    stdout: int
    stderr: int
    progress: int


class Launch:
    """The start of one run; it is over when every stage has executed its program or has failed."""

    def __init__(
        self, loop: Loop, tree: Tree, inherited: Inherited, direct: Direct, over: Callable[[], None]
    ) -> None:
        self.leaders: list[Leader] = []
        self.refusal: Refusal | None = None
        self._loop = loop
        self._tree = tree
        self._inherited = inherited
        self._direct = direct
        self._over = over
        self._barrier_fd = -1

    @property
    def is_over(self) -> bool:
        return all(leader.errors_fd < 0 for leader in self.leaders)

    def begin(self, order: Order, environment: dict[bytes, bytes], null_fd: int, outlets: Outlets) -> None:
        """Start all stages. If the system refuses one, the others end at the barrier."""
        try:
            if self._direct.can_start(order, self._tree):
                self._start_directly(order, environment, null_fd, outlets)
                return
            self._tree.before_fork()
            self._fork_all(order, environment, null_fd, outlets)
        except OSError as error:
            self._refuse(refusal_of(error))

    def _start_directly(
        self, order: Order, environment: dict[bytes, bytes], null_fd: int, outlets: Outlets
    ) -> None:
        try:
            pid = self._direct.start(order, environment, (null_fd, *outlets), self._tree)
        except NotStarted as failure:
            self._refuse(failure.refusal)
            return
        self.leaders.append(Leader(pid, -1))
        self._tree.adopt(pid)

    def _fork_all(
        self, order: Order, environment: dict[bytes, bytes], null_fd: int, outlets: Outlets
    ) -> None:
        opened: list[int] = []
        barrier: int | None = None
        try:
            if len(order.stages) > 1:
                barrier, self._barrier_fd = make_pipe()
                opened.append(barrier)
            stdin = null_fd
            for argv in order.stages[:-1]:
                link = make_pipe()
                opened += link
                stage = self._stage(argv, stdin, outlets._replace(stdout=link.write), barrier)
                self._fork(order, environment, stage)
                stdin = link.read
            self._fork(order, environment, self._stage(order.stages[-1], stdin, outlets, barrier))
        finally:
            for fd in opened:
                os.close(fd)

    def _stage(self, argv: list[bytes], stdin: int, outlets: Outlets, barrier: int | None) -> PipelineStage:
        return PipelineStage(
            argv=argv,
            stdin=stdin,
            stdout=outlets.stdout,
            stderr=outlets.stderr,
            progress=outlets.progress,
            barrier=barrier,
            barrier_writer=self._barrier_fd,
            enter=self._tree.enter,
            address_space_bytes=self._tree.address_space_bytes,
        )

    def _fork(self, order: Order, environment: dict[bytes, bytes], stage: PipelineStage) -> None:
        errors = make_pipe()
        try:
            pid = spawn.spawn(order, environment, stage, self._inherited, errors.write)
        except OSError:
            os.close(errors.read)
            raise
        finally:
            os.close(errors.write)
        leader = Leader(pid, errors.read)
        self.leaders.append(leader)
        self._tree.adopt(pid)
        self._loop.watch(errors.read, lambda: self._hear(leader))

    def _hear(self, leader: Leader) -> None:
        """Handle data from a stage, or the end of its pipe."""
        data = os.read(leader.errors_fd, RECORD_BYTES)
        leader.record += data
        if data:
            self._open_barrier()
            return
        self._loop.forget(leader.errors_fd)
        os.close(leader.errors_fd)
        leader.errors_fd = -1
        record = leader.record.removeprefix(READY)
        if record:
            self._refuse(spawn.read_refusal(record))
        elif not leader.is_ready:
            # It runs, or it was killed and the others must not wait for it.
            self._close_barrier()
        if self.is_over:
            self._close_barrier()
            self._over()

    def _open_barrier(self) -> None:
        """Release all stages once the last one is ready."""
        if self._barrier_fd >= 0 and self.refusal is None and all(leader.is_ready for leader in self.leaders):
            os.write(self._barrier_fd, READY * len(self.leaders))
            self._close_barrier()

    def _refuse(self, refusal: Refusal) -> None:
        self.refusal = self.refusal or refusal
        self._close_barrier()

    def _close_barrier(self) -> None:
        if self._barrier_fd >= 0:
            os.close(self._barrier_fd)
            self._barrier_fd = -1

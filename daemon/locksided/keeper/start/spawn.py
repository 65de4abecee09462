"""Forks one process of a run and prepares it by the order: for pipelines, other users and limits.

`direct` starts everything else.

The child reports by a pipe that closes at the exec: no data means that the program runs, `READY` that it
waits at the barrier of its pipeline, a record that it failed. Between fork and exec only system calls are
made.
"""

import errno
import json
import os
import resource
import signal
import stat
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from locksided.keeper import private
from locksided.keeper.messages import Refusal
from locksided.keeper.start.order import Order

READY = b"R"
PROGRESS_FD = 3
DEFAULT_PATH = b"/usr/bin:/bin"
_FIRST_LINE_BYTES = 256
OOM_SCORE = b"-900"
"""The keeper's own: the kernel kills it last when memory runs out."""

DEFAULT_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
"""All signals: whatever the starter of the keeper ignored, a job does not."""


class Inherited(NamedTuple):
    """The keeper's attributes before it changed them for itself; its children get them back."""

    umask: int
    oom_score_adj: bytes | None
    open_files: tuple[int, int]


class NotStarted(Exception):
    """A program could not be started; no process of it runs."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class PipelineStage(NamedTuple):
    """One process of a run: its program and its descriptors."""

    argv: list[bytes]
    stdin: int
    stdout: int
    stderr: int
    progress: int
    barrier: int | None
    """Read end of the pipe whose byte releases the stages of a pipeline; None for a run of one process."""
    barrier_writer: int
    """Its other end, to be closed, so that the keeper's death is noticed; below 0 without a barrier."""
    enter: Callable[[], None]
    """Moves the calling process into the run's cgroups."""
    address_space_bytes: int | None


def spawn(
    order: Order, environment: dict[bytes, bytes], stage: PipelineStage, inherited: Inherited, errors_fd: int
) -> int:
    """Fork, and return the child's pid at once. Raises OSError if the system refuses."""
    pid = os.fork()
    if pid == 0:
        _become(order, environment, stage, inherited, errors_fd)
    return pid


def read_refusal(record: bytes) -> Refusal:
    return Refusal(*json.loads(record))


def _become(
    order: Order, environment: dict[bytes, bytes], stage: PipelineStage, inherited: Inherited, errors_fd: int
) -> NoReturn:
    """Turn this process, a copy of the keeper, into the stage's program; never returns."""
    failure = Refusal("system", "the new process failed before its program was executed")
    kind, subject, program = "system", "", None
    try:
        signal.set_wakeup_fd(-1)
        private.close_all()
        os.setsid()
        stage.enter()
        _restore(inherited, order)
        _connect(stage)
        kind = "user"
        _switch_user(order)
        kind, subject = "program", f"working folder {os.fsdecode(order.cwd)}: "
        os.chdir(order.cwd)
        subject = f"{os.fsdecode(stage.argv[0])}: "
        program = find_program(stage.argv[0], environment.get(b"PATH", DEFAULT_PATH))
        _wait_at_barrier(stage, errors_fd)
        _limit(stage)
        os.execve(program, stage.argv, environment)
    except (OSError, ValueError) as error:
        failure = refusal_of(error, kind, subject, program)
    finally:
        os.write(errors_fd, json.dumps(failure).encode("ascii"))
        os._exit(127)


def refusal_of(error: OSError | ValueError, kind: str, subject: str, program: bytes | None = None) -> Refusal:
    """Return why a program could not run: the machine if it lacks a resource, else the failed action.

    `program` is the file that was found and could not be executed.
    """
    if isinstance(error, ValueError):
        return Refusal("program", f"{subject}{error}", errno.EINVAL)
    if error.errno in _MACHINE_ERRORS:
        kind = "system"
    reason = error.strerror if program is None else _why_not_executed(program, error)
    return Refusal(kind, f"{subject}{reason}", error.errno or 0)


def _why_not_executed(program: bytes, error: OSError) -> str | None:
    """Name what the system's error omits: which file does not exist, or what the file lacks."""
    if error.errno not in (errno.ENOENT, errno.ENOEXEC):
        return error.strerror
    try:
        with open(program, "rb") as file:
            first_line = file.read(_FIRST_LINE_BYTES).split(b"\n")[0]
    except OSError:
        return error.strerror
    if error.errno == errno.ENOEXEC:
        return f"{error.strerror}: it is not a program for this machine and has no #! line, such as #!/bin/sh"
    if not first_line.startswith(b"#!"):
        return f"{error.strerror}: the loader of the program, which was built for another system"
    if first_line.endswith(b"\r"):
        return "its lines end in CR LF, so its interpreter has another name: remove the carriage returns"
    interpreter = os.fsdecode(first_line[2:].strip().split(b" ")[0])
    return f"its interpreter {interpreter} does not exist"


_MACHINE_ERRORS = frozenset(
    (
        errno.EAGAIN,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.EIO,
        errno.ENOSPC,
        errno.ESTALE,
        errno.EINTR,
    )
)


def _restore(inherited: Inherited, order: Order) -> None:
    for number in DEFAULT_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(inherited.umask if order.umask is None else order.umask)
    resource.setrlimit(resource.RLIMIT_NOFILE, inherited.open_files)
    if inherited.oom_score_adj is not None:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(fd, inherited.oom_score_adj)
        os.close(fd)


def _limit(stage: PipelineStage) -> None:
    if stage.address_space_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (stage.address_space_bytes, stage.address_space_bytes))


def _connect(stage: PipelineStage) -> None:
    """Put the descriptors where the program expects them; none is overwritten, as 0 to 3 are occupied."""
    for place, fd in enumerate((stage.stdin, stage.stdout, stage.stderr, stage.progress)):
        os.dup2(fd, place)


def _switch_user(order: Order) -> None:
    user = order.user
    if user is None:
        return
    if (user.uid, user.gid) == (os.geteuid(), os.getegid()) and os.geteuid() != 0:
        return
    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)


def find_program(name: bytes, path: bytes) -> bytes:
    """Find a program as a shell does, from the working folder and with the rights of this process.

    Raises OSError.
    """
    if b"/" in name:
        _check_executable(name)
        return name
    failure: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    for folder in path.split(b":"):
        candidate = os.path.join(folder, name)
        try:
            _check_executable(candidate)
        except OSError as error:
            if error.errno == errno.EACCES:
                failure = error
            continue
        return candidate
    raise failure


def _check_executable(path: bytes) -> None:
    if not stat.S_ISREG(os.stat(path).st_mode) or not os.access(path, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _wait_at_barrier(stage: PipelineStage, errors_fd: int) -> None:
    """Hold a stage of a pipeline until every stage has found its program, so that none runs if one is
    missing.
    """
    if stage.barrier is None:
        return
    os.close(stage.barrier_writer)
    os.write(errors_fd, READY)
    if not os.read(stage.barrier, 1):
        os._exit(126)

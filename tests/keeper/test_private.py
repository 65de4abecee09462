"""A process between fork and exec holds no descriptor of the keeper, whose death is seen at once."""

import os
import select
import signal
import socket

from keeper.kit import PATIENCE_SECONDS
from locksided.keeper import private
from locksided.keeper.start import spawn
from locksided.keeper.start.order import Order, parse
from locksided.keeper.start.spawn import Inherited, PipelineStage

ORDER = {
    "op": "start",
    "token": "1-1-0",
    "folder": "/tmp",
    "pipeline": [["true"]],
    "cwd": "/tmp",
    "env": {},
    "logFolder": "/tmp",
}


def stuck_stage(entered: int, null: int) -> PipelineStage:
    """A stage whose process reports that it exists and then never executes its program."""

    def enter() -> None:
        os.write(entered, b"x")
        signal.pause()

    return PipelineStage([b"true"], null, null, null, null, None, -1, enter, None)


def test_the_peer_of_a_dead_keeper_notices_although_a_new_process_is_stuck() -> None:
    ours, keepers = socket.socketpair()
    entered, entering = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    order: Order = parse(ORDER)
    private.add(keepers.fileno())
    pid = spawn.spawn(order, {}, stuck_stage(entering, null), Inherited(0o022, None, (64, 64)), null)
    try:
        assert os.read(entered, 1) == b"x"
        private.remove(keepers.fileno())
        keepers.close()
        assert select.select([ours], [], [], PATIENCE_SECONDS)[0], "the process still holds the connection"
        assert ours.recv(1) == b""
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it is stuck, as it should be"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        ours.close()
        for fd in (entered, entering, null):
            os.close(fd)

"""One run from its order to its outcome.

It starts, watches and stops; the table of runs and the wire are elsewhere.

    STARTING ──all stages execute──> RUNNING ──all stages ended, tree not empty──> LEFTOVERS
       │                                │                                             │
       │ a stage failed, tree empty     │ all stages ended, tree empty                │ tree empty
       └────────────> ENDED <───────────┴─────────────────────────────────────────────┘

A stop can be requested in any phase. After every event the tree itself is examined for the end of the run, so
that no missed wake-up can strand it.
"""

import os
from enum import Enum
from resource import struct_rusage
from typing import Any

from locksided.keeper import clock, outcome
from locksided.keeper.channels import Channels
from locksided.keeper.limit import TimeLimit
from locksided.keeper.messages import (
    Ended,
    Exit,
    KeptRun,
    Leftovers,
    Outcome,
    ProcessName,
    Refused,
    Started,
)
from locksided.keeper.start.launch import Launch, Leader
from locksided.keeper.start.order import Order
from locksided.keeper.surroundings import Surroundings
from locksided.keeper.tree.proc import Process
from locksided.keeper.tree.stopping import Stopper
from locksided.keeper.tree.tree import Tree
from locksided.keeper.tree.usage import Usage


class Phase(Enum):
    """The progress of a run."""

    STARTING = "starting"
    RUNNING = "running"
    LEFTOVERS = "leftovers"
    ENDED = "ended"


class Run:
    """A run whose claim is won."""

    def __init__(self, order: Order, tree: Tree, around: Surroundings) -> None:
        self.token = order.token
        self.outcome: Outcome | None = None
        self.is_recorded = False
        self._order = order
        self._tree = tree
        self._around = around
        self._phase = Phase.STARTING
        self._spawn_us = 0
        self._exit_us: int | None = None
        self._is_paused = False
        self._wants_pause = False
        self._stopped_by: str | None = None
        self._leftovers: Leftovers | None = None
        self._usage = Usage()
        self._channels = Channels(order, tree, around, self.advance)
        self._launch = Launch(around.loop, tree, around.inherited, around.direct, self.advance)
        self._stopper = Stopper(
            around.loop, tree, order.stop_signal, order.grace_seconds, self._is_of_the_keeper
        )
        self._limit = TimeLimit(around.loop, order.timeout_seconds, lambda: self.stop("timeout"))

    @property
    def leaders(self) -> list[Leader]:
        return self._launch.leaders

    @property
    def child_pids(self) -> list[int]:
        """The pids of all processes that the keeper started for this run."""
        return [leader.pid for leader in [*self.leaders, *self._channels.leaders]]

    @property
    def looks_for_orphans(self) -> bool:
        """Whether this run may be waiting for the end of any child of the keeper."""
        return self._phase is Phase.LEFTOVERS

    # Requests of the daemon

    def start(self) -> None:
        """Start all stages; the result is reported after all have executed their programs or failed."""
        self._spawn_us = clock.wall_us()
        try:
            for path in self._order.empty_folders:
                self._around.spares.put(path)
            environment, outlets = self._channels.open()
        except OSError as error:
            self._launch.refusal = outcome.refusal_of(error)
        else:
            self._launch.begin(self._order, environment, self._around.null_fd, outlets)
            for fd in outlets:
                os.close(fd)
        self.advance()

    def stop(self, reason: str) -> None:
        """Stop the whole tree; only the first reason counts."""
        if self._phase is Phase.ENDED or self._stopped_by is not None:
            return
        self._stopped_by = reason
        self._wants_pause = False
        if self._stopper.has_begun:
            return
        self._stopper.begin()
        if self._is_paused:
            self.resume()

    @property
    def has_failed_by_itself(self) -> bool:
        made = self.outcome
        return made is not None and made.stopped is None and made.refused is None and made.exit_code != 0

    def stopped_late(self, reason: str) -> None:
        """Set the reason of a stop after the run seemed to have failed by itself."""
        if self.outcome is not None and self.has_failed_by_itself:
            self.outcome = self.outcome._replace(stopped=reason)
            self.is_recorded = False

    def kill_at_once(self) -> None:
        """Kill all processes without grace and without the loop, which may hang; callable from any thread."""
        self._tree.kill()

    def pause(self) -> None:
        """Freeze the tree and its time limit, unless it is being stopped."""
        if self._phase is Phase.STARTING and not self._stopper.has_begun:
            self._wants_pause = True
            return
        if self._phase is not Phase.ENDED and not self._stopper.has_begun and not self._is_paused:
            self._is_paused = True
            self._limit.stand_still()
            self._tree.freeze()
        self._tell_pause()

    def resume(self) -> None:
        self._wants_pause = False
        if self._is_paused:
            self._is_paused = False
            self._tree.thaw()
            self._limit.go_on()
        self._tell_pause()

    def watch(self, seq: int) -> None:
        self._channels.watch(seq)

    def describe(self) -> KeptRun:
        """Return the run as listed in the hello."""
        leader = self.leaders[0] if self.leaders else None
        return KeptRun(
            self.token,
            self._state(),
            self._is_paused,
            leader.pid if leader else None,
            leader.start_ticks if leader else None,
            self._spawn_us,
            self.outcome,
        )

    def tell_state(self) -> None:
        """Repeat the last report: the daemon repeated a start."""
        if self.outcome is not None:
            self._tell_end(self.outcome)
        elif self._phase is not Phase.STARTING:
            self._tell_started()

    def tell_leftovers(self) -> None:
        """Repeat the report of the program's end and its leftovers, which the hello does not contain."""
        if self._phase is Phase.LEFTOVERS and self._leftovers is not None:
            self._tell(self._leftovers)

    # Events

    def child_ended(self, pid: int, status: int, used: struct_rusage) -> None:
        """Note that a stage or the listener has ended; its pid may be reused from now on."""
        self._tree.release(pid)
        if self._channels.receiver is not None and self._channels.receiver.is_pid(pid):
            self._channels.receiver.ended(outcome.exit_of(status))
            self.advance()
            return
        self._exit_us = clock.wall_us()
        self._usage.add(used)
        for leader in self.leaders:
            if leader.pid == pid and leader.exit is None:
                leader.exit = outcome.exit_of(status)
        self.advance()

    def orphan_ended(self, used: struct_rusage) -> None:
        """Count an ended process of the run that no other process of it waited for."""
        self._usage.add(used)

    def advance(self) -> None:
        """Examine how far the run has come, and continue from there."""
        if self._phase is Phase.ENDED or not self._launch.is_over:
            return
        if self._phase is Phase.STARTING and self._launch.refusal is None:
            self._begin_running()
        if self._launch.refusal is not None and self.leaders:
            self._stop_half_pipeline()
        if any(leader.exit is None for leader in self.leaders):
            return
        if self._has_only_its_listener():
            return
        if not self._tree.is_empty():
            self._look_after_leftovers()
            return
        self._around.wait_for_ended()  # counts the processes of this run that ended last
        self._finish()

    def _begin_running(self) -> None:
        self._phase = Phase.RUNNING
        self._request_note()
        self._limit.go_on()
        self._tell_started()
        if self._stopper.has_begun:
            # The signal may have reached a process before its exec.
            self._stopper.ask()
        elif self._wants_pause:
            self.pause()

    def _stop_half_pipeline(self) -> None:
        """Stop the other stages, because one could not be executed."""
        if any(leader.exit is None for leader in self.leaders) and not self._stopper.has_begun:
            self._stopper.begin()

    def _look_after_leftovers(self) -> None:
        """Handle other processes of the tree that outlive all stages."""
        if self._phase is not Phase.LEFTOVERS:
            self._phase = Phase.LEFTOVERS
            if self._launch.refusal is not None:
                self._stopper.begin()
            elif not self._stopper.has_begun:
                self._report_leftovers()
        self._stopper.push()
        self._tree.on_change(self.advance)

    def _report_leftovers(self) -> None:
        """Report the program's end at once; the processes that it left have the grace period."""
        members = self._job_processes()[: outcome.MAX_REPORTED_PROCESSES]
        ended, grace_seconds = self._ended(), self._order.grace_seconds
        self._leftovers = Leftovers(
            self.token,
            tuple(ProcessName(process.pid, process.name) for process in members),
            self.leaders[0].pid,
            self._spawn_us,
            self._exit_us,
            ended.exit_code,
            ended.signal,
            None if self._order.waits_for_leftovers else clock.wall_us() + round(grace_seconds * 1e6),
        )
        self._tell(self._leftovers)
        if not self._order.waits_for_leftovers:
            self._around.loop.after(grace_seconds, self._stop_leftovers)

    def _has_only_its_listener(self) -> bool:
        """Return whether only the listener lives, which then ends by itself."""
        receiver = self._channels.receiver
        if receiver is None or receiver.is_over or self._job_processes():
            return False
        receiver.let_go()
        if self._is_paused:
            self.resume()
        return True

    def _job_processes(self) -> list[Process]:
        """Return the living processes of the tree except the listener."""
        return [process for process in self._tree.members() if not self._is_of_the_keeper(process.pid)]

    def _is_of_the_keeper(self, pid: int) -> bool:
        return self._channels.receiver is not None and self._channels.receiver.is_pid(pid)

    def _ended(self) -> Exit:
        """Return how the program ended; for a pipeline, its effective exit."""
        return outcome.effective([leader.exit for leader in self.leaders if leader.exit is not None])

    def _stop_leftovers(self) -> None:
        if self._phase is Phase.LEFTOVERS:
            self._stopper.begin()
            if self._is_paused:
                self.resume()

    # The end

    def _finish(self) -> None:
        self._phase = Phase.ENDED
        self._channels.finish()
        self._limit.stand_still()
        self._stopper.finish()
        self._tree.close()
        self._is_paused = False
        self.outcome = self._make_outcome()
        self._request_note()
        self._tell_end(self.outcome)
        self._around.ended()

    def _request_note(self) -> None:
        if self._order.is_noted_late:
            self._around.notes.soon(self)
        else:
            self.note()

    def note(self) -> None:
        """Write the outcome to the control folder; before there is one, the note of the start."""
        if self.outcome is None:
            self._write_run_file()
        else:
            self.record()

    def record(self) -> None:
        """Write the outcome to the control folder, unless it is there; after a failure the next hello
        retries.
        """
        if self.is_recorded or self.outcome is None:
            return
        try:
            outcome.write_outcome(self._order.folder, self.outcome)
        except OSError as error:
            self._around.journal.write("outcome not recorded", token=self.token, error=str(error))
            return
        self.is_recorded = True

    def _make_outcome(self) -> Outcome:
        made = outcome.blank(self.token)._replace(
            stopped=self._stopped_by,
            refused=self._launch.refusal,
            kept_folders=tuple(self._folders_left()),
        )
        made = self._channels.log_report(made)
        return self._with_result(made) if self._launch.refusal is None else made

    def _folders_left(self) -> list[str]:
        """Return the folders in which something was left; the others are removed."""
        spares, place = self._around.spares, self._order.spare_folder
        return [path for path in self._order.empty_folders if not spares.take(path, place)]

    def _with_result(self, made: Outcome) -> Outcome:
        exits = [leader.exit for leader in self.leaders if leader.exit is not None]
        effective = self._ended()
        made = self._channels.added_to(made)
        return self._usage.added_to(made, self._tree.used())._replace(
            pid=self.leaders[0].pid,
            exits=tuple(exits),
            exit_code=effective.exit_code,
            signal=effective.signal,
            spawn_time=self._spawn_us,
            exit_time=self._exit_us,
            end_time=clock.wall_us(),
            out_of_memory=self._tree.was_out_of_memory(),
            kill_report=self._stopper.report,
            leftovers=() if self._leftovers is None else self._leftovers.processes,
        )

    # Small parts

    def _write_run_file(self) -> None:
        content = {
            "token": self.token,
            "pid": self.leaders[0].pid,
            "startTicks": self.leaders[0].start_ticks,
            "bootId": self._around.boot_id,
            "cgroup": self._tree.path,
            "keeperPid": os.getpid(),
            "spawnTime": self._spawn_us,
            "sids": [leader.pid for leader in self.leaders],
        }
        try:
            outcome.write_run(self._order.folder, content)
        except OSError as error:
            self._around.journal.write("start not recorded", token=self.token, error=str(error))

    def _state(self) -> str:
        if self._phase in (Phase.STARTING, Phase.ENDED):
            return str(self._phase.value)
        return "stopping" if self._stopper.has_begun else "running"

    # Reports to the daemon

    def _tell(self, message: Any) -> None:
        self._around.tell(message)

    def _tell_started(self) -> None:
        self._tell(Started(self.token, self.leaders[0].pid, self._spawn_us))

    def _tell_pause(self) -> None:
        self._tell({"op": "paused" if self._is_paused else "resumed", "token": self.token})

    def _tell_end(self, made: Outcome) -> None:
        if made.refused is not None:
            self._tell(Refused(self.token, *made.refused))
        else:
            self._tell(Ended(self.token, made))

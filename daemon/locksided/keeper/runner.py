"""Keeps one run on another machine: claims its token, runs it like a keeper, and reports by files.

The engine that found the machine starts it: `PYTHON -I RUNNER.pyz CONTROL_FOLDER [ENGINE_ID [NODE]]`. A
runner that loses the claim exits with 0 and starts nothing, so a token may be submitted any number of times.
"""

import errno
import math
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import Any

from locksided.keeper import clock, guard, image, libc, next_step, outcome, remote
from locksided.keeper.children import Children
from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop
from locksided.keeper.main import prepare_process, reserve_low_descriptors, watch_signals
from locksided.keeper.messages import Progress, Started
from locksided.keeper.notes import Notes
from locksided.keeper.run import Run
from locksided.keeper.start import order
from locksided.keeper.start.order import BadOrder, Order
from locksided.keeper.start.spawn import Inherited
from locksided.keeper.surroundings import surroundings
from locksided.keeper.tree import hierarchy
from locksided.keeper.tree.hierarchy import Hierarchy

EXIT_NO_ORDER = 65
GUARDED = "--guarded"
"""Precedes the control folder: the engine does not kill what a killed runner leaves."""
AGAIN_SECONDS = 5.0
HEARD_SECONDS = 0.5
KEPT_OUT = (errno.EISDIR, errno.EPERM, errno.EACCES)
"""Another user has a file with the entry's name: the executor also checks by itself."""


def main(arguments: list[str] | None = None) -> int:
    """Keep the run of one control folder until it has ended; return the exit code of the process."""
    control, *rest = sys.argv[1:] if arguments is None else arguments
    if control == GUARDED:
        return guard.guarded(lambda: main(rest))
    reserve_low_descriptors(None)
    try:
        found = remote.read(control, remote.ORDER, remote.ORDER_BYTES)
        if found is None:
            return 0 if remote.claim_of(control) is not None else EXIT_NO_ORDER
        parsed, work_root = order.parse(found), str(found["workRoot"])
        parsed.environment.update(_engine_variables(str(found.get("engineVariables") or "")))
        asked = found.get("image")
        refusal = None if asked is None else image.fetched(asked, parsed.user)
    except (OSError, BadOrder, KeyError) as error:
        print(f"runner: the order in {control} cannot be carried out: {error}", file=sys.stderr)
        return EXIT_NO_ORDER
    engine_id, node = (*rest, "", "")[:2]
    claim = remote.runners_claim(engine_id, node or os.uname().nodename, f"{os.getpid()}-{token_hex(8)}")
    if not remote.is_claimed(control, claim):
        return 0
    os.unlink(os.path.join(control, remote.ORDER))
    if refusal is not None:
        outcome.write_outcome(control, outcome.blank(parsed.token)._replace(refused=refusal))
        remote.report(work_root, parsed.token, remote.OVER)
        return 0
    inherited = prepare_process()
    found_cgroups = hierarchy.find(dict(os.environ))
    loop = Loop()
    Runner(loop, parsed, work_root, inherited, found_cgroups).begin()
    loop.run()
    if found_cgroups is not None:
        hierarchy.remove(found_cgroups)
    if asked is not None:
        image.clear(asked, parsed.user)
    following = next_step.wait(control, float(found.get("stepSeconds") or 0))
    if following is not None:
        next_step.begin(following, rest, inherited)
    return 0


def _engine_variables(prefix: str) -> dict[bytes, bytes]:
    """Return the variables by which the engine describes a program's location."""
    return {name: value for name, value in os.environb.items() if prefix and name.startswith(prefix.encode())}


class Runner:
    """One run, from its won claim to the outcome in its folder."""

    def __init__(
        self, loop: Loop, parsed: Order, work_root: str, inherited: Inherited, cgroups: Hierarchy | None
    ) -> None:
        self._loop = loop
        self._order = parsed
        self._work_root = work_root
        self._journal = Journal(None)
        self._runs: dict[str, Run] = {}
        self._children = Children(loop, self._journal, cgroups, self._runs)
        around = surroundings(
            loop,
            self._journal,
            Notes(loop),
            inherited,
            self._receive,
            self._leave_after_run,
            self._children.wait_for_ended,
        )
        self._run = self._runs[parsed.token] = self._children.new_run(parsed, around)
        self._lease = Lease(parsed.folder, self._run.kill_at_once)
        self._progress: dict[str, Any] = {}
        self._is_paused = False
        self._was_asked_to_stop = False
        self._was_signalled = False

    def begin(self) -> None:
        """Start the run; it is kept by the loop."""
        signals = {
            signal.SIGTERM: self._handle_stop_signal,
            signal.SIGUSR1: self._read_requests,
            signal.SIGUSR2: self._read_requests,
        }
        watch_signals(self._loop, signals, self._children.reap)
        self._renew()
        self._children.start(self._run)
        self._lease.begin(self._loop, self._give_up)

    def _give_up(self) -> None:
        """Stop the run, because its lease expired: another run may start soon that must not meet it."""
        self._run.stop("machine")
        self._run.kill_at_once()

    # Reports to the executor

    def _receive(self, message: Any) -> None:
        """Receive what a keeper would send to the daemon."""
        match message:
            case Started():
                self._report(remote.BEGAN)
            case Progress():
                self._progress = message.progress

    def _report(self, what: str) -> None:
        try:
            remote.report(self._work_root, self._order.token, what)
        except OSError as error:
            self._journal.write("not reported", what=what, error=str(error))
            if error.errno not in KEPT_OUT:
                self._loop.after(AGAIN_SECONDS, lambda: self._report(what))
                return
        if what == remote.OVER:
            self._loop.stop()

    def _leave_after_run(self) -> None:
        """Leave, because the run has ended. An engine signals all processes of a job, so the program may end
        before this process gets the engine's signal: after a failure it waits for that.
        """
        if self._run.has_failed_by_itself:
            self._loop.after(HEARD_SECONDS, self._leave)
        else:
            self._leave()

    def _leave(self) -> None:
        """Record the end, then report it and leave."""
        self._run.record()
        if self._run.is_recorded:
            self._report(remote.OVER)
        else:
            self._loop.after(AGAIN_SECONDS, self._leave)

    def _renew(self) -> None:
        """Renew the lease, and read the requests; repeated regularly."""
        self._renew_lease()
        self._read_requests()
        self._loop.after(remote.LEASE_SECONDS, self._renew)

    def _renew_lease(self) -> None:
        state = {"paused": self._is_paused, "progress": self._progress, "signalled": self._was_signalled}
        self._lease.renew(state)

    # Requests of the executor

    def _read_requests(self) -> None:
        try:
            asks = remote.read(self._order.folder, remote.ASKS) or {}
        except OSError:
            return
        if asks.get("stop") is True:
            self._was_asked_to_stop = True
            self._run.stop("terminate")
        elif asks.get("pause") is True and not self._is_paused:
            self._is_paused = True
            self._run.pause()
        elif asks.get("pause") is not True and self._is_paused:
            self._is_paused = False
            self._run.resume()

    def _handle_stop_signal(self) -> None:
        """Stop the run. A signal without a request of the executor is the engine's own."""
        self._read_requests()
        if not self._was_asked_to_stop:
            self._run.stop("engine")
            self._run.stopped_late("engine")
            self._was_signalled = True
            self._renew_lease()  # it may be killed before it can record why


class Lease:
    """The proof that the runner lives, and the thread that acts if it cannot be renewed."""

    def __init__(self, folder: str, kill: Callable[[], None]) -> None:
        self._folder = folder
        self._kill = kill
        self._beat = 0
        self._timer_fd = libc.boot_timer()
        self._until_seconds = math.inf
        self._is_heard = threading.Event()

    def renew(self, content: dict[str, Any]) -> None:
        """Renew it; the thread notices failures.

        An expired lease is not renewed: while this process hung, another run may have started.
        """
        with suppress(OSError):
            if not self._has_run_out:
                remote.write(self._folder, remote.LEASE, {"beat": self._beat, **content})
                self._beat += 1
            if not self._has_run_out:  # the write may have taken long
                self._until_seconds = clock.boot_seconds() + remote.ALONE_SECONDS
                libc.arm_boot_timer(self._timer_fd, self._until_seconds)

    @property
    def _has_run_out(self) -> bool:
        return clock.boot_seconds() > self._until_seconds

    def begin(self, loop: Loop, expired: Callable[[], None]) -> None:
        """Watch the lease from now on. After it expires `expired` is called; if the loop hangs, `kill`."""
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

        def hear() -> None:
            os.read(reading, 1)
            self._is_heard.set()
            expired()

        loop.watch(reading, hear)
        threading.Thread(target=self._watch, args=(writing,), daemon=True).start()

    def _watch(self, writing: int) -> None:
        """Call back on expiry. This touches no file, because the file system may be what hangs."""
        while True:
            select.select([self._timer_fd], [], [])
            try:
                os.read(self._timer_fd, 8)
            except BlockingIOError:
                continue  # it has just been renewed
            os.write(writing, b"x")
            while not self._is_heard.wait(HEARD_SECONDS):
                self._kill()
            self._is_heard.clear()
